"""Docs that cannot lie: they are made from the code, or compared with it."""

import ast
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from generate_limits import PAGE, page
from house import HOUSE, ROOT, links, rooms, source, written_files

import narthex
from narthex import limits

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
pages = [path for path in written_files() if path.suffix == ".md"]


def test_no_limit_has_two_values() -> None:
    tree = ast.parse(source(Path("src/narthex/limits.py")))
    named = [
        one.targets[0].id for one in tree.body if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    ]
    assert len(named) == len(set(named)), "the second value would hold for both uses"


def test_the_page_of_limits_is_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "run 'make docs'"


def test_every_limit_is_on_its_page() -> None:
    settings = {field.name for field in msgspec.structs.fields(limits.Limits)}
    constants = {name for name in vars(limits) if name.islower() and not name.startswith("__")} - {"msgspec"}

    said = set(re.findall(r"^\| `(\w+)`", PAGE.read_text("utf-8"), re.MULTILINE))

    assert said == settings | constants


@pytest.mark.parametrize("path", pages, ids=str)
def test_links_into_the_tree_resolve(path: Path) -> None:
    broken = [link for link in links(path) if not ((ROOT / path).parent / link.partition("#")[0]).resolve().exists()]

    assert broken == []


def test_the_architecture_page_is_short_and_names_every_room() -> None:
    text = source(Path("ARCHITECTURE.md"))

    assert len(text.splitlines()) <= 240
    assert [room for room in rooms() if f"{room}" not in re.findall(r"[a-z]+", text)] == []


def test_every_dependency_says_what_it_is_for() -> None:
    groups = PROJECT["dependency-groups"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(one for group in groups for one in group if isinstance(one, str))]
    names = [re.match(r"[A-Za-z0-9_-]+", requirement)[0] for requirement in wanted]
    said = re.findall(r"^\| `([A-Za-z0-9_-]+)`", source(Path("docs/dependencies.md")), re.MULTILINE)

    assert sorted(said) == sorted(names)


def test_decisions_are_numbered_and_say_their_price() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions if path.name != "README.md"]

    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    assert [p.name for p in decisions if "price" not in p.read_text("utf-8").lower()] == []


def test_the_package_tells_its_version() -> None:
    assert narthex.__version__ == PROJECT["project"]["version"]


def test_the_package_is_typed() -> None:
    assert (HOUSE / "py.typed").exists()


def test_the_licence_is_apache_2() -> None:
    assert "Apache License" in source(Path("LICENSE"))[:200]
    assert PROJECT["project"]["license"] == "Apache-2.0"
