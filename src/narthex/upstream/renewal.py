"""Something that is done anew from time to time: one run at once, and the soonest of all the times it was asked for.

Knows: when, and whether it runs. Refuses to know: what is done.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from narthex.limits import notice_coalesce_seconds
from narthex.telemetry.owned import Owned


class Renewal:
    __slots__ = ("_at", "_closed", "_loop", "_name", "_owned", "_running", "_timer", "_work")

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], owned: Owned, name: str) -> None:
        self._work, self._owned, self._name = work, owned, name
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0  # when the timer is due
        self._closed = False

    @property
    def running(self) -> bool:
        return self._running is not None and not self._running.done()

    async def now(self) -> None:
        """Wait for the run that is on its way, or for one that starts now."""
        if self._running is None or self._running.done():
            self._running = self._owned.start(self._work(), self._name)
        await asyncio.shield(self._running)

    def soon(self, seconds: float) -> None:
        at = self._loop.time() + seconds
        if self._closed or (self._timer is not None and self._at <= at):
            return
        self.put_off()
        self._timer, self._at = self._loop.call_later(seconds, self._due), at

    def put_off(self) -> None:
        """What was asked for need not be done any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self.running:
            self.soon(notice_coalesce_seconds)  # asked for while it was done: once more
        else:
            self._running = self._owned.start(self._work(), self._name)

    def stop(self) -> None:
        """Never again; what runs is cancelled."""
        self._closed = True
        self.put_off()
        if self._running is not None:
            self._running.cancel()
