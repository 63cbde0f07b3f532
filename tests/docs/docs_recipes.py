"""A page of the cookbook as its reader cooks it: files are saved, commands are typed, what is printed is compared.

Knows: a block after a line that ends in `NAME`: is a file; a console block is typed into the reader's terminal, or,
where it ends with `# leave it running`, into one of its own. Refuses to know: what any recipe is about.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from outside.ports import free_port

from process_kit import SECONDS_MAX, hurried, until
from prometheus_kit import value

RUNNING = "# leave it running"
PORTS = ("8080", "8081", "9001", "9090")  # as the pages have them; each run has others
ENDED = "-- ended with"
_BLOCK = re.compile(r"(?:^[^\n]*`([\w./-]+\.\w+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What is another one each time: a moment, how long something took, how large it was, an exact wait.
_CHANGING = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?", "(moment)"),
    (r"\berror [0-9a-f]{8}\b", "error (number)"),
    (r"\bin [\d.]+ ?(?:µs|ms|s)\b", "in (a while)"),
    (r"[\d.]+ k?B (in|out)", r"(bytes) \1"),
    (r"\b\d+ seconds?\b", "(seconds)"),
)
# What is another one each time, and is typed again later: the handle of an approval, a token.
_HANDLE = re.compile(r"\b[0-9a-f]{12}\b|‹\w+:\w{10}›")


class Block(NamedTuple):
    """A file to save, where it has a name; else what is typed and printed."""

    name: str
    language: str
    text: str


class Typed(NamedTuple):
    """A command, and what the page shows under it: nothing, where it does not matter."""

    command: str
    shown: str


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page)]


def typed(console: str) -> list[Typed]:
    parts = console.replace("\\\n", " ").removeprefix("$ ").split("\n$ ")
    return [Typed(command.strip(), shown.strip("\n")) for command, _, shown in (part.partition("\n") for part in parts)]


class Kitchen:
    """A folder, the reader's terminal, and what was left running."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.folder = home / "kitchen"
        self.folder.mkdir()
        self.ports = {port: str(free_port()) for port in PORTS}
        self.handles: dict[str, str] = {}
        self.running: list[subprocess.Popen[bytes]] = []
        programs = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        self._environment = {"HOME": str(home), "PATH": programs, "PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1"}
        self._environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a reader's pytest has no plugins that warn
        self._environment |= {name: value for name, value in os.environ.items() if name == "PYTHONPATH"} | environment
        pipe = subprocess.PIPE
        self._terminal = subprocess.Popen(
            ["/bin/sh"], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
            env=self._environment,
        )  # fmt: skip

    def cook(self, page: str) -> list[tuple[Typed, str, int]]:
        """What was typed into the reader's terminal, what it printed, and how it ended."""
        done = []
        for block in blocks(self.here(page)):
            if block.name:
                path = self.folder / block.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, "utf-8")
            elif block.language == "console" and RUNNING in block.text:
                self.leave_running([one.command for one in typed(block.text)])
            elif block.language == "console":
                done += [(one, *self.type(one)) for one in typed(block.text)]
        return done

    def here(self, page: str) -> str:
        for port, ours in self.ports.items():
            page = re.sub(rf"\b{port}\b", ours, page)
        return page

    def type(self, one: Typed) -> tuple[str, int]:
        assert self._terminal.stdin is not None
        assert self._terminal.stdout is not None
        self._terminal.stdin.write(f"{self.command(one.command)}\nended=$?; echo; echo '{ENDED}' $ended\n")
        self._terminal.stdin.flush()
        printed = ""
        while not (line := self._terminal.stdout.readline()).startswith(ENDED):
            assert line, f"the terminal ended: {printed}"
            printed += line
        printed = printed.strip("\n")
        shown, found = _HANDLE.findall(one.shown), _HANDLE.findall(printed)
        if len(shown) == len(found):
            self.handles |= dict(zip(shown, found, strict=True))
        return printed, int(line.rpartition(" ")[2])

    def command(self, line: str) -> str:
        """The line, for gateways at other addresses than the usual ones."""
        for shown, found in self.handles.items():
            line = line.replace(shown, found)
        listen, admin = (f"http://127.0.0.1:{self.ports[port]}" for port in PORTS[:2])
        line = line.replace("narthex serve", f"narthex serve --listen {listen} --admin {admin}")
        if "--file" not in line:
            line = re.sub(r"\bnarthex (call|tools)\b", rf"narthex \1 --url {listen}/mcp", line)
        return line.replace("narthex explain", f"narthex explain --admin {admin}")

    def leave_running(self, lines: list[str]) -> None:
        """In a terminal of its own: what was said in another one does not hold here."""
        *before, last = [self.command(line) for line in lines]
        command = last.partition("#")[0].strip()
        log = self.folder.with_name(f"log-{len(self.running)}")
        with log.open("wb") as told:
            child = subprocess.Popen(
                ["/bin/sh", "-c", "\n".join([*before, f"exec {command}"])], cwd=self.folder, env=self._environment,
                stdout=told, stderr=told,
            )  # fmt: skip
        self.running.append(child)

        def ready() -> bool:
            assert child.poll() is None, log.read_text()
            return self._answers(command)

        until(ready, f"it is there: {command}")

    def _answers(self, command: str) -> bool:
        if "narthex serve" in command:
            return _opens(f"http://127.0.0.1:{self.ports['8080']}/readyz")
        if command.startswith("prometheus "):
            url = f"http://127.0.0.1:{self.ports['9090']}"
            return _opens(f"{url}/-/ready") and value(url, "sum(up)") > 0
        with socket.socket() as found:
            return found.connect_ex(("127.0.0.1", int(self.ports["9001"]))) == 0

    def close(self) -> None:
        for child in reversed(self.running):
            hurried(child)
        with self._terminal as terminal:
            assert terminal.stdin is not None
            terminal.stdin.close()
            terminal.wait(SECONDS_MAX)


@contextmanager
def kitchen(home: Path, **environment: str) -> Iterator[Kitchen]:
    found = Kitchen(home, environment)
    try:
        yield found
    finally:
        found.close()


def same(shown: str, printed: str) -> bool:
    """Whether this was printed; `…` on the page stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in _still(shown).split("…"))
    return re.fullmatch(pattern, _still(printed), re.DOTALL) is not None


def _still(text: str) -> str:
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return _HANDLE.sub("(handle)", text)


def _opens(url: str) -> bool:
    try:
        with urlopen(url, timeout=SECONDS_MAX) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
