"""The three ways to run a gateway: as a service, as a demonstration, as the stdio server of one client.

Knows: the order of a life: load, start, serve, drain. Refuses to know: what a gateway is made of (that is `app`).
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from narthex import limits as house
from narthex.app import build, count, first_of
from narthex.control.load import Loaded, Overrides, load, load_tree
from narthex.control.problem import ConfigError, Problem
from narthex.control.shown import Tree
from narthex.control.signals import Ending
from narthex.edge.output import Output
from narthex.edge.stdio import StdioFace, lines_of
from narthex.libraries.demo import demo_config

Welcome = Callable[[str, str, Tree], None]  # (data URL, admin URL, what is served)


def serve(path: Path, overrides: Overrides) -> int:
    """`narthex serve`: until SIGTERM or SIGINT. Raises `ConfigError` and `OSError` before anything is served."""
    loaded = load(path, os.environ, overrides)
    return _run(_serve(loaded, path, overrides))


def demo(overrides: Overrides, welcome: Welcome, *, keys: bool = False) -> int:
    """`narthex demo`: the servers that ship, behind a gateway, without any configuration. `keys`: who calls has one."""
    protected: Tree = {"authentication": {"type": "keys"}} if keys else {}
    loaded = load_tree("narthex demo", {**demo_config(), **protected}, overrides)
    return _run(_serve(loaded, None, overrides, welcome))


def stdio(path: Path, overrides: Overrides, endpoint: str | None) -> int:
    """`narthex stdio`: one client on stdin and stdout, until its end."""
    loaded = load(path, os.environ, overrides)
    if endpoint and endpoint not in loaded.config.endpoints:
        names = ", ".join(loaded.config.endpoints) or "none"
        what = f"there is no endpoint '{endpoint}'"
        raise ConfigError([Problem(str(path), 0, 0, "endpoints", what, f"Configured: {names}.")])
    return _run(_stdio(loaded, path, overrides, endpoint or ""))


def _run(work: Coroutine[Any, Any, int]) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _serve(loaded: Loaded, path: Path | None, overrides: Overrides, welcome: Welcome | None = None) -> int:
    ending = Ending()
    gateway = build(loaded)
    try:
        await gateway.start()
        url, admin = await gateway.listen()
    except BaseException:
        await gateway.aclose()
        raise
    gateway.follow(loaded, path, overrides)
    gateway.log.info(f"Ready: {url}/mcp in front of {count(loaded.config)}", url=f"{url}/mcp", admin=admin)
    if welcome is not None:
        await gateway.fleet.wait_first(list(gateway.fleet.servers), house.first_list_seconds_max)
        welcome(url, admin, gateway.shown.snapshot())
    await ending.asked.wait()
    await gateway.drain(ending.hurried)
    return 0


async def _stdio(loaded: Loaded, path: Path, overrides: Overrides, endpoint: str) -> int:
    ending = Ending()
    gateway = build(loaded)
    out = await Output.open(1)
    sys.stdout = sys.stderr  # whatever prints must not reach the client
    try:
        await gateway.start()
        gateway.follow(loaded, path, overrides)
        who = await gateway.callers.of_environment(os.environ.get("NARTHEX_KEY", ""), endpoint)
        face = StdioFace(gateway.calls, gateway.owned, endpoint, who, gateway.limits, out)
        line_bytes_max = loaded.config.limits.line_bytes_max

        def too_long() -> None:
            gateway.log.warning(f"A line of more than {line_bytes_max} bytes on stdin was skipped")

        reading = gateway.owned.start(lines_of(0, line_bytes_max, face.take, too_long, out.drained), "stdin")
        await first_of(reading, ending.asked)
        gateway.bus.close()
        # The input may have ended because everything was asked: what was asked is still answered.
        await first_of(gateway.owned.start(face.finish(), "finish"), ending.asked)
        await first_of(gateway.owned.start(out.sent(gateway.limits().stream_stalled_seconds_max), "sent"), ending.asked)
    finally:
        out.close()
        await gateway.drain(ending.hurried)
    return 0
