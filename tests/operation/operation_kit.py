"""`narthex serve` as a process of its own, and what a test says to it: plain sockets, no code of the gateway."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from process_kit import hurried

Tree = dict[str, Any]
SERVER = Path(__file__).with_name("operation_server.py")
MODERN = "2026-07-28"
WAIT_SECONDS = 20.0
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
DEGRADED = "dev.narthex/degraded"


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """The first true value of `condition`; AssertionError with `what` when there is none in time."""
    ends = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < ends, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def seconds_until(condition: Callable[[], bool]) -> float:
    started = time.monotonic()
    until(condition, "it counts", 10.0)
    return time.monotonic() - started


def stdio(name: str, folder: Path, **options: Any) -> Tree:
    """A server of ours over pipes, as an entry of `servers:`. Keys of the entry itself go into `entry`."""
    entry = options.pop("entry", {})
    words = json.dumps({"name": name, "journal": str(folder / "journal"), **options})
    return {"name": name, "command": [sys.executable, "-I", "-S", str(SERVER), words], **entry}


def journal(folder: Path, event: str = "", server: str = "") -> list[Tree]:
    path = folder / "journal"
    entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [one for one in entries if event in ("", one["event"]) and server in ("", one["server"])]


class Gateway:
    """One `narthex serve`. Its configuration is `config`; `write()` changes it while it runs."""

    def __init__(self, folder: Path, config: Tree, *, env: dict[str, str] | None = None, options: tuple[str, ...] = ()):
        self.folder, self.config = folder, dict(config)
        self.file = folder / "narthex.yaml"  # JSON is YAML
        self.write()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        self._log = folder / f"log-{time.monotonic_ns()}"
        self._env, self._options = {**kept, "HOME": str(folder), **(env or {})}, options
        self.url = self.admin = ""

    def write(self, **changes: Any) -> None:
        """Replace the file as an editor does: another one, renamed over it."""
        self.config.update(changes)
        defaults = {
            "listen": "http://127.0.0.1:0",
            "admin": {"listen": "http://127.0.0.1:0"},
            "state": str(self.folder / "state"),
        }
        self.write_text(json.dumps({**defaults, **self.config}, indent=1))

    def write_text(self, text: str) -> None:
        other = self.file.with_suffix(".new")
        other.write_text(text)
        other.replace(self.file)

    def start(self) -> "Gateway":
        with self._log.open("wb") as log:
            arguments = [sys.executable, "-m", "narthex", "serve", str(self.file), *self._options]
            self.process = subprocess.Popen(
                arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, env=self._env
            )
        ready = until(lambda: self.process.poll() is not None or self.said("Ready:"), "the gateway is ready")
        assert ready is not True, f"the gateway ended with {self.process.returncode}: {self._log.read_text()}"
        self.url, self.admin = ready["url"], ready["admin"]
        return self

    def lines(self) -> list[Tree]:
        found = []
        for line in self._log.read_text(errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return found

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def said(self, *words: str) -> Tree | None:
        """The first log line whose sentence holds all of `words`."""
        return next((line for line in self.lines() if all(word in line.get("message", "") for word in words)), None)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    # what a client says

    def request(self, method: str, params: Tree | None = None, **how: Any) -> Tree:
        return modern(self.url, method, params, **how)

    def call(self, tool: str, wait: float = 30.0, **arguments: Any) -> Tree:
        return self.request("tools/call", {"name": tool, "arguments": arguments}, seconds=wait)

    def text(self, tool: str, **arguments: Any) -> str:
        answer = self.call(tool, **arguments)
        assert "result" in answer, answer
        return str(answer["result"]["content"][0]["text"])

    def tools(self) -> list[str]:
        return sorted(tool["name"] for tool in self.request("tools/list")["result"]["tools"])

    def degraded(self) -> list[str]:
        return list(self.request("tools/list")["result"].get("_meta", {}).get(DEGRADED, []))

    # what an operator sees

    def status(self, server: str) -> Tree:
        return next(one for one in self.api("/api/servers")["servers"] if one["name"] == server)

    def api(self, path: str) -> Tree:
        return dict(json.loads(get(self.admin + path)[1]))

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that carry these labels."""
        total = 0.0
        for line in get(self.admin + "/metrics")[1].decode().splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(found.get(label) == value for label, value in labels.items()):
                    total += float(match[3])
        return total


@contextlib.contextmanager
def serving(folder: Path, *servers: Tree, **more: Any) -> Iterator[Gateway]:
    """A running gateway over these servers. `env` and `options` are of the process, the rest of the file."""
    env, options = more.pop("env", None), more.pop("options", ())
    gateway = Gateway(folder, {"servers": list(servers), **more}, env=env, options=options).start()
    try:
        yield gateway
    finally:
        hurried(gateway.process)


