"""Letters of other scripts that look like Latin ones.

Knows: the letters of Cyrillic, Greek, Armenian and Cherokee that a reader takes for Latin, and the styled alphabets
that NFKC knows. Refuses to take a foreign text for a disguise: only words of two scripts, and names.
"""

import re
import unicodedata
from collections.abc import Iterator

from narthex.limits import poison_hidden_seen_max
from narthex.policy.poison.hidden import bare
from narthex.policy.poison.verdict import Sight, shown
from narthex.policy.redaction.automaton import Search

_CYRILLIC = dict(zip("асԁеһіјӏорԛѕԝхуАВСЕНІЈКМОРЅТХУԌԚԜѵзг", "acdehijlopqswxyABCEHIJKMOPSTXYGQWv3r", strict=True))
_GREEK = dict(zip("οινυρκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oivupkABEZHIKMNOPTYX", strict=True))
_OTHERS = dict(zip("օոսցյհᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᏚᎢᏔᏃɑɡɩʀʏᴀᴄᴇᴏᴜᴠᴡᴢ", "onugjhABCEHJKLMPSTWZagiRYaceouvwz", strict=True))
_LATIN_OF = str.maketrans({**_CYRILLIC, **_GREEK, **_OTHERS})
_FOREIGN = "".join(_CYRILLIC) + "".join(_GREEK) + "".join(_OTHERS)
_MIXED = re.compile(f"[A-Za-z][{_FOREIGN}]|[{_FOREIGN}][A-Za-z]")
_occurs = Search(f"[A-Za-z][{_FOREIGN}]|[{_FOREIGN}][A-Za-z]".encode(), utf8=True).occurs
_OTHER_SCRIPTS = re.compile("[\u0370-\u058f\u13a0-\u13ff]")
_script = Search(rb"[\x{370}-\x{58F}\x{13A0}-\x{13FF}]", utf8=True).occurs
_LATIN = re.compile("[A-Za-z]")
_STYLED = re.compile("[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189]{3,}")
_WORD_CHARS = 32  # to each side of the place, for the excerpt
_MOSTLY = 3  # so many Latin letters for each other one, and the text is Latin
_SAME_IN_NAMES = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "_": "", "-": "", ".": "", " ": ""})


def mixed(text: str) -> Iterator[Sight]:
    """Words of two scripts, and rows of styled letters."""
    if text.isascii():
        return
    found = _MIXED.finditer(text) if _occurs(text.encode("utf-8", "replace")) else ()
    for count, match in enumerate(found):
        if count >= poison_hidden_seen_max:
            break
        start, end = _word(text, match.start(), match.end())
        yield Sight("lookalike", match.start(), shown(text[start:end]), "a word of letters of two scripts", 0.6)
    styled = _STYLED.search(text)
    if styled:
        said = unicodedata.normalize("NFKC", styled.group())
        yield Sight(
            "lookalike", styled.start(), shown(said), "letters written in signs of mathematics or as pictures", 0.4
        )


def _word(text: str, start: int, end: int) -> tuple[int, int]:
    low, high = max(0, start - _WORD_CHARS), min(len(text), end + _WORD_CHARS)
    while start > low and text[start - 1].isalnum():
        start -= 1
    while end < high and text[end].isalnum():
        end += 1
    return start, end


def latin(text: str) -> str:
    """A text that is mostly Latin, with the letters that only look so made Latin."""
    others = len(_OTHER_SCRIPTS.findall(text)) if _script(text.encode("utf-8", "replace")) else 0
    if not others or others * _MOSTLY > len(_LATIN.findall(text)):
        return text
    return text.translate(_LATIN_OF)


def disguised(name: str) -> bool:
    """A name in other letters that reads as an ASCII one."""
    if name.isascii():
        return False
    read = unicodedata.normalize("NFKC", bare(name)).translate(_LATIN_OF)
    return read.isascii() and read != name


def skeleton(name: str) -> str:
    """What is left of a name when everything that can be mistaken for something else is the same."""
    read = unicodedata.normalize("NFKC", bare(name)).translate(_LATIN_OF).replace("ı", "i")
    return read.casefold().translate(_SAME_IN_NAMES).replace("rn", "m").replace("vv", "w")
