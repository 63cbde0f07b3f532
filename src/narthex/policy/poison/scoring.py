"""The door: how likely it is that a definition, or a text, was written to steer the model that reads it.

Knows: in which order a text is looked through, and what counts more where. Refuses to know: what happens then.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from narthex.limits import (
    poison_definition_bytes_max,
    poison_nesting_max,
    poison_text_bytes_max,
    poison_texts_max,
    poison_words_kept_max,
)
from narthex.policy.poison.disguise import undone
from narthex.policy.poison.hidden import hidden
from narthex.policy.poison.lookalike import disguised, mixed
from narthex.policy.poison.parameters import of_the_model
from narthex.policy.poison.phrases import table
from narthex.policy.poison.reading import read, spoken
from narthex.policy.poison.shadow import NOBODY, Others, names_in
from narthex.policy.poison.texts import Place, Text, texts
from narthex.policy.poison.verdict import Finding, Sight, Verdict, nearby, shown, together, verdict

_LONG_NAME_CHARS = 100
_ORDER_CHARS_MIN = 10  # "string" and "number" order nothing, and are most of the texts there are
_ORDERS = frozenset(
    ("override", "secrecy", "persona", "conversation", "passing", "secrets", "sending", "errand", "chain", "frame")
)
# A tool's name and any title say what is done, as an order and with its object: `get_ssh_key`, "Send the history". That
# is where such words belong. What only a reader can be told, to ignore or to conceal, belongs nowhere.
_DEEDS = frozenset(("conversation", "passing", "secrets", "sending", "errand"))


def score(definition: Mapping[str, Any], others: Others = NOBODY, server: str = "") -> Verdict:
    """Of a tool's definition as its server wrote it; `others` has the tools of all servers, its own among them."""
    found = alone(definition)
    return found if others is NOBODY else among(found, definition, others, server)


def alone(definition: Mapping[str, Any]) -> Verdict:
    """As if there were no other server. Depends on the definition only, so that it need not be found out twice."""
    found: list[Finding] = []
    room, looked_at = poison_definition_bytes_max, 0
    for text in texts(definition):
        if room <= 0:
            room = -1
            break
        found += _of_text(text, text.text[:room])
        room -= len(text.text)
        looked_at += 1
    found += _of_parameters(found)
    whole = room >= 0 and looked_at < poison_texts_max
    return verdict(together((finding.kind, finding.weight) for finding in found), found, whole=whole)


def among(found: Verdict, definition: Mapping[str, Any], others: Others, server: str) -> Verdict:
    """The same where these other tools are. Nothing is looked for but what says something of them."""
    name = str(definition.get("name", ""))
    more = [
        Finding(sight.kind, where, sight.excerpt, sight.why, sight.weight)
        for where, part in _prose(definition)
        for sight in others.spoken_of(part, server, name)
    ]
    more += _of_name(name, others, server)
    if not more:
        return found
    every = [*found.findings, *more]
    return verdict(together((finding.kind, finding.weight) for finding in every), every, whole=found.whole)


def words_of(definition: Mapping[str, Any]) -> frozenset[str] | None:
    """Whatever in it might be the name of another tool: without one, `among` need not be asked. None: too much."""
    found: set[str] = set()
    for _, part in _prose(definition):
        for name in names_in(part):
            found.add(name)
            if len(found) > poison_words_kept_max:
                return None
    return frozenset(found)


def _prose(definition: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Where somebody may speak of another tool, as a model reads it."""
    room = poison_definition_bytes_max
    for text in texts(definition):
        if room <= 0:
            return
        if text.place not in (Place.NAME, Place.TERM) and len(text.text) >= _ORDER_CHARS_MIN:
            yield text.where, read(text.text[:room])
        room -= len(text.text)


def score_text(text: str) -> Verdict:
    """Of what a tool, a resource or a prompt brings. Only what stands close together adds up."""
    sights = list(_sights(text[:poison_text_bytes_max], definition=False))
    found = [Finding(sight.kind, "", sight.excerpt, sight.why, sight.weight) for sight in sights]
    return verdict(nearby(sights), found, whole=len(text) <= poison_text_bytes_max)


def _of_text(text: Text, part: str) -> Iterator[Finding]:
    name = text.place is Place.NAME
    sights = list(_sights(spoken(part) if name else part, definition=True))
    if name:
        sights += _of_parameter(part)
    for sight in sights:
        yield Finding(sight.kind, text.where, sight.excerpt, sight.why, sight.weight)
    of_deeds = text.where == "/name" or text.place is Place.TITLE
    out_of_place = _ORDERS - _DEEDS if of_deeds else _ORDERS
    if text.place is not Place.PROSE and any(sight.kind in out_of_place for sight in sights):
        why = f"speaks to the model where only a {text.place.value} belongs"
        yield Finding("misplaced", text.where, shown(part), why, 0.35)


def _of_parameter(name: str) -> Iterator[Sight]:
    if of_the_model(spoken(name)):
        yield Sight(
            "parameter", 0, shown(name), "a parameter that models fill with what is not the tool's business", 0.35
        )
    if disguised(name):
        yield Sight("lookalike", 0, shown(name), "a name in letters that only look Latin", 0.7)
    if len(name) > _LONG_NAME_CHARS:
        yield Sight("misplaced", 0, shown(name), "a name as long as a sentence", 0.3)


def _of_parameters(found: list[Finding]) -> Iterator[Finding]:
    several = sorted({finding.where for finding in found if finding.kind == "parameter"})
    if len(several) > 1:
        yield Finding("parameter", "/inputSchema", shown(" ".join(several)), "several such parameters", 0.5)


def _of_name(name: str, others: Others, server: str) -> Iterator[Finding]:
    same = others.elsewhere(name, server)
    if same is not None:
        yield Finding("same_name", "/name", shown(name), f"the server '{shown(same)}' has a tool of this name", 0.1)
    for other, whose in others.confusable(name, server):
        why = f"looks like '{shown(other)}' of the server '{shown(whose)}'"
        # Where one has hyphens and the other underscores, nobody need mean anything by it.
        plain = name.isascii() and _plainly(name) == _plainly(other)
        yield Finding("shadow", "/name", shown(name), why, 0.2 if plain else 0.7)


def _plainly(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(".", "")


def _sights(text: str, *, definition: bool) -> Iterator[Sight]:
    if len(text) < _ORDER_CHARS_MIN and text.isascii() and text.isprintable():
        return
    yield from hidden(text)
    yield from mixed(text)
    yield from _said(read(text), definition=definition, depth=0)


def _said(seen: bytes, *, definition: bool, depth: int) -> list[Sight]:
    sights = list(table().find(seen, definition=definition))
    if depth >= poison_nesting_max:
        return sights
    plain = {(sight.kind, sight.excerpt) for sight in sights}
    for at, decoded, how in undone(seen):
        inner = [
            sight
            for sight in _said(decoded, definition=definition, depth=depth + 1)
            if (sight.kind, sight.excerpt) not in plain  # in a text that was decoded as a whole most is as it was
        ]
        orders = [sight for sight in inner if sight.kind in _ORDERS]
        if orders:
            sights.append(Sight("disguise", at or orders[0].at, orders[0].excerpt, f"an order written {how}", 0.5))
        sights += [sight._replace(at=at or sight.at) for sight in inner]
    return sights
