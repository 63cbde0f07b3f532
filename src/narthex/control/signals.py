"""The operator's signals to end: the first SIGTERM or SIGINT asks for it, the second asks for it at once.

Knows: signals. Refuses to know: what has to end. (SIGHUP is `reload`'s.)
"""

import asyncio
import signal


class Ending:
    """`asked` after the first signal, `hurried` after the second. Made in the main thread, in a running loop."""

    def __init__(self) -> None:
        self.asked, self.hurried = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._caught)

    def _caught(self) -> None:
        (self.hurried if self.asked.is_set() else self.asked).set()
