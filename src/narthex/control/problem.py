"""What is wrong with a configuration: where, what, and what to do about it.

Knows: files, lines, columns, paths inside a document, and how they are printed. Refuses to know: values; a secret
must not reach a problem, so nothing here prints what a key holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `line` and `column` count from 1; 0 means that the whole file is meant."""

    file: str
    line: int
    column: int
    path: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        before = "".join(f"{part}: " for part in (where, self.path) if part)
        return f"{before}{_sentence(self.what)}{' ' + self.remedy if self.remedy else ''}"


class ConfigError(Exception):
    """A configuration that cannot be used, with every problem that was found.

    `sources` are the files that were looked at: a change in any of them is worth another try.
    """

    def __init__(self, problems: Iterable[Problem], sources: Iterable[FilePath] = ()) -> None:
        self.problems = tuple(problems)
        self.sources = tuple(sources)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def spell(path: Path) -> str:
    """`("servers", 2, "env", "A B")` as an operator would write it: `servers[2].env["A B"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(letter.isalnum() or letter in "_-$" for letter in part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
