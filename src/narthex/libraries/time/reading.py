"""From what somebody wrote to a moment.

Knows: ISO 8601, the dates of mail and of HTTP, seconds since 1970, and a few words. Refuses to guess: what can be read
in two ways is given back with the question which was meant.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from narthex import ToolError
from narthex.libraries.time.zones import in_zone

text_chars_max = 100
_MILLISECONDS = 100_000_000_000  # seconds from here on would lie beyond the year 5000
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}
_NUMBER = re.compile(r"-?\d{1,16}(\.\d{1,9})?")
_AGO = re.compile(r"(?P<in>in )?(?P<n>\d{1,9}) (?P<unit>second|minute|hour|day|week)s?(?P<ago> ago)?")
_DAY = re.compile(r"(?P<day>today|tomorrow|yesterday)( (at )?(?P<hour>\d{1,2}):(?P<minute>\d{2}))?")
_EITHER = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b.*")
_REMEDY = "Write it as in ISO 8601, like '2026-03-29T14:30+02:00', '2026-03-29 14:30' or '2026-03-29'."


def moment(text: str, where: tzinfo, now: Callable[[], datetime]) -> tuple[datetime, str]:
    """The moment, and what is to be said of it. `where`: the zone of what names none. Raises ToolError."""
    said = " ".join(text.split())
    if _EITHER.fullmatch(said):
        raise ToolError(f"'{said}' can be read with the day first, or with the month first. {_REMEDY}")
    try:
        for read in (_number, _words, _iso, _mail):
            found = read(said, where, now)
            if found is not None:
                return found
    except (ValueError, OverflowError):
        raise ToolError(f"'{said}' has a part that no calendar has. {_REMEDY}") from None
    raise ToolError(f"'{said}' cannot be read as a time. {_REMEDY}")


def _number(said: str, where: tzinfo, _: Callable[[], datetime]) -> tuple[datetime, str] | None:
    if not _NUMBER.fullmatch(said) or re.fullmatch(r"\d{8}", said):  # 20260329 is a day
        return None
    seconds, note = float(said), ""
    if abs(seconds) >= _MILLISECONDS:
        seconds, note = seconds / 1_000, "It was read as milliseconds since 1970."
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), note


def _words(said: str, where: tzinfo, now: Callable[[], datetime]) -> tuple[datetime, str] | None:
    said = said.casefold()
    if said == "now":
        return now(), ""
    if (found := _AGO.fullmatch(said)) and bool(found["in"]) != bool(found["ago"]):
        seconds = int(found["n"]) * _UNITS[found["unit"]]
        return now() + timedelta(seconds=seconds if found["in"] else -seconds), ""
    if not (found := _DAY.fullmatch(said)):
        return None
    day = now().astimezone(where).replace(tzinfo=None) + timedelta(days=_DAYS[found["day"]])
    hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
    return in_zone(day.replace(hour=hour, minute=minute, second=0, microsecond=0), where)


def _iso(said: str, where: tzinfo, _: Callable[[], datetime]) -> tuple[datetime, str] | None:
    if not re.match(r"\d{4}-?(\d|W)", said):
        return None
    found = datetime.fromisoformat(re.sub(r" (?=[+-]\d)", "", said))
    return (found, "") if found.tzinfo is not None else in_zone(found, where)


def _mail(said: str, where: tzinfo, _: Callable[[], datetime]) -> tuple[datetime, str] | None:
    try:
        found = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError):
        return None
    return (found, "") if found.tzinfo is not None else in_zone(found, where)
