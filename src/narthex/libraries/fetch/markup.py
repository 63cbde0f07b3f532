"""HTML taken apart: tags, and the text between them.

Knows: where a tag begins and ends, as browsers see it. Refuses to know: what tags mean.

The standard library has a parser, too; some pages, made for it, keep it busy for hours. Here nothing is looked at
twice: what is not closed ends the page, as it does in a browser.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

attributes_max = 100  # of one tag; who writes more means no good, and the page ends there
_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,63}")
_SPACE = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"[^\s/>][^\s/>=]*")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]*")
_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in
        ("script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp")}  # fmt: skip


class Text(NamedTuple):
    said: str


class Start(NamedTuple):
    name: str
    attributes: dict[str, str]


class End(NamedTuple):
    name: str


def parts_of(page: str) -> Iterator[Text | Start | End]:
    """Everything of a page, in its order. Comments and declarations are passed over."""
    at = 0
    while True:
        begins = page.find("<", at)
        if between := page[at:] if begins < 0 else page[at:begins]:
            yield Text(plain(between))
        if begins < 0:
            return
        following = page[begins + 1 : begins + 2]
        if following in ("!", "?"):
            at = _after_comment(page, begins)
        elif following == "/" and (name := _NAME.match(page, begins + 2)):
            yield End(name[0].lower())
            at = page.find(">", name.end()) + 1 or len(page)
        elif name := _NAME.match(page, begins + 1):
            found, at = _start(page, name)
            if found is None:
                return
            yield found
            if found.name in _RAW:
                ends = _RAW[found.name].search(page, at)
                yield Text(plain(page[at : ends.start()]) if ends and found.name in ("title", "textarea") else "")
                at = ends.start() if ends else len(page)
        else:
            yield Text("<")
            at = begins + 1


def plain(text: str) -> str:
    """The text with its `&amp;` and the like read."""
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:
        return text  # a number of thousands of digits is no character


def _start(page: str, name: re.Match[str]) -> tuple[Start | None, int]:
    """A tag with its attributes, and where it ends; None: it does not."""
    attributes: dict[str, str] = {}
    at, seen = name.end(), 0
    while True:
        at = _end(_SPACE, page, at)
        if page[at : at + 1] in (">", ""):
            return (Start(name[0].lower(), attributes), at + 1) if at < len(page) else (None, at)
        key = _ATTRIBUTE.match(page, at)
        assert key is not None, "there is a sign that is neither space nor the end"
        value, at = "", key.end()
        if equals := _EQUALS.match(page, at):
            value, at = _value(page, equals.end())
        seen += 1
        if at < 0 or seen > attributes_max:
            return None, len(page)
        attributes.setdefault(key[0].lower(), plain(value))


def _value(page: str, at: int) -> tuple[str, int]:
    """What an attribute is, and where that ends; -1: nowhere."""
    quote = page[at : at + 1]
    if quote and quote in "\"'":
        ends = page.find(quote, at + 1)
        return (page[at + 1 : ends], ends + 1) if ends >= 0 else ("", -1)
    ends = _end(_BARE, page, at)
    return page[at:ends], ends


def _after_comment(page: str, begins: int) -> int:
    closing = "-->" if page.startswith("<!--", begins) else ">"
    ends = page.find(closing, begins + 2)
    return len(page) if ends < 0 else ends + len(closing)


def _end(pattern: re.Pattern[str], page: str, at: int) -> int:
    found = pattern.match(page, at)
    assert found is not None, "it takes nothing, too"
    return found.end()
