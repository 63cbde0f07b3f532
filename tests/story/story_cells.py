"""The cells of the bridge matrix: every way to stand before the gateway, every server behind it (docs/protocol.md).

Knows: which client fits which place. Refuses to know: what is asked.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from story_clients import Client, LegacyHttp, ModernHttp, OldSse, Stdio
from story_hall import OVER_STDIO, FarSide, Hall, environment, stdio_command

Tree = dict[str, Any]
LEGACY_HTTP = {"march": "2025-03-26", "june": "2025-06-18", "november": "2025-11-25", "loose": "2025-11-25"}
FRONTS = ("modern", "2025-03-26", "2025-06-18", "2025-11-25", "sse")
STDIO_FRONTS = ("stdio-modern", "stdio-2025-06-18")
BACKS = ("modern", "pipe", "march", "june", "november", "loose", "oldpipe", "old")
MODERN_BACKS = ("modern", "pipe")
LEGACY_BACKS = ("march", "june", "november", "loose", "oldpipe", "old")


@dataclass
class Fronts:
    """Clients of the gateway."""

    hall: Hall
    home: Path

    def client(self, front: str, endpoint: str) -> Client:
        if front == "modern":
            return ModernHttp(self.hall.endpoint(endpoint))
        if front == "sse":
            return OldSse(self.hall.old(endpoint))
        if front.startswith("stdio-"):
            return self.stdio(front.removeprefix("stdio-"), endpoint)
        return LegacyHttp(self.hall.endpoint(endpoint), front)

    def stdio(self, revision: str, endpoint: str) -> Client:
        state = ["--state", str(self.home / f"stdio-{revision}")]
        command = [sys.executable, "-m", "narthex", "stdio", str(self.hall.file), "--endpoint", endpoint, *state]
        command = command if endpoint else [part for part in command if part not in ("--endpoint", "")]
        env = environment(self.home)
        return Stdio(command, env, modern=revision == "modern", revision=revision)


def direct(far: FarSide, back: str, home: Path) -> Client:
    """A client of the far side itself, in its own era and transport."""
    if back in OVER_STDIO:
        env = environment(home, FAR_CONTROL=str(home / "direct"))
        return Stdio(stdio_command(OVER_STDIO[back]), env, modern="modern" in OVER_STDIO[back])
    if back == "old":
        return OldSse(far.place(back), "2025-11-25")
    if back in LEGACY_HTTP:
        return LegacyHttp(far.place(back), LEGACY_HTTP[back])
    return ModernHttp(far.place(back))


def flat(found: list[list[str]]) -> list[str]:
    return list(itertools.chain.from_iterable(found))


async def pages(client: Client, method: str, member: str) -> list[list[str]]:
    """The names in each page of a list."""
    found, params = [], {}
    while True:
        result = (await client.call(method, params)).result
        found.append([item["name"] for item in result[member]])
        if "nextCursor" not in result:
            return found
        params = {"cursor": result["nextCursor"]}


class Far:
    """What a test sees of one server behind the gateway, over HTTP or not."""

    def __init__(self, far: FarSide, hall: Hall, back: str) -> None:
        self._far, self._hall, self._back = far, hall, back

    async def control(self, do: str = "see", **more: Any) -> Tree:
        if self._back in OVER_STDIO:
            return await asyncio.to_thread(self._hall.children.control, self._back, do, **more)
        return await asyncio.to_thread(self._far.control, self._back, do, **more)

    async def until(self, condition: Callable[[Tree], Any], seconds: float = 5.0) -> Tree:
        """Bounded: the far side must see it within this time."""
        state: Tree = {}
        try:
            async with asyncio.timeout(seconds):
                while not condition(state := await self.control()):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            state.pop("seen", None)
            raise AssertionError(f"{self._back} did not see it in {seconds:g} s: {state}") from None
        return state

    async def seen(self, method: str) -> list[Tree]:
        return [one["message"] for one in (await self.control())["seen"] if one["message"].get("method") == method]
