"""Rows on their way to a model: named columns, plain values, and a bound that says when it cut.

Knows: how many rows and bytes there may be. Refuses to know: where they come from.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from narthex.limits import sql_columns_max, sql_fetch_bytes, sql_fetch_rows_min
from narthex.upstream.sql.faults import DatabaseFault
from narthex.upstream.sql.values import Convert, plain, weight

Tree = dict[str, Any]


class Column(NamedTuple):
    name: str
    type: str  # in the database's own word; "": it has none


class Rows(NamedTuple):
    columns: Sequence[Column]
    rows: list[Tree]
    truncated: Literal["", "rows", "bytes"] = ""
    changed: int | None = None  # by a statement that writes


class Layout:
    """What all rows of one answer have in common. Whoever knows it beforehand keeps it."""

    __slots__ = ("bytes", "columns", "converts", "names")

    def __init__(self, columns: Sequence[Column], converts: Sequence[Convert] | None = None) -> None:
        if len(columns) > sql_columns_max:
            raise DatabaseFault(f"the query gives {len(columns)} columns; {sql_columns_max} may be")
        self.columns = _told_apart(columns)
        self.names = [column.name for column in self.columns]
        self.converts = converts or [plain] * len(columns)
        self.bytes = 2 + sum(len(name.encode("utf-8", "replace")) + 4 for name in self.names)


class Gathering:
    """Takes rows until it is full."""

    def __init__(self, layout: Layout, rows_max: int, bytes_max: int) -> None:
        self._layout = layout
        self._rows_max, self._bytes_left, self._bytes_max = rows_max, bytes_max, bytes_max
        self._rows: list[Tree] = []
        self._truncated: Literal["", "rows", "bytes"] = ""

    def wanted(self) -> int:
        """How many rows to fetch next: one more than may be, in portions of about the same weight."""
        left = self._rows_max - len(self._rows) + 1
        if not self._rows:
            return min(left, sql_fetch_rows_min)
        each = max(1, (self._bytes_max - self._bytes_left) // len(self._rows))
        return max(1, min(left, sql_fetch_bytes // each))

    def take(self, rows: Iterable[Sequence[Any]]) -> bool:
        """False: it is full, and nothing further is looked at."""
        names, converts, own = self._layout.names, self._layout.converts, self._layout.bytes
        for row in rows:
            if len(self._rows) >= self._rows_max:
                self._truncated = "rows"
                return False
            made = {name: convert(value) for name, convert, value in zip(names, converts, row, strict=True)}
            self._bytes_left -= own + sum(map(weight, made.values()))
            if self._bytes_left < 0:
                self._truncated = "bytes"
                return False
            self._rows.append(made)
        return True

    def done(self, changed: int | None = None) -> Rows:
        return Rows(self._layout.columns, self._rows, self._truncated, changed)


def _told_apart(columns: Sequence[Column]) -> list[Column]:
    """Two columns of one name would be one in an object: the second is called `name_2`."""
    seen: set[str] = set()
    found = []
    for column in columns:
        name, number = column.name or "column", 2
        while name in seen:
            name, number = f"{column.name or 'column'}_{number}", number + 1
        seen.add(name)
        found.append(Column(name, column.type))
    return found
