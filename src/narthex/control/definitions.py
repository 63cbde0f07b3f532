"""Definitions and their pins, as an operator is shown them: on the command line, and on the admin address.

Knows: the names of what is shown. Refuses to know: where pins and offers are kept, and what callers see.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from narthex.catalog.change import Change, Class, classes
from narthex.catalog.changes import changes
from narthex.catalog.diff import tree
from narthex.catalog.verdicts import gone, renamed
from narthex.model.endpoint import Endpoint
from narthex.model.pin import KINDS, NOTHING_KNOWN, Known, Pin, Seen, Sighting
from narthex.policy.poison.verdict import Verdict
from narthex.relay.suspecting import Names, verdict_of

Tree = dict[str, Any]
Standing = Literal["approved", "first seen", "new", "changed", "rejected", "removed"]

_read = msgspec.json.Decoder().decode


class Row(NamedTuple):
    """One thing of one server: what is offered, and what is pinned. One of the two is always there."""

    server: str
    standing: Standing
    offered: Sighting | None
    pinned: Pin | None
    seen: Pin | None  # what is kept of exactly the definition that is offered
    version: str  # the server's, now
    was_called: str | None = None  # it seems to be an old thing under a new name

    @property
    def kind(self) -> str:
        return self._one.kind

    @property
    def name(self) -> str:
        return self._one.name

    @property
    def fingerprint(self) -> str:
        return self._one.fingerprint

    @property
    def waits(self) -> bool:
        """Somebody should look at it."""
        return self.standing in ("first seen", "new", "changed")

    @property
    def _one(self) -> Sighting | Pin:
        found = self.offered or self.pinned
        assert found is not None
        return found

    def changes(self) -> tuple[Change, ...]:
        """From the pinned definition to the offered one, if both are there."""
        if self.pinned is None or self.offered is None:
            return ()
        return changes(self.offered.kind, _read(self.pinned.definition), _read(self.offered.definition))


class Shown(NamedTuple):
    """Where one definition is not shown as it is offered: the names of endpoints; "" is /mcp."""

    quarantined: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


ShownAt = Mapping[tuple[str, str, str, str], Shown]  # (server, kind, name, fingerprint)


def rows(seen: Mapping[str, Seen], known: Mapping[str, Known]) -> list[Row]:
    """Everything that is offered, and everything that was pinned and is gone, server by server. Of a server that was
    not heard nothing is said to be gone."""
    found: list[Row] = []
    for server, there in sorted(seen.items()):
        found += _of_server(server, tuple(there.all()), known.get(server, NOTHING_KNOWN), there.version)
    return found


def shown_at(endpoints: Mapping[str, Endpoint]) -> ShownAt:
    """What is quarantined or held, and where."""
    found: dict[tuple[str, str, str, str], Shown] = {}
    for name, endpoint in endpoints.items():
        for one in endpoint.judged:
            seat = (one.server, one.kind, one.name, one.fingerprint)
            before = found.get(seat, Shown())
            if one.standing == "quarantined":
                found[seat] = before._replace(quarantined=(*before.quarantined, name))
            elif one.standing == "held":
                found[seat] = before._replace(held=(*before.held, name))
    return found


def standings(endpoints: Mapping[str, Endpoint]) -> list[tuple[tuple[str, str], float]]:
    """How many definitions of each server are quarantined, or held, at some endpoint."""
    counts: dict[tuple[str, str], float] = {}
    for (server, *_), shown in shown_at(endpoints).items():
        for standing in ("quarantined", "held"):
            seat = (server, standing)
            counts[seat] = counts.get(seat, 0.0) + bool(getattr(shown, standing))
    return list(counts.items())


def described(row: Row, score: float | None = None, shown: ShownAt | None = None) -> Tree:
    """Times are seconds since the epoch; `null`: never, not there, or not known here."""
    pin = row.seen if row.seen is not None else row.pinned if row.offered is None else None
    return {
        "server": row.server,
        "kind": row.kind,
        "name": row.name,
        "state": row.standing,
        "fingerprint": row.fingerprint,
        "pinned_fingerprint": None if row.pinned is None else row.pinned.fingerprint,
        "classes": list(_classes(row)),
        "was_called": row.was_called,
        "version": row.version or None,
        "pinned_version": (row.pinned.version or None) if row.pinned is not None else None,
        "first_seen": None if pin is None else pin.first_seen,
        "decided": None if pin is None else pin.decided,
        "by": (pin.by or None) if pin is not None else None,
        "score": score,
        "quarantined": None if shown is None else list(_shown(row, shown).quarantined),
        "held": None if shown is None else list(_shown(row, shown).held),
    }


def compared(row: Row, suspicion: Verdict, shown: ShownAt | None = None) -> Tree:
    """The same with what has changed, why it looks like an attack, and both definitions whole."""
    return {
        **described(row, suspicion.score, shown),
        "findings": [one._asdict() for one in suspicion.findings],
        "changes": [tree(one) for one in row.changes()],
        "before": None if row.pinned is None else _read(row.pinned.definition),
        "after": None if row.offered is None else _read(row.offered.definition),
    }


def suspicion(row: Row, names: Names) -> Verdict:
    """How much it looks like an attack. `names`: the tools of all servers."""
    one = row.offered or row.pinned
    assert one is not None
    return verdict_of(one.kind, _read(one.definition), names, row.server)


def _shown(row: Row, shown: ShownAt) -> Shown:
    return shown.get((row.server, row.kind, row.name, row.fingerprint), Shown())


def _classes(row: Row) -> tuple[Class, ...]:
    return classes(row.changes()) if row.standing in ("changed", "rejected") else ()


def _of_server(server: str, offered: tuple[Sighting, ...], known: Known, version: str) -> list[Row]:
    old_names = renamed(known, offered)
    found = []
    for one in offered:
        seen = known.of(one.named, one.fingerprint)
        pinned = known.pinned(one.named)
        found.append(Row(server, _standing(seen, pinned, known), one, pinned, seen, version, old_names.get(one.named)))
    found += [Row(server, "removed", None, pin, None, version) for pin in gone(known, offered)]
    return sorted(found, key=lambda row: (KINDS.index(row.kind), row.name))


def _standing(seen: Pin | None, pinned: Pin | None, known: Known) -> Standing:
    if seen is not None and seen.state == "rejected":
        return "rejected"
    if seen is not None and seen.state == "pinned":
        return "approved" if seen.approved else "new" if known.locked else "first seen"
    return "new" if pinned is None else "changed"
