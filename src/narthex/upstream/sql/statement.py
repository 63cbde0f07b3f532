"""A statement with `:name` in it, found by the dialect's own reading of strings and comments.

Knows: where parameters stand, and how each driver wants them written. Refuses to know: values. The operator's text is
kept as it was written; only the places of its parameters are replaced, once, while the configuration is read.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from narthex.limits import sql_text_bytes_max
from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.faults import SqlConfigError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Signs that a driver would take for parameters of its own. PostgreSQL has operators that begin with '?'.
_FOREIGN = {
    "postgres": re.compile(r"\$[0-9]"),
    "duckdb": re.compile(r"\?|\$[A-Za-z0-9_]"),
    "sqlite": re.compile(r"\?|[$@#][A-Za-z0-9_]"),
    "mysql": re.compile(r"\?"),
}


class Statement(NamedTuple):
    """Text for one driver, and the parameters in the order in which it wants their values."""

    text: str
    names: tuple[str, ...]


class Written(NamedTuple):
    """The operator's text cut at its parameters: text, name, text, name, … text."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    def with_identifiers(self, chosen: Mapping[str, str]) -> "Written":
        """The same, with names of columns or tables (already quoted) where some parameters stood."""
        texts, names = [self.texts[0]], list[str]()
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if name in chosen:
                texts[-1] += chosen[name] + text
            else:
                names.append(name)
                texts.append(text)
        return Written(tuple(texts), tuple(names))

    def named(self, dialect: Dialect) -> str:
        """For those who read it: the parameters by their names, in the dialect's own manner."""
        mark = "$" if dialect == "duckdb" else ":"  # in DuckDB, `a: b` is a name for `b`
        named = (f"{mark}{name}{text}" for name, text in zip(self.names, self.texts[1:], strict=True))
        return self.texts[0] + "".join(named)

    def rendered(self, dialect: Dialect) -> Statement:
        if dialect in ("mysql", "sqlite"):  # one mark for each place
            return Statement("?".join(self.texts), self.names)
        order = tuple(dict.fromkeys(self.names))
        marks = {name: f"${place}" for place, name in enumerate(order, 1)}
        rest = "".join(marks[name] + text for name, text in zip(self.names, self.texts[1:], strict=True))
        return Statement(self.texts[0] + rest, order)


def read(sql: str, dialect: Dialect) -> Written:
    """Raises SqlConfigError for a text that cannot be read, or that holds parameters in a driver's own manner."""
    if len(sql.encode("utf-8")) > sql_text_bytes_max or "\0" in sql:
        raise SqlConfigError(f"the statement is longer than {sql_text_bytes_max} bytes, or holds a NUL")
    tokens = _tokens(sql, dialect)
    texts, names, at = list[str](), list[str](), 0
    for place, (kind, start, end) in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if kind == "COLON" and following is not None and following[1] == end + 1:
            name = _NAME.fullmatch(sql, following[1], following[2] + 1)
            if name is not None:
                texts.append(sql[at:start])
                names.append(name.group())
                at = following[2] + 1
    texts.append(sql[at:])
    return Written(tuple(texts), tuple(names))


def _tokens(sql: str, dialect: Dialect) -> list[tuple[str, int, int]]:
    """Kind, first and last place of each; comments are none."""
    from sqlglot import Dialect as Sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tokens = Sqlglot.get_or_raise(dialect).tokenize(sql)
    except SqlglotError as fault:
        raise SqlConfigError(f"the statement cannot be read: {' '.join(str(fault).split())[:200]}") from None
    found = [(token.token_type.name, token.start, token.end) for token in tokens]
    for kind, start, _end in found:
        if kind in ("PLACEHOLDER", "PARAMETER", "VAR") and (mark := _FOREIGN[dialect].match(sql, start)):
            raise SqlConfigError(f"the statement holds '{mark.group()}'", "Write parameters as ':name'.")
    return found
