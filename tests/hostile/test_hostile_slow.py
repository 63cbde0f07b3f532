"""Clients that read slowly, while a server has much to say: the server waits, and nothing is lost."""

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hostile_client import META, Client
from hostile_peer import SSE_HEAD, Asked, Hostile, Peer, hostile, legacy, modern
from hostile_rows import MODERN, text
from real_gateway import SECONDS_MAX, Gateway, Wire, gateway, request

EVENTS = 8_000
PIECE = "x" * 4_000  # so that the whole is 32 MB: more than all the buffers of the kernel between server and client
STEP = 1_500  # events that are read between two pauses
JSON = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
CALL = {"name": "do", "arguments": {}}


class Told:
    """How far the server has come."""

    events = 0


@pytest.fixture(scope="module")
def far() -> Iterator[Hostile]:
    with hostile() as server:
        yield server


@pytest.fixture(scope="module")
def running(far: Hostile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    silent = modern(lambda *_: None)
    far.scripts = {"/modern": silent, "/legacy": legacy(lambda *_: None, {"logging": {}})}
    servers = [{"name": path, "upstream": far.url(f"/{path}")} for path in ("modern", "legacy")]
    endpoints = {path: {"servers": [path], "names": "bare"} for path in ("modern", "legacy")}
    with gateway({"servers": servers, "endpoints": endpoints}, tmp_path_factory.mktemp("slow")) as found:
        yield found
        assert found.faults() == []


def talkative(told: Told) -> Callable[[Peer, Asked], None]:
    def on_call(peer: Peer, asked: Asked) -> None:
        told.events = 0
        peer.say(SSE_HEAD)
        for number in range(EVENTS):
            params = {"level": "error", "logger": str(number), "data": PIECE}
            if not peer.chunk(b"data: " + text({"jsonrpc": "2.0", "method": LOG, "params": params}) + b"\n\n"):
                return
            told.events += 1
        peer.chunk(b'data: {"jsonrpc":"2.0","id":' + asked.id + b',"result":{"content":[]}}\n\n')
        peer.say(b"0\r\n\r\n")

    return on_call


LOG = "notifications/message"


def slow_wire(running: Gateway) -> Wire:
    """A connection whose own buffer holds little."""
    sock = socket.socket()
    sock.settimeout(SECONDS_MAX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    sock.connect(("127.0.0.1", running.port))
    return Wire(sock)


def until_stuck(told: Told) -> None:
    """Until the server has come no further for a while."""
    since = time.monotonic()
    ends, seen = since + SECONDS_MAX, told.events
    while time.monotonic() - since < 0.3:
        assert time.monotonic() < ends, "the server never stops"
        if told.events != seen:
            seen, since = told.events, time.monotonic()
        time.sleep(0.02)


def read_slowly(wire: Wire, told: Told) -> list[str]:
    """The numbers of the notifications, in the order in which they came, up to the response."""
    numbers: list[str] = []
    while True:
        if len(numbers) % STEP == 0:
            until_stuck(told)
        message = json.loads(wire.event()[1] or b"{}")
        if "id" in message:
            assert message.get("result", message).get("content") == [], (message, told.events, len(numbers))
            return numbers
        numbers.append(message["params"]["logger"])


def begin_modern(running: Gateway, wire: Wire, path: str) -> None:
    meta = {**META, "io.modelcontextprotocol/logLevel": "debug"}
    body = text({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**CALL, "_meta": meta}})
    more = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "do")]
    wire.say(request("POST", f"/mcp/{path}", [*JSON, *more], body))
    assert wire.head()[0] == 200


def begin_legacy(running: Gateway, wire: Wire, path: str) -> None:
    client = Client(running, "2025-11-25", f"/mcp/{path}")
    client.ask("logging/setLevel", {"level": "debug"})
    body = text({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL})
    wire.say(request("POST", f"/mcp/{path}", list(client.headers.items()), body))
    assert wire.head()[0] == 200


def begin_pair(running: Gateway, wire: Wire, path: str) -> None:
    wire.say(request("GET", f"/sse/{path}", [("Accept", "text/event-stream")]))
    assert wire.head()[0] == 200
    address = wire.event()[1].decode()
    client = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    asked = (("initialize", client), ("logging/setLevel", {"level": "debug"}), ("tools/call", CALL))
    for number, (method, params) in enumerate(asked):
        body = text({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        assert running.post(body, dict(JSON), address).status == 202
        if method != "tools/call":
            assert json.loads(wire.event()[1])["id"] == number


@pytest.mark.parametrize("begin", [begin_modern, begin_legacy, begin_pair], ids=["modern", "2025-11-25", "pair"])
@pytest.mark.parametrize("path", ["modern", "legacy"])
def test_a_slow_reader_gets_all_of_what_a_server_says(
    running: Gateway, far: Hostile, path: str, begin: Callable[[Gateway, Wire, str], None]
) -> None:
    told = Told()
    make = modern if path == "modern" else legacy
    far.scripts[f"/{path}"] = make(talkative(told))
    Client(running, path=f"/mcp/{path}").until_listed("do")
    before = running.rss()
    with slow_wire(running) as wire:
        begin(running, wire, path)
        numbers = read_slowly(wire, told)

    assert numbers == [str(number) for number in range(EVENTS)]
    assert running.rss() - before < 8 * 1_000 * 1_000  # it was the server that waited, not our memory that grew


def test_a_client_that_leaves_in_the_middle_leaves_nobody_waiting(running: Gateway, far: Hostile) -> None:
    told = Told()
    far.scripts["/modern"] = modern(talkative(told))
    with slow_wire(running) as wire:
        begin_modern(running, wire, "modern")
        until_stuck(told)
    far.scripts["/modern"] = modern(lambda peer, asked: peer.result(asked, {"resultType": "complete", "content": []}))

    assert Client(running, path="/mcp/modern").call("do", {}).message["result"]["content"] == []
