"""How much definitions look like attacks, each found out once.

Knows: what was scored before, by fingerprint. Refuses to know: what follows from a score. It works in a thread, for
one caller at a time, and now and then lets the event loop go first.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from narthex.limits import definition_scores_kept_max, poison_pause_seconds
from narthex.model.pin import Kind, Pin, Sighting
from narthex.policy.poison.scoring import alone, among, words_of
from narthex.policy.poison.shadow import Others
from narthex.policy.poison.verdict import Verdict

_read = msgspec.json.Decoder().decode

Names = frozenset[tuple[str, str]]  # (server, the tool's name as that server has it)


class Wanted(NamedTuple):
    """One definition of one server."""

    server: str
    one: Sighting | Pin


class _Alone(NamedTuple):
    """One definition, whatever else there is."""

    found: Verdict
    words: frozenset[str] | None


class Suspecting:
    """One for the gateway."""

    def __init__(self, kept_max: int = definition_scores_kept_max) -> None:
        self._kept_max = kept_max
        self._alone: dict[str, _Alone] = {}
        self._among: dict[tuple[str, str], float] = {}
        self._names: Names = frozenset()
        self._others = Others(())

    def __len__(self) -> int:
        return len(self._alone)

    def scores(self, wanted: Iterable[Wanted], names: Names) -> dict[str, dict[str, float]]:
        """By server and fingerprint. `names`: the tools of all servers, their own among them."""
        if names != self._names:
            self._names, self._others = names, Others(names)
            self._among.clear()
        several = len({server for server, _ in names}) > 1
        found: dict[str, dict[str, float]] = {}
        for server, one in wanted:
            found.setdefault(server, {})[one.fingerprint] = self._score(server, one, several=several)
        return found

    def _score(self, server: str, one: Sighting | Pin, *, several: bool) -> float:
        seat = server, one.fingerprint
        known = self._among.get(seat)
        if known is not None:
            return known
        by_itself = self._alone.get(one.fingerprint)
        if by_itself is None:
            by_itself = self._alone[one.fingerprint] = _looked_at(one)
            _bounded(self._alone, self._kept_max)
            # Scoring holds the interpreter; a loop that wants it back would wait up to 5 ms each time.
            time.sleep(poison_pause_seconds)
        score, words = by_itself.found.score, by_itself.words
        if several and one.kind == "tool" and (words is None or self._others.concern(words, one.name, server)):
            score = among(by_itself.found, _read(one.definition), self._others, server).score
            time.sleep(poison_pause_seconds)
        self._among[seat] = score
        _bounded(self._among, self._kept_max)
        return score


def _looked_at(one: Sighting | Pin) -> _Alone:
    definition = as_scored(one.kind, _read(one.definition))
    return _Alone(alone(definition), words_of(definition))


def as_scored(kind: Kind, definition: Any) -> Mapping[str, Any]:
    """Instructions are one text; a pointer into it needs a place."""
    return {"description": definition} if kind == "instructions" else definition


def verdict_of(kind: Kind, definition: Any, names: Names = frozenset(), server: str = "") -> Verdict:
    """The whole of it, with what was found, for somebody who reads it."""
    scored = as_scored(kind, definition)
    found = alone(scored)
    return among(found, scored, Others(names), server) if kind == "tool" and names else found


def _bounded(found: dict[Any, Any], kept_max: int) -> None:
    if len(found) > kept_max:
        del found[next(iter(found))]


def suspicion_of(server: str, one: Sighting | Pin, score: float) -> str:
    """What the operator is told where no rule speaks of it."""
    name = f" {one.name[:100]!r}" if one.name else ""
    return (
        f"server '{server}': {one.kind}{name} looks like an attack ({score:.2f}), and is shown: no rule `definitions` "
        f"speaks of it. Read it: 'narthex lock diff --server {server}'."
    )
