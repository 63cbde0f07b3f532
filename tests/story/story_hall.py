"""The processes of a story: the far side, and a gateway before it.

Knows: how they are started, steered, read and ended. Refuses to know: what the story is about.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
from story_http import SECONDS_MAX

from process_kit import hurried

HERE = Path(__file__).parent
FREE = "http://127.0.0.1:0"
OVER_HTTP = ("modern", "hostile", "bulk", "march", "june", "november", "loose", "asker", "old", "turncoat")
OVER_STDIO = {"pipe": "modern", "oldpipe": "legacy", "bothpipe": "modern,legacy", "oddpipe": "modern,hostile"}
Tree = dict[str, Any]


class Process:
    """A child whose standard error is read as it comes."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.lines: list[str] = []
        self._moved = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            with self._moved:
                self.lines.append(line)
                self._moved.notify_all()

    def until(self, condition: Callable[[str], Any], after: int = 0) -> str:
        """The first line of the log, from `after` on, for which `condition` holds."""

        def found() -> str | None:
            return next((line for line in self.lines[after:] if condition(line)), None)

        with self._moved:
            assert self._moved.wait_for(found, SECONDS_MAX), "".join(self.lines[-50:])
            line = found()
        assert line is not None
        return line

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        if self.child.poll() is None:
            self.child.send_signal(number)
        self.child.stdin.close()
        try:
            code = self.child.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end: " + "".join(self.lines[-20:])) from None
        finally:
            self.child.kill()
            self.child.wait()
        self._reader.join(SECONDS_MAX)
        self.child.stdout.close()
        self.child.stderr.close()
        return code

    def leave(self) -> None:
        """Nobody is interested any more in how it ends."""
        hurried(self.child)
        self.end()


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONUTF8": "1", **more}


class FarSide:
    """The far side over HTTP, and the control addresses of every far side over stdio."""

    def __init__(self, home: Path) -> None:
        self.home = home
        command = [sys.executable, "-X", "dev", str(HERE / "far_main.py"), "http"]
        self.process = Process(command, home, environment(home))
        assert self.process.child.stdout is not None
        port = self.process.child.stdout.readline().strip()
        assert port, "".join(self.process.lines)
        self.url = f"http://127.0.0.1:{port}"

    def place(self, name: str) -> str:
        return f"{self.url}/{name}"

    def control(self, name: str, do: str = "see", **more: Any) -> Tree:
        """One order to a far side over HTTP; what there is to see afterwards."""
        return order(f"{self.url}/control/{name}", {"do": do, **more})


class Children:
    """The far sides over stdio that one gateway started: a folder for each server, a file for each process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def control(self, name: str, do: str = "see", **more: Any) -> Tree:
        """The order goes to every process of this server that lives; what there is to see is put together."""
        found: Tree = {}
        for file in sorted((self.folder / name).glob("*")):
            if not alive(int(file.name)) or not file.read_text():
                continue
            for key, value in order(f"http://127.0.0.1:{file.read_text()}/control/stdio", {"do": do, **more}).items():
                found[key] = found[key] + value if isinstance(value, list) and key in found else value
        return found

    def pids(self, name: str) -> list[int]:
        return [int(file.name) for file in (self.folder / name).glob("*") if alive(int(file.name))]


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def order(url: str, asked: Tree) -> Tree:
    with urlopen(Request(url, json.dumps(asked).encode(), method="POST"), timeout=SECONDS_MAX) as answer:
        found: Tree = json.load(answer)
    return found


def stdio_command(eras: str) -> list[str]:
    return [sys.executable, str(HERE / "far_main.py"), "stdio", eras]


def until(condition: Callable[[], Any], seconds: float = SECONDS_MAX) -> Any:
    """Ask again until it holds; the far side is another process and cannot call us."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.01)
    return found


class Hall:
    """A gateway in a process of its own."""

    def __init__(self, home: Path, config: Tree, folder: Path | None = None) -> None:
        self.home, self.config = home, config
        self.children = Children(folder or home / "children")
        self.file = home / "narthex.yaml"
        self.write(config)
        self.start()

    def write(self, config: Tree) -> None:
        self.config = config
        self.file.write_bytes(msgspec.json.encode(config))

    def start(self, listen: str = FREE) -> None:
        command = [sys.executable, "-m", "narthex", "serve", str(self.file), "--listen", listen, "--admin", FREE]
        command += ["--log-format", "json", "--log-level", "debug"]
        self.process = Process(command, self.home, environment(self.home))
        ready = self.process.until(lambda line: '"url"' in line or self.process.child.poll() is not None)
        assert '"url"' in ready, "".join(self.process.lines)
        said = json.loads(ready)
        self.url, self.admin = said["url"].removesuffix("/mcp"), said["admin"]

    def endpoint(self, name: str = "") -> str:
        return f"{self.url}/mcp/{name}" if name else f"{self.url}/mcp"

    def old(self, name: str = "") -> str:
        return f"{self.url}/sse/{name}" if name else f"{self.url}/sse"

    def faults(self) -> list[str]:
        """What the gateway itself calls its own fault."""
        return [line for line in self.process.lines if "fault of ours" in line or "Traceback" in line]

    def end(self) -> None:
        self.process.end()

    def leave(self) -> None:
        self.process.leave()


def servers(far: FarSide, children: Path, over_http: tuple[str, ...], over_stdio: tuple[str, ...]) -> list[Tree]:
    found: list[Tree] = [{"name": name, "upstream": far.place(name)} for name in over_http]
    return found + [
        {"name": name, "command": stdio_command(OVER_STDIO[name]), "env": {"FAR_CONTROL": str(children / name)}}
        for name in over_stdio
    ]


def config_for(home: Path, listed: list[Tree]) -> Tree:
    """Every server on an endpoint of its own, and all of them on /mcp."""
    endpoints = {server["name"]: {"servers": [server["name"]]} for server in listed}
    return {"state": str(home / "state"), "servers": listed, "endpoints": endpoints}
