"""When API keys were last used: gathered in memory, written down every few seconds.

Knows: what waits to be written. Refuses to make anybody wait for it, and to fail a request over it.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from narthex.limits import api_key_use_seconds
from narthex.store.api_keys import KeyStore
from narthex.store.database import Database
from narthex.store.desk import Desk


class KeyUses:
    """`say(level, sentence)` hears of what could not be written; it is tried again. A crash loses some seconds."""

    __slots__ = (
        "_database",
        "_desk",
        "_due",
        "_failing",
        "_folder",
        "_say",
        "_seconds",
        "_waiting",
        "_work",
        "_writing",
    )

    def __init__(self, folder: Path, say: Callable[[str, str], None], seconds: float = api_key_use_seconds) -> None:
        self._folder, self._say, self._seconds = folder, say, seconds
        self._desk = Desk("key-uses")
        self._database: Database | None = None
        self._waiting: dict[str, float] = {}  # prefix -> when; never more than there are keys
        self._writing: dict[str, float] = {}
        self._work: asyncio.Future[None] | None = None
        self._due = 0.0
        self._failing = False

    def note(self, prefix: str, now: float) -> None:
        self._waiting[prefix] = now

    def last(self, prefix: str) -> float | None:
        """What is not written yet."""
        return self._waiting.get(prefix) or self._writing.get(prefix)

    def tick(self, clock: float) -> None:
        """Begin to write, if it is time, and the last writing has ended. `clock` only goes forward."""
        if self._work is not None:
            if not self._work.done():
                return
            self._conclude(self._work)
        if self._waiting and clock >= self._due:
            self._due = clock + self._seconds
            self._begin()

    async def aclose(self) -> None:
        """Write what waits, and close."""
        for _ in range(2):  # what is being written, then the rest
            if self._work is not None:
                await asyncio.wait({self._work})
                self._conclude(self._work)
            if self._waiting:
                self._begin()
        database, self._database = self._database, None
        if database is not None:
            await self._desk.do(database.close)
        self._desk.close()

    def _begin(self) -> None:
        self._writing, self._waiting = self._waiting, {}
        uses = self._writing
        self._work = self._desk.do(lambda: self._write(uses))

    def _conclude(self, work: "asyncio.Future[None]") -> None:
        fault, self._work = work.exception(), None
        if fault is None:
            self._writing, self._failing = {}, False
        elif isinstance(fault, OSError):  # `StateFault`, with a sentence
            self._waiting, self._writing = {**self._writing, **self._waiting}, {}
            if not self._failing:
                self._say("warning", f"When API keys were last used cannot be written: {fault}")
            self._failing = True
        else:
            raise fault

    def _write(self, uses: Mapping[str, float]) -> None:
        if self._database is None:
            self._database = Database(self._folder)
        self._database.mark()  # if another file has taken the place of ours, that one is meant
        KeyStore(self._database).note_used(uses)
