"""Turns of phrase, searched for together: one pass says which of them can occur at all, and only those are looked at.

Knows: how a table of them becomes a search. Refuses to know: any of them.
Patterns are RE2's over bytes, ASCII letters in any case; the text is what `reading.read` made of it.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from narthex.limits import poison_sights_per_phrase_max
from narthex.policy.poison.verdict import Sight, around
from narthex.policy.redaction.automaton import Search, Several


class Phrase(NamedTuple):
    kind: str
    why: str
    gate: str  # whatever the pattern finds, this finds too: short, because all of them are searched for at once
    pattern: str
    in_definition: float  # how much it weighs where a server describes itself
    in_text: float  # and in what a tool brings, which may be anything ever written


class Table:
    """Phrases, compiled."""

    __slots__ = ("_gates", "_searches", "phrases")

    def __init__(self, phrases: tuple[Phrase, ...]) -> None:
        self.phrases = phrases
        self._gates = Several([f"(?i){phrase.gate}".encode() for phrase in phrases])
        self._searches = [Search(f"(?is){phrase.pattern}".encode()) for phrase in phrases]

    def find(self, text: bytes, *, definition: bool) -> Iterator[Sight]:
        for place in self._gates.occur(text):
            phrase, search = self.phrases[place], self._searches[place]
            weight = phrase.in_definition if definition else phrase.in_text
            if not weight:
                continue
            position = 0
            for _ in range(poison_sights_per_phrase_max):
                start, end = search.next(text, position)
                if start < 0:
                    break
                yield Sight(phrase.kind, start, around(text, start, end), phrase.why, weight)
                position = max(end, start + 1)


@cache
def table() -> Table:
    """Everything we know. Made when it is first needed: compiling takes some milliseconds."""
    from narthex.policy.poison import chains, consent, extraction, framing, languages, override, secrecy, sending

    modules = (override, secrecy, framing, extraction, sending, chains, consent, languages)
    return Table(tuple(phrase for module in modules for phrase in module.PHRASES))
