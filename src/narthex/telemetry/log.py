"""The log: one sentence per call, and one for whatever else an operator must know.

Knows: what waits to be written, and when to stop waiting. Refuses to know: the forms of a line (`lines`), and how a
slow terminal is endured (`writer`). There is no global log: whoever logs was given one.

On the path of a call it costs one append. Lines are made into text every `log_flush_seconds`, a slice at a time.
"""

import asyncio
import os
import time
from collections import deque

from narthex.limits import log_close_seconds_max, log_flush_seconds, log_lines_queued_max, log_slice_lines_max
from narthex.model.config import LogConfig
from narthex.telemetry.event import CallEvent, sentence
from narthex.telemetry.lines import LEVELS, HumanForm, JsonForm, Level, Line, Record
from narthex.telemetry.writer import Writer


class Log:
    """Say things at any time; they are written between `start()` and `aclose()`, to a copy of descriptor `fd`."""

    def __init__(
        self, config: LogConfig = LogConfig(), fd: int = 2, lines_queued_max: int = log_lines_queued_max
    ) -> None:
        self.dropped = 0  # lines never written, since the start: too many, or the reader was gone
        self._fd = fd
        self._lines_max = lines_queued_max
        self._waiting: deque[Record] = deque()
        self._unsaid = 0  # of the dropped, those the log has not admitted yet
        self._lost_seen = 0
        self._closing = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._writer: Writer | None = None
        self.configure(config)

    def configure(self, config: LogConfig) -> None:
        """Take over another form and another level, from the next line on."""
        terminal = _is_terminal(self._fd)
        human = config.format == "human" or (config.format == "auto" and terminal)
        self._form = HumanForm(colours=terminal and "NO_COLOR" not in os.environ) if human else JsonForm()
        self._level = LEVELS[config.level]
        self._calls_from = 0 if not config.calls else 2 if self._level <= LEVELS["info"] else 1

    def debug(self, sentence: str, /, **fields: object) -> None:
        self._say("debug", sentence, fields)

    def info(self, sentence: str, /, **fields: object) -> None:
        self._say("info", sentence, fields)

    def warning(self, sentence: str, /, **fields: object) -> None:
        self._say("warning", sentence, fields)

    def error(self, sentence: str, /, **fields: object) -> None:
        self._say("error", sentence, fields)

    def call(self, event: CallEvent) -> None:
        """The call's one sentence. Formats nothing now."""
        if self._calls_from == 2 or (self._calls_from == 1 and event.outcome == "error"):
            waiting = self._waiting
            if len(waiting) < self._lines_max:
                waiting.append(event)
            else:
                self._drop(1)

    def waiting(self) -> list[str]:
        """The sentences not written yet."""
        return [
            sentence(record) if isinstance(record, CallEvent) else record.sentence for record in tuple(self._waiting)
        ]

    async def start(self) -> None:
        assert self._flusher is None, "the log is started once"
        self._writer = Writer(self._fd)
        self._flusher = asyncio.create_task(self._run(self._writer), name="log")

    async def aclose(self) -> None:
        """Write what waits, within `log_close_seconds_max`, and end."""
        flusher, writer, self._flusher, self._writer = self._flusher, self._writer, None, None
        if flusher is None or writer is None:
            return
        self._closing.set()
        await flusher
        if await asyncio.to_thread(writer.wait_idle, log_close_seconds_max):
            await self._flush(writer)
            await asyncio.to_thread(writer.close, log_close_seconds_max)

    def _say(self, level: Level, sentence: str, fields: dict[str, object]) -> None:
        if LEVELS[level] < self._level:
            return
        if len(self._waiting) < self._lines_max:
            self._waiting.append(Line(time.time(), level, sentence, fields))
        else:
            self._drop(1)

    def _drop(self, lines: int) -> None:
        self.dropped += lines
        self._unsaid += lines

    async def _run(self, writer: Writer) -> None:
        while not self._closing.is_set():
            try:
                await asyncio.wait_for(self._closing.wait(), log_flush_seconds)
            except TimeoutError:
                pass  # the usual case: it is time to write
            if writer.idle:  # otherwise the last block is still on its way, and lines wait or are counted
                await self._flush(writer)

    async def _flush(self, writer: Writer) -> None:
        if writer.lines_lost > self._lost_seen:
            self._drop(writer.lines_lost - self._lost_seen)
            self._lost_seen = writer.lines_lost
        parts: list[bytes] = []
        for _ in range(min(len(self._waiting), self._lines_max)):
            parts.append(self._form(self._waiting.popleft()))
            if len(parts) % log_slice_lines_max == 0:
                await asyncio.sleep(0)
        lines = len(parts)  # the confession below is not one of them: a closed log would confess its confessions
        if self._unsaid:
            unsaid, self._unsaid = self._unsaid, 0
            said = f"{unsaid:,} line{' was' if unsaid == 1 else 's were'} not written, the log could not keep up"
            parts.append(self._form(Line(time.time(), "warning", said, {"lines": unsaid})))
        if parts:
            writer.write(b"".join(parts), lines)


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
