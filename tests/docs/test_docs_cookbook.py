"""The cookbook, as its reader cooks it: each recipe from an empty folder, word by word, with real servers."""

import re
import sys
from pathlib import Path

import pytest
from docs_pages import ROOT, anchors, text_of

sys.path.insert(0, str(ROOT / "tests" / "models"))

from docs_model_provider import providing
from docs_recipes import Kitchen, Typed, blocks, kitchen, same, typed

from prometheus_kit import MISSING, PROGRAM

FOLDER = ROOT / "docs" / "cookbook"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.md"))
ELSEWHERE = ("own-agent", "metrics")  # which need more than a kitchen


def page(name: str) -> str:
    return text_of(f"docs/cookbook/{name}.md")


def tasted(cook: Kitchen, name: str) -> list[tuple[Typed, str, int]]:
    """Everything that the page shows was printed; what it shows nothing of went well."""
    done = cook.cook(page(name))
    wrong = [
        f"$ {one.command}\n{printed}\n-- ended with {ended}, the page shows:\n{one.shown}"
        for one, printed, ended in done
        if not (same(one.shown, printed) if one.shown else ended == 0)
    ]

    assert "\n\n".join(wrong) == ""
    return done


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ELSEWHERE])
def test_a_recipe_is_as_its_page_says(tmp_path: Path, name: str) -> None:
    with kitchen(tmp_path) as cook:
        assert tasted(cook, name)


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_the_recipe_of_metrics_is_as_its_page_says(tmp_path: Path) -> None:
    with kitchen(tmp_path) as cook:
        assert tasted(cook, "metrics")


def test_the_recipe_of_an_agent_is_as_its_page_says(tmp_path: Path) -> None:
    """The model is a stand-in on this machine, that holds each request to the types of the provider's SDK."""
    with (
        providing("openai", "crm_search_contacts", {"query": "museum", "field": "company", "limit": 1}) as model,
        kitchen(tmp_path, OPENAI_BASE_URL=f"{model.url}/v1", OPENAI_API_KEY="none") as cook,
    ):
        done = tasted(cook, "own-agent")

    said = next(printed for one, printed, _ in done if one.command == "python agent.py")
    assert model.wrong == []
    assert "Museum" in said


def test_there_are_ten_and_the_index_has_each_under_its_title() -> None:
    listed = re.findall(r"^\| \d+ \| \[(.+?)\]\(cookbook/([\w-]+)\.md\) \|", text_of("docs/cookbook.md"), re.MULTILINE)

    assert sorted(name for _, name in listed) == RECIPES
    assert len(listed) == 10
    assert [title for title, _ in listed] == [page(name).splitlines()[0].removeprefix("# ") for _, name in listed]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_complete(name: str) -> None:
    """A file under `narthex.yaml`, commands, what they print; and where to read on."""
    found = blocks(page(name))
    commands = [one for block in found if block.language == "console" for one in typed(block.text)]

    assert [block for block in found if block.name == "narthex.yaml"]
    assert [block for block in found if not block.name and block.language != "console"] == []
    assert sum(bool(one.shown) for one in commands) >= 2
    assert "read-on" in anchors(page(name))
