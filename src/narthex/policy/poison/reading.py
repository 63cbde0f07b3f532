"""A text as a model reads it: one alphabet, one kind of space, nothing unseen, no accents.

Knows: what makes two texts the same to a reader. Refuses to know: what is in them.
"""

import re
import unicodedata
from functools import lru_cache

from narthex.limits import poison_signs_known_max
from narthex.policy.poison.hidden import bare
from narthex.policy.poison.lookalike import latin

_ACCENTS = re.compile("[\u0300-\u036f]+")
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\x85\u2028\u2029"
_PLAIN = dict(zip("\u2018\u2019\u201c\u201d\u2013\u2014" + _SPACES, "''\"\"--" + len(_SPACES) * " ", strict=True))
_REPLACED_ONE_BY_ONE = 24  # distinct signs, up to which that is quicker
_HUMP = re.compile(r"([a-z])([A-Z])")


def read(text: str) -> bytes:
    text = bare(text)
    if not text.isascii():
        text = latin(_folded(text))
    return _close(text.encode("utf-8", "replace"))


def _folded(text: str) -> str:
    """Sign by sign: a text has few that are different, and as many as it likes that are not."""
    table = {ord(sign): plain for sign in set(text) if sign > "\x7f" and (plain := _plain(sign)) != sign}
    if len(table) > _REPLACED_ONE_BY_ONE:
        return text.translate(table)
    for sign, plain in table.items():
        text = text.replace(chr(sign), plain)
    return text


@lru_cache(maxsize=poison_signs_known_max)
def _plain(sign: str) -> str:
    read = unicodedata.normalize("NFKD", _PLAIN.get(sign, sign))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", read))


def _close(text: bytes) -> bytes:
    """One space, or the end of a line, wherever there is any white space. Replacing twice is quicker than looking "
    "once."""
    text = text.replace(b"\r", b"\n").replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    text = text.replace(b" \n", b"\n").replace(b"\n ", b"\n")
    while b"\n\n" in text:
        text = text.replace(b"\n\n", b"\n")
    return text


def spoken(name: str) -> str:
    """A name as words: `ignoreAll_rules` as `ignore All rules`."""
    return _HUMP.sub(r"\1 \2", name.replace("_", " ").replace("-", " ").replace(".", " "))
