"""Places for those that are starting: so many at once, the others in the order in which they came.

Knows: how many, and who is slow. Refuses to know: what starts.

There are as many places again for the slow. Who is not done after `place_seconds_max` moves there as soon as there is
room, and so do its next starts, from the beginning: `npx` that installs a package is bounded like everything else, and
those that hang stand in each other's way, and not in that of the others. No place is kept for longer than a start may
take, whatever the layer above does.
"""

import asyncio
from collections import deque

from narthex.limits import place_seconds_max, start_seconds_max


class Row:
    """Places of one kind, handed out in the order of asking."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def ask(self) -> "asyncio.Future[None]":
        """Done when there is a place. It is given back by `freed`, or, before that, by `decline`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._hand_out()
        return future

    def decline(self, asked: "asyncio.Future[None]") -> None:
        if asked.done() and not asked.cancelled():
            self.freed()
        else:
            asked.cancel()

    def freed(self) -> None:
        self._taken -= 1
        self._hand_out()

    def resize(self, count: int) -> None:
        self._count = count
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self._count:
            future = self._waiting.popleft()
            if not future.done():
                self._taken += 1
                future.set_result(None)


class Places:
    """`resize` may come at any time: more places are handed out at once, fewer when enough were given back."""

    def __init__(self, count: int, seconds: float = place_seconds_max) -> None:
        self.seconds = seconds
        self.quick, self.slow = Row(count), Row(count)
        self._known_slow: set[str] = set()

    async def take(self, name: str) -> "Place":
        slow = name in self._known_slow
        row = self.slow if slow else self.quick
        asked = row.ask()
        try:
            await asked
        except asyncio.CancelledError:
            row.decline(asked)  # it may have come in the same moment
            raise
        return Place(self, name, slow=slow)

    def learn(self, name: str, *, slow: bool) -> None:
        """How this one's last start went."""
        if slow:
            self._known_slow.add(name)
        else:
            self._known_slow.discard(name)

    def resize(self, count: int) -> None:
        self.quick.resize(count)
        self.slow.resize(count)


class Place:
    """Given back once, by whoever comes first: the one who has it, or the clock."""

    def __init__(self, places: Places, name: str, *, slow: bool) -> None:
        self._places, self._name = places, name
        self._row: Row | None = places.slow if slow else places.quick
        self._moving: asyncio.Future[None] | None = None
        self._in_time = True
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(places.seconds, self._is_slow),
            loop.call_later(start_seconds_max, self.give_back),
        ]

    def give_back(self) -> None:
        if self._row is None:
            return
        for timer in self._timers:
            timer.cancel()
        self._places.learn(self._name, slow=not self._in_time)
        row, self._row = self._row, None
        if self._moving is not None:
            self._places.slow.decline(self._moving)
        row.freed()

    def _is_slow(self) -> None:
        self._in_time = False
        if self._row is self._places.quick:
            self._moving = self._places.slow.ask()
            self._moving.add_done_callback(self._moved)

    def _moved(self, moving: "asyncio.Future[None]") -> None:
        if self._row is not None and not moving.cancelled():
            self._moving = None
            self._row = self._places.slow
            self._places.quick.freed()
