"""One limit, compiled: what every call that it is about is held against.

Knows: numbers, the words for them, where the operator wrote it, and whose calls it counts together. Refuses to know:
how much of it is used up, and what time it is.

Times are in ticks: whole numbers, so that nothing is lost by adding, and exact as numbers of Lua, too.
"""

from dataclasses import dataclass
from typing import Literal

from narthex.model.rules.rate import Per

TICKS_PER_SECOND = 10_000_000
TICKS_PER_MS = TICKS_PER_SECOND // 1_000
MILLI = 1_000  # quotas count in thousandths: of calls, or of units of cost

Window = Literal["second", "minute", "hour", "day", "month", ""]


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket that fills again (`interval`, `burst`), so many at one time, or so much in a window of the calendar."""

    kind: Literal["rate", "concurrent", "quota"]
    identity: str  # the same in every process and after a restart, as long as the rule says the same
    place: str  # where in the configuration it stands
    words: str  # "30 calls per minute"
    window: Window
    per: Per
    warns: bool
    interval: int = 0  # rate: ticks between two calls in the long run
    burst: int = 0  # rate: calls that a full bucket lets through at once
    ceiling: int = 0  # concurrent: calls; quota: thousandths
    costs: bool = False  # quota: of units of cost, not of calls
    zone: str = "UTC"  # quota: whose calendar


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one call costs, in thousandths of a unit."""

    call: int = MILLI
    kilobyte: int = 0
    row: int = 0


ONE_UNIT = Tariff()
