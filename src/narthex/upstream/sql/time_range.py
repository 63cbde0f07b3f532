"""A stretch of time in words: `2026-01/2026-03`, `2026-Q1`, `7d`, `PT1H`, ISO 8601 intervals.

Knows: calendars. Refuses to know: what time it is (that is handed in) and columns. Every stretch has a first moment
and an end that no longer belongs to it; of two dates or months the second is included, as people mean it.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from narthex.limits import sql_years_max

WORDS = (
    "A stretch of time: a year, quarter, month, week or day (2026, 2026-Q1, 2026-01, 2026-W05, 2026-01-31); two of "
    "them with a slash, both included (2026-01/2026-03); the time until now (15m, 1h, 7d, 4w, 3mo, 1y); or an ISO 8601 "
    "interval (2026-01-01T00:00Z/PT6H)."
)
TEXT_CHARS_MAX = 80
_AGO = re.compile(r"(\d{1,6})\s?(s|m|min|h|d|w|mo|y)", re.ASCII)
_ISO = re.compile(
    r"P(?=.)(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?",
    re.ASCII,
)
_PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|W(\d\d)|(\d\d)(?:-(\d\d))?))?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeRange(NamedTuple):
    start: datetime
    end: datetime  # excluded


class Length(NamedTuple):
    months: int
    days: timedelta  # by the calendar: a day has 23 hours when clocks go forward
    rest: timedelta  # by the clock


class NotATimeRange(ValueError):
    """The text is for the model."""


def read(text: str, now: datetime, zone: tzinfo = UTC) -> TimeRange:
    """In `zone`, which also is that of moments that name none. Raises NotATimeRange."""
    text = text.strip()
    if len(text) > TEXT_CHARS_MAX:
        raise NotATimeRange("it is too long")
    try:
        found = TimeRange(*(side.astimezone(zone) for side in _read(text, now.astimezone(zone), zone)))
        years = found.end.year - found.start.year
    except (ValueError, OverflowError) as fault:
        said = str(fault) if isinstance(fault, NotATimeRange) else "it is no stretch of time that calendars know"
        raise NotATimeRange(said) from None
    if found.end.timestamp() <= found.start.timestamp():
        raise NotATimeRange("it ends before it begins")
    if years > sql_years_max:
        raise NotATimeRange(f"it is longer than {sql_years_max} years")
    if found.end <= found.start:
        # Clocks were set back in between. Columns without a zone cannot tell the two hours apart: both, not neither.
        return TimeRange(found.end - timedelta(seconds=found.end.timestamp() - found.start.timestamp()), found.end)
    return found


def until_now(text: str) -> bool:
    return _length(text.strip()) is not None


def _read(text: str, now: datetime, zone: tzinfo) -> TimeRange:
    first, slash, second = text.partition("/")
    if not slash:
        length = _length(text)
        return _period(text, zone) if length is None else TimeRange(_moved(now, length, -1), now)
    if "/" in second:
        raise NotATimeRange("it has more than one slash")
    before, after = _length(first), _length(second)
    if before is not None and after is not None:
        raise NotATimeRange("one side of the slash must be a moment")
    if after is not None:
        start = _moment(first, zone).start
        return TimeRange(start, _moved(start, after, 1))
    end = _moment(second, zone).end
    return TimeRange(_moment(first, zone).start if before is None else _moved(end, before, -1), end)


def _length(text: str) -> Length | None:
    ago = _AGO.fullmatch(text)
    if ago is not None:
        number, unit = int(ago[1]), ago[2]
        if unit in ("mo", "y"):
            return Length(number * (12 if unit == "y" else 1), timedelta(), timedelta())
        length = timedelta(**{_UNITS[unit]: number})
        return Length(0, length, timedelta()) if unit in ("d", "w") else Length(0, timedelta(), length)
    iso = _ISO.fullmatch(text)
    if iso is None:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
    rest = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Length(12 * years + months, timedelta(weeks=weeks, days=days), rest)


def _moment(text: str, zone: tzinfo) -> TimeRange:
    """A moment is a stretch without length; a day or month is all of itself."""
    if "T" not in text and " " not in text:
        return _period(text, zone)
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return TimeRange(moment, moment)


def _period(text: str, zone: tzinfo) -> TimeRange:
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise NotATimeRange("it is in no form that is known here")
    year, quarter, week, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None
    if quarter is not None:
        first = date(year, 3 * quarter - 2, 1)
        return _days(first, _months_on(first, 3), zone)
    if week is not None:
        first = date.fromisocalendar(year, week, 1)
        return _days(first, first + timedelta(7), zone)
    if day is not None and month is not None:
        first = date(year, month, day)
        return _days(first, first + timedelta(1), zone)
    first = date(year, month or 1, 1)
    return _days(first, _months_on(first, 12 if month is None else 1), zone)


def _days(first: date, after: date, zone: tzinfo) -> TimeRange:
    midnight = datetime.min.time()
    return TimeRange(datetime.combine(first, midnight, zone), datetime.combine(after, midnight, zone))


def _moved(moment: datetime, length: Length, sign: int) -> datetime:
    day = _months_on(moment.date(), sign * length.months) + sign * length.days
    there = datetime.combine(day, moment.timetz())
    return (there.astimezone(UTC) + sign * length.rest).astimezone(moment.tzinfo)


def _months_on(day: date, months: int) -> date:
    """The same day of another month, or the last one that it has."""
    whole = 12 * day.year + day.month - 1 + months
    year, month = divmod(whole, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            if not 1 <= year <= 9999:
                raise
    return date(year, month + 1, day.day)
