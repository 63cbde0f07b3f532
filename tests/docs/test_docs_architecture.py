"""The map is the territory: every file, class and function that ARCHITECTURE.md names is there."""

import ast
import re
from functools import cache

import pytest
from docs_pages import HOUSE, ROOT, text_of

TEXT = text_of("ARCHITECTURE.md")
NAMED = sorted(set(re.findall(r"`([a-z_0-9/]+\.py)(?::([\w.]+))?`", TEXT)))
ROWS = re.findall(r"^\| (?!…)(.+?) \| (`.+?`) \|$", TEXT, re.MULTILINE)


@cache
def names_in(file: str) -> frozenset[str]:
    """Top-level names of a module, and `Class.member` for methods and class variables."""
    found: set[str] = set()
    path = ROOT / file if (ROOT / file).exists() else HOUSE / file
    for node in ast.parse(path.read_text("utf-8")).body:
        for name in _bound(node):
            found.add(name)
            if isinstance(node, ast.ClassDef):
                found |= {f"{name}.{member}" for inner in node.body for member in _bound(inner)}
    return frozenset(found)


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


@pytest.mark.parametrize(("file", "name"), NAMED, ids=str)
def test_what_the_page_names_exists(file: str, name: str) -> None:
    assert (HOUSE / file).exists() or (ROOT / file).exists()
    assert not name or name in names_in(file)


def test_the_page_finds_many_behaviours() -> None:
    assert len(ROWS) > 50
    assert len(NAMED) > 80


@pytest.mark.parametrize("folder", ["tests/tidy", "tests/docs", "tests/judges", "conformance", "bench"])
def test_the_folders_around_the_package_exist(folder: str) -> None:
    assert f"`{folder}" in TEXT
    assert (ROOT / folder).is_dir()
