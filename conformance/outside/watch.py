"""A relay that notes which protocol revisions a client speaks: what is seen on the wire, not what the client says.

Relays bytes; the one thing it changes is the port in the Host header, since the server behind checks that.
"""

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
HEADER = re.compile(rb"^mcp-protocol-version:\s*([0-9-]+)", re.IGNORECASE | re.MULTILINE)
# As `initialize` says it, and as the `_meta` of every modern request does: over a pipe there are no headers.
MEMBER = re.compile(rb'"(?:io\.modelcontextprotocol/)?protocolVersion"\s*:\s*"([0-9-]+)"')


@dataclass(slots=True)
class Watched:
    """The address to give to the client, and the revisions it has named so far."""

    url: str
    versions: set[str] = field(default_factory=set)


@contextmanager
def watching(target: str) -> Iterator[Watched]:
    place = urlsplit(target)
    address = (place.hostname or "127.0.0.1", place.port or 80)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(address) as server:
                back = threading.Thread(target=pump, args=(server, self.request))
                back.start()
                while data := receive(self.request):
                    watched.versions |= versions_in(data)
                    server.sendall(data.replace(mine, theirs))
                shut(server)
                back.join()

    with Listener(("127.0.0.1", 0), Relay) as listener:
        port = listener.server_address[1]
        mine, theirs = f"127.0.0.1:{port}\r\n".encode(), f"{address[0]}:{address[1]}\r\n".encode()
        watched = Watched(f"http://127.0.0.1:{port}{place.path}")
        loop = threading.Thread(target=listener.serve_forever, args=(0.05,))
        loop.start()
        try:
            yield watched
        finally:
            listener.shutdown()
            loop.join()


def versions_in(data: bytes) -> set[str]:
    """The revisions that a client names in these bytes, in headers or in messages."""
    return {match.decode() for pattern in (HEADER, MEMBER) for match in pattern.findall(data)}


class Listener(socketserver.ThreadingTCPServer):
    """Closing it waits for every connection: a client that has ended has none."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 64


def pump(source: socket.socket, target: socket.socket) -> None:
    while data := receive(source):
        try:
            target.sendall(data)
        except OSError:
            break  # the reader has gone; the writer learns of it from the other direction
    shut(target)


def receive(source: socket.socket) -> bytes:
    try:
        return source.recv(CHUNK_BYTES)
    except OSError:
        return b""


def shut(target: socket.socket) -> None:
    try:
        target.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already
