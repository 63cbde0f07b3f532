"""A small MCP server over HTTP, as a thread of the test, that can be stopped, restarted, and made to forget."""

import contextlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Tree = dict[str, Any]
SCHEMA = {"type": "object", "properties": {}}


class Remote:
    """`modern` or of 2025-11-25 with sessions; `unknown_session` is the status for a session it does not know."""

    def __init__(self, *, modern: bool, unknown_session: int = 404, port: int = 0) -> None:
        self.modern, self.unknown_session = modern, unknown_session
        self.tools = ["echo", "sleep"]
        self.sessions: set[str] = set()
        self.headers: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.open: list[socket.socket] = []
        remote = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                remote.open.append(self.connection)

            def do_POST(self) -> None:
                remote.answer(self)

            def do_GET(self) -> None:
                respond(self, 405, None)

            def do_DELETE(self) -> None:
                respond(self, 200, None)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join(10)
        for connection in self.open:  # those kept alive would be answered for ever
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        message = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.headers.append(dict(request.headers))
        method = message["method"]
        if "id" not in message:
            respond(request, 202, None)
        elif method == "initialize" and not self.modern:
            session = secrets.token_hex(8)
            self.sessions.add(session)
            info = {"name": "remote", "version": "1"}
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
            respond(request, 200, {"id": message["id"], "result": result}, session)
        elif not self.modern and request.headers.get("Mcp-Session-Id") not in self.sessions:
            error = {"code": -32000, "message": "Bad Request: No valid session ID provided"}
            respond(request, self.unknown_session, {"id": None, "error": error})
        else:
            respond(request, 200, {"id": message["id"], **self.outcome(method, message.get("params") or {})})

    def outcome(self, method: str, params: Tree) -> Tree:
        more = {"resultType": "complete"} if self.modern else {}
        if method == "server/discover" and self.modern:
            return {"result": {**more, "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}}
        if method == "tools/list":
            hints = {"ttlMs": 1000, "cacheScope": "public"} if self.modern else {}
            tools = [{"name": name, "inputSchema": SCHEMA} for name in self.tools]
            return {"result": {**more, **hints, "tools": tools}}
        if method == "tools/call":
            self.calls.append(params["name"])
            if params["name"] == "sleep":
                time.sleep(params["arguments"].get("seconds", 0.0))
            return {"result": {**more, "content": [{"type": "text", "text": params["name"]}]}}
        return {"error": {"code": -32601, "message": "Method not found"}}


def respond(request: BaseHTTPRequestHandler, status: int, message: Tree | None, session: str = "") -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode() if message is not None else b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        if session:
            request.send_header("Mcp-Session-Id", session)
        request.end_headers()
        request.wfile.write(body)


@contextlib.contextmanager
def remote(**how: Any) -> Iterator[Remote]:
    server = Remote(**how)
    try:
        yield server
    finally:
        server.close()
