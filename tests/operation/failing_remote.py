"""A small MCP server over HTTP that fails as it is told: for a while, in part, or altogether."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from operation_remote import Remote, Tree, respond

HARMLESS = {"readOnlyHint": True, "idempotentHint": True}


class Failing(Remote):
    """`mode`: "well", "drop" (calls end without an answer), "error" (HTTP 500), "late" (after `late_seconds`).

    `failures`: how many calls to come fail so; None: all. `echo` says of itself that it only reads, `sleep` does not.
    """

    def __init__(self, **how: Any) -> None:
        self.mode, self.late_seconds = "well", 0.0
        self.failures: int | None = None
        self.under_way, self.most = 0, 0
        self.answering = threading.Semaphore(0)  # "held": each call waits for one of these
        self._lock = threading.Lock()
        super().__init__(modern=True, **how)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if b"tools/call" not in (request.headers.get("Mcp-Method") or "").encode():
            super().answer(request)
            return
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            self._call(request)
        finally:
            with self._lock:
                self.under_way -= 1

    def _call(self, request: BaseHTTPRequestHandler) -> None:
        mode = self.mode if self.failures is None or self.failures > 0 else "well"
        if self.failures is not None:
            self.failures -= 1
        if mode in ("drop", "error"):
            request.rfile.read(int(request.headers["Content-Length"]))
            self.calls.append(mode)
            if mode == "error":
                respond(request, 500, None)
                return
            with contextlib.suppress(OSError):
                request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            return
        if mode == "late":
            time.sleep(self.late_seconds)
        elif mode == "held":
            self.answering.acquire(timeout=20)
        super().answer(request)

    def outcome(self, method: str, params: Tree) -> Tree:
        found = super().outcome(method, params)
        if method == "tools/list":
            for tool in found["result"]["tools"]:
                tool["annotations"] = HARMLESS if tool["name"] == "echo" else {}
        return found


@contextlib.contextmanager
def failing(**how: Any) -> Iterator[Failing]:
    server = Failing(**how)
    try:
        yield server
    finally:
        server.answering.release(1_000)
        server.close()
