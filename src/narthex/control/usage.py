"""What was used, as an operator is shown it: rows with names, for a table, a spreadsheet, or a program.

Knows: days, names of columns, three forms. Refuses to know: how it is summed.
"""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from narthex.store.sums import KEYS, SUMS
from narthex.store.usage import Usage

Row = dict[str, Any]
_NUMBERS = frozenset(SUMS)
_MONTH_CHARS = len("2026-11")


class Period(NamedTuple):
    """From day to day, both included, as ISO dates in UTC."""

    first: str
    last: str

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def period_of(text: str, now: datetime) -> Period:
    """`2026-11-23`, `2026-11`, `today`, `yesterday`, or `30d`: so many days up to today. Raises ValueError."""
    today = now.astimezone(UTC).date()
    if text in ("today", "yesterday"):
        day = today - timedelta(days=text == "yesterday")
        return Period(day.isoformat(), day.isoformat())
    if text.endswith("d") and text[:-1].isdigit() and 0 < int(text[:-1]) <= 36_500:
        return Period((today - timedelta(days=int(text[:-1]) - 1)).isoformat(), today.isoformat())
    if len(text) == _MONTH_CHARS:
        first = date.fromisoformat(f"{text}-01")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return Period(first.isoformat(), last.isoformat())
    return Period(date.fromisoformat(text).isoformat(), date.fromisoformat(text).isoformat())


def rows(usage: Usage, by: Sequence[str], period: Period) -> list[Row]:
    """One for each value of the keys in `by`; costs in units."""
    names = [*(key for key in KEYS if key in by), *SUMS]
    found: list[Row] = [dict(zip(names, row, strict=True)) for row in usage.sums(by, period.first, period.last)]
    for row in found:
        row["cost"] = units(int(row["cost"]))
    return found


def units(thousandths: int) -> float | int:
    return thousandths // 1_000 if thousandths % 1_000 == 0 else thousandths / 1_000


def as_csv(found: Sequence[Row], by: Sequence[str]) -> str:
    out = io.StringIO()
    names = [*(key for key in KEYS if key in by), *SUMS]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in found:
        writer.writerow([row[name] if name in _NUMBERS else _harmless(row[name]) for name in names])
    return out.getvalue()


def as_table(found: Sequence[Row], by: Sequence[str]) -> list[str]:
    """Lines; numbers stand to the right, and a last line has the totals."""
    names = [*(key for key in KEYS if key in by), *SUMS]
    cells = [[_cell(name, row[name]) for name in names] for row in found]
    totals = [f"{sum(row[name] for row in found):,}" if name in _NUMBERS else "" for name in names]
    totals[0] = "all" if names[0] not in _NUMBERS else totals[0]
    lines = [[name.upper().replace("_", " ") for name in names], *cells, *([totals] if len(cells) > 1 else [])]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return [
        "  ".join(_aligned(name, cell, width) for name, cell, width in zip(names, line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cell(name: str, value: Any) -> str:
    return f"{value:,}" if name in _NUMBERS else str(value) or "-"


def _aligned(name: str, cell: str, width: int) -> str:
    return f"{cell:>{width}}" if name in _NUMBERS else f"{cell:<{width}}"


def _harmless(text: str) -> str:
    """What a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
