"""What the gateway weighs and how soon it is there: memory with many tools, idle sessions, many calls; the start.

Knows: one figure per question. Refuses to know: goals.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from answers import ARGUMENTS, FLEET_TOOLS, LEGACY, MODERN
from ask import Client
from cells import say
from gateway import FLEET_SERVERS, Gateway, listed, servers_of_the_cells, servers_of_the_fleet
from generator import Target, measure

TOOLS = FLEET_SERVERS * FLEET_TOOLS
SESSIONS = 1_000
CALLS = 200_000


@dataclass
class Weight:
    """Times in milliseconds, sizes in bytes."""

    first_page_ms: float = 0.0
    page_ms: float = 0.0
    fleet_bytes: int = 0
    sessions: int = SESSIONS
    sessions_bytes: int = 0
    calls: int = CALLS
    calls_bytes: int = 0
    start_ms: float = 0.0


def weigh(folder: Path, far: int, gateway: Gateway, *, quick: bool) -> Weight:
    weight = Weight(calls=CALLS // 10 if quick else CALLS)
    say(f"{FLEET_SERVERS} servers with {TOOLS:,} tools")
    weigh_fleet(folder, far, weight)
    say(f"{weight.calls:,} calls")
    weigh_calls(gateway, weight)
    say(f"{SESSIONS:,} idle sessions")
    weigh_sessions(folder, far, weight)
    say("start")
    weight.start_ms = sorted(start_ms(folder, far, number) for number in range(1 if quick else 3))[-1 if quick else 1]
    return weight


def weigh_fleet(folder: Path, far: int, weight: Weight) -> None:
    """Once to let it learn every list; then again, as after a restart, for the first page it ever gives."""
    with Gateway(folder, "fleet", servers_of_the_fleet(far)).ready() as learning:
        listed(learning.url, TOOLS)
    with Gateway(folder, "fleet", servers_of_the_fleet(far)).ready() as running:
        weight.first_page_ms = page_ms(running.url)
        weight.page_ms = sorted(page_ms(running.url) for _ in range(21))[10]
        listed(running.url, TOOLS)
        weight.fleet_bytes = running.memory_bytes()


def page_ms(url: str) -> float:
    """One `tools/list` on a connection of its own, until its last byte is here."""
    client = Client(url, MODERN)
    message, headers = client.message("tools/list", {}), client.headers("tools/list", "")
    client.connection.connect()
    started = time.perf_counter()
    status, page = client.post(message, headers)
    took = (time.perf_counter() - started) * 1e3
    client.close()
    if status != 200 or '"tools"' not in page:
        raise RuntimeError(f"no list: HTTP {status}: {page[:300]}")
    return took


def weigh_calls(gateway: Gateway, weight: Weight) -> None:
    """After the cells' load the process is warm; what it holds more after so many further calls, it keeps per call."""
    client = Client(gateway.url, MODERN)
    tool = next(name for name in client.tools() if name.startswith("modern"))
    target = Target("calls", client, tool, gateway)
    # The log is written in batches, whose size varies: what a busy moment takes is not kept per call.
    before = max(_after(gateway, target) for _ in range(3))
    made = 0
    while made < weight.calls:
        made += measure(target, 64, 2).calls
    weight.calls, weight.calls_bytes = made, gateway.memory_bytes() - before


def _after(gateway: Gateway, target: Target) -> int:
    measure(target, 64, 2)
    return gateway.memory_bytes()


def weigh_sessions(folder: Path, far: int, weight: Weight) -> None:
    with ExitStack() as stack:
        running = stack.enter_context(Gateway(folder, "sessions", servers_of_the_cells(far)).ready())
        for _ in range(50):
            Client(running.url, LEGACY).greet().close()
        before = running.memory_bytes()
        for _ in range(weight.sessions):
            Client(running.url, LEGACY).greet().close()
        weight.sessions_bytes = running.memory_bytes() - before


def start_ms(folder: Path, far: int, number: int) -> float:
    """From the command to the first answer of a tool behind it, with nothing remembered."""
    with Gateway(folder, f"start-{number}", servers_of_the_cells(far)[:1]) as starting:
        starting.wait_until(lambda: answered(starting.url), every_seconds=0.005)
        return (time.perf_counter() - starting.started) * 1e3


def answered(url: str) -> bool:
    try:
        client = Client(url, MODERN)
        client.ask("tools/call", {"name": client.tools()[0], "arguments": ARGUMENTS})
    except (OSError, RuntimeError, IndexError):
        return False
    return True
