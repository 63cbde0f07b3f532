"""The small client: what it sends is what the revision wants, and odd answers end in a sentence."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from narthex.cli.client import HttpGateway, Refused, Unreachable
from narthex.cli.target import address

Answer = tuple[int, str, bytes]
SEEN: list[tuple[dict[str, str], dict[str, Any]]] = []


@contextmanager
def answering(answer: Callable[[dict[str, Any]], Answer]) -> Iterator[str]:
    """A server that gives one answer to everything, byte for byte."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            SEEN.append((dict(self.headers), body))
            status, kind, content = answer(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # a client that gave up does not read
                self.wfile.write(content)

        def log_message(self, *words: Any) -> None:
            """Silence: the test speaks."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
        finally:
            server.shutdown()
            thread.join()


def as_json(value: Any) -> Answer:
    return 200, "application/json; charset=utf-8", json.dumps(value).encode()


def test_a_request_describes_itself() -> None:
    with answering(lambda body: as_json({"jsonrpc": "2.0", "id": body["id"], "result": {"a": 1}})) as url:
        result = HttpGateway(url).request(
            "tools/call", {"name": "größe", "arguments": {}, "_meta": {"progressToken": 1}}
        )
        headers, body = SEEN[-1]

    assert result == {"a": 1}
    assert headers["MCP-Protocol-Version"] == "2026-07-28"
    assert headers["Mcp-Method"] == "tools/call"
    assert headers["Mcp-Name"] == "=?base64?Z3LDtsOfZQ==?="
    assert headers["Accept"] == "application/json, text/event-stream"
    meta = body["params"]["_meta"]
    assert meta["progressToken"] == 1
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {}
    assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "narthex-cli"


def test_a_stream_gives_notifications_first_and_then_the_answer() -> None:
    events = [
        b": hello\n\n",
        b"id: 1\ndata:\n\n",
        b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\r\n\r\n',
        b'event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "result":{"done":true}}\n\n',
    ]
    heard: list[dict[str, Any]] = []
    with answering(lambda _: (200, "text/event-stream", b"".join(events))) as url:
        result = HttpGateway(url).request("tools/list", {}, listen=heard.append)

    assert result == {"done": True}
    assert [message["params"] for message in heard] == [{"progress": 1}]


def test_an_error_is_the_servers_text() -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no such tool", "data": {"a": 1}}}
    with answering(lambda _: (400, "application/json", json.dumps(error).encode())) as url:
        with pytest.raises(Refused) as caught:
            HttpGateway(url).request("tools/call", {"name": "x"})

    assert (caught.value.code, caught.value.message, caught.value.data) == (-32602, "no such tool", {"a": 1})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((404, "text/html", b"<h1>no</h1>"), "HTTP 404 Not Found, and not from an MCP server. Is the path right"),
        ((200, "application/json", b"<h1>"), "its answer is not JSON"),
        ((200, "application/json", b"[" * 100_000), "its answer is not JSON"),
        ((200, "application/json", b"[]"), "does not speak MCP"),
        ((200, "application/json", b"{}"), "does not speak MCP"),
        ((200, "application/json", b'{"method": "x"}'), "sent no result"),
        ((200, "text/event-stream", b'data: {"method": "x"}\n\n'), "ended without an answer"),
        ((200, "text/event-stream", b"data: x\n\n"), "its answer is not JSON"),
    ],
)
def test_an_odd_answer_is_told_in_a_sentence(answer: Answer, expected: str) -> None:
    with answering(lambda _: answer) as url, pytest.raises(Unreachable, match=expected):
        HttpGateway(url).request("tools/list", {})


def test_silence_ends() -> None:
    release = threading.Event()

    def never(_: Any) -> Answer:
        release.wait(20)
        return as_json({})

    with answering(never) as url:
        with pytest.raises(Unreachable, match="timed out"):
            HttpGateway(url, seconds=0.2).request("tools/list", {})
        release.set()


@pytest.mark.parametrize(
    ("url", "endpoint", "expected"),
    [
        (None, None, "http://127.0.0.1:8080/mcp"),
        (None, "sales", "http://127.0.0.1:8080/mcp/sales"),
        ("https://gw.example.com", None, "https://gw.example.com/mcp"),
        ("https://gw.example.com/", "sales", "https://gw.example.com/mcp/sales"),
        ("https://x.example/mcp/", "sales", "https://x.example/mcp/sales"),
        ("https://x.example/other", None, "https://x.example/other"),
    ],
)
def test_addresses(url: str | None, endpoint: str | None, expected: str) -> None:
    assert expected == address(url, endpoint)
