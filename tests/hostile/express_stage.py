"""A gateway with scripted servers of both eras behind it, and clients of both that say each call in two ways.

The usual way names the arguments before the tool: the express way writes them the other way round, so what reached the
server tells which way a call went.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hostile_client import JSON, META
from hostile_peer import SSE_HEAD, Asked, Hostile, Peer, Script, hostile, legacy, modern
from hostile_rows import MODERN
from real_gateway import SECONDS_MAX, Answer, Gateway, Wire, gateway, request

LEGACY = "2025-11-25"
FRONTS = ("modern", "2025-03-26", "2025-06-18", LEGACY)
BACKS = ("modern", "legacy")
TEXT = {"content": [{"type": "text", "text": "done"}]}
LIMITS = {"result_bytes_max": 65_536, "call_seconds_max": 10.0}
HURRIED_SECONDS = 0.6
WAITING_SECONDS = 5.0

Tree = dict[str, Any]


def good(peer: Peer, asked: Asked) -> None:
    peer.result(asked, TEXT)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = WAITING_SECONDS) -> Any:
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, what
        time.sleep(0.01)
    return found


class Stage:
    """`on_call` is what every server does with the next calls; `calls` are those that came, in order."""

    def __init__(self, home: Path, running: Gateway, far: Hostile) -> None:
        self.home, self.gateway, self.far = home, running, far
        self.on_call: Script = good
        self.standing: list[Peer] = []  # the GET streams of `/asking`
        self.admin = urlsplit(json.loads(running.until('"admin"'))["admin"])
        self._open = ExitStack()

    def play(self, peer: Peer, asked: Asked) -> None:
        self.on_call(peer, asked)

    @property
    def calls(self) -> list[Asked]:
        return [asked for asked in self.far.asked if asked.method == "tools/call"]

    def heard(self, method: str) -> list[Asked]:
        return [asked for asked in self.far.asked if asked.method == method]

    def caller(self, front: str, back: str, capabilities: Tree | None = None, *, mixed: bool = False) -> "Caller":
        """`mixed`: on the endpoint of all servers, where tools carry the names of theirs."""
        found = Caller(self, front, "/mcp" if mixed else f"/mcp/{back}", f"{back}__do" if mixed else "do")
        self._open.callback(found.leave)
        found.begin(capabilities or {})
        return found

    def twin(self, caller: "Caller") -> "Caller":
        """The same client on a connection more."""
        found = Caller(self, caller.front, caller.path, caller.tool)
        self._open.callback(found.leave)
        found.headers = caller.headers
        return found

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that carry these labels."""
        total = 0.0
        port = self.admin.port or 0
        with Wire(_connected(port)) as wire:
            text = wire.ask(request("GET", "/metrics", [], host=f"127.0.0.1:{port}")).body.decode()
        for line in text.splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(found.get(label) == value for label, value in labels.items()):
                    total += float(match[3])
        return total

    def until_quiet(self) -> None:
        """Nothing is in flight any more."""
        wait_until(lambda: self.metric("narthex_inflight") == 0, "something stays in flight")

    @contextmanager
    def one_event(self, outcome: str, **labels: str) -> Iterator[None]:
        """What happens inside is recorded as one call, and leaves nothing in flight."""

        def counted() -> tuple[float, float]:
            calls = "narthex_calls_total"
            return self.metric(calls), self.metric(calls, outcome=outcome, **labels)

        before = counted()
        yield
        wait_until(lambda: counted()[0] > before[0], "no event")
        self.until_quiet()
        assert counted() == (before[0] + 1, before[1] + 1)

    def close(self) -> None:
        self._open.close()


def _connected(port: int) -> Any:
    import socket

    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)


