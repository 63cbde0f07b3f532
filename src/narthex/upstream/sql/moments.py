"""What a moment or a stretch of time is for a database: with a zone or without, a date, or seconds since 1970.

Knows: the four manners. Refuses to know: texts.
"""

from datetime import date, datetime, timedelta
from typing import Literal

from narthex.upstream.sql.time_range import NotATimeRange, TimeRange

Manner = Literal["timestamp", "local", "date", "epoch"]
Moment = datetime | date | float


def moment(value: datetime, manner: Manner) -> Moment:
    if manner == "epoch":
        return value.timestamp()
    if manner == "local":
        return value.replace(tzinfo=None)
    return value if manner == "timestamp" else value.date()


def bounds(found: TimeRange, manner: Manner, *, until_now: bool) -> tuple[Moment, Moment]:
    """The first that belongs to it, and the first that no longer does. Raises NotATimeRange.

    As dates, the time until now is whole days, and today is the last of them: a column of dates knows no hours.
    """
    if manner != "date":
        return moment(found.start, manner), moment(found.end, manner)
    if until_now:
        if found.end - found.start < timedelta(days=1):
            raise NotATimeRange("only whole days are known here")
        return found.start.date() + timedelta(days=1), found.end.date() + timedelta(days=1)
    if any(side.timetz().replace(tzinfo=None) != datetime.min.time() for side in found):
        raise NotATimeRange("only whole days are known here")
    return found.start.date(), found.end.date()
