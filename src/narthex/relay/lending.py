"""Leases for tallies: asked for together, ahead of need where that disturbs nobody, and replaced by something smaller
while whoever keeps the counts is lost.

Knows: how much to ask for, who waits, and what the operator chose for the time without. Refuses to know: which call is
held against which tally (`relay/counting`), and how counts are kept (`ports.Counters`).
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from time import perf_counter

from narthex.limits import (
    lease_ahead_seconds,
    lease_quota_share,
    lease_share,
    lease_share_alone,
    leases_at_once_max,
    quota_calls_ahead_max,
    quota_calls_ahead_min,
    shared_beat_seconds,
    shared_retry_seconds_max,
    shared_retry_seconds_min,
)
from narthex.model.limit import MILLI, TICKS_PER_SECOND
from narthex.model.shared import WhenLost
from narthex.policy import gcra
from narthex.policy.tally import Bucket, Purse
from narthex.ports import Counters, CountersLost, Grant, Return, Want
from narthex.telemetry.owned import Owned

_AHEAD = int(lease_ahead_seconds * TICKS_PER_SECOND)

Leased = Bucket | Purse
Say = Callable[[str, str], None]


def ticks() -> int:
    return int(perf_counter() * TICKS_PER_SECOND)


class Lender:
    """One for the gateway. `say(level, sentence)`: a line for the operator."""

    def __init__(self, counters: Counters, when_lost: WhenLost, owned: Owned, say: Say) -> None:
        self._counters, self._when_lost, self._owned, self._say = counters, when_lost, owned, say
        self._pending: dict[Leased, int] = {}  # what is to be asked for -> the thousandths that one call needs
        self._waiting: dict[Leased, list[asyncio.Future[None]]] = {}
        self._returns: list[Return] = []
        self._serving = False
        self._closed = False
        self.lost = False
        self.times_lost = 0
        self.era = 0  # another one whenever the counts may have become less than they were

    @property
    def lets_pass(self) -> bool:
        """Nobody counts, and the operator would rather have it so than refuse calls."""
        return self.lost and self._when_lost == "allow"

    # ---- asking --------------------------------------------------------------------------------------------------

    def ask(self, tally: Leased, need: int) -> None:
        """A lease for this one, as soon as it can be had. Does not wait."""
        if tally.asked or self._closed:
            return
        tally.asked = True
        self._pending[tally] = need
        if not self._serving:
            self._serving = True
            self._owned.start(self._serve(), "leases")

    async def answers(self, tallies: Iterable[Leased]) -> None:
        """Until each of these, which were asked for, got its answer."""
        loop = asyncio.get_running_loop()
        mine = [(tally, loop.create_future()) for tally in tallies if tally.asked]
        for tally, future in mine:
            self._waiting.setdefault(tally, []).append(future)
        try:
            for _, future in mine:
                await future
        except asyncio.CancelledError:
            for tally, future in mine:
                self._nobody_waits(tally, future)
            raise

    def _nobody_waits(self, tally: Leased, future: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(tally, [])
        if future in waiting:
            waiting.remove(future)
        elif type(tally) is Bucket and future.done() and not future.cancelled():
            tally.promised = max(0, tally.promised - 1)

    async def _serve(self) -> None:
        try:
            while self._pending:
                batch = [(tally, self._pending.pop(tally)) for tally in list(self._pending)[:leases_at_once_max]]
                try:
                    await self._lease(batch)
                finally:  # whatever happened: they look again, and find that they may ask again
                    for tally, _ in batch:
                        self._answered(tally)
        finally:
            self._serving = False

    def _answered(self, tally: Leased) -> None:
        tally.asked = False
        for future in self._waiting.pop(tally, ()):
            if not future.done():
                future.set_result(None)

    async def _lease(self, batch: list[tuple[Leased, int]]) -> None:
        if self.lost:
            return  # whoever looks again is served from what there is without
        sent = ticks()
        wants = [self._want(tally, need, sent) for tally, need in batch]
        try:
            grants = await self._counters.lease(wants)
        except CountersLost as lost:
            self._lose(str(lost))
            return
        except Exception as fault:  # whatever breaks here, no call may wait for it, or ask again without end
            self._lose(f"a fault of ours, {type(fault).__name__}.")
            raise
        now = ticks()
        for (tally, _), want, grant in zip(batch, wants, grants, strict=True):
            tally.era = self.era
            if type(tally) is Bucket:
                self._fill(tally, want, grant, sent, now)
            elif type(tally) is Purse and tally.window == want.window:
                _put_in(tally, want, grant)

    def _want(self, tally: Leased, need: int, now: int) -> Want:
        limit, anew = tally.limit, tally.era != self.era
        if type(tally) is Bucket:
            waiting = len(self._waiting.get(tally, ()))
            size = max(1, min(self._share(limit.burst), -(-_AHEAD // limit.interval)))
            tally.low = size // 2 * limit.interval
            floor = max(0, tally.full - now) if anew else 0
            return Want(tally.key, limit, "", max(size, waiting), floor=floor)
        assert type(tally) is Purse
        left = max(0, limit.ceiling - tally.used)
        size = min(left // (lease_quota_share * self._counters.workers), _calls_ahead(tally, now) * max(need, MILLI))
        size -= size % max(1, need)  # whole calls: the rest of one here and of one elsewhere would serve nobody
        tally.low = size // 2
        waiting = len(self._waiting.get(tally, ()))
        floor = tally.used if anew else 0
        return Want(tally.key, limit, tally.window, max(size, need * max(1, waiting)), need, floor, tally.charged)

    def _share(self, burst: int) -> int:
        workers = self._counters.workers
        return burst // (lease_share_alone if workers <= 1 else lease_share * workers)

    def _fill(self, bucket: Bucket, want: Want, grant: Grant, sent: int, now: int) -> None:
        # The slots began to run when the lease was written down, after it was sent: so they end early here, if at all.
        bucket.leased(now, sent + grant.first, grant.amount)
        bucket.promised += min(grant.amount, len(self._waiting.get(bucket, ())))
        bucket.full = max(bucket.full, sent + grant.full)
        if grant.amount < want.amount:
            bucket.blocked = now + max(1, grant.wait)

    # ---- while whoever keeps the counts is lost ------------------------------------------------------------------

    def alone(self, tally: Leased, need: int, now: int) -> None:
        """Decide without the others: this process's part of the limit, if that is what the operator chose."""
        if self._when_lost != "scale":
            return
        workers = max(1, self._counters.workers)
        if type(tally) is Bucket:
            limit = tally.limit
            taken = gcra.take(tally.full, now, limit.interval * workers, max(1, limit.burst // workers), 1)
            tally.full = taken.full
            tally.leased(now, now, taken.calls)
            if not taken.calls:
                tally.blocked = now + taken.wait
        elif type(tally) is Purse:
            own = (tally.limit.ceiling - tally.used) // workers - tally.charged
            if own >= need:
                tally.charged += need
                tally.held += need
            else:
                tally.blocked, tally.wanted = 1, need

    def _lose(self, why: str) -> None:
        if self.lost or self._closed:
            return
        self.lost = True
        self.times_lost += 1
        meanwhile = {
            "scale": "this process lets through its own part of each limit",
            "refuse": "calls with limits are refused",
            "allow": "calls are let through uncounted",
        }[self._when_lost]
        self._say("error", f"The counts of limits are out of reach: {why} Until they are back, {meanwhile}")

    async def run(self) -> None:
        """Keep in touch, and come back. Ends with the gateway."""
        pause = shared_retry_seconds_min
        while not self._closed:
            # Not all processes at once: what comes back weak would be knocked down again.
            await asyncio.sleep(pause * random.uniform(0.75, 1.25) if self.lost else shared_beat_seconds)  # noqa: S311 - no secret
            try:
                if self.lost:
                    await self._counters.start()
                    self._regain()
                    pause = shared_retry_seconds_min
                else:
                    await self._counters.beat()
                    await self._send_back()
            except CountersLost as lost:
                pause = min(pause * 2, shared_retry_seconds_max) if self.lost else shared_retry_seconds_min
                self._lose(str(lost))

    def _regain(self) -> None:
        self.lost = False
        self.era += 1  # what happened here meanwhile is said with the next leases
        self._say("warning", "The counts of limits are back")

    async def start(self) -> None:
        """Begin, with or without whoever keeps the counts."""
        try:
            await self._counters.start()
        except CountersLost as lost:
            self._lose(str(lost))
        if self._counters.remark:
            self._say("warning", self._counters.remark)
        self._owned.start(self.run(), "counters")

    # ---- giving back ---------------------------------------------------------------------------------------------

    def give_back(self, tally: Leased, now: int) -> None:
        """This tally is over: what it has in hand goes back with the next beat."""
        if type(tally) is Bucket:
            count = tally.left(now)
        else:
            assert type(tally) is Purse
            count, tally.held = tally.held - tally.charged, 0
        if count and not self.lost:
            window = tally.window if type(tally) is Purse else ""
            self._returns.append(Return(tally.key, tally.limit, window, count))

    async def _send_back(self) -> None:
        returns, self._returns = self._returns, []
        for place in range(0, len(returns), leases_at_once_max):
            await self._counters.give_back(returns[place : place + leases_at_once_max])

    async def aclose(self) -> None:
        """A clean end: nothing stays leased that was not spent."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self.lost:
                await self._send_back()
        except CountersLost as lost:
            self._lose(str(lost))
        await self._counters.aclose()


def _calls_ahead(purse: Purse, now: int) -> int:
    """For so many calls the next lease is to be: twice as many as the last, where that lasted less than a second."""
    spent_soon = now - purse.leased_at < TICKS_PER_SECOND
    purse.leased_at = now
    ahead = purse.ahead * 2 if spent_soon else purse.ahead // 2
    purse.ahead = min(max(ahead, quota_calls_ahead_min), quota_calls_ahead_max)
    return purse.ahead


def _put_in(purse: Purse, want: Want, grant: Grant) -> None:
    purse.charged -= want.charge
    purse.used, purse.known = grant.full, True
    purse.held += grant.amount
    purse.blocked = int(grant.amount < want.need)
    purse.wanted = want.need
