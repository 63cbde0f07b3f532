"""Servers that misbehave, as small scripts, and an ear that waits for what they say. For the stdio tests."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from narthex.limits import DEFAULTS, Limits
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.process import ChildProcess
from narthex.upstream.stdio.report import ExitReport
from narthex.upstream.stdio.spawner import Spawner

HELLO = b'{"hello":1}'

# Every script below may use these words.
PRELUDE = """
import os, signal, sys, time
def out(data): os.write(1, data)
def hello(): out(b'{"hello":1}\\n')
def forever():
    while True: time.sleep(60)
"""
ECHO = """
hello()
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(line); sys.stdout.buffer.flush()
"""


class Ear:
    """What one server said, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.shown: list[str] = []
        self.report: ExitReport | None = None
        self._news = asyncio.Event()

    def on_line(self, line: bytes) -> None:
        self.lines.append(line)
        self._news.set()

    def on_stderr(self, line: str) -> None:
        self.shown.append(line)
        self._news.set()

    def on_exit(self, report: ExitReport) -> None:
        assert self.report is None, "told twice"
        self.report = report
        self._news.set()

    async def until(self, told: Callable[[], bool]) -> None:
        while not told():
            self._news.clear()
            await self._news.wait()

    async def line(self, number: int = 1) -> bytes:
        await self.until(lambda: len(self.lines) >= number)
        return self.lines[number - 1]

    async def exit(self) -> ExitReport:
        await self.until(lambda: self.report is not None)
        assert self.report is not None
        return self.report


@asynccontextmanager
async def spawner(own: dict[str, str] | None = None, **bounds: int) -> AsyncIterator[Spawner]:
    spawner = Spawner(bounded(**bounds), os.environ if own is None else own)
    try:
        yield spawner
    finally:
        await spawner.aclose()


def bounded(**changes: int) -> Limits:
    return msgspec.structs.replace(DEFAULTS, **changes)


@asynccontextmanager
async def server(script: str, **bounds: int) -> AsyncIterator[tuple[ChildProcess, Ear]]:
    async with spawner(**bounds) as nursery:
        ear = Ear()
        yield await nursery.spawn(python(script), ear.on_line, ear.on_exit, ear.on_stderr), ear


def python(script: str, **options: object) -> Command:
    fields = {"name": "test", "argv": (sys.executable, "-I", "-S", "-c", PRELUDE + script), "env": {}} | options
    return msgspec.convert(fields, Command)


def alive(pid: int) -> bool:
    """Running, or a zombie nobody waited for: both would be left behind."""
    return Path(f"/proc/{pid}").exists()


async def gone(*pids: int) -> None:
    while any(alive(pid) for pid in pids):
        await asyncio.sleep(0.01)
