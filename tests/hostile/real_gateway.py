"""A real `narthex serve` in a process of its own, and connections on which a test says exactly the bytes it wants."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from process_kit import hurried

SECONDS_MAX = 20.0
FREE = "http://127.0.0.1:0"
# What no answer may hold: a trace, a place on this machine, a word of Python.
TELLTALE = ("Traceback", ".py", "/usr/", "/home/", "site-packages", "Error(", "Exception", "asyncio", "msgspec")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def message(self) -> Any:
        """The JSON-RPC message: the whole body, or the last event of a stream."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            events = [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ")]
            return json.loads(events[-1])
        return json.loads(self.body) if self.body else None


class Gateway:
    """The process, its port, and its log: read in a thread, so that a chatty one never stands still."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(json.loads(self.until('"url"'))["url"].split(":")[2].split("/")[0])

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            with self._heard:
                self.lines.append(line.decode("utf-8", "replace"))
                self._heard.notify_all()

    def until(self, text: str, since: int = 0) -> str:
        """The first log line with this text, waiting for it if it has not come yet."""
        end = time.monotonic() + SECONDS_MAX
        with self._heard:
            while True:
                for line in self.lines[since:]:
                    if text in line:
                        return line
                assert self._heard.wait(end - time.monotonic()), f"no {text!r} in {self.lines[-20:]}"

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def rss(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def faults(self) -> list[str]:
        """What the gateway itself calls a fault of ours."""
        return [line for line in self.lines if "A fault of ours" in line or "Traceback" in line]

    def end(self) -> None:
        hurried(self.child)
        self._reader.join()

    def connect(self) -> "Wire":
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS_MAX))

    def post(self, body: bytes | dict[str, Any], headers: dict[str, str] | None = None, path: str = "/mcp") -> Answer:
        """One request on a connection of its own."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.connect() as wire:
            return wire.ask(request("POST", path, list((headers or {}).items()), data))


class Wire:
    """One connection to the gateway."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.file = sock, sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.sock.close()

    def say(self, raw: bytes) -> None:
        self.sock.sendall(raw)

    def ask(self, raw: bytes) -> Answer:
        began = time.perf_counter()
        try:
            self.sock.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it had read all: the answer is there
        return self.answer(began)

    def answer(self, began: float | None = None) -> Answer:
        began = time.perf_counter() if began is None else began
        status, headers = self.head()
        body = b"".join(self.pieces(headers))
        return Answer(status, headers, body, time.perf_counter() - began)

    def head(self) -> tuple[int, dict[str, str]]:
        line = self.file.readline()
        assert line, "closed without an answer"
        headers = {}
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode().partition(":")
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers

    def pieces(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding") != "chunked":
            yield self.file.read(int(headers.get("content-length", 0)))
            return
        while size := int(self.file.readline(), 16):
            yield self.file.read(size)
            self.file.readline()
        self.file.readline()

    def event(self) -> tuple[str, bytes]:
        """The next event of a stream that has begun: its name and its data. Comments are passed over."""
        name, data = "message", b""
        while True:
            size = int(self.file.readline(), 16)
            assert size, "the stream ended"
            for line in self.file.read(size).split(b"\n"):
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    data = line[6:]
            self.file.readline()
            if data:
                return name, data


def request(
    method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"", host: str = "localhost"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + body


@contextmanager
def gateway(config: dict[str, Any], home: Path, *arguments: str) -> Iterator[Gateway]:
    """Serve this configuration; the process is gone when the block is left."""
    path = home / "narthex.json"
    path.write_text(json.dumps({"state": str(home / "state"), **config}))
    command = [sys.executable, "-m", "narthex", "serve", str(path), "--listen", FREE, "--admin", FREE]
    with subprocess.Popen(
        [*command, "--log-format", "json", *arguments],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as child:
        try:
            running = Gateway(child)
        except BaseException:
            child.kill()
            raise
        try:
            yield running
        finally:
            running.end()


@contextmanager
def stdio_gateway(config: dict[str, Any], home: Path) -> Iterator["Lines"]:
    """`narthex stdio` over this configuration."""
    path = home / "stdio.json"
    path.write_text(json.dumps({"state": str(home / "stdio-state"), **config}))
    with (
        (home / "stdio.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "narthex", "stdio", str(path)],
            cwd=home,
            env={**os.environ, "HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as child,
    ):
        try:
            yield Lines(child)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(SECONDS_MAX)
            finally:
                child.kill()


class Lines:
    """The client's end of a stdio conversation."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child

    def say(self, line: bytes) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line + b"\n")
        self.child.stdin.flush()

    def hear(self) -> Any:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        assert line, "the gateway ended"
        return json.loads(line)

    def hear_until(self, wanted: Callable[[Any], bool]) -> Any:
        while not wanted(message := self.hear()):
            pass
        return message


def assert_tells_nothing(body: bytes) -> None:
    """No answer shows how the gateway is made or where it runs."""
    text = body.decode("utf-8", "replace")

    assert [word for word in TELLTALE if word in text] == []
