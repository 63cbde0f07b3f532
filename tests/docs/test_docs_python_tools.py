"""The page about tools in Python does what it says: its files load, its tests pass, its library is served."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import snippets

PAGE = "docs/python-tools.md"
FILES = [one.text for one in snippets("python") if one.page == PAGE]
_NAMED = re.compile(r"# ([\w/]+\.py)\n")
SECONDS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every file of the page, where its first line says it is."""
    for text in FILES:
        named = _NAMED.match(text)
        assert named, text[:60]
        path = tmp_path / named[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_the_tests_of_the_page_pass(folder: Path) -> None:
    (folder / "conftest.py").write_text("")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", str(folder)]
    done = subprocess.run(
        [*command, "--rootdir", str(folder)], cwd=folder, capture_output=True, text=True, timeout=SECONDS
    )

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.parametrize(
    ("target", "tools"),
    [
        ("acme.tools", "weather 1.0: forecast"),
        ("acme.orders", "orders 0.1.0: order"),
        ("agents.sales", "sales 0.1.0: weather, shop_order"),
        ("beside.py", "weather 0.1.0: forecast"),
    ],
)
def test_every_library_of_the_page_can_be_run(folder: Path, target: str, tools: str) -> None:
    command = [sys.executable, "-m", "narthex", "run", target, "--check"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)

    assert done.stdout.strip() == tools, done.stderr


def test_three_lines_put_it_behind_the_gateway(folder: Path) -> None:
    (first, *_) = [one.text for one in snippets("yaml") if one.page == PAGE]
    (folder / "narthex.yaml").write_text(first + "listen: http://127.0.0.1:0\nadmin: {listen: 'http://127.0.0.1:0'}\n")
    command = [sys.executable, "-m", "narthex", "call", "--file", "narthex.yaml", "forecast", "city=Bern", "days=2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)

    assert done.returncode == 0, done.stderr
    assert '"high":5.5' in done.stdout.replace(" ", "")
