"""What a docstring says of a function, and of each of its parameters.

Knows: the three usual manners (Google, NumPy, Sphinx). Refuses to know: signatures.
"""

import inspect
import re
from typing import NamedTuple

_ENDS = re.compile(
    r"^(args|arguments|parameters|params|returns?|raises|yields|examples?|notes?|see also|attributes|warnings?"
    r"|references)\s*:?\s*$",
    re.IGNORECASE,
)
_ABOUT = ("args", "arguments", "parameters", "params")
_SPHINX = re.compile(r"^:(?:param|parameter|arg)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_FIELD = re.compile(r"^:\w+.*:")
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+)\s*(?::.*)?$")
_UNDERLINE = re.compile(r"^[-=]{3,}\s*$")


class Docstring(NamedTuple):
    text: str  # what it is for, without the sections
    parameters: dict[str, str]


def read(text: str | None) -> Docstring:
    lines = inspect.cleandoc(text or "").splitlines()
    said: list[str] = []
    parameters: dict[str, str] = {}
    place, section = 0, ""
    while place < len(lines):
        line = lines[place]
        underlined = place + 1 < len(lines) and _UNDERLINE.match(lines[place + 1]) is not None
        if _ENDS.match(line) and (underlined or line.rstrip().endswith(":")):
            section = line.strip().rstrip(":").lower()
            place += 2 if underlined else 1
            if section in _ABOUT:
                place = _parameters(lines, place, parameters, numpy=underlined)
            continue
        if _FIELD.match(line):
            section = ":"
            place = _sphinx(lines, place, parameters)
            continue
        if not section:
            said.append(line)
        place += 1
    return Docstring("\n".join(said).strip(), parameters)


def _parameters(lines: list[str], place: int, found: dict[str, str], *, numpy: bool) -> int:
    """The entries of a section, up to the next section or the margin."""
    margin = None
    name = ""
    while place < len(lines):
        line = lines[place]
        indent = len(line) - len(line.lstrip())
        at_end = _ENDS.match(line) is not None and indent == 0
        if at_end or (line.strip() and not numpy and indent == 0):
            return place
        if line.strip():
            margin = indent if margin is None else margin
            entry = (_NUMPY if numpy else _GOOGLE).match(line.strip()) if indent <= margin else None
            if entry:
                name = entry[1]
                found[name] = "" if numpy else entry[2]
            elif name:
                found[name] = f"{found[name]} {line.strip()}".strip()
        place += 1
    return place


def _sphinx(lines: list[str], place: int, found: dict[str, str]) -> int:
    entry = _SPHINX.match(lines[place])
    name = entry[1] if entry else ""
    if entry:
        found[name] = entry[2]
    place += 1
    while place < len(lines) and lines[place].startswith((" ", "\t")):
        if name:
            found[name] = f"{found[name]} {lines[place].strip()}".strip()
        place += 1
    return place
