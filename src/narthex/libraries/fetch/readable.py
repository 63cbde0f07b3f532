"""What a person would read of a page: its headings, paragraphs, lists and tables, without what stands around them.

Knows: what the elements of HTML look like on a page. Refuses to know: where the page is from.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urljoin, urlsplit

from narthex.libraries.fetch.markup import End, Start, Text, parts_of

parts_max = 200_000  # looked at: some ten books, and a third of a second
link_chars_max = 2_000_000  # of all addresses: each short one may stand for the page's own long one
main_chars_min = 200  # so much in `main` or `article`, and it is what the page is about
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCKS = _HEADINGS | {
    "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table",
    "tbody", "thead", "tr", "ul",
}  # fmt: skip
_UNREAD = frozenset({
    "audio", "button", "canvas", "datalist", "dialog", "map", "math", "noscript", "object", "select", "svg", "template",
    "video",
})  # fmt: skip
_MAIN, _AROUND = frozenset(("main", "article")), frozenset(("nav", "footer", "aside"))


@dataclass(slots=True)
class Reading:
    title: str
    text: str


def readable(page: str, address: str, *, links: bool) -> Reading:
    """`links`: their addresses stand behind them."""
    reader = _Reader(address, links=links)
    for part in islice(parts_of(page), parts_max):
        if isinstance(part, Text):
            reader.text(part.said)
        elif isinstance(part, Start):
            reader.start(part)
        else:
            reader.end(part)
    reader.line_ends()
    return Reading(" ".join(reader.title.split()), _joined(reader.lines))


@dataclass(slots=True)
class _Line:
    said: str
    heading: bool
    main: bool
    around: bool


@dataclass(slots=True)
class _Reader:
    """`open`: how many elements of a kind we are in. Pages forget to close some, and close others twice."""

    address: str
    links: bool
    title: str = ""
    lines: list[_Line] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)
    _said: list[str] = field(default_factory=list)  # of the line that is being read
    _begins: str = ""
    _targets: list[str] = field(default_factory=list)
    _unread: str = ""
    _left: int = link_chars_max

    def start(self, tag: Start) -> None:
        name = tag.name
        if self._unread:
            self.open[name] += name == self._unread
            return
        self.open[name] += 1
        if name in _UNREAD:
            self._unread = name
        elif name == "br":
            self.line_ends()
        elif name in _BLOCKS:
            self.line_ends()
            self._begins = "- " if name == "li" else "#" * int(name[1]) + " " if name in _HEADINGS else self._begins
        elif name in ("td", "th") and self._said:
            self._said.append(" | ")
        elif name == "a":
            self._targets.append(tag.attributes.get("href", ""))

    def end(self, tag: End) -> None:
        name = tag.name
        if self.open[name] == 0:
            return
        if name in _BLOCKS and not self._unread:
            self.line_ends()
            self._begins = ""
        self.open[name] -= 1
        if name == self._unread and self.open[name] == 0:
            self._unread = ""
        elif name == "a" and self._targets and not self._unread:
            self._link_ends(self._targets.pop())

    def text(self, said: str) -> None:
        if self._unread:
            return
        if self.open["title"] and not self.lines:
            self.title = self.title or said
        elif self.open["pre"]:
            *whole, last = said.split("\n")
            for line in whole:
                self._said.append(line)
                self.line_ends()
            self._said.append(last)
        elif said:
            self._said.append(said)

    def line_ends(self) -> None:
        joined = "".join(self._said)
        self._said.clear()
        said = joined.rstrip() if self.open["pre"] else " ".join(joined.split())
        if said.strip(" |"):
            main, around = any(map(self.open.get, _MAIN)), any(map(self.open.get, _AROUND))
            self.lines.append(_Line(self._begins + said, self._begins.startswith("#"), main, around))
            self._begins = ""

    def _link_ends(self, target: str) -> None:
        if not self.links or not self._left or not target or target.startswith("#"):
            return
        try:
            whole = urljoin(self.address, target.strip())
            if urlsplit(whole).scheme in ("http", "https"):
                self._left = max(0, self._left - len(whole))
                self._said.append(f" ({whole})")
        except ValueError:
            return  # no address at all


def _joined(lines: list[_Line]) -> str:
    """What the page is about, where it says so; else all but what stands around; else all."""
    own = [line for line in lines if not line.around]
    main = [line for line in own if line.main]
    chosen = main if sum(len(line.said) for line in main) >= main_chars_min else own or lines
    return "\n".join(f"\n{line.said}" if line.heading else line.said for line in chosen).strip("\n")
