"""A server that says exactly the bytes a test tells it to, over HTTP in either era, and the same over pipes.

It runs in threads of the test, one per connection. Which script a path has, the test decides at any time.
"""

import base64
import json
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, TypeVar

VERSION = "2026-07-28"
DO = {"name": "do", "inputSchema": {"type": "object"}}
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
SECRET = b"SECRET-upstream-text"  # may be in no answer of the gateway


class Asked(NamedTuple):
    """One request as it came."""

    verb: str
    path: str
    headers: dict[str, str]
    message: Any

    @property
    def method(self) -> str:
        return str(self.message.get("method", "")) if isinstance(self.message, dict) else ""

    @property
    def id(self) -> bytes:
        return json.dumps(self.message.get("id")).encode()


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")
        self.open = True

    def asked(self) -> Asked | None:
        line = self.file.readline()
        if not line.strip():
            return None
        headers = {}
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers.get("content-length", 0)))
        verb, path = line.decode("latin-1").split()[:2]
        return Asked(verb, path, headers, json.loads(body) if body else None)

    def say(self, data: bytes) -> bool:
        """False: nobody is there any more."""
        try:
            self.sock.sendall(data)
        except OSError:
            self.open = False
        return self.open

    def body(self, data: bytes, head: bytes = JSON_HEAD) -> None:
        self.say(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(data), data))

    def result(self, asked: Asked, result: Any) -> None:
        self.body(json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "result": result}).encode())

    def chunk(self, data: bytes) -> bool:
        return self.say(b"%x\r\n%b\r\n" % (len(data), data))

    def events(self, *events: bytes) -> None:
        """A whole event stream, each piece as one chunk, ended properly."""
        self.say(SSE_HEAD)
        for event in events:
            self.chunk(event)
        self.say(b"0\r\n\r\n")

    def stay(self) -> None:
        """Say nothing more, until the other end leaves."""
        try:
            while self.sock.recv(65_536):
                pass
        except OSError:
            pass
        self.open = False

    def leave(self) -> None:
        """Close in the middle of whatever it was."""
        self.open = False

    def leave_with(self, data: bytes) -> None:
        """Say this and close, in one packet: nobody can use the connection between the two."""
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            self.sock.sendall(data)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # nobody is there any more
        self.open = False

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False


Script = Callable[[Peer, Asked], None]


class Upstream(socketserver.ThreadingTCPServer):
    """A server in threads of the test, one per connection. Each request is given to `play`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    def play(self, peer: Peer, asked: Asked) -> None:
        raise NotImplementedError

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, *_: object) -> None:
        """A test that ends closes sockets under our feet."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Upstream)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(self.request)
        while peer.open and (asked := peer.asked()) is not None:
            server.play(peer, asked)


class Hostile(Upstream):
    """`scripts` by path; `asked` is everything that came, in order."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.asked: list[Asked] = []
        super().__init__()

    def play(self, peer: Peer, asked: Asked) -> None:
        self.asked.append(asked)
        self.scripts[asked.path](peer, asked)


def hostile() -> AbstractContextManager[Hostile]:
    return running(Hostile())


S = TypeVar("S", bound=Upstream)


@contextmanager
def running(server: S) -> Iterator[S]:
    """Serve, until the block is left."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def modern(on_call: Script, tools: list[Any] | None = None, *, on_list: Script | None = None) -> Script:
    """Revision 2026-07-28: proper until it is called."""

    def script(peer: Peer, asked: Asked) -> None:
        if asked.method == "server/discover":
            peer.result(
                asked, {"resultType": "complete", "supportedVersions": [VERSION], "capabilities": {"tools": {}}}
            )
        elif asked.method == "tools/list":
            if on_list is not None:
                on_list(peer, asked)
            else:
                peer.result(asked, {"resultType": "complete", "tools": [DO] if tools is None else tools})
        elif asked.method == "tools/call":
            on_call(peer, asked)
        else:
            peer.body(b"", b"HTTP/1.1 405 No\r\n")

    return script


def legacy(on_call: Script, capabilities: dict[str, Any] | None = None, on_get: Script | None = None) -> Script:
    """Revision 2025-11-25 with sessions: proper until it is called."""

    def script(peer: Peer, asked: Asked) -> None:
        if asked.verb == "GET" and on_get is not None:
            on_get(peer, asked)
        elif asked.verb != "POST":
            peer.body(b"", b"HTTP/1.1 405 No\r\n")
        elif asked.method == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, **(capabilities or {})}}
            result["serverInfo"] = {"name": "hostile", "version": "0"}
            body = json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "result": result}).encode()
            peer.body(body, JSON_HEAD + b"mcp-session-id: s-1\r\n")
        elif asked.message.get("id") is None or "method" not in asked.message:
            peer.body(b"", b"HTTP/1.1 202 Accepted\r\n")
        elif asked.method == "tools/list":
            peer.result(asked, {"tools": [DO]})
        elif asked.method == "tools/call":
            on_call(peer, asked)
        else:
            answer = {"jsonrpc": "2.0", "id": asked.message["id"], "error": {"code": -32601, "message": "no"}}
            peer.body(json.dumps(answer).encode(), b"HTTP/1.1 400 No\r\ncontent-type: application/json\r\n")

    return script


# Over pipes: a call says in its arguments which bytes it wants to hear; `@ID@` is the call's own id.
PIPED = """
import base64, json, sys
ERA = sys.argv[1]
def say(data):
    sys.stdout.buffer.write(data + b"\\n"); sys.stdout.buffer.flush()
def result(message, value):
    say(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": value}).encode())
for line in sys.stdin.buffer:
    message = json.loads(line)
    method = message.get("method")
    if "id" not in message or method is None:
        continue
    if method == "server/discover" and ERA == "modern":
        result(message, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
    elif method == "initialize" and ERA == "legacy":
        result(message, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                         "serverInfo": {"name": "piped", "version": "0"}})
    elif method == "tools/list":
        result(message, {"resultType": "complete", "tools": [{"name": "do", "inputSchema": {"type": "object"}}]})
    elif method == "tools/call":
        wanted = base64.b64decode(message["params"]["arguments"]["say"])
        say(wanted.replace(b"@ID@", json.dumps(message["id"]).encode()))
    else:
        say(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}).encode())
"""


def piped(era: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", PIPED, era]


def packed(payload: bytes) -> str:
    return base64.b64encode(payload).decode()
