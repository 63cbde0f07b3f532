"""Where the house rules look: the files of the tree, parsed once."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "narthex"
SILENT = ("wire", "model", "models", "catalog", "policy")
MADE_HERE = {".git", ".venv", ".cache", ".hypothesis", "__pycache__", "node_modules", "dist", "build"}
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".lua", ".svg", ".cfg", ""}


def rooms() -> list[str]:
    """The folders of the package, and the rooms that are one file."""
    folders = [path.name for path in HOUSE.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    files = [path.stem for path in HOUSE.glob("*.py") if not path.stem.startswith("__")]
    return sorted(folders + files)


def modules(*folders: str) -> list[Path]:
    """The Python files below the folders, relative to the tree's root."""
    return sorted(
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not MADE_HERE.intersection(path.parts)
    )


def house_modules() -> list[Path]:
    return modules("src/narthex")


def written_files() -> list[Path]:
    """Every text file that somebody wrote: all but what is made here. (Not asked of git: a tarball has none.)"""
    return sorted(walk(ROOT))


def walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in MADE_HERE and not path.name.endswith((".egg-info", "_cache")):
                yield from walk(path)
        elif path.suffix in TEXT and path.name != ".git":
            yield path.relative_to(ROOT)


@cache
def source(path: Path) -> str:
    return (ROOT / path).read_text("utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(source(path), filename=str(path))


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]


def line(path: Path, number: int) -> str:
    return source(path).splitlines()[number - 1]


def imports(path: Path) -> list[tuple[int, str]]:
    """Every module that a file imports, wherever in it, with the line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
    return found


def links(path: Path) -> list[str]:
    """The targets of a Markdown page's links that point into the tree."""
    prose = re.sub(r"^```.*?^```", "", source(path), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    targets = re.findall(r"\]\(<?([^)\s>]+)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [target for target in targets if not re.match(r"[a-z]+:|#", target)]
