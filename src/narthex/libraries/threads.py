"""Functions that wait in their own thread, so that nobody else waits for them.

Knows: so many threads, and a queue. Refuses to know: what the functions do.

Not `concurrent.futures`: its threads are waited for when the process ends, and one function that never returns would
keep the whole gateway from ending; and it wakes a thread for each function, and the event loop for each result. Most
functions are over sooner than a thread is awake, and threads that are awake take the interpreter from each other, and
from the loop. So one thread is woken, after all that came together is in the queue; the next one when somebody has
waited for a moment; and results are told together, when the queue is empty or a moment has passed.
"""

import asyncio
import contextvars
import threading
import weakref
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

THREADS = 16
waiting_max = 256
idle_seconds_max = 30.0
moment_seconds = 0.001
alone_seconds = 0.000_25  # who was at work for so long is told of at once


class Busy(Exception):
    """All threads are at work, and too many functions wait already."""


class Threads:
    """Up to `most` threads, started when needed, and gone when nobody needed them for a while."""

    def __init__(self, name: str, most: int = THREADS) -> None:
        self._name, self._most = name, most
        self._guard = threading.Lock()  # over all that follows
        self._jobs: deque[_Job] = deque()
        self._asleep: list[threading.Lock] = []  # the bell of each thread that waits for work; the last slept last
        self._running = 0
        self._taken = 0.0  # monotonic: when somebody took a job last
        self._desk: Callable[[], _Desk | None] = (
            _nobody  # of the loop that asked last, as long as it waits for something
        )

    async def run(self, function: Callable[[], Any]) -> Any:
        """What it returns, or raises. Cancelled, nobody waits for it any more; one that has not begun never does."""
        loop, desk = asyncio.get_running_loop(), self._desk()
        if desk is None or desk.loop is not loop:
            desk = _Desk(loop)
            self._desk = weakref.ref(desk)  # a thread that sleeps at the end of the process must not keep a loop alive
        job = _Job(function, contextvars.copy_context(), desk, loop.create_future())
        if len(self._jobs) >= waiting_max:
            self._thin()
        self._jobs.append(job)
        if not desk.comes:
            desk.comes = True
            loop.call_soon(self._came, desk)
        return await job.future

    def _thin(self) -> None:
        with self._guard:
            kept = [one for one in self._jobs if not one.future.cancelled()]
            if len(kept) >= waiting_max:
                raise Busy
            self._jobs.clear()
            self._jobs.extend(kept)

    def _came(self, desk: "_Desk") -> None:
        """All that came in one turn of the loop is in the queue."""
        desk.comes = False
        with self._guard:
            idle, waits = len(self._asleep) == self._running, len(self._jobs)
            if waits and (idle or monotonic() - self._taken > moment_seconds):
                self._rouse(1)
        if waits > idle:  # the one that was woken takes the first
            self._look_later(desk)

    def _look_later(self, desk: "_Desk") -> None:
        if not desk.looks:
            desk.looks = True
            desk.loop.call_later(moment_seconds, self._look, desk)

    def _look(self, desk: "_Desk") -> None:
        """A moment later: whatever waits still has a thread of its own, as long as there are any."""
        desk.looks = False  # first: what is over from here on is told by whoever did it
        with self._guard:
            waits = len(self._jobs)
            self._rouse(waits)
        if desk.hear() and waits:
            self._look_later(desk)

    def _rouse(self, count: int) -> None:
        try:
            self._wake(count)
        except RuntimeError as fault:
            while self._jobs:  # whoever gave them is told, so they are not done later
                self._jobs.popleft().fail(fault)

    def _wake(self, count: int) -> None:
        """Raises RuntimeError where the system has no thread for us, and there is none."""
        while count and self._asleep:
            self._asleep.pop().release()
            count -= 1
        for _ in range(min(count, self._most - self._running)):
            thread = threading.Thread(target=self._work, name=f"{self._name}-{self._running + 1}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if self._running:
                    return  # those that there are do it all
                raise
            self._running += 1

    def _work(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        while True:
            if (job := self._next(bell)) is not None:
                self._do(job)
                del job  # what it held is not kept while nothing is to be done
            elif not bell.acquire(timeout=idle_seconds_max) and self._gone(bell):
                return

    def _do(self, job: "_Job") -> None:
        began = self._taken
        job.do()
        desk = job.desk
        desk.over.append(job)
        if not (desk.looks and self._jobs) or monotonic() - began > alone_seconds:
            desk.ring()  # otherwise it is told with the next one, or at the look

    def _next(self, bell: threading.Lock) -> "_Job | None":
        """The next job; None: there is none, and the bell rings when there is."""
        with self._guard:
            if self._jobs:
                self._taken = monotonic()
                return self._jobs.popleft()
            self._asleep.append(bell)
            return None

    def _gone(self, bell: threading.Lock) -> bool:
        """Nobody has rung: this thread is needed no more. False: somebody has, this very moment."""
        with self._guard:
            if bell not in self._asleep:
                bell.acquire()
                return False
            self._asleep.remove(bell)
            self._running -= 1
            return True


class _Desk:
    """One event loop, and what it is not told of yet."""

    __slots__ = ("__weakref__", "comes", "looks", "loop", "over", "rung")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.over: deque[_Job] = deque()
        self.comes = self.looks = self.rung = False  # what it will do: `_came`, `_look`, `_answer`

    def ring(self) -> None:
        """In a thread: what is over is to be told now."""
        if self.rung:
            return
        self.rung = True
        try:
            self.loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            return  # the loop has ended meanwhile

    def _answer(self) -> None:
        self.rung = False  # first: what is over from here on rings again
        self.hear()

    def hear(self) -> bool:
        """Whether there was something."""
        some = bool(self.over)
        while self.over:
            self.over.popleft().tell()
        return some


def _nobody() -> None:
    """Nobody waits for anything."""


class _Job:
    __slots__ = ("_context", "_fault", "_function", "_value", "desk", "future")

    def __init__(
        self, function: Callable[[], Any], context: contextvars.Context, desk: _Desk, future: "asyncio.Future[Any]"
    ) -> None:
        self._function, self._context, self.desk, self.future = function, context, desk, future
        self._value: Any = None
        self._fault: BaseException | None = None

    def do(self) -> None:
        if self.future.cancelled():
            return
        try:
            self._value = self._context.run(self._function)
        except BaseException as raised:  # noqa: BLE001 - handed to whoever waits
            self._fault = raised

    def fail(self, fault: BaseException) -> None:
        self._fault = fault
        self.tell()

    def tell(self) -> None:
        """In the loop: what came of it."""
        fault = self._fault
        if self.future.done():
            return
        if fault is None:
            self.future.set_result(self._value)
        elif isinstance(fault, Exception) and not isinstance(fault, StopIteration):
            self.future.set_exception(fault)
        else:  # a future takes no StopIteration, and SystemExit must end no more than its function
            self.future.set_exception(RuntimeError(f"{type(fault).__name__} left the function"))
