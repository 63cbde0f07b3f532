"""Looking again and again at what other processes may have written, and hearing for how long that has failed.

Knows: the pace of it, and that trouble is told once. Refuses to know: what is looked at, and what being blind means.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from narthex.store.desk import Desk

Found = TypeVar("Found")


class Told(NamedTuple):
    """What an operator reads when looks begin to fail, and when they are good again."""

    cannot: str  # the reason follows
    can: str


class Following(Generic[Found]):
    """`look` runs on the desk: what it has found, or None where nothing was written since. An OSError (`StateFault`
    is one) says why it could not look. `adopt` takes what was found, None too, on the loop.
    """

    def __init__(
        self,
        desk: Desk,
        look: Callable[[], Found | None],
        adopt: Callable[[Found | None], None],
        say: Callable[[str, str], None],
        told: Told,
    ) -> None:
        self._desk, self._look, self._adopt, self._say, self._told = desk, look, adopt, say, told
        self._in_trouble = False

    async def run(self, look_seconds: float, beat: Callable[[float], None]) -> None:
        """Look until cancelled. After each turn `beat` hears for how many seconds nothing could be seen."""
        looked_at = time.monotonic()
        looking: asyncio.Future[Found | None] | None = None
        try:
            while True:
                await asyncio.sleep(look_seconds)
                looking = looking or self._desk.do(self._look)
                # A look that takes too long goes on: it is still the one whose answer we want.
                await asyncio.wait({looking}, timeout=look_seconds)
                if looking.done():
                    if self._looked(looking):
                        looked_at = time.monotonic()
                    looking = None
                beat(time.monotonic() - looked_at)
        finally:
            if looking is not None:
                looking.add_done_callback(_forget)

    def _looked(self, looking: "asyncio.Future[Found | None]") -> bool:
        """Hand over what a look has found. False: it could not look."""
        try:
            found = looking.result()
        except OSError as fault:  # with a sentence
            if not self._in_trouble:
                self._say("error", f"{self._told.cannot}: {fault}")
            self._in_trouble = True
            return False
        if self._in_trouble:
            self._say("info", self._told.can)
        self._in_trouble = False
        self._adopt(found)
        return True


def _forget(looking: "asyncio.Future[Found | None]") -> None:
    """Nobody waits for this look any more, whatever it finds."""
    if not looking.cancelled():
        looking.exception()
