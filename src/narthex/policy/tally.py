"""What one process may let through of one limit, for one of those it counts apart: asked and spent without waiting.

Knows: slots that were leased, units that were leased, places that are taken. Refuses to know: where leases come from
(that is `relay/counting`).

All answer `look` alike: 0, it may pass; more, so many ticks until it may; `UNKNOWN`, a lease is needed to say.
"""

from narthex.model.limit import MILLI, Limit

UNKNOWN = -1
NOBODY_KNOWS_WHEN = 1  # ticks until a place is free: whenever one of the calls under way ends


class Bucket:
    """Slots of a timeline (`policy/gcra`), held until they begin. Times are the process's own."""

    __slots__ = ("asked", "blocked", "end", "era", "full", "key", "later", "limit", "low", "next", "promised")

    def __init__(self, limit: Limit, key: bytes) -> None:
        self.limit, self.key = limit, key
        self.next = self.end = 0  # slots in hand: where the next begins, and where the last ends
        self.later: list[tuple[int, int]] = []  # further ones
        self.promised = 0  # slots that somebody waited for: good although they have begun
        self.blocked = 0  # until then the answer is known to be no
        self.full = 0  # the full moment of the whole bucket, as it was last heard
        self.asked = False  # a lease is on its way
        self.low = 0  # ticks of slots that are left in hand when the next lease is due
        self.era = 0  # of the counts it was last leased from

    def look(self, now: int, cost: int) -> int:
        if self.next < now and now + self.limit.interval < self.end and not self.promised:
            interval = self.limit.interval  # some of the slots in hand have begun, as usual
            self.next += -(-(now - self.next) // interval) * interval
            return 0
        if self.next >= self.end or (self.next < now and not self.promised):
            self._turn(now)
        if self.next < self.end:
            return 0
        return self.blocked - now if self.blocked > now else UNKNOWN

    def spend(self, cost: int) -> None:
        self.next += self.limit.interval
        if self.promised:
            self.promised -= 1

    def unspend(self, cost: int) -> None:
        """Right after `spend`, at the same moment: it was not sent after all."""
        self.next -= self.limit.interval

    def leased(self, now: int, first: int, count: int) -> None:
        self._turn(now)
        segment = (first, first + count * self.limit.interval)
        if self.next < self.end:
            self.later.append(segment)
        else:
            self.next, self.end = segment

    @property
    def held(self) -> int:
        """Slots in hand, begun or not."""
        return (self.end - self.next + sum(end - first for first, end in self.later)) // self.limit.interval

    def need(self, cost: int) -> int:
        return 1

    def left(self, now: int) -> int:
        """Ticks of slots in hand that have not begun: what could be given back. They are in hand no more."""
        self._turn(now)
        ticks = self.held * self.limit.interval
        self.next = self.end = 0
        self.later = []
        return ticks

    def _turn(self, now: int) -> None:
        """On to the first slot that has not begun; those that have are the bucket's again."""
        interval = self.limit.interval
        while True:
            if self.next < self.end and self.next < now:
                self.next += -(-(now - self.next) // interval) * interval
            if self.next < self.end or not self.later:
                return
            self.next, self.end = self.later.pop(0)


class Purse:
    """Units of one window of the calendar, in thousandths, leased from what the window has."""

    __slots__ = (
        "ahead",
        "asked",
        "blocked",
        "charged",
        "ends",
        "era",
        "held",
        "key",
        "known",
        "leased_at",
        "limit",
        "low",
        "sure_until",
        "used",
        "used_at",
        "wanted",
        "window",
    )

    def __init__(self, limit: Limit, key: bytes) -> None:
        self.limit, self.key = limit, key
        self.window = ""  # "2026-11-23": which window the rest is about
        self.ends = 0  # when it is over
        self.sure_until = 0  # until then nobody has to look which window it is
        self.held = 0  # units in hand
        self.charged = 0  # units spent beyond what was held: known only after the call
        self.used = 0  # of the window by all, as it was last heard
        self.used_at = 0  # when somebody asked last
        self.known = False  # `used` was heard
        self.blocked = 0  # 1: no call of `wanted` units is left in it
        self.wanted = 0
        self.ahead = self.leased_at = 0  # calls that the last lease was for, and when
        self.asked = False
        self.low = 0
        self.era = 0

    def begin(self, window: str) -> None:
        """Another window: nothing of the last one is good in it."""
        self.window = window
        self.held = self.charged = self.used = self.low = self.wanted = self.blocked = 0
        self.known = False
        self.sure_until = 0

    def look(self, now: int, cost: int) -> int:
        need = cost if self.limit.costs else MILLI
        self.used_at = now
        if self.held >= need:
            return 0
        if self.blocked and need >= self.wanted:
            return max(1, self.ends - now)
        return UNKNOWN

    def spend(self, cost: int) -> None:
        self.held -= cost if self.limit.costs else MILLI

    def unspend(self, cost: int) -> None:
        self.held += cost if self.limit.costs else MILLI

    def need(self, cost: int) -> int:
        return cost if self.limit.costs else MILLI

    def charge(self, cost: int) -> None:
        """What a call turned out to cost besides."""
        paid = min(cost, max(0, self.held))
        self.held -= paid
        self.charged += cost - paid


class Places:
    """Calls of one kind under way at one time, in this process."""

    __slots__ = ("key", "limit", "taken")

    def __init__(self, limit: Limit, key: bytes) -> None:
        self.limit, self.key = limit, key
        self.taken = 0

    def look(self, now: int, cost: int) -> int:
        return 0 if self.taken < self.limit.ceiling else NOBODY_KNOWS_WHEN

    def spend(self, cost: int) -> None:
        self.taken += 1

    def unspend(self, cost: int) -> None:
        self.taken -= 1


Tally = Bucket | Purse | Places
