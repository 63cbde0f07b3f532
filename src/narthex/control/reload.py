"""A running gateway follows its configuration: on a change of the files, and on SIGHUP.

Knows: when files have settled after a change, and that a bad file changes nothing. Refuses to know: what applying
a configuration means; that is the function it is given.

The folders are watched, not the files: editors replace a file by renaming another over it, and Kubernetes swaps a
symbolic link beside it; a watch on the file itself would die with the first change. Every few seconds the files are
looked at besides: some file systems tell nothing, and a folder can be replaced as well.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from narthex.control.load import Loaded, Overrides, load
from narthex.control.problem import ConfigError, Problem
from narthex.limits import reload_look_seconds, reload_settle_seconds

Apply = Callable[[Loaded], Awaitable[None]]
Report = Callable[[ConfigError], None]
Print = tuple[tuple[str, int, int, int] | None, ...]  # of each file: path, inode, time of change, size; None: gone


class Reloader:
    """`run()` until cancelled. `apply` may refuse with ConfigError, too; every refusal goes to `report`.

    `loaded` is what the gateway started with.
    """

    def __init__(
        self,
        path: Path,
        loaded: Loaded,
        apply: Apply,
        report: Report,
        environ: Mapping[str, str] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self.path = path
        self._environ = os.environ if environ is None else environ
        self._overrides = overrides
        self._apply, self._report = apply, report
        self._sources = _unique([path, *loaded.sources])
        self._print = fingerprint(self._sources)
        self._asked = asyncio.Event()  # somebody wants a reload, changed or not
        self._changed = asyncio.Event()  # something happened in a watched folder

    def ask(self) -> None:
        """Reload now, whether or not the files changed: what SIGHUP does."""
        self._asked.set()
        self._changed.set()

    async def run(self) -> None:
        with _on_hangup(self.ask):
            while True:
                await self._until_moved()

    async def _until_moved(self) -> None:
        """Watch the folders of today's sources; return when the sources are others."""
        folders = _folders(self._sources)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(folders, stop), name="reload.watch")
            while _folders(self._sources) == folders:
                await self._changed.wait()
                await self._settle()
            stop.set()

    async def _settle(self) -> None:
        """Wait until the files hold still, then load what they have become."""
        before: Print | None = None
        while (now := fingerprint(self._sources)) != before:
            before = now
            self._changed.clear()
            await asyncio.sleep(reload_settle_seconds)
        asked = self._asked.is_set()
        self._asked.clear()
        self._changed.clear()
        if asked or now != self._print:
            self._print = now
            await self._load()

    async def _load(self) -> None:
        try:
            # In a thread: a file of five thousand servers takes a second, and calls are waiting.
            loaded = await asyncio.to_thread(load, self.path, self._environ, self._overrides)
            loaded.require_ready()
            await self._apply(loaded)
        except ConfigError as error:
            # A file that refers to something missing is worth another try when that appears.
            self._follow([*self._sources, *error.sources])
            self._report(_gone(error, self.path))
        else:
            self._follow(loaded.sources)

    def _follow(self, sources: Iterable[Path]) -> None:
        followed = _unique([self.path, *sources])
        if followed != self._sources:
            known = dict(zip(self._sources, self._print, strict=True))
            self._sources = followed
            self._print = tuple(known[file] if file in known else _state(file) for file in followed)

    async def _watch(self, folders: tuple[Path, ...], stop: asyncio.Event) -> None:
        """Say that something may have changed: at once when the system tells, else when it is time to look."""
        from watchfiles import awatch

        settle = int(reload_settle_seconds * 1000)
        look = int(reload_look_seconds * 1000)
        while not stop.is_set():
            existing = [folder for folder in folders if folder.is_dir()]
            try:
                async for _ in awatch(
                    *existing,
                    stop_event=stop,
                    recursive=False,
                    watch_filter=None,
                    step=settle // 5,
                    debounce=settle,
                    rust_timeout=look,
                    yield_on_timeout=True,
                ):
                    self._changed.set()
            except FileNotFoundError:
                # A folder went away just now, or all of them have: look by the clock until one is back.
                self._changed.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), reload_look_seconds)


def fingerprint(files: Iterable[Path]) -> Print:
    """What tells a changed file from an unchanged one, following symbolic links."""
    return tuple(_state(file) for file in files)


def _state(file: Path) -> tuple[str, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (str(file), found.st_ino, found.st_mtime_ns, found.st_size)


def _folders(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted({file.absolute().parent for file in files}))


def _unique(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(files))


def _gone(error: ConfigError, path: Path) -> ConfigError:
    if path.exists():
        return error
    what = "the file is gone; the configuration in use stays"
    return ConfigError([Problem(str(path), 0, 0, "", what, "Put it back, and it is read at once.")], error.sources)


@contextmanager
def _on_hangup(ask: Callable[[], None]) -> Any:
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None:  # Windows has no such signal; the files are watched all the same
        yield
        return
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(hangup, ask)
    except (ValueError, RuntimeError):  # not the main thread: whoever embeds the gateway calls ask()
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(hangup)
