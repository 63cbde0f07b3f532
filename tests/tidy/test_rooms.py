"""Who decides may not wait; a room imports only rooms below it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from house import HOUSE, ROOT, SILENT, calls, house_modules, imports, modules, tree

WAITING = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
NOISY = {"asyncio", "anyio", "uvloop", "socket", "ssl", "select", "selectors", "time", "logging", "threading",
         "subprocess", "signal", "sqlite3", "http", "urllib.request", "concurrent"}  # fmt: skip
SILENT_MODULES = modules(*(f"src/narthex/{room}" for room in SILENT))


def test_silent_rooms_never_wait() -> None:
    """Nothing that decides may wait: no async, and so no wait to forget."""
    waits = [
        f"{path}:{node.lineno}" for path in SILENT_MODULES for node in ast.walk(tree(path)) if isinstance(node, WAITING)
    ]

    assert waits == [], "move the waiting to relay"


def test_silent_rooms_know_no_clock_socket_or_logger() -> None:
    noisy = [
        f"{path}:{number}: {name}"
        for path in SILENT_MODULES
        for number, name in imports(path)
        if name in NOISY or name.partition(".")[0] in NOISY
    ]

    assert noisy == [], "what a silent room needs must be handed to it"


def test_silent_rooms_read_no_file_and_no_clock() -> None:
    asked = [
        f"{path}:{call.lineno}"
        for path in SILENT_MODULES
        for call in calls(path)
        if re.fullmatch(r"open|(datetime\.)*(datetime|date)\.(now|utcnow|today)", ast.unparse(call.func))
    ]

    assert asked == [], "what a silent room needs must be handed to it"


def test_a_room_imports_only_rooms_below_it() -> None:
    lint = Path(sys.executable).with_name("lint-imports")

    kept = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert kept.returncode == 0, kept.stdout[-3000:]


def test_every_folder_of_the_house_is_a_room_with_a_name() -> None:
    folders = {path.parent for path in HOUSE.rglob("*.py")}
    nameless = [str(folder) for folder in folders if not (folder / "__init__.py").exists()]

    assert nameless == []


def test_a_library_imports_nothing_of_the_house() -> None:
    """A library is a server like any other: what it could import from us, others would miss.

    All libraries are written with the names of `narthex` itself. Whom a request may reach is written down once: a
    second table of that would be the one that nobody mends.
    """
    allowed = {"narthex", "narthex.wire.reachable"}
    inside = [
        f"{path}:{number}: {name}"
        for path in modules("src/narthex/libraries")
        for number, name in imports(path)
        if name.startswith("narthex") and not name.startswith("narthex.libraries") and name not in allowed
    ]

    assert inside == []


def test_the_tests_mirror_the_rooms() -> None:
    beside = {"spec", "tidy", "docs", "contract", "story", "operation", "hostile", "judges", "bench", "fuzz"}
    beside |= {"conformance", "fixtures", "support"}
    rooms = {path.name for path in HOUSE.iterdir() if path.is_dir()} | {path.stem for path in HOUSE.glob("*.py")}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] not in "._"}

    assert folders - rooms - beside == set()


def test_there_are_modules_to_look_at() -> None:
    assert len(house_modules()) > 10
