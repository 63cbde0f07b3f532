"""How late the event loop is: the one number that says whether anything holds it up.

Knows: the loop's clock. Refuses to know: who holds it up.
"""

import asyncio

from narthex.limits import loop_delay_sample_seconds
from narthex.telemetry.metrics import Timing


class LoopDelay:
    """Sleeps, and notes how much longer it slept than it asked."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        assert self._task is None, "measured once"
        self._task = asyncio.create_task(self._measure(), name="loop delay")

    async def aclose(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _measure(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + loop_delay_sample_seconds
            await asyncio.sleep(loop_delay_sample_seconds)
            self._timing.observe(max(0.0, clock() - due))