def connect(url: str, seconds: float = 30.0) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)


def get(url: str, seconds: float = 30.0) -> tuple[int, bytes]:
    connection = connect(url, seconds)
    try:
        connection.request("GET", urlsplit(url).path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def modern_body(method: str, params: Tree | None, request_id: int = 1) -> tuple[bytes, dict[str, str]]:
    params = {**(params or {}), "_meta": {**_META, **(params or {}).get("_meta", {})}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
    }
    name = params.get("name") or params.get("uri")
    if name is not None:
        headers["Mcp-Name"] = name
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode(), headers


def modern(url: str, method: str, params: Tree | None = None, *, seconds: float = 30.0) -> Tree:
    """One request on a connection of its own: the JSON-RPC response, whether it came as JSON or as a stream."""
    connection = connect(url, seconds)
    try:
        return exchange(connection, url, method, params)
    finally:
        connection.close()


def exchange(connection: http.client.HTTPConnection, url: str, method: str, params: Tree | None = None) -> Tree:
    body, headers = modern_body(method, params)
    connection.request("POST", urlsplit(url).path, body, headers)
    answer = connection.getresponse()
    if answer.headers.get_content_type() == "text/event-stream":
        return [message for message in events(answer) if "id" in message][-1]
    return dict(json.loads(answer.read()))


def events(answer: http.client.HTTPResponse) -> Iterator[Tree]:
    """The messages of an event stream, until its end."""
    while line := answer.readline():
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


class Legacy:
    """A client of 2025-11-25 with a session."""

    def __init__(self, url: str) -> None:
        self.url, self._id = url, 0
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        self.answer, found = self._post({"id": 0, "method": "initialize", "params": params})
        self.headers["Mcp-Session-Id"] = found["mcp-session-id"]
        self.headers["MCP-Protocol-Version"] = "2025-11-25"
        self._post({"method": "notifications/initialized"})

    def request(self, method: str, params: Tree | None = None) -> Tree:
        self._id += 1
        return self._post({"id": self._id, "method": method, "params": params or {}})[0]

    def _post(self, message: Tree) -> tuple[Tree, Any]:
        connection = connect(self.url)
        try:
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            connection.request("POST", urlsplit(self.url).path, body, self.headers)
            answer = connection.getresponse()
            if answer.headers.get_content_type() == "text/event-stream":
                return [message for message in events(answer) if "id" in message][-1], answer.headers
            content = answer.read()
            return (json.loads(content) if content else {}), answer.headers
        finally:
            connection.close()


class Stream:
    """An open event stream, read by a thread: `messages` grows, `ended` is set when it came to its end properly."""

    def __init__(
        self, url: str, *, legacy: Legacy | None = None, filters: Tree | None = None, pair: bool = False
    ) -> None:
        self.messages: list[Tree] = []
        self.ended = threading.Event()
        self._connection = connect(url)
        if pair:
            self._connection.request("GET", urlsplit(url).path, headers={"Accept": "text/event-stream"})
        elif legacy is not None:
            headers = {**legacy.headers, "Accept": "text/event-stream"}
            self._connection.request("GET", urlsplit(url).path, headers=headers)
        else:
            body, headers = modern_body("subscriptions/listen", {"notifications": filters or {}}, 7)
            self._connection.request("POST", urlsplit(url).path, body, headers)
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        self._thread = threading.Thread(target=self._read, args=(answer,))
        self._thread.start()

    def _read(self, answer: http.client.HTTPResponse) -> None:
        try:
            for message in events(answer):
                self.messages.append(message)
            self.ended.set()
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return  # closed by us, or broken off: then it has not ended properly

    def methods(self) -> list[str]:
        return [message.get("method", "") for message in self.messages]

    def close(self) -> None:
        sock = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)
        self._thread.join(10)
        self._connection.close()


@contextlib.contextmanager
def listening(url: str, **how: Any) -> Iterator[Stream]:
    stream = Stream(url, **how)
    try:
        yield stream
    finally:
        stream.close()


@contextlib.contextmanager
def http_server(port: int = 0, name: str = "crm") -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server that ships with Narthex, at its URL."""
    arguments = [sys.executable, "-m", f"narthex.libraries.demo.{name}", "--http", str(port)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stderr is not None
            yield child.stderr.readline().split()[-1], child
        finally:
            child.terminate()
            child.wait(20)


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start `work` in a thread; the result waits for it, and raises what it raised."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((True, work()))
        except Exception as error:  # noqa: BLE001 - handed on to whoever asks for the result
            outcome.append((False, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result() -> Any:
        thread.join(60)
        assert outcome, "the work in the background did not end"
        good, value = outcome[0]
        if not good:
            raise value
        return value

    return result


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
