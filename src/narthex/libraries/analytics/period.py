"""Stretches of time as ISO 8601 writes them: `2026-01/2026-03`, both ends included.

Knows: years, quarters, months, days. Refuses to know: clocks and zones; a period is made of whole days.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

_PART = r"\d{4}(?:-Q[1-4]|-\d{2}(?:-\d{2})?)?"
FORM = f"^{_PART}(?:/{_PART})?$"


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day until the one that no longer belongs to it."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}/{self.end - timedelta(days=1)}"

    @classmethod
    def of(cls, text: str) -> "Period":
        """Raises ValueError, in words."""
        if not re.fullmatch(FORM, text, re.ASCII):
            raise ValueError("it has another form")
        first, _, last = text.partition("/")
        start, end = _part(first)[0], _part(last or first)[1]
        if start >= end:
            raise ValueError("its end is before its start")
        return cls(start, end)

    def overlaps(self, other: "Period") -> bool:
        return self.start < other.end and other.start < self.end


def _part(text: str) -> tuple[date, date]:
    """The first day of a year, quarter, month or day, and the first one after it."""
    year, *rest = text.split("-")
    if year in ("0000", "9999"):
        raise ValueError("nobody has figures of that year")
    if not rest:
        return date(int(year), 1, 1), date(int(year) + 1, 1, 1)
    if rest[0].startswith("Q"):
        month = 3 * int(rest[0][1]) - 2
        return date(int(year), month, 1), _months_later(int(year), month, 3)
    month = int(rest[0])
    if not 1 <= month <= 12:
        raise ValueError("there is no such month")
    if len(rest) == 1:
        return date(int(year), month, 1), _months_later(int(year), month, 1)
    try:
        day = date(int(year), month, int(rest[1]))
    except ValueError:
        raise ValueError("there is no such day") from None
    return day, day + timedelta(days=1)


def _months_later(year: int, month: int, months: int) -> date:
    years, month = divmod(month - 1 + months, 12)
    return date(year + years, month + 1, 1)
