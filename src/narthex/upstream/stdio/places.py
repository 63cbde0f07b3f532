"""Places for those that are starting: so many at once, the others in the order in which they came.

Knows: how many, and for how long one may keep a place. Refuses to know: what starts.
"""

import asyncio
from collections import deque

from narthex.limits import place_seconds_max


class Places:
    """`resize` may come at any time: more places are handed out at once, fewer when enough were given back."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[Place]] = deque()

    async def take(self) -> "Place":
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._hand_out()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.result().give_back()  # it came in the same moment
            raise

    def resize(self, count: int) -> None:
        self._count = count
        self._hand_out()

    def freed(self) -> None:
        self._taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self._count:
            future = self._waiting.popleft()
            if not future.done():
                self._taken += 1
                future.set_result(Place(self))


class Place:
    """Given back once, by whoever comes first: the one who has it, or the clock."""

    def __init__(self, places: Places) -> None:
        self._places: Places | None = places
        self._timer = asyncio.get_running_loop().call_later(place_seconds_max, self.give_back)

    def give_back(self) -> None:
        if self._places is not None:
            self._timer.cancel()
            places, self._places = self._places, None
            places.freed()
