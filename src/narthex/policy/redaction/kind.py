"""One kind of thing that may not leave the house: how it is found, and how it is known to be what it seems.

Knows: the shape. Refuses to know: any kind in particular.

Patterns are RE2's, over bytes (UTF-8 read as Latin-1). They see JSON as `sight.seen` shows it: escapes are blotted
out, quotes are quotes. None of them may match a quote, so that no finding reaches from one string into another.
"""

from collections.abc import Callable
from typing import NamedTuple

# (text, start, end) -> where the finding ends, or 0: it is none after all
Check = Callable[[bytes, int, int], int]


class Kind(NamedTuple):
    """Several may share a name: one thing is written in several ways."""

    name: str
    group: str  # contact, financial, identity, network, secrets
    gate: bytes  # whatever the pattern finds, this finds too: short, because all of them are searched for at once
    pattern: bytes
    check: Check | None = None
    inner: bool = False  # only the first group of the pattern is the finding; what is before it is context
    weight: int = 1  # how dear a closer look is, beside an e-mail address
    again: bool = True  # after one that was none after all the search goes on behind its first sign, not behind it


GROUPS: dict[str, tuple[str, ...]] = {
    "contact": (),
    "financial": (),
    "identity": (),
    "network": (),
    "secrets": (),
    "pii": ("contact", "financial", "identity"),
    "all": ("contact", "financial", "identity", "network", "secrets"),
}

_ALL = bytes(range(256))
_NOT_DIGITS = _ALL.translate(None, b"0123456789")
_NOT_ALNUM = _ALL.translate(None, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def digits_of(text: bytes, start: int, end: int) -> bytes:
    return text[start:end].translate(None, _NOT_DIGITS)


def alnum_of(text: bytes, start: int, end: int) -> bytes:
    return text[start:end].translate(None, _NOT_ALNUM).upper()


def in_number(text: bytes, start: int, end: int) -> bool:
    """Whether digits go on beyond a point or a dash on either side: then it is part of a longer number."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if len(before) == 2 and before[1] in b".-_/" and before[0] in b"0123456789":
        return True
    return len(after) == 2 and after[0] in b".-_/" and after[1] in b"0123456789"
