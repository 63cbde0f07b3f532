"""The `envFile` of VS Code and Cursor: NAME=value, a line each.

Knows: comments, `export`, quotes. Refuses to know: references between variables; the editors do not follow them either.
"""

import re

_LINE = re.compile(
    r"""^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^#\n]*?))\s*(?:\s#.*)?$"""
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse_dotenv(text: str) -> dict[str, str]:
    """The variables in `text`; lines that are none are passed over, as the editors do."""
    variables = {}
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, double, single, plain = found.groups()
        if double is not None:
            variables[name] = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape.group(1), escape.group(1)), double)
        else:
            variables[name] = single if single is not None else plain
    return variables
