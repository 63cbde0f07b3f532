"""Descriptions as a model can use them: without markup, and of bounded length.

Knows: what HTML and Markdown leave behind. Refuses to know: what is described.
"""

import html
import re

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_BREAK = re.compile(r"</(?:p|li|div|h[1-6]|tr)>|<br\s*/?>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,2000}\)")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*\n\s*")


def plain(text: str) -> str:
    """The words alone: links keep their text, tags vanish, blank lines end at one."""
    if "<" in text:
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    text = "".join(sign for sign in text if sign == "\n" or sign.isprintable() or sign.isspace())
    return _LINES.sub("\n\n", _BLANKS.sub(" ", text)).strip()


def clipped(text: str, most: int) -> str:
    """At most so many characters, ending where a sentence or a word ends."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    stop = max(cut.rfind(". "), cut.rfind("\n"))
    if stop > most // 2:
        return cut[: stop + 1].rstrip()
    blank = cut.rfind(" ")
    return (cut[:blank] if blank > most // 2 else cut).rstrip() + "…"
