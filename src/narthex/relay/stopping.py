"""What is stopped, as a running gateway knows it: at most a moment old, in every process that shares the state folder.

Knows: how fresh that knowledge is. Refuses to know: calls (`policy/stopped`), and how a stop is kept (`store/stops`).

No call waits for the disk. One task looks at the state database (some microseconds, in a thread of our own) and reads
the stops anew when anybody has changed one. If it cannot look, every call is refused after `stop_blind_seconds_max`:
its thing may have been stopped meanwhile.
"""

import asyncio
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import NamedTuple

from narthex.limits import stop_blind_seconds_max, stop_look_seconds
from narthex.model.stop import BLIND, KINDS, NO_STOPS, Stop, Stops, Target
from narthex.store.database import Database, Mark
from narthex.store.desk import Desk
from narthex.store.following import Following, Told
from narthex.store.stops import StopStore
from narthex.telemetry.owned import Owned


class Pace(NamedTuple):
    """What no operator sets, and a test may hurry."""

    look_seconds: float = stop_look_seconds
    blind_seconds: float = stop_blind_seconds_max


class _World(NamedTuple):
    """What one look has found."""

    turn: int = 0  # looks in their order: the answer to an earlier one may be heard later
    mark: Mark = (0, 0)
    changes: int = -1
    stops: tuple[Stop, ...] = ()


class Stopping:
    """The stops of one state folder. `on_change(stops)` is called when others hold than before."""

    def __init__(self, folder: Path, owned: Owned, say: Callable[[str, str], None], pace: Pace = Pace()) -> None:
        self.on_change: Callable[[Stops], None] = lambda _stops: None
        self.holding = NO_STOPS
        self._folder, self._owned, self._say, self._pace = folder, owned, say, pace
        self._desk = Desk("stops")
        self._database: Database | None = None
        self._following: asyncio.Task[None] | None = None
        self._world = _World()
        self._seen = _World()  # the same, as the desk knows it

    # Asking, and changing

    def stops(self) -> tuple[Stop, ...]:
        """All that are kept, also those that are over, the oldest first."""
        return self._world.stops

    def counts(self) -> list[tuple[tuple[str, ...], float]]:
        """How many hold, by kind, for the metrics."""
        kinds = [one.target.kind for one in self.holding.all]
        return [((kind,), float(kinds.count(kind))) for kind in KINDS]

    async def stop(self, target: Target, reason: str, by: str, until: float = inf) -> Stop:
        """It holds when this returns. Raises `StopFault`, `StateFault`."""
        return await self._changed(lambda store: store.stop(target, reason, by, until, time.time()))

    async def resume(self, key: int, by: str) -> Stop:
        """Raises `StopFault`, `StateFault`."""
        return await self._changed(lambda store: store.resume(key, by, time.time()))

    async def _changed(self, change: Callable[[StopStore], Stop]) -> Stop:
        database = self._opened()

        def work() -> tuple[Stop, _World]:
            return change(StopStore(database)), self._read(database.mark())

        stop, world = await self._desk.do(work)
        self._adopt(world)
        return stop

    # Living

    async def start(self) -> None:
        """Open the database and read what is stopped. Raises `StateFault`: without that nobody is to be served."""
        self._database = await self._desk.do(lambda: Database(self._folder))
        self._adopt(await self._desk.do(self._look))
        self._following = self._owned.start(self._follow(), "stops")

    async def _follow(self) -> None:
        """Look for changes until cancelled."""
        seconds = self._pace.blind_seconds
        told = Told(
            f"What is stopped cannot be read, and every call is refused from {seconds:g} s on",
            "What is stopped can be read again",
        )
        following = Following(self._desk, self._look, self._adopt, self._say, told)
        await following.run(self._pace.look_seconds, self._beat)

    def _beat(self, unseen_seconds: float) -> None:
        if unseen_seconds > self._pace.blind_seconds:
            self._hold(BLIND)

    async def aclose(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
        database, self._database = self._database, None
        if database is not None:
            await self._desk.do(database.close)
        self._desk.close()

    def _adopt(self, world: _World | None) -> None:
        if world is not None and world.turn > self._world.turn:
            self._world = world
        now = time.time()
        self._hold(Stops(one for one in self._world.stops if one.holds(now)))

    def _hold(self, stops: Stops) -> None:
        before = self.holding
        if stops == before:
            return
        self.holding = stops
        if not stops.blind and not before.blind:
            self._report(before, stops)
        self.on_change(stops)

    def _report(self, before: Stops, after: Stops) -> None:
        """One line for each stop that begins or is over."""
        for one in after.all:
            if one not in before.all:
                until = f"until {one.until_words}" if one.until_words else "until it is resumed"
                why = f": {one.reason}" if one.reason else ""
                self._say("warning", f"Stopped by {one.by or 'nobody known'}, {until}: {one.target}{why}")
        still = {one.id for one in after.all}
        for one in before.all:
            if one.id not in still:
                self._say("info", f"No longer stopped: {one.target}")

    def _look(self) -> _World | None:
        """On the desk: the stops as they are now; None if nothing was written since."""
        database, before = self._opened(), self._seen
        # The mark first: what is written between the two is seen again by the next look.
        mark = database.mark()
        if mark == before.mark:
            return None
        if mark[0] == before.mark[0] and StopStore(database).changes() == before.changes:
            self._seen = before._replace(mark=mark)  # somebody wrote something else
            return None
        return self._read(mark)

    def _read(self, mark: Mark) -> _World:
        store = StopStore(self._opened())
        self._seen = _World(self._seen.turn + 1, mark, store.changes(), tuple(store.stops()))
        return self._seen

    def _opened(self) -> Database:
        assert self._database is not None, "start() has opened it"
        return self._database
