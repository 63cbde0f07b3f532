"""How many calls are under way at one server at one time, and who waits for a place (a bulkhead).

Knows: places, and one short row for each line of the configuration that sets them. Refuses to know: what the calls do.
"""

import asyncio
from collections import deque
from math import ceil

from narthex.model.deadline import Deadline
from narthex.model.outcome import Denial, UpstreamFault
from narthex.model.rules.resilience import Bulkhead
from narthex.model.settled import Sending


class Withheld(UpstreamFault):
    """The call was let in, and is not sent after all: `denial` is the answer."""

    def __init__(self, server: str, denial: Denial) -> None:
        super().__init__(server, denial.reason, denial.message)
        self.denial = denial


class Room:
    """The places of one line of the configuration. Whoever enters leaves, once."""

    __slots__ = ("_loop", "_row", "inside", "refused", "rule", "server")

    def __init__(self, server: str, rule: Bulkhead) -> None:
        self.server, self.rule = server, rule
        self.inside = 0
        self.refused = 0
        self._row: deque[asyncio.Future[None]] = deque()
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        return len(self._row)

    def enter_at_once(self) -> bool:
        """Nobody goes before those who wait."""
        if self.inside >= self.rule.concurrent or self._row:
            return False
        self.inside += 1
        return True

    async def enter(self, deadline: Deadline) -> None:
        """Wait for a place, in the order in which they came, and not for long. Raises `Withheld`."""
        if self.enter_at_once():
            return
        if len(self._row) >= self.rule.waiting:
            raise self._full()
        turn: asyncio.Future[None] = self._loop.create_future()
        self._row.append(turn)
        try:
            async with asyncio.timeout_at(min(self._loop.time() + self.rule.wait_seconds, deadline.at)):
                await turn
        except TimeoutError:
            if not _given(turn):
                self._row.remove(turn)
                raise self._full() from None
        except BaseException:
            if _given(turn):
                self.leave()
            else:
                self._row.remove(turn)
            raise

    def leave(self) -> None:
        """The place goes to whoever has waited longest, unless there are fewer places by now."""
        while self._row and self.inside <= self.rule.concurrent:
            turn = self._row.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1

    def _full(self) -> Withheld:
        self.refused += 1
        seconds = max(1, ceil(self.rule.wait_seconds))
        message = (
            f"The server '{self.server}' is busy: {self.inside} calls are under way, as many as may be at one time, "
            f"and {self.waiting} wait for a place. Nothing was done. Retry in {seconds} second{'s' * (seconds != 1)}."
        )
        data = {"concurrent": self.rule.concurrent, "waiting": self.waiting, "retry_after_ms": seconds * 1_000}
        return Withheld(self.server, Denial("bulkhead", "server_busy", message, data))


class Rooms:
    """Those of one server, by the line that sets them."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._rooms: dict[str, Room] = {}

    def of(self, sending: Sending) -> Room:
        """The room of a rule that has a bulkhead, as it is written now."""
        rule = sending.bulkhead
        assert rule is not None, "only who has one asks"
        room = self._rooms.get(sending.place)
        if room is None:
            room = self._rooms[sending.place] = Room(self._server, rule)
        elif room.rule is not rule:
            room.rule = rule
        return room

    @property
    def inside(self) -> int:
        return sum(room.inside for room in self._rooms.values())

    @property
    def waiting(self) -> int:
        return sum(room.waiting for room in self._rooms.values())

    @property
    def refused(self) -> int:
        return sum(room.refused for room in self._rooms.values())


def _given(turn: "asyncio.Future[None]") -> bool:
    """It was our turn in the very moment in which we left."""
    return turn.done() and not turn.cancelled()
