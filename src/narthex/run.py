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
from narthex.app import Gateway, build, first_of
from narthex.control.load import Loaded, Overrides, load, load_tree
from narthex.control.problem import ConfigError, Problem
from narthex.control.shown import Tree, count
from narthex.control.signals import Ending
from narthex.edge.output import Output
from narthex.edge.stdio import StdioFace, lines_of
from narthex.libraries.demo import COMPANY, demo_config
from narthex.libraries.demo.finding import prometheus_of, tell
from narthex.model.config import Config
from narthex.store.folder import folder_of, served_before

Welcome = Callable[[str, str], None]  # (data URL, admin URL)


def serve(path: Path, overrides: Overrides) -> int:
    """`narthex serve`: until SIGTERM or SIGINT. Raises `ConfigError` and `OSError` before anything is served."""
    loaded = load(path, os.environ, overrides)
    return _run(_serve(loaded, path, overrides))


def demo(overrides: Overrides, welcome: Welcome, authentication: Tree | None) -> int:
    """`narthex demo`: a company behind a gateway, without any configuration but who may call. None: everybody here."""
    folder = folder_of(overrides.over(Config(name=COMPANY)), os.environ) / "demo"
    targets = folder / "targets.json"
    tree = demo_config(folder, prometheus_of(targets), by_key=authentication is not None)
    protected: Tree = {} if authentication is None else {"authentication": authentication}
    loaded = load_tree("narthex demo", {**tree, **protected}, overrides)

    def opened(url: str, admin: str) -> None:
        tell(targets, admin)
        welcome(url, admin)

    return _run(_serve(loaded, None, overrides, opened))


def stdio(path: Path, overrides: Overrides, endpoint: str | None) -> int:
    """`narthex stdio`: one client on stdin and stdout, until its end."""
    loaded = load(path, os.environ, overrides)
    if endpoint and endpoint not in loaded.config.endpoints:
        names = ", ".join(loaded.config.endpoints) or "none"
        what = f"there is no endpoint '{endpoint}'"
        raise ConfigError([Problem(str(path), 0, 0, "endpoints", what, f"Configured: {names}.")])
    if any(sink.type == "stdout" for sink in loaded.config.audit.sinks):
        what = "standard output belongs to the client here"
        raise ConfigError([Problem(str(path), 0, 0, "audit.sinks", what, "Use a sink of type file.")])
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
    _warn_of_shared(gateway, loaded.config, path)
    gateway.log.info(f"Ready: {url}/mcp in front of {count(loaded.config)}", url=f"{url}/mcp", admin=admin)
    await gateway.tell_waiting()
    if welcome is not None:
        # What starts by itself is not waited for: it has nothing to tell yet.
        asked = [one.name for one in loaded.config.servers if one.start == "lazy"]
        await gateway.fleet.wait_first(asked, house.first_list_seconds_max)
        welcome(url, admin)
    await ending.asked.wait()
    await gateway.drain(ending.hurried)
    return 0


def _warn_of_shared(gateway: Gateway, config: Config, path: Path | None) -> None:
    """Two configurations that nobody gave a name of their own meet in one folder, with keys and all."""
    if path is None or config.state is not None:
        return
    folder = folder_of(config, os.environ)
    try:
        other = served_before(folder, path)
    except (OSError, ValueError) as fault:  # a note for the operator, and no more
        gateway.log.warning(f"Which configurations share {folder} cannot be told: {fault}")
        return
    if other is not None:
        gateway.log.warning(
            f"The state in {folder} is also that of {other}: keys that were made for one are good at the other. "
            "Give each configuration its own `name:` or `state:`, unless that is meant."
        )


async def _stdio(loaded: Loaded, path: Path, overrides: Overrides, endpoint: str) -> int:
    ending = Ending()
    gateway = build(loaded)
    out = await Output.open(1)
    sys.stdout = sys.stderr  # whatever prints must not reach the client
    try:
        await gateway.start()
        await gateway.listen_for_browsers()
        gateway.follow(loaded, path, overrides)
        _warn_of_shared(gateway, loaded.config, path)
        await gateway.tell_waiting()
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
