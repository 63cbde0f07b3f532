"""The clock of a pool: one tick serves every deadline, so that a call needs no timer of its own.

Knows: what time it is, roughly. Refuses to know: what happens to those whose time is up.
"""

import asyncio
from typing import TYPE_CHECKING

from narthex.limits import sweep_seconds, upstream_idle_connection_seconds_max, upstream_idle_probe_seconds
from narthex.model.deadline import moment_of
from narthex.upstream.http.fault import PoolFull

if TYPE_CHECKING:
    from narthex.upstream.http.pool import Pool


class Sweep:
    """Ticks while something is in flight, sleeps until the next idle connection is too old, else stands still.

    `now` lags behind by at most one tick while it runs; it is good enough for everything a pool decides.
    """

    __slots__ = ("_handle", "_pool", "fresh_since", "now", "running")

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._handle: asyncio.TimerHandle | None = None
        self.running = False
        self.now = 0.0
        self.fresh_since = 0.0

    def start(self) -> None:
        """Called by whoever begins something while `running` is false."""
        loop = self._pool.loop = asyncio.get_running_loop()
        if self._handle is not None:
            self._handle.cancel()
        self._read_clock(loop)
        self.running = True
        self._handle = loop.call_later(sweep_seconds, self._tick)

    def stop(self) -> None:
        self.running = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _read_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = loop.time()
        self.fresh_since = self.now - upstream_idle_probe_seconds

    def _tick(self) -> None:
        pool = self._pool
        self._read_clock(pool.loop)
        wanted = self._expire_waiters()
        for connection in list(pool.connections):
            wanted |= connection.tick(self.now)
        self._close_idle()
        self.running = wanted and not pool.closed
        if self.running:
            self._handle = pool.loop.call_later(sweep_seconds, self._tick)
        elif pool.idle:
            oldest = pool.idle[0].idle_since + upstream_idle_connection_seconds_max
            self._handle = pool.loop.call_later(max(oldest - self.now, sweep_seconds), self._tick)
        else:
            self._handle = None

    def _expire_waiters(self) -> bool:
        pool = self._pool
        for waiter in [waiter for waiter in pool.waiters if moment_of(waiter.deadline) <= self.now]:
            pool.waiters.remove(waiter)
            if not waiter.future.done():
                waiter.future.set_exception(PoolFull(f"{pool.origin}: no connection became free in time"))
        return bool(pool.waiters)

    def _close_idle(self) -> None:
        """The list is ordered by age: the oldest is first."""
        idle = self._pool.idle
        while idle and self.now - idle[0].idle_since >= upstream_idle_connection_seconds_max:
            idle[0].close()
