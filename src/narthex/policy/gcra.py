"""The law of the bucket: the generic cell rate algorithm (ITU-T I.371), for several calls at a time.

Knows: four whole numbers. Refuses to know: whose bucket it is, where it is kept, and what time it is.

A bucket is one number, its *full* moment: when it will be full if nobody comes. Each call moves that by one interval;
it may not move further than `burst` intervals ahead of now. So each call that was let through owns a slot of the
timeline, `interval` long, and the slots of all calls never overlap.

Calls may be taken ahead of need (a lease). Whoever holds a slot may spend it until the slot begins, and no longer:
from then on the bucket has filled by just that much again. With that, what all holders have together with what the
bucket has never exceeds `burst`, and in any window of time t no more than `burst + t / interval` calls pass, however
many hold slots and whenever they spend them.
"""

from typing import NamedTuple


class Taken(NamedTuple):
    calls: int  # that may pass
    first: int  # where the first of their slots begins; the others follow without a gap
    full: int  # the bucket's full moment, afterwards
    wait: int  # ticks until one more would be let through; 0 if it would be now


def take(full: int, now: int, interval: int, burst: int, want: int) -> Taken:
    """As many of `want` calls as the bucket lets through. `want` 0 only looks."""
    first = max(full, now)
    count = min(want, room(first, now, interval, burst))
    full = first + count * interval
    return Taken(count, first, full, max(0, full - now - (burst - 1) * interval))


def room(full: int, now: int, interval: int, burst: int) -> int:
    """How many calls the bucket would let through now."""
    return max(0, (burst * interval - max(0, full - now)) // interval)


def given_back(full: int, now: int, ticks: int) -> int:
    """The full moment after slots of so many ticks, none of which has begun, came back unspent."""
    return max(min(full, now), full - ticks)
