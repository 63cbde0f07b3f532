"""The ids that comments and tests cite are explained on one page, and lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOT, modules, source

PAGE = Path("docs/requirements.md")
FOLDERS = ("src", "tests", "bench", "fuzz", "conformance")
WRITTEN = [path for path in modules(*FOLDERS) if path != Path("tests/tidy/test_requirements.py")]
ID = re.compile(r"\b(?:[SCL]-[A-Z]+-\d\d|[GPT]-\d\d|[HR][1-9]\d?)\b")
CHECKLIST = re.compile(r"\b[Cc]hecklist ((?:\d+(?: to |, )?)+)")
ROW = re.compile(r"^\| ([A-Z0-9-]+) \| (.+) \|$", re.MULTILINE)
BASES = ("src/narthex", "tests")  # of the last two columns; the checklist has only the last


def cited(path: Path) -> set[str]:
    return {*ID.findall(source(path)), *numbers(source(path))}


def numbers(text: str) -> Iterator[str]:
    """`Checklist 2 to 4, 9` names 2, 3, 4 and 9."""
    for listed in CHECKLIST.findall(text):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", listed):
            yield from map(str, range(int(first), int(last or first) + 1))


def rows() -> dict[str, list[str]]:
    found = {name: cells.split(" | ") for name, cells in ROW.findall(source(PAGE))}
    assert len(found) == len(ROW.findall(source(PAGE))), "an id stands twice"
    return found


def test_every_id_that_is_cited_is_explained() -> None:
    unexplained = {str(path): left for path in WRITTEN if (left := sorted(cited(path) - rows().keys()))}

    assert unexplained == {}


def test_every_id_that_is_explained_is_cited() -> None:
    everywhere = set().union(*(cited(path) for path in WRITTEN))

    assert sorted(rows().keys() - everywhere) == []


@pytest.mark.parametrize("name", rows())
def test_an_explained_id_leads_to_files_that_are_there(name: str) -> None:
    cells = rows()[name]
    columns = cells[-1:] if name.isdigit() else cells[-2:]
    files = [
        Path(base, file)
        for base, cell in zip(BASES[-len(columns) :], columns, strict=True)
        for file in re.findall(r"`([^`]+)`", cell)
    ]

    assert len(files) >= len(columns)
    assert [str(file) for file in files if not (ROOT / file).is_file()] == []
    if name.isdigit():
        assert [str(file) for file in files if name not in cited(file)] == []


def test_comments_name_no_page_that_is_not_there() -> None:
    pages = {path.name for path in ROOT.glob("*.md")} | {"README.md"}
    missing = {
        str(path): left
        for path in WRITTEN
        if (left := sorted(set(re.findall(r"\b[A-Z][A-Z_]+\.md\b", source(path))) - pages))
    }

    assert missing == {}
