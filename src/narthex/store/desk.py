"""A thread of our own beside the event loop, for work that waits for the disk.

Knows: one thing after the other, in one thread. Refuses to know: what the work is.

Not the loop's own threads: a thousand name look-ups or a large catalogue there would make a revoked key wait.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Desk:
    """Work is done in the order in which it was brought."""

    __slots__ = ("_thread",)

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"narthex-{name}")

    def do(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """No more work. Does not wait: await what was brought last, first."""
        self._thread.shutdown(wait=False)
