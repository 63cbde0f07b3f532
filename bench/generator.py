"""Puts one target under load and says what came of it: wrk where installed, our own generator otherwise.

Knows: calls per second, percentiles, processor time per call. Refuses to know: goals.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass

from answers import ARGUMENTS
from ask import Client
from running import HERE, Running, python

WRK = shutil.which("wrk")
NAME = "wrk" if WRK else "bench/load.py (wrk is not installed)"


@dataclass
class Target:
    """What is called: `client` speaks to it, `process` is whose time its calls cost."""

    name: str
    client: Client
    tool: str
    process: Running
    count_url: str = ""  # where the far end tells how many calls arrived


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
    message = target.client.message("tools/call", {"name": target.tool, "arguments": ARGUMENTS})
    message["id"] = "ID"  # the generator puts numbers in its place
    headers = target.client.headers("tools/call", target.tool)
    environment = {
        **os.environ,
        "BENCH_BODY": json.dumps(message, separators=(",", ":")),
        "BENCH_HEADERS": "".join(f"{name}: {value}\n" for name, value in headers.items()),
    }
    url = target.client.url
    if WRK:
        script = ["-s", str(HERE / "requests.lua"), "--timeout", "10s"]
        command = [WRK, "-t1", f"-c{connections}", f"-d{seconds:g}s", *script, url]
        if seconds != int(seconds):
            command[3] = f"-d{max(1, round(seconds))}s"  # wrk knows whole seconds only
    else:
        command = python(HERE / "load.py", url, str(connections), str(seconds))
    arrived, before = arrivals(target), target.process.cpu_seconds()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    cpu, arrived = target.process.cpu_seconds() - before, arrivals(target) - arrived
    line = next((line for line in done.stdout.splitlines() if line.startswith("BENCH ")), "")
    if not line:
        raise RuntimeError(f"{target.name}: the load generator failed: {done.stdout}{done.stderr}")
    calls, took_us, p50, p99, errors = (int(figure) for figure in line.split()[1:])
    # Calls in flight at either end of the measurement may be counted here and not there.
    if target.count_url and not calls <= arrived <= calls + 2 * connections:
        raise RuntimeError(f"{target.name}: {calls} calls were answered, but {arrived} arrived")
    return Sample(calls, calls / (took_us / 1e6), p50, p99, cpu / max(calls, 1) * 1e6, errors)


def arrivals(target: Target) -> int:
    if not target.count_url:
        return 0
    with urllib.request.urlopen(target.count_url, timeout=10) as told:
        return int(told.read())


def checked(target: Target) -> None:
    """A load of refusals would look fast: the target must give the right answer before it is measured."""
    result = target.client.ask("tools/call", {"name": target.tool, "arguments": ARGUMENTS})
    text = result["content"][0].get("text", "")
    if result.get("isError") or not text.startswith("Customer 4711"):
        raise RuntimeError(f"{target.name} does not answer as it should: {result}")
