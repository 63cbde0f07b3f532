"""What tests start as processes: gateways, the verbs of the command line, and far ends with a control.

Knows: how they are started, steered and ended. Refuses to look inside of them.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

SECONDS_MAX = 15.0
AGAIN_SECONDS = 0.1
Tree = dict[str, Any]


class Far:
    """One far process, its address, and its control."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.always: Tree = {}  # part of every order that starts it anew

    def order(self, order: Any) -> Tree:
        starts_anew = isinstance(order, dict) and not {"revoke", "amend", "end"} & order.keys()
        return self._asked(json.dumps({**self.always, **order} if starts_anew else order).encode())

    def see(self) -> Tree:
        return self._asked(None)

    @property
    def seen(self) -> list[Tree]:
        found: list[Tree] = self.see()["seen"]
        return found

    def paths(self) -> list[str]:
        return [one["path"] for one in self.seen]

    def called(self, tool: str) -> int:
        return sum(one.get("tool") == tool for one in self.seen)

    def _asked(self, body: bytes | None) -> Tree:
        with urlopen(Request(f"{self.origin}/control", body), timeout=SECONDS_MAX) as answer:
            found: Tree = json.load(answer)
            return found


@contextlib.contextmanager
def far_end(script: Path) -> Iterator[Far]:
    """A script that prints its address, and ends with its standard input."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield Far(child.stdout.readline().strip())
        finally:
            child.stdin.close()
            try:
                child.wait(SECONDS_MAX)
            finally:
                child.kill()


def hurried(child: "subprocess.Popen[Any]", seconds: float = SECONDS_MAX) -> None:
    """Ask a gateway to end and ask again, as an operator in a hurry does: once asked, it takes calls for a second more.

    The second signal comes a moment later, or the kernel takes both for one.
    """
    for patience in (AGAIN_SECONDS, seconds):
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            return
    child.kill()
    child.wait()


class Gateway:
    """The process, its log, and, once it is ready, its addresses."""

    def __init__(self, child: "subprocess.Popen[str]", home: Path) -> None:
        self.lines: list[str] = []
        self.home = home
        self.url = self.admin = ""
        self._child = child
        self._moved = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def ready(self) -> None:
        said = json.loads(self.until('"admin"'))
        self.url = said["url"].removesuffix("/mcp")
        self.admin = said["admin"]

    def _read(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            with self._moved:
                self.lines.append(line)
                self._moved.notify_all()

    def until(self, text: str, since: int = 0) -> str:
        def found() -> str | None:
            return next((line for line in self.lines[since:] if text in line), None)

        with self._moved:
            assert self._moved.wait_for(found, SECONDS_MAX), "".join(self.lines[-20:])
            return found() or ""

    def end(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(SECONDS_MAX)
        finally:
            self._child.kill()
            self._reader.join(SECONDS_MAX)

    def leave(self) -> None:
        """Nobody is interested any more in how it ends."""
        hurried(self._child)
        self._reader.join(SECONDS_MAX)


def write(home: Path, config: Tree) -> Path:
    path = home / "narthex.json"
    path.write_text(json.dumps({"state": str(home / "state"), **config}))
    return path


@contextlib.contextmanager
def gateway(home: Path, config: Tree, *, port: int = 0, env: dict[str, str] | None = None) -> Iterator[Gateway]:
    path = write(home, config)
    command = [sys.executable, "-m", "narthex", "serve", str(path), "--listen", f"http://127.0.0.1:{port}"]
    command += ["--admin", "http://127.0.0.1:0", "--log-format", "json", "--log-level", "debug"]
    with subprocess.Popen(
        command,
        cwd=home,
        env={**os.environ, "HOME": str(home), **(env or {})},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as child:
        running = Gateway(child, home)
        try:
            running.ready()
            yield running
        finally:
            running.leave()


def narthex(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A verb of the command line, as it ended."""
    return subprocess.run(
        [sys.executable, "-m", "narthex", *words],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def command(home: Path, *words: str) -> str:
    """What a verb prints that succeeds."""
    done = narthex(home, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(condition: Callable[[], Any], what: str = "it did not come about") -> Any:
    ends = time.monotonic() + SECONDS_MAX
    while not (found := condition()):
        assert time.monotonic() < ends, what
        time.sleep(0.05)
    return found
