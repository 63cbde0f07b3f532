"""Time zones by their names.

Knows: what they are called, and what somebody may have meant. Refuses to know: the time.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from narthex import ToolError

suggestions_max = 5


def zone(name: str) -> tzinfo:
    """Raises ToolError, with names that may have been meant."""
    found = _names().get(name.strip().replace(" ", "_").casefold())
    if found is None and name.strip().casefold() == "utc":
        return UTC
    if not _names():
        raise RuntimeError("this machine has no time zones: install its package tzdata, or the one of Python")
    if found is None:
        raise ToolError(f"There is no time zone '{name}'. {_remedy(name)}")
    return ZoneInfo(found)


def in_zone(wall: datetime, where: tzinfo) -> tuple[datetime, str]:
    """A time on the clocks of a zone, and what is odd about it: a clock that is set says some times twice or never."""
    first, second = wall.replace(tzinfo=where, fold=0), wall.replace(tzinfo=where, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first, ""
    if before < after:
        shift = timedelta(seconds=(after - before).total_seconds())
        moved = (wall + shift).replace(tzinfo=where)
        return moved, f"Clocks there were set forward and never showed {wall:%H:%M}; it is read as {moved:%H:%M}."
    return first, f"Clocks there were set back and showed {wall:%H:%M} twice; the first is meant, the second is later."


@lru_cache(1)
def _names() -> dict[str, str]:
    """How it may be spelled, and how it is."""
    return {name.casefold(): name for name in available_timezones()}


def _remedy(name: str) -> str:
    wanted = name.strip().replace(" ", "_").casefold()
    cities = {full.rpartition("/")[2]: full for full in _names()}
    near = [cities[city] for city in get_close_matches(wanted.rpartition("/")[2], cities, suggestions_max, 0.7)]
    near += get_close_matches(wanted, _names(), suggestions_max)
    if not near:
        return "Write one of the IANA names, like 'Europe/Paris' or 'UTC'."
    return f"Perhaps {', '.join(_names()[one] for one in dict.fromkeys(near[:suggestions_max]))}?"
