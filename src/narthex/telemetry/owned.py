"""Tasks with an owner: whoever starts one here is there when it ends, and hears of it if it breaks.

Knows: tasks. Refuses to know: what they do.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Owned:
    """A set of tasks that ends with its owner. `aclose` cancels what still runs and waits for the end of all."""

    __slots__ = ("_closed", "_name", "_on_fault", "_tasks")

    def __init__(self, name: str, on_fault: Callable[[str, BaseException], None]) -> None:
        self._name = name
        self._on_fault = on_fault
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        if self._closed:
            task.cancel()
        return task

    def __len__(self) -> int:
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_fault(task.get_name(), error)

    async def aclose(self) -> None:
        self._closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
