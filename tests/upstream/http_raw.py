"""A server that says exactly the bytes it is told to, for tests of the HTTP client. It listens on loopback only."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Self

from narthex.limits import Limits
from narthex.upstream.http import HttpClient, Tls

SECONDS_MAX = 5.0
HEAD_JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
HEAD_SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


class Request(NamedTuple):
    line: bytes
    headers: dict[bytes, bytes]
    body: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = asyncio.Event()  # set when the script saw the client's end

    async def request(self) -> Request | None:
        """The next request; None when the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
            return None
        line, *rest = head[:-4].split(b"\r\n")
        headers = dict(each.lower().split(b": ", 1) for each in rest)
        body = await self.reader.readexactly(int(headers.get(b"content-length", 0)))
        return Request(line, headers, body)

    async def wait_gone(self) -> None:
        """Until the client has closed its end."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.gone.set()

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            self.gone.set()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close with RST, as a crashing host does."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class RawServer:
    """Runs `script` once per connection; owns the tasks it runs in, and shows their failures."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.peers: list[Peer] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, limit=1 << 20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self.peers:
            peer.writer.transport.abort()
        for result in results:
            if isinstance(result, Exception) and error is None:
                raise result

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        self._tasks.add(asyncio.get_running_loop().create_task(self._run(peer)))

    async def _run(self, peer: Peer) -> None:
        await self._script(peer)
        peer.close()

    def client(
        self, limits: Limits | None = None, *, scheme: str = "http", host: str = "127.0.0.1", tls: Tls | None = None
    ) -> HttpClient:
        return HttpClient(f"{scheme}://{host}:{self.port}/mcp", limits or Limits(), allow_private=True, tls=tls)


def answer(body: bytes, head: bytes = HEAD_JSON) -> bytes:
    return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(*pieces: bytes, head: bytes = HEAD_JSON) -> bytes:
    return head + b"transfer-encoding: chunked\r\n\r\n" + b"".join(map(chunk, pieces)) + b"0\r\n\r\n"


def always(response: bytes) -> Script:
    """Answers every request with the same bytes."""

    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.say(response)

    return script


def echo(peer: Peer) -> Awaitable[None]:
    async def script() -> None:
        while (request := await peer.request()) is not None:
            await peer.say(answer(request.body))

    return script()


def soon(seconds: float = SECONDS_MAX) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds


async def until(condition: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    """Wait for something that will become true, or fail."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
