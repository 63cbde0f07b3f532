"""Names of tools and of their arguments, as a provider's API takes them, and back.

Knows: a grammar and a length; a name that breaks them becomes one that does not, always the same one. Refuses to take
a changed name apart: what leads where stands in the book.
"""

import hashlib
import re
from typing import NamedTuple

_FOREIGN = re.compile(r"[^A-Za-z0-9_]")
_TAG_CHARS = 8  # 32 bits, in hexadecimal
_TRIES_MAX = 16


class Grammar(NamedTuple):
    """What a name may be. Every grammar here takes `[A-Za-z_][A-Za-z0-9_]*` up to its length."""

    pattern: re.Pattern[str]
    chars_max: int

    def takes(self, name: str) -> bool:
        return len(name) <= self.chars_max and self.pattern.fullmatch(name) is not None


def fitting(name: str, grammar: Grammar, salt: str = "") -> str:
    """`name` if `grammar` takes it; else as much of it as fits, with a tag of the whole."""
    if not salt and grammar.takes(name):
        return name
    tag = hashlib.blake2b(f"{salt}{name}".encode("utf-8", "surrogatepass"), digest_size=_TAG_CHARS // 2).hexdigest()
    kept = _FOREIGN.sub("_", name[: grammar.chars_max - _TAG_CHARS - 1])
    found = f"{kept}_{tag}"
    return found if grammar.takes(found) else f"_{kept[:-1]}_{tag}"


class NameBook:
    """Which tool a provider's name means. Tools whose name needs no change have it first, whatever their place."""

    def __init__(self, names: list[str], grammar: Grammar) -> None:
        self._ours: dict[str, str] = {name: name for name in names if grammar.takes(name)}
        self._theirs: dict[str, str] = dict(self._ours)
        for name in names:
            if name not in self._theirs:
                self._theirs[name] = self._free(name, grammar)
                self._ours[self._theirs[name]] = name

    def _free(self, name: str, grammar: Grammar) -> str:
        for turn in range(_TRIES_MAX):
            found = fitting(name, grammar, salt="" if turn == 0 else f"{turn}/")
            if found not in self._ours:
                return found
        raise ValueError(f"no name is free for {name!r}")  # sixteen tags of 32 bits, each taken: not by chance

    def theirs(self, name: str) -> str:
        return self._theirs[name]

    def ours(self, name: str) -> str | None:
        return self._ours.get(name)
