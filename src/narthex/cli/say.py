"""How the verbs speak: to a person, as JSON, and when something is wrong.

Knows: standard output and error, exit codes. Refuses to know: what is said.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import click

from narthex.control.problem import ConfigError, Problem

DONE, NO, WRONG = 0, 1, 2


def print_json(value: Any) -> None:
    """JSON for programs: one document, indented, with every character as it is."""
    # The standard library's, because it prints integers of any size as they came.
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def fail(text: str, code: int = NO) -> NoReturn:
    """Say `text` on standard error and end."""
    click.echo(text, err=True)
    sys.exit(code)


def refuse(error: ConfigError) -> NoReturn:
    """End because of the configuration, with every problem on a line of its own."""
    count = len(error.problems)
    tail = "" if count == 1 else f"\n{count} problems."
    fail("\n".join(str(problem) for problem in error.problems) + tail, WRONG)


def as_trees(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "what": problem.what,
            "remedy": problem.remedy,
        }
        for problem in problems
    ]


def shown(text: str) -> str:
    """Text of a server as a terminal may show it: without the characters a terminal obeys."""
    if not sys.stdout.isatty():
        return text
    return "".join(letter if letter.isprintable() or letter in "\n\t" else f"\\x{ord(letter):02x}" for letter in text)
