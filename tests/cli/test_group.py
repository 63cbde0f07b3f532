"""The command line as a whole: quick, lazy, and kind to a first mistake."""

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from command_line import run
from generate_cli import PAGE, made

import narthex
from narthex.cli.group import VERBS


def test_the_page_of_the_command_line_is_what_help_says() -> None:
    assert made() == PAGE.read_text("utf-8"), "run: python tests/cli/generate_cli.py"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_table_says_what_the_command_says_first(verb: tuple[str, str, str]) -> None:
    module, _, attribute = verb[1].partition(":")
    command = getattr(import_module(module), attribute)

    assert command.name == verb[0]
    assert " ".join((command.help or "").split("\n\n")[0].split()) == verb[2]


def test_help_imports_no_command_and_is_quick() -> None:
    program = (
        "import sys\nfrom narthex.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted(n for n in sys.modules if n.startswith('narthex')), file=sys.stderr)"
    )
    arguments = [sys.executable, "-c", program, "--help"]
    took = []
    for _ in range(5):
        started = time.monotonic()
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        took.append(time.monotonic() - started)

    assert done.stderr.strip() == "['narthex', 'narthex.cli', 'narthex.cli.group']"
    assert min(took) < 0.5  # 0.06 s on an idle machine; the promise is 0.15


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("chek",), "Did you mean 'narthex check'?"),
        (("narthex.yaml",), "To serve that file: narthex serve narthex.yaml"),
        (("quux",), "'narthex --help' lists the commands."),
        (("check", "--jsn"), "--json"),
        (("connect", "claude"), "claude-desktop"),
    ],
)
def test_a_wrong_word_gets_a_suggestion(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    ran = run(*arguments, home=tmp_path)

    assert ran.code == 2
    assert expected in ran.err


def test_versions(tmp_path: Path) -> None:
    assert narthex.__version__ in run("--version", home=tmp_path).out
    assert narthex.__version__ in run("version", home=tmp_path).out
    assert '"2026-07-28"' in run("version", "--json", home=tmp_path).out
