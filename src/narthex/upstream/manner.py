"""The manner in which calls are sent to one server: how many at one time, how often, and whether twice.

Knows: what may be repeated, how much of that there may be, and when a second attempt starts. Refuses to know: how one
attempt is made (`server`).

A call is repeated only where that can do no harm: it never left us, its method only reads, or its tool may be called
twice (`Ask.repeatable`). All repetitions of a server together are a tenth of its calls, so that a server that is in
trouble already is not asked twice as much.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec

from narthex.limits import retries_ahead_max, retry_pause_seconds, retry_share
from narthex.model.client import Sitting
from narthex.model.outcome import Outcome, Result, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import NOBODY, SAFE, Ask
from narthex.upstream.rooms import Rooms, Withheld
from narthex.wire.translate import opened

Once = Callable[[Ask, Sitting | None], Awaitable[Outcome]]
_LOST = ("upstream_lost", "upstream_stream_truncated")


class Budget:
    """How many more calls may be sent a second time."""

    __slots__ = ("_calls", "_left", "refused")

    def __init__(self) -> None:
        self._calls = 0
        self._left = float(retries_ahead_max)
        self.refused = 0

    def take(self, calls: int) -> bool:
        """One more, if there is one. `calls`: how many there were of this server, ever."""
        self._left = min(float(retries_ahead_max), self._left + (calls - self._calls) * retry_share)
        self._calls = calls
        if self._left < 1.0:
            self.refused += 1
            return False
        self._left -= 1.0
        return True


class Manner:
    """One per server. `once(ask, sitting)`: one attempt."""

    def __init__(self, server: str, owned: Owned, once: Once) -> None:
        self._server, self._owned, self._once = server, owned, once
        self._loop = asyncio.get_running_loop()
        self.rooms = Rooms(server)
        self.budget = Budget()
        self.calls = 0
        self.retries = 0
        self.hedges = 0
        self.hedges_won = 0

    async def send(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        """A call about whose sending something is laid down. Raises `UpstreamFault`."""
        sending = ask.sending
        if sending is None or sending.bulkhead is None:
            return await self._hedged(ask, sitting)
        room = self.rooms.of(sending)
        await room.enter(ask.deadline)
        try:
            denial = ask.still() if ask.still is not None else None
            if denial is not None:
                raise Withheld(self._server, denial)
            return await self._hedged(ask, sitting)
        finally:
            room.leave()

    # ---- once more ---------------------------------------------------------------------------------------------

    async def again(
        self, ask: Ask, sitting: Sitting | None, fault: UpstreamFault, once: Once, *, was_well: bool
    ) -> Outcome | None:
        """Another attempt, where that is safe after this fault, and the fault of the last one. None: none was made.

        `was_well`: the server was not known to be in trouble when it was asked first.
        """
        retries = ask.sending.retries if ask.sending is not None else None
        first = fault
        for _ in range(1 if retries is None else retries):
            if not await self._may_repeat(ask, fault, was_well=was_well):
                break
            try:
                return await once(ask, sitting)
            except UpstreamFault as another:
                fault = another
        if fault is not first:
            raise fault
        return None

    async def _may_repeat(self, ask: Ask, fault: UpstreamFault, *, was_well: bool) -> bool:
        """Takes it from the budget, and waits a moment where that helps."""
        unreached = not fault.sent and fault.reason == "upstream_unavailable" and was_well
        if not unreached and not _safe(ask, fault):
            return False
        now = self._loop.time()
        if now + retry_pause_seconds >= ask.deadline.at or not self.budget.take(self.calls):
            return False
        self.retries += 1
        if unreached:
            await asyncio.sleep(retry_pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        return True

    # ---- twice at one time -------------------------------------------------------------------------------------

    async def _hedged(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        after = ask.sending.hedge_after_seconds if ask.sending is not None else None
        if after is None or not ask.reads:
            return await self._once(ask, sitting)
        attempts: list[asyncio.Task[Outcome]] = []
        attempts.append(self._owned.start(_result(self._once(ask, sitting)), f"{self._server}.call"))
        try:
            done, _ = await asyncio.wait(attempts, timeout=after)
            if done or not self.budget.take(self.calls):
                return await attempts[0]
            self.hedges += 1
            second = self._once(_silent(ask), sitting)
            attempts.append(self._owned.start(_result(second), f"{self._server}.hedge"))
            return await self._first_good(*attempts)
        finally:
            for attempt in attempts:
                attempt.cancel()  # the one that is too late; its server is told

    async def _first_good(self, first: "asyncio.Task[Outcome]", second: "asyncio.Task[Outcome]") -> Outcome:
        pending = {first, second}
        while pending:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if first.done() and first.exception() is None:
                break
            if second.done() and second.exception() is None and _is_good(second.result()):
                self.hedges_won += 1
                return await second
        return await first


def _safe(ask: Ask, fault: UpstreamFault) -> bool:
    """Whether sending it again can do no harm."""
    if fault.reason not in _LOST:
        return False
    return not fault.sent or ask.method in SAFE or ask.repeatable


def _silent(ask: Ask) -> Ask:
    """The same call, of which the client hears nothing but the result."""
    return msgspec.structs.replace(ask, client=NOBODY, progress_token=None, log_level=None, gate=None)


def _is_good(outcome: Outcome) -> bool:
    """A silent attempt cannot answer questions: what went wrong in it may go well in the other."""
    return type(outcome) is Result and opened(outcome.members.get("isError")) is not True


async def _result(work: Awaitable[Outcome]) -> Outcome:
    return await work
