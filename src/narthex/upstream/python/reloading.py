"""A library that somebody works on: loaded anew when its files change.

Knows: which files those are, and that a mistake in them leaves the last good one at work. Refuses to know: editors.
"""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

from watchfiles import PythonFilter, awatch

from narthex.libraries.finding import module_name
from narthex.libraries.server import Server
from narthex.libraries.threads import Threads
from narthex.limits import reload_settle_seconds
from narthex.model.config import ServerConfig
from narthex.upstream.kinds import LoadFault, Site

Build = Callable[[ServerConfig], Server]


def watched(config: ServerConfig, site: Site, server: Server, build: Build) -> Server:
    """The same server. From now on others take its place as its files change, until it is closed."""
    task = site.owned.start(_watch(config, site, server, build), f"{config.name}.reload")

    async def stop() -> None:
        if task is not asyncio.current_task():
            task.cancel()

    server.on_close.append(stop)
    return server


async def _watch(config: ServerConfig, site: Site, server: Server, build: Build) -> None:
    stop = None
    async for _ in awatch(
        folder_of(config), watch_filter=PythonFilter(), step=int(reload_settle_seconds * 1000), recursive=True
    ):
        stop = server.on_close.pop() if stop is None else stop
        if stop in server.on_close:
            server.on_close.remove(stop)
        try:
            server = await off_loop(partial(anew, config, build))
        except LoadFault as fault:
            server.on_close.append(stop)
            site.say("warning", f"{config.name} is not loaded anew, the last good one stays: {fault}")
            continue
        server.on_close.append(stop)
        site.replace(server)
        site.say("info", f"{config.name} is loaded anew: {len(server.tools)} tools")


async def off_loop(work: Callable[[], Server]) -> Server:
    """In a thread that the end of the gateway does not wait for: code that is imported may do anything."""
    server: Server = await Threads("narthex-import", 1).run(work)
    return server


def anew(config: ServerConfig, build: Build) -> Server:
    """From its files as they are. Raises LoadFault, and whatever was there before is there again."""
    folder = folder_of(config)
    before = {name: module for name, module in list(sys.modules.items()) if _is_theirs(name, module, folder)}
    for name, module in before.items():
        del sys.modules[name]
        _forget(getattr(module, "__cached__", None))
    importlib.invalidate_caches()
    try:
        return build(config)
    except BaseException:
        sys.modules.update(before)
        raise


def folder_of(config: ServerConfig) -> Path:
    """Where its code is: the folder of its file, or of its package."""
    assert config.python is not None
    place = config.python.partition(":")[0]
    if place.endswith(".py"):
        return (Path(config.cwd or ".") / Path(place).expanduser()).resolve().parent
    top = sys.modules.get(module_name(place).partition(".")[0])
    file = getattr(top, "__file__", None) or next(iter(getattr(top, "__path__", ())), None)
    found = Path(file or config.cwd or ".").resolve()
    return found.parent if found.is_file() else found


def _forget(compiled: str | None) -> None:
    """What was compiled counts as good for a file of the same size and second: too long for somebody who is typing."""
    if compiled is not None:
        with contextlib.suppress(OSError):
            Path(compiled).unlink(missing_ok=True)


def _is_theirs(name: str, module: ModuleType, folder: Path) -> bool:
    """The gateway itself stays, also where both are worked on in one folder."""
    file = getattr(module, "__file__", None)
    if name == "__main__" or name.partition(".")[0] == "narthex":
        return False
    # What is installed beside it is not its own: a virtual environment in a project's folder.
    return file is not None and folder in Path(file).parents and "site-packages" not in Path(file).parts
