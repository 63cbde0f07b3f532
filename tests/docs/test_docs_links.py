"""Links inside the pages lead to a heading that is there. (That the files exist is a house rule, in tests/tidy.)"""

import re
from pathlib import Path

import pytest
from docs_pages import PAGES, anchors, name_of, prose


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_fragments_lead_to_headings(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text("utf-8"))):
        file, _, fragment = target.partition("#")
        page = path if not file else (path.parent / file).resolve()
        if fragment and not re.match(r"[a-z]+:", target) and fragment not in anchors(page.read_text("utf-8")):
            broken.append(target)

    assert broken == []


def test_the_list_of_decisions_has_each_with_its_title() -> None:
    folder = next(path for path in PAGES if name_of(path) == "docs/decisions/README.md").parent
    listed = re.findall(r"^\| \[(\d+)\]\((.+?)\) \| (.+) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)

    titles = []
    for path in sorted(folder.glob("[0-9]*.md")):
        number, _, title = path.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        titles.append((number, path.name, title))

    assert titles == listed


@pytest.mark.parametrize("path", [path for path in PAGES if re.match(r"\d", path.name)], ids=name_of)
def test_a_decision_has_its_four_parts(path: Path) -> None:
    headings = re.findall(r"^## (.*)$", path.read_text("utf-8"), re.MULTILINE)

    assert headings == ["Forces", "Choice", "Price", "When to revisit"]
