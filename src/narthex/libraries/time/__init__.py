"""The time as tools: now, elsewhere, between two moments, and out of a text. Models cannot count hours.

Knows: clocks and calendars. Refuses to guess: what can be read in two ways is asked back.

    servers:
      - name: time
        python: narthex.libraries.time
        settings: {zone: Europe/Berlin}   # of times that name none; UTC where nothing is said
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any

from msgspec import Meta

from narthex import Context, Library, ToolError
from narthex.libraries.time.reading import moment, text_chars_max
from narthex.libraries.time.zones import zone

library = Library("time", version="1.0.0", title="Time")

zones_max = 20
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Text = Annotated[str, Meta(min_length=1, max_length=text_chars_max, examples=["2026-03-29T14:30", "in 3 hours"])]
Name = Annotated[str, Meta(max_length=64, examples=["Europe/Berlin"])]
Names = Annotated[list[Name], Meta(min_length=1, max_length=zones_max)]


@dataclass(frozen=True, slots=True)
class Clock:
    """What clocks of a zone show at one moment."""

    time: str
    zone: str
    weekday: str
    daylight_saving: bool


@dataclass(frozen=True, slots=True)
class Converted:
    """`note` says what is odd about the time that was given, if anything is."""

    given: Clock
    elsewhere: list[Clock]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """`seconds` is below 0 where `end` is the earlier one."""

    seconds: float
    words: str
    start: str
    end: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    clock: Clock
    utc: str
    unix_seconds: float
    note: str = ""


@library.tool(read_only=True)
def current_time(context: Context, zones: Names | None = None) -> list[Clock]:
    """What time it is, in each of these time zones.

    Args:
        zones: IANA names, like 'America/New_York'.
    """
    now = datetime.now(UTC)
    return [_clock(now, zone(name)) for name in zones or [_usual(context.settings)]]


@library.tool(read_only=True)
def convert_time(time: Text, to: Names, context: Context, from_zone: Name = "") -> Converted:
    """What clocks show in other time zones when they show this here.

    Args:
        time: The time that is known, like '2026-03-29 14:30', 'tomorrow 9:00' or '2026-03-29T12:30Z'.
        to: The zones wanted, as IANA names.
        from_zone: The zone of `time`, where it does not say one itself.
    """
    here = zone(from_zone or _usual(context.settings))
    found, note = _read(time, here)
    return Converted(_clock(found, found.tzinfo or here), [_clock(found, zone(name)) for name in to], note)


@library.tool(read_only=True)
def time_difference(start: Text, context: Context, end: Text = "now", in_zone: Name = "") -> Difference:
    """How long it is from one moment to another.

    Args:
        start: The first moment, like '2026-03-29 14:30', 'yesterday 9:00' or '3 days ago'.
        end: The second one.
        in_zone: The zone of times that do not say one themselves.
    """
    here = zone(in_zone or _usual(context.settings))
    (first, one), (last, other) = _read(start, here), _read(end, here)
    note = " ".join(dict.fromkeys(said for said in (one, other) if said))
    passed = _between(first, last)
    return Difference(passed.total_seconds(), _words(passed), first.isoformat(), last.isoformat(), note)


@library.tool(read_only=True)
def parse_time(text: Text, context: Context, in_zone: Name = "") -> Parsed:
    """Which moment a text means: ISO 8601, the dates of mails, seconds since 1970, 'tomorrow 9:00', '2 hours ago'.

    Args:
        text: The time as it was written.
        in_zone: Its zone, where it does not say one itself.
    """
    here = zone(in_zone or _usual(context.settings))
    found, note = _read(text, here)
    utc = _shown(lambda: found.astimezone(UTC))
    return Parsed(_clock(found, found.tzinfo or here), utc.isoformat(), utc.timestamp(), note)


def _usual(settings: Mapping[str, Any]) -> str:
    return str(settings.get("zone", "UTC"))


def _read(text: str, here: tzinfo) -> tuple[datetime, str]:
    return moment(text, here, lambda: datetime.now(UTC).astimezone(here).replace(microsecond=0))


def _between(first: datetime, last: datetime) -> timedelta:
    """Of two moments of one zone Python takes what clocks show, and so forgets that clocks are set."""
    offsets = [found.utcoffset() or timedelta() for found in (first, last)]
    return last.replace(tzinfo=None) - first.replace(tzinfo=None) - (offsets[1] - offsets[0])


def _clock(found: datetime, where: tzinfo) -> Clock:
    shown = _shown(lambda: found.astimezone(where))
    text = shown.isoformat(timespec="auto" if shown.microsecond else "seconds")
    return Clock(text, str(where), _DAYS[shown.weekday()], bool(shown.dst()))


def _shown(make: Callable[[], datetime]) -> datetime:
    try:
        return make()
    except OverflowError:
        raise ToolError("The time lies at the edge of the calendar. Take one between the years 2 and 9998.") from None


def _words(passed: timedelta) -> str:
    left, parts = abs(passed), []
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(int(left.total_seconds()), size)
        left = timedelta(seconds=rest)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(parts) or "less than a second"
