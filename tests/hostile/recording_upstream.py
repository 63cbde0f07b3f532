"""A well-behaved MCP server of revision 2026-07-28 that writes down what it was asked. It runs in a thread of the test.

One class of handler serves every path: `/rec` offers everything, `/plain` only tools.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "2026-07-28"
QUIET = {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
REGION = {"type": "string", "x-mcp-header": "Region"}
LIMIT = {"type": "integer", "x-mcp-header": "Limit"}
FLAG = {"type": "boolean", "x-mcp-header": "Flag"}
DEEP = {"type": "object", "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}}}
TOOLS = [
    {"name": "echo", "inputSchema": {"type": "object"}},
    {"name": "ask", "inputSchema": {"type": "object"}},
    {"name": "größe", "inputSchema": {"type": "object"}},
    {
        "name": "mirror",
        "inputSchema": {"type": "object", "properties": {"region": REGION, "limit": LIMIT, "flag": FLAG, "in": DEEP}},
    },
]
PROMPTS = [{"name": "greet"}]
RESOURCES = [{"uri": "file:///a b", "name": "spaced"}, {"uri": "mem://one", "name": "one"}]


class Upstream(ThreadingHTTPServer):
    """`seen` holds each request for something else than lists: (method, params), in the order they came."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    """One POST, one JSON answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    wbufsize = -1

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, params = message["method"], message.get("params", {})
        if method == "subscriptions/listen":
            self._send(404, {"error": {"code": -32601, "message": "no"}, "id": message["id"], "jsonrpc": "2.0"})
            return
        assert isinstance(self.server, Upstream)
        if method not in QUIET:
            self.server.seen.append((method, params))
        result = {"resultType": "complete", **answer(method, params, plain=self.path == "/plain")}
        self._send(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})

    def do_GET(self) -> None:
        self._send(405, {})

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def answer(method: str, params: dict[str, Any], *, plain: bool) -> dict[str, Any]:
    if method == "server/discover":
        capabilities = {"tools": {}} if plain else {"tools": {}, "prompts": {}, "resources": {}, "completions": {}}
        return {"supportedVersions": [VERSION], "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private"}
    if method == "tools/call" and params["name"] == "ask" and "inputResponses" not in params:
        question = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object"}}}
        return {"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "inner state"}
    return {
        "tools/list": {"tools": TOOLS, "ttlMs": 0, "cacheScope": "private"},
        "prompts/list": {"prompts": PROMPTS, "ttlMs": 0, "cacheScope": "private"},
        "resources/list": {"resources": RESOURCES, "ttlMs": 0, "cacheScope": "private"},
        "resources/templates/list": {"resourceTemplates": [], "ttlMs": 0, "cacheScope": "private"},
        "tools/call": {"content": [{"type": "text", "text": "done"}]},
        "prompts/get": {"messages": []},
        "resources/read": {"contents": [], "ttlMs": 0, "cacheScope": "private"},
        "completion/complete": {"completion": {"values": []}},
    }[method]


@contextmanager
def recording() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
