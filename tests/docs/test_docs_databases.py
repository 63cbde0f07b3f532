"""docs/databases.md, as its reader lives it: the first database is made, the first queries are called."""

import contextlib
import json
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import snippets

PAGE = "docs/databases.md"
TABLES = next(one.text for one in snippets("sql") if one.page == PAGE)
CONFIGURATION = next(one.text for one in snippets("yaml") if one.page == PAGE)
LINES = [line for one in snippets("console") if one.page == PAGE for line in one.text.splitlines()]
CALLS = [(line[2:], LINES[at + 1]) for at, line in enumerate(LINES) if line.startswith("$ narthex call")]


@pytest.mark.parametrize(("command", "printed"), CALLS, ids=[command for command, _ in CALLS])
def test_what_the_page_calls_answers_as_the_page_says(tmp_path: Path, command: str, printed: str) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite")) as found:
        found.executescript(TABLES)
    (tmp_path / "narthex.yaml").write_text(CONFIGURATION, "utf-8")
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=60, env={"HOME": str(tmp_path), "PATH": "/usr/bin"}
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(printed)


def test_the_page_calls_something() -> None:
    assert len(CALLS) == 2