class Caller:
    """A client on one connection. `say` a call, then read the `answer`; or `call`, which is both."""

    def __init__(self, stage: Stage, front: str, path: str, tool: str) -> None:
        self.stage, self.front, self.path, self.tool = stage, front, path, tool
        self.wire = stage.gateway.connect()
        self.headers = dict(JSON)
        self.ids = itertools.count(100)

    @property
    def modern(self) -> bool:
        return self.front == "modern"

    def begin(self, capabilities: Tree) -> None:
        if self.modern:
            self.headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": self.tool}
        else:
            params = {
                "protocolVersion": self.front,
                "capabilities": capabilities,
                "clientInfo": {"name": "x", "version": "0"},
            }
            answer = self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
            self.headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
            assert self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 202
        self.warm()

    def warm(self) -> None:
        """One good call, so that the server is up and a connection to it idle."""
        before, self.stage.on_call = self.stage.on_call, good
        wait_until(lambda: "result" in self.call(unusual=True).message, "the server does not come up", SECONDS_MAX)
        self.stage.on_call = before

    def body(
        self,
        request_id: int | str = 1,
        arguments: str = "{}",
        meta: Tree | None = None,
        *,
        unusual: bool = False,
    ) -> bytes:
        """A call. `unusual`: with an escape in it, which the express way leaves alone."""
        found = {**(META if self.modern else {}), **(meta or {})}
        name = self.tool.replace("do", "d\\u006f") if unusual else self.tool
        shown_id = json.dumps(request_id, ensure_ascii=False)
        told = f',"_meta":{json.dumps(found, ensure_ascii=False)}' if found else ""
        params = f'{{"arguments":{arguments},"name":"{name}"{told}}}'
        return f'{{"jsonrpc":"2.0","id":{shown_id},"method":"tools/call","params":{params}}}'.encode()

    def raw(self, body: bytes) -> bytes:
        return request("POST", self.path, list(self.headers.items()), body)

    def say(self, *arguments: Any, **how: Any) -> None:
        self.wire.say(self.raw(self.body(*arguments, **how)))

    def call(self, *arguments: Any, **how: Any) -> Answer:
        return self.wire.ask(self.raw(self.body(*arguments, **how)))

    def standing(self) -> bytes:
        """The request for the stream of the session."""
        kept = {name: value for name, value in self.headers.items() if name != "Content-Type"}
        return request("GET", self.path, list({**kept, "Accept": "text/event-stream"}.items()))

    def post(self, message: Tree) -> Answer:
        """Something else than a call, on a connection of its own."""
        return self.stage.gateway.post(message, self.headers, self.path)

    def leave(self) -> None:
        self.wire.__exit__()

    def again(self) -> None:
        """On another connection."""
        self.leave()
        self.wire = self.stage.gateway.connect()


def went_express(asked: Asked) -> bool:
    return list(asked.message["params"])[:2] == ["name", "arguments"]


class Held:
    """A script that answers when it is told to, and sees whether the other end leaves before."""

    def __init__(self, then: Script = good, *, first: Script | None = None) -> None:
        self.arrived, self.go, self.gone = threading.Event(), threading.Event(), threading.Event()
        self._then, self._first = then, first

    def __call__(self, peer: Peer, asked: Asked) -> None:
        if self._first is not None:
            self._first(peer, asked)
        self.arrived.set()
        peer.sock.settimeout(0.02)
        ends = time.monotonic() + SECONDS_MAX
        while not self.go.is_set() and time.monotonic() < ends:
            try:
                if not peer.sock.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                continue
            except OSError:
                self.gone.set()
                peer.leave()
                return
        peer.sock.settimeout(None)
        self._then(peer, asked)

    def until_arrived(self) -> None:
        assert self.arrived.wait(WAITING_SECONDS), "the call did not reach the server"

    def until_gone(self) -> None:
        assert self.gone.wait(WAITING_SECONDS), "the connection to the server stays open"


def event(message: Tree) -> bytes:
    return b"data: " + json.dumps(message).encode() + b"\n\n"


def result_event(asked: Asked, result: Tree = TEXT) -> bytes:
    return event({"jsonrpc": "2.0", "id": asked.message["id"], "result": result})


def notification(method: str, **params: Any) -> bytes:
    return event({"jsonrpc": "2.0", "method": method, "params": params})


@contextmanager
def staged(home: Path, rules: Tree | None = None, **limits: Any) -> Iterator[Stage]:
    """A stage that is up. `home` is its folder. `rules` is whatever else the file says."""
    with hostile() as far:
        found: list[Stage] = []

        def play(peer: Peer, asked: Asked) -> None:
            found[0].play(peer, asked)

        def stand(peer: Peer, _: Asked) -> None:
            peer.say(SSE_HEAD)
            standing.append(peer)
            peer.stay()
            standing.remove(peer)

        standing: list[Peer] = []
        far.scripts = {
            "/modern": modern(play),
            "/legacy": legacy(play),
            "/hurried-modern": modern(play),
            "/hurried-legacy": legacy(play),
            "/asking": legacy(play, {"logging": {}}, stand),
        }
        with gateway({**configured(far, **limits), **(rules or {})}, home) as running:
            stage = Stage(home, running, far)
            found.append(stage)
            stage.standing = standing
            try:
                yield stage
            finally:
                stage.close()


def configured(far: Hostile, *without: str, **limits: Any) -> Tree:
    names = [path[1:] for path in far.scripts if path[1:] not in without]
    servers: list[Tree] = [{"name": name, "upstream": far.url(f"/{name}")} for name in names]
    for server in servers:
        if server["name"].startswith("hurried"):
            server["timeout_seconds"] = HURRIED_SECONDS
    endpoints = {name: {"servers": [name], "names": "bare"} for name in names}
    return {"servers": servers, "endpoints": endpoints, "limits": {**LIMITS, **limits}}
