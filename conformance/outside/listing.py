"""Before the suite's mock server of `request-metadata`: lists the tool that it answers a call of and does not list.

A client alone may call a tool that nobody lists; a gateway calls what is listed. Everything else is passed on as it
is, in both directions, and both runs are made through this: direct and through the gateway.
"""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SECONDS_MAX = 25.0
UNLISTED = {"request-metadata": "add_numbers"}
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}


@contextmanager
def listing(url: str, scenario: str) -> Iterator[str]:
    """The address to use instead of the mock's, inside this block; its own where the mock lists what it answers."""
    if scenario not in UNLISTED:
        yield url
        return
    place = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = SECONDS_MAX

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, answer = forward(place.netloc, self.path, dict(self.headers), body)
            answer = listed(json.loads(body).get("method"), answer, UNLISTED[scenario])
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        loop = threading.Thread(target=server.serve_forever, args=(0.05,))
        loop.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{place.path}"
        finally:
            server.shutdown()
            loop.join()


def forward(address: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(address, timeout=SECONDS_MAX)
    try:
        connection.request("POST", path or "/", body, {**headers, "Host": address})
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


def listed(method: str | None, answer: bytes, tool: str) -> bytes:
    """The mock's answer, with the tool in it where tools are promised and listed."""
    message: dict[str, Any] = json.loads(answer)
    result = message.get("result")
    if result is None or method not in ("server/discover", "tools/list"):
        return answer
    if method == "server/discover":
        result["capabilities"]["tools"] = {}
    else:
        result["tools"].append({"name": tool, "inputSchema": {"type": "object"}})
    return json.dumps(message).encode()
