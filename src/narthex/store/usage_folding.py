"""The sums of usage, kept up with the audit log while a gateway runs.

Knows: a clock, and a thread beside the event loop. Refuses to know: what is summed.

What this process writes is summed while it is written (`stretch.py`); the rest is read, in small steps, because a
thread that computes keeps the loop waiting. Never in the way of a call: what is not summed yet stands in the log, and
whoever wants to know reads on from there.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from narthex.limits import usage_fold_records, usage_fold_seconds
from narthex.store.audit.journal import Journal
from narthex.store.desk import Desk
from narthex.store.stretch import Stretches
from narthex.store.usage import Usage


class UsageFolding:
    """`run` is a task that its owner cancels; `aclose` comes after that. `records`: read since the start."""

    def __init__(self, state: Path, audit: Path, say: Callable[[str, str], None]) -> None:
        self.records = 0
        self.missed = 0  # files of the log that were removed before they were read
        self.behind = False  # it cannot be kept at the moment
        self._state, self._audit, self._say = state, audit, say
        self._desk = Desk("usage")
        self._usage: Usage | None = None
        self._stretches: Stretches | None = None

    def hear(self, journal: Journal) -> None:
        """Sum what this one writes. Before it writes anything."""
        self._stretches = Stretches(journal)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(usage_fold_seconds)
            try:
                while await self._desk.do(self._step):
                    pass  # what was written meanwhile can wait a second, what has to be read should not grow
            except OSError as error:
                self._tell(f"The sums of usage cannot be kept: {error} They follow once that is over.")
            else:
                self._well()

    async def aclose(self) -> None:
        """Whatever is under way ends first."""
        await self._desk.do(self._end)
        self._desk.close()

    def _step(self) -> bool:
        """Whether there is more to read."""
        if self._usage is None:
            self._usage = Usage(self._state, self._audit)
        stretches = self._stretches
        count = self._usage.fold(usage_fold_records, stretches.look() if stretches is not None else None)
        if count and stretches is not None:
            stretches.kept()
        self.records += count
        return self._usage.more

    def _end(self) -> None:
        if self._usage is not None:
            self._usage.close()

    def _tell(self, sentence: str) -> None:
        if not self.behind:
            self.behind = True
            self._say("warning", sentence)

    def _well(self) -> None:
        missed = self._usage.missed if self._usage is not None else 0
        if missed > self.missed:
            self.missed = missed
            self._say("warning", f"Files of the audit log were removed before they were summed: {missed} so far.")
        if self.behind:
            self.behind = False
            self._say("info", "The sums of usage are kept again.")
