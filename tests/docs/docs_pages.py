"""The pages of Narthex as tests see them: their snippets, headings and commands."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "narthex"
PAGES = tuple(
    sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")],
        key=lambda path: path.relative_to(ROOT).as_posix(),
    )
)
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A fenced block: where it stands, in which language, what it says."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.text.splitlines()[0].strip()[:40]}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def snippets(*languages: str) -> list[Snippet]:
    return [
        Snippet(name_of(path), language, text)
        for path in PAGES
        for language, text in _FENCED.findall(path.read_text("utf-8"))
        if language in languages
    ]


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every line in a console block that a reader types, continued lines joined."""
    return [
        (snippet.page, line[2:].partition("   #")[0].strip())
        for snippet in snippets("console")
        for line in snippet.text.replace("\\\n", " ").splitlines()
        if line.startswith("$ ")
    ]


def prose(text: str) -> str:
    return _FENCED.sub("", text)


def anchors(text: str) -> set[str]:
    """The fragments that lead to a page's headings, as Markdown renderers spell them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
