"""Tools of other servers, and definitions that put on their names or give orders about them.

Knows: which names are taken for each other. Refuses to know: which of two servers had the name first.
"""

import re
from collections.abc import Iterable, Iterator

from narthex.limits import poison_neighbours_seen_max
from narthex.policy.poison.lookalike import skeleton
from narthex.policy.poison.verdict import Sight, shown

_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9]{0,63}(?:[_.-][A-Za-z0-9]{1,64}){1,8}|[a-z]{2,32}(?:[A-Z][a-z]{1,32}){1,8}")
_ORDER = re.compile(
    rb"\b(?:always|must|never|should|instead|before|after|when|whenever|do not|don't|required|ensure|make sure|"
    rb"change|modify|replace|redirect|bcc|recipient|deprecated|insecure|broken)\b",
    re.IGNORECASE,
)
_ABOUT = 160  # bytes to each side of a name, in which an order about it would stand


class Others:
    """The tools of all servers, to compare one with. Made once for a catalogue, asked once for each tool."""

    __slots__ = ("_by_skeleton", "_servers_of")

    def __init__(self, tools: Iterable[tuple[str, str]]) -> None:
        """`tools`: (server, the tool's name as that server has it)."""
        self._by_skeleton: dict[str, set[str]] = {}
        self._servers_of: dict[str, set[str]] = {}
        for server, name in tools:
            self._by_skeleton.setdefault(skeleton(name), set()).add(name)
            self._servers_of.setdefault(name, set()).add(server)

    def elsewhere(self, name: str, server: str) -> str | None:
        """Another server that has a tool of this very name."""
        return min((other for other in self._servers_of.get(name, ()) if other != server), default=None)

    def confusable(self, name: str, server: str) -> Iterator[tuple[str, str]]:
        """(name, server) of tools elsewhere whose names are other ones and look the same."""
        for other in sorted(self._by_skeleton.get(skeleton(name), ())):
            whose = self.elsewhere(other, server) if other != name else None
            if whose is not None:
                yield other, whose

    def concern(self, words: Iterable[str], name: str, server: str) -> bool:
        """Whether a tool of this name, whose texts hold these words, has anything to do with another server's."""
        if any(self.elsewhere(word, server) is not None for word in (name, *words)):
            return True
        return next(self.confusable(name, server), None) is not None

    def spoken_of(self, text: bytes, server: str, own: str) -> Iterator[Sight]:
        """Names of others' tools in a text. Names of one plain word are words: only compound ones are looked for."""
        seen = 0
        for match in _WORD.finditer(text):
            name = match.group().decode()
            whose = self.elsewhere(name, server)
            if whose is None or name == own or server in self._servers_of[name]:
                continue
            about = text[max(0, match.start() - _ABOUT) : match.end() + _ABOUT]
            ordered = _ORDER.search(about) is not None
            why = f"{'gives orders about' if ordered else 'speaks of'} a tool of the server '{shown(whose)}'"
            yield Sight("shadow", match.start(), shown(name), why, 0.5 if ordered else 0.1)
            seen += 1
            if seen >= poison_neighbours_seen_max:
                return


def names_in(text: bytes) -> Iterator[str]:
    """What might be names of tools."""
    return (match.group().decode() for match in _WORD.finditer(text))


NOBODY = Others(())
