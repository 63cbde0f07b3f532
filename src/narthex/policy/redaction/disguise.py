"""Signs that look like others: wide digits, dashes of every length, spaces that are none, signs that are not seen.

Knows: Unicode (NFKC, the decimal digits of all scripts). Refuses to read letters of other scripts as Latin ones: a
Cyrillic а in an address makes another address.

All of it is about JSON as text, in UTF-8: what looks like a quote or a backslash stays what it is.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from narthex.limits import redaction_signs_known_max
from narthex.policy.redaction.automaton import Search

# What prose is full of. Replaced one after the other, which is many times as quick as looking at every sign.
_USUAL = (
    ("\u00a0", " "), ("\u202f", " "), ("\u2009", " "), ("\u2007", " "), ("\u00ad", ""), ("\u200b", ""), ("\u200c", ""),
    ("\u200d", ""), ("\u200e", ""), ("\u200f", ""), ("\u2060", ""), ("\ufeff", ""), ("\ufe0f", ""), ("\u2010", "-"),
    ("\u2011", "-"), ("\u2012", "-"), ("\u2013", "-"), ("\u2014", "-"), ("\u2212", "-"), ("\u2026", "..."),
)  # fmt: skip
_USUAL_BYTES = tuple((sign.encode(), instead.encode()) for sign, instead in _USUAL)
_UNSEEN = re.compile(
    "[\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u202a-\u202e\u2061-\u2064\u2066-\u206f\u3164\uffa0\ufe00-\ufe0e]"
    "|[\U000e0000-\U000e01ef]"
)
_DASHES = "\u2015\u2043\u02d7"
_OF_JSON = {"＂": "'", "＼": "/"}  # NFKC would make of these what ends a string

# As RE2 spells them: what NFKC makes ASCII of, digits of other scripts, and the rows above.
_SUSPECT = (
    r"[\x{A0}\x{AA}\x{AD}\x{B2}\x{B3}\x{B9}\x{BA}\x{2D7}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180E}"
    r"\x{2000}-\x{2015}\x{2024}-\x{2026}\x{202A}-\x{202F}\x{2043}\x{2044}\x{205F}-\x{209C}\x{2100}-\x{214F}\x{2212}"
    r"\x{2215}\x{2460}-\x{24FF}\x{3000}\x{3164}\x{33E0}-\x{33FF}\x{FE00}-\x{FE0F}\x{FE13}\x{FE30}-\x{FE6B}\x{FEFF}"
    r"\x{FF00}-\x{FFEF}\x{1D400}-\x{1D7FF}\x{1F100}-\x{1F1FF}\x{1FBF0}-\x{1FBF9}\x{E0000}-\x{E01EF}]"
    r"|[^\x{0}-\x{7F}\P{Nd}]"
)
_suspect = Search(_SUSPECT.encode(), utf8=True)

occurs = _suspect.occurs  # whether some sign in a text may look like another


def off(text: bytes) -> bytes:
    """The text as it looks: every sign that looks like one of ASCII is that one."""
    for sign, instead in _USUAL_BYTES:
        if sign in text:
            text = text.replace(sign, instead)
    if text.isascii() or not occurs(text):
        return text
    bare = text.decode()
    for kept, instead_of_it in _OF_JSON.items():
        bare = bare.replace(kept, instead_of_it)
    bare = unicodedata.normalize("NFKC", bare)
    if not bare.isascii():
        # One pass for each sign there is: a text has few that are different, and as many as it likes that are not.
        for one in set(bare):
            plain = _looks_like(one) if one > "\x7f" else None
            if plain is not None:
                bare = bare.replace(one, plain)
    return bare.encode()


@lru_cache(maxsize=redaction_signs_known_max)
def _looks_like(sign: str) -> str | None:
    if _UNSEEN.match(sign):
        return ""
    if sign in _DASHES:
        return "-"
    return str(unicodedata.digit(sign)) if unicodedata.category(sign) == "Nd" else None


def strings(text: bytes, view: bytes) -> Iterator[tuple[int, int]]:
    """The strings of a JSON text that hold such a sign, quotes included."""
    position, size = 0, len(text)
    while position < size:
        at = _suspect.next(text, position)[0]
        if at < 0:
            return
        start, position = view.rfind(b'"', position, at), view.find(b'"', at) + 1
        yield start, position
