"""Days and months, as quotas know them.

Knows: time zones and their midnights. Refuses to know: what is counted in them.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from narthex.model.limit import Window


class Span(NamedTuple):
    """One day or month of one place of the world."""

    label: str  # "2026-11-23", "2026-11"
    begins: float  # seconds since the epoch
    ends: float


def span_of(window: Window, zone: str, wall: float) -> Span:
    """The window in which this moment lies."""
    where: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
    midnight = datetime.fromtimestamp(wall, where).replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "month":
        first = midnight.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        return Span(f"{first:%Y-%m}", first.timestamp(), after.timestamp())
    return Span(f"{midnight:%Y-%m-%d}", midnight.timestamp(), (midnight + timedelta(days=1)).timestamp())
