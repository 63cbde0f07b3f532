"""Puts one target under load and says what came of it: wrk where installed, our own generator otherwise.

Knows: calls per second, percentiles, processor time per call. Refuses to know: goals.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from answers import ARGUMENTS
from ask import Client
from running import HERE, Running, python

WRK = shutil.which("wrk")
SETTLE_SECONDS = 0.1
INTRODUCE_SECONDS, INTRODUCE_CONNECTIONS = 2.0, 64
NAME = "wrk" if WRK else "bench/load.py (wrk is not installed)"


@dataclass
class Target:
    """What is called: `client` speaks to it, `process` is whose time its calls cost."""

    name: str
    client: Client
    tool: str
    process: Running
    count_url: str = ""  # where the far end tells how many calls arrived
    bearers: Path | None = None  # a file of tokens: each request shows the next one, instead of the client's


@dataclass
class Sample:
    """One measurement of one target."""

    calls: int
    calls_per_second: float
    p50_us: int
    p99_us: int
    cpu_us: float
    errors: int


def measure(target: Target, connections: int, seconds: float) -> Sample:
    if target.bearers:
        introduce(target)
    command, environment = load(target, connections, seconds)
    arrived, before = arrivals(target), target.process.cpu_seconds()
    calls, took_us, p50, p99, errors = figures(target, command, environment)
    cpu, arrived = target.process.cpu_seconds() - before, arrivals(target) - arrived
    # Calls in flight at either end of the measurement may be counted here and not there.
    if target.count_url and not calls <= arrived <= calls + 2 * connections:
        raise RuntimeError(f"{target.name}: {calls} calls were answered, but {arrived} arrived")
    return Sample(calls, calls / (took_us / 1e6), p50, p99, cpu / max(calls, 1) * 1e6, errors)


def introduce(target: Target) -> None:
    """Show each token once: a gateway looks at every signature again after a minute, which is no part of a call."""
    assert target.bearers
    wanted, calls = len(target.bearers.read_text().splitlines()), 0
    seconds = INTRODUCE_SECONDS
    while calls < wanted:  # the generator begins with the first token every time
        calls = figures(target, *load(target, INTRODUCE_CONNECTIONS, seconds))[0]
        seconds *= 2


def load(target: Target, connections: int, seconds: float) -> tuple[list[str], dict[str, str]]:
    """The command of the load generator, and its environment."""
    message = target.client.message("tools/call", {"name": target.tool, "arguments": ARGUMENTS})
    message["id"] = "ID"  # the generator puts numbers in its place
    headers = target.client.headers("tools/call", target.tool)
    environment = {**os.environ, "BENCH_BODY": json.dumps(message, separators=(",", ":"))}
    if target.bearers:
        headers.pop("Authorization", None)
        environment["BENCH_BEARERS"] = str(target.bearers)
    environment["BENCH_HEADERS"] = "".join(f"{name}: {value}\n" for name, value in headers.items())
    url = target.client.url
    if not WRK:
        return python(HERE / "load.py", url, str(connections), str(seconds)), environment
    whole = max(1, round(seconds))  # wrk knows whole seconds only
    script = ["-s", str(HERE / "requests.lua"), "--timeout", "10s"]
    return [WRK, "-t1", f"-c{connections}", f"-d{whole}s", *script, url], environment


def figures(target: Target, command: list[str], environment: dict[str, str]) -> list[int]:
    """Calls, microseconds in all, p50, p99, errors."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("BENCH ")), "")
    if not line:
        raise RuntimeError(f"{target.name}: the load generator failed: {done.stdout}{done.stderr}")
    return [int(figure) for figure in line.split()[1:]]


def arrivals(target: Target) -> int:
    """How many calls have arrived, once no more do: those of a load that was just broken off may be on their way."""
    if not target.count_url:
        return 0
    counted, before = -1, -2
    while counted != before:
        before = counted
        time.sleep(SETTLE_SECONDS)
        with urllib.request.urlopen(target.count_url, timeout=10) as told:
            counted = int(told.read())
    return counted


def checked(target: Target) -> None:
    """A load of refusals would look fast: the target must give the right answer before it is measured."""
    result = target.client.ask("tools/call", {"name": target.tool, "arguments": ARGUMENTS})
    text = result["content"][0].get("text", "")
    if result.get("isError") or not text.startswith("Customer 4711"):
        raise RuntimeError(f"{target.name} does not answer as it should: {result}")
