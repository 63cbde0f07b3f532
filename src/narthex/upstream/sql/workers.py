"""Drivers that block, kept off the event loop: a bounded number of threads, and a way to stop what runs in one.

Knows: what is at work, and what was given up. Refuses to know: databases.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from narthex.libraries.threads import Threads
from narthex.limits import sql_cancel_seconds_max

T = TypeVar("T")
_LOOK_SECONDS = 0.02  # between two looks whether it has obeyed


class Stuck(Exception):
    """It was told to stop and did not: its thread is lost for as long as it runs."""


class Workers:
    """One thread per connection at most. They are daemons: one that is stuck keeps no process from ending."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = Threads(name, threads)
        self._making: set[_Task[Any]] = set()

    async def run(self, work: Callable[[], T], interrupt: Callable[[], None]) -> T:
        """The result of `work`. Cancelled, it interrupts, and waits for the end that this brings. Raises Stuck."""
        task = _Task(work)
        try:
            found: T = await self._threads.run(task.do)
            return found
        except asyncio.CancelledError:
            task.given_up = True
            if task.at_work:
                await self._stop(task, interrupt)
            raise

    async def get(self, make: Callable[[], T], drop: Callable[[T], None]) -> T:
        """What `make` makes. Cancelled, nobody waits: what comes too late is dropped where it was made."""
        task = _Task(make, drop)
        self._making.add(task)
        try:
            found: T = await self._threads.run(task.do)
            return found
        except asyncio.CancelledError:
            task.given_up = True
            raise
        finally:
            self._making = {one for one in self._making if not one.over}

    async def settled(self) -> None:
        """Wait until nothing is being made any more. A process that ends while a driver opens a file may be aborted."""
        while not all(one.over for one in self._making):  # noqa: ASYNC110 - it ends in another thread
            await asyncio.sleep(_LOOK_SECONDS)

    async def _stop(self, task: "_Task[Any]", interrupt: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + sql_cancel_seconds_max
        while loop.time() < until:
            # Cancelled again, it still waits: its connection is nobody else's before the work has ended.
            with suppress(asyncio.CancelledError):
                # More than once: what is told to stop a moment before it begins has not heard it.
                await _beside(interrupt, until - loop.time())
                await asyncio.sleep(_LOOK_SECONDS)
            if task.ended:
                return
        raise Stuck


class _Task(Generic[T]):
    """What both threads know of one piece of work. Each writes its own word before it reads the other's."""

    __slots__ = ("_drop", "_work", "begun", "ended", "given_up")

    def __init__(self, work: Callable[[], T], drop: Callable[[T], None] | None = None) -> None:
        self._work, self._drop = work, drop
        self.begun = self.ended = self.given_up = False

    @property
    def at_work(self) -> bool:
        return self.begun and not self.ended

    @property
    def over(self) -> bool:
        """Ended, or never to begin."""
        return self.ended or (self.given_up and not self.begun)

    def do(self) -> T | None:
        self.begun = True
        try:
            if self.given_up:
                return None
            made = self._work()
            if self.given_up and self._drop is not None:
                self._drop(made)
            return made
        finally:
            self.ended = True


_interrupting = Threads("sql-interrupt")


async def _beside(interrupt: Callable[[], None], seconds: float) -> None:
    """Telling a database to stop may itself take long."""
    try:
        async with asyncio.timeout(seconds):
            await _interrupting.run(interrupt)
    except TimeoutError:
        return
