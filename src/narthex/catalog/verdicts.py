"""Whether a definition may be shown: what was approved, what is offered, and what the operator wants done about it.

Knows: pins, changes, the rule `definitions`. Refuses to know: where pins are kept, and how a thing is left out.

A definition that may not be shown is as if the server did not offer it: not listed, not callable. Where a rule says
`hold`, the pinned definition goes on being shown as long as calls made by it are right.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

import msgspec

from narthex.catalog.changes import Class, changes, classes, likeness
from narthex.model.pin import Known, Named, Pin, Reason, Sighting, Standing, Watched
from narthex.model.rules.definitions import AS_LOCKED, Definitions, OnChange

_NOT_SCORED: Mapping[str, float] = {}
_STRICTNESS: Mapping[OnChange, int] = {"announce": 0, "hold": 1, "quarantine": 2}

read = msgspec.json.Decoder().decode


class Verdict(NamedTuple):
    """`definition` is what callers see; None: it is as if there were nothing. `note` is for the operator."""

    standing: Standing
    definition: bytes | None
    reason: Reason = ""
    note: str = ""


def judge(rules: Definitions | None, watched: Watched, kind: str, offered: Sighting | None) -> Verdict | None:
    """What becomes of one definition as things are now; `offered` None: it cannot be read. None: no rule has a say.

    What cannot be known is no reason to show anything: where some rule would hide, all is hidden until it is known.
    """
    if rules is None and not watched.known.locked:
        return None
    rules = rules or AS_LOCKED
    if offered is None:
        return Verdict("quarantined", None, "unreadable", f"{kind} cannot be read, so nobody can have approved of it.")
    key = (rules, offered.named, offered.fingerprint)
    found = watched.verdicts.get(key)
    if found is None:
        found = watched.verdicts[key] = _judged(rules, watched, offered)
    return cast("Verdict", found)


def _judged(rules: Definitions, watched: Watched, offered: Sighting) -> Verdict:
    if _strict(rules):
        if watched.blind:
            return _quarantined(offered, "pins_unreadable", "cannot be judged while the pins cannot be read")
        if offered.fingerprint in watched.unkept:
            return _quarantined(offered, "pins_not_kept", "could not be pinned")
    return verdict(rules, watched.known, offered, watched.scores)


def _strict(rules: Definitions) -> bool:
    return "quarantine" in (rules.new, rules.changed, rules.text, rules.breaking, rules.poisoned or "quarantine")


def verdict(
    rules: Definitions | None, known: Known, offered: Sighting, scores: Mapping[str, float] = _NOT_SCORED
) -> Verdict:
    """`rules` None: nothing is said, and `AS_LOCKED` holds for servers that were locked. `scores`: by fingerprint, how
    much it looks like an attack, from 0 to 1; somebody's yes to exactly this definition counts more than that."""
    if rules is None and not known.locked:
        return Verdict("shown", offered.definition)
    rules = rules or AS_LOCKED
    pin = known.of(offered.named, offered.fingerprint)
    if pin is not None and pin.state == "rejected":
        return _quarantined(offered, "rejected", f"was rejected by {pin.by or 'somebody'}")
    if pin is not None and pin.approved:
        return Verdict("shown", offered.definition)
    found = _unapproved(rules, known, offered, pin)
    base = known.pinned(offered.named)
    if found.standing == "held" and base is not None and not base.approved and _poisoned(rules, scores, base):
        return _quarantined(offered, "changed", "changed, and the one before it looks like an attack")
    return _suspected(rules, offered, found, scores) if found.standing == "shown" else found


def gone(known: Known, offered: Iterable[Sighting]) -> tuple[Pin, ...]:
    """What was pinned, and is not offered any more."""
    there = {one.named for one in offered}
    pinned = (known.pinned(named) for named in known.pins if named not in there)
    return tuple(pin for pin in pinned if pin is not None)


def renamed(known: Known, offered: Iterable[Sighting]) -> dict[Named, str]:
    """New things that are old ones under another name: each with the name it had."""
    offered = tuple(offered)
    left = {(pin.kind, likeness(pin.kind, read(pin.definition))): pin.name for pin in gone(known, offered)}
    left = {key: name for key, name in left.items() if key[1] is not None}
    if not left:
        return {}
    # What was pinned because it was the first of its name is as new as what was not.
    fresh = (one for one in offered if (base := known.pinned(one.named)) is None or not base.approved)
    names = {one.named: left.get((one.kind, likeness(one.kind, read(one.definition)))) for one in fresh}
    return {named: name for named, name in names.items() if name is not None}


def _unapproved(rules: Definitions, known: Known, offered: Sighting, pin: Pin | None) -> Verdict:
    base = known.pinned(offered.named)
    if base is None and any(one.state == "rejected" for one in known.pins.get(offered.named, {}).values()):
        return _quarantined(offered, "changed", "changed since it was rejected")
    if base is None or base is pin or (rules.new == "quarantine" and not base.approved):
        return _new(rules, offered)
    return _changed(rules, offered, base)


def _new(rules: Definitions, offered: Sighting) -> Verdict:
    if rules.new == "quarantine":
        return _quarantined(offered, "new", "was approved by nobody yet")
    note = _note(offered, "is new") if rules.new == "announce" else ""
    return Verdict("shown", offered.definition, "new", note)


def _changed(rules: Definitions, offered: Sighting, base: Pin) -> Verdict:
    kinds = classes(changes(offered.kind, read(base.definition), read(offered.definition)))
    wanted: OnChange = "quarantine"  # what differs in no class that is known
    if kinds:
        wanted = max((_wanted(rules, kind) for kind in kinds), key=_STRICTNESS.__getitem__)
    breaks = "breaking" in kinds
    said = f"changed ({', '.join(kinds)})"
    if wanted == "hold" and not breaks:
        return Verdict("held", base.definition, "changed", _note(offered, f"{said}; the pinned one is shown"))
    if wanted == "announce":
        return Verdict("shown", offered.definition, "breaking" if breaks else "changed", _note(offered, said))
    return _quarantined(offered, "breaking" if breaks else "changed", said)


def _wanted(rules: Definitions, kind: Class) -> OnChange:
    if kind == "breaking":
        return rules.breaking
    return rules.text or rules.changed if kind == "text" else rules.changed


def _suspected(rules: Definitions, offered: Sighting, found: Verdict, scores: Mapping[str, float]) -> Verdict:
    score = scores.get(offered.fingerprint, 0.0)
    if rules.poisoned == "ignore" or score < min(rules.suspicious, rules.score):
        return found
    said = f"looks like an attack ({score:.2f})"
    if _poisoned(rules, scores, offered):
        return _quarantined(offered, "poisoned", said)
    return found._replace(
        reason="poisoned", note=f"{found.note} It {said}.".strip() if found.note else _note(offered, said)
    )


def _poisoned(rules: Definitions, scores: Mapping[str, float], one: Sighting | Pin) -> bool:
    return rules.poisoned in (None, "quarantine") and scores.get(one.fingerprint, 0.0) >= rules.score


def _quarantined(offered: Sighting, reason: Reason, said: str) -> Verdict:
    return Verdict("quarantined", None, reason, _note(offered, f"{said}; it is shown to nobody"))


def _note(offered: Sighting, said: str) -> str:
    name = f" {offered.name[:100]!r}" if offered.name else ""
    return f"{offered.kind}{name} {said}."
