"""The bench's HTTP server: answers MCP of both eras as fast as Python can, so that it is never the bottleneck.

    upstream.py PORT

`/modern/mcp` speaks 2026-07-28 only, `/legacy/mcp` 2025-11-25 without sessions, `/session/mcp` 2025-11-25 with a
session id, `/fleet/N/mcp` is the Nth of many modern servers with forty tools each. `GET /count` tells how many
tools/call were answered: what a caller counts and what arrived here must agree. `POST /api/customers` is an API.
"""

import asyncio
import json
import sys

import httptools
import uvloop

from answers import CALLED, FLEET_TOOLS, LEGACY, MODERN, SESSION, answer, fleet_tool, table

RESULTS = {b"/modern/mcp": table(MODERN), b"/legacy/mcp": table(LEGACY), b"/session/mcp": table(LEGACY)}
CUSTOMER = json.dumps({"id": 4711, "said": CALLED["content"][0]["text"]}).encode()  # of an API that knows no MCP
counted = {"calls": 0}


def results_of(path: bytes) -> dict[str, bytes] | None:
    """The answers of the server at this path; those of the fleet are made when first asked for."""
    if path not in RESULTS and path.startswith(b"/fleet/") and path.endswith(b"/mcp"):
        number = int(path.split(b"/")[2])
        RESULTS[path] = table(MODERN, [fleet_tool(number, n) for n in range(FLEET_TOOLS)])
    return RESULTS.get(path)


def response(status: bytes, body: bytes = b"", more: bytes = b"") -> bytes:
    kind = b"Content-Type: application/json\r\n" if body else b""
    return b"HTTP/1.1 %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (status, kind, more, len(body), body)


class Upstream(asyncio.Protocol):
    """One connection. The parser calls the `on_…` methods."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.path, self.body, self.session = b"", b"", b""

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 14 and name.lower() == b"mcp-session-id":
            self.session = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.transport.write(self.reply())

    def reply(self) -> bytes:
        if self.path == b"/count":
            return response(b"200 OK", b"%d" % counted["calls"])
        if self.path == b"/api/customers":
            return response(b"200 OK", CUSTOMER)
        results = results_of(self.path)
        if results is None:
            return response(b"404 Not Found")
        if self.parser.get_method() != b"POST":
            return response(b"200 OK" if self.parser.get_method() == b"DELETE" else b"405 Method Not Allowed")
        method, body = answer(self.body, results)
        if method == "tools/call":
            counted["calls"] += 1
        if self.path == b"/session/mcp":
            return self.reply_in_session(method, body)
        if b'"error"' in body[:60] and "server/discover" in results:
            return response(b"404 Not Found", body)
        return response(b"200 OK", body) if body else response(b"202 Accepted")

    def reply_in_session(self, method: str, body: bytes) -> bytes:
        if method == "initialize":
            return response(b"200 OK", body, b"Mcp-Session-Id: %b\r\n" % SESSION.encode())
        if self.session != SESSION.encode():
            return response(b"404 Not Found" if self.session else b"400 Bad Request")
        return response(b"200 OK", body) if body else response(b"202 Accepted")


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=2048)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
