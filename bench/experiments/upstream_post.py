"""What one POST costs: CPU microseconds of the calling process per request, at concurrency 1 and 64.

The server is a trivial echo on httptools in a process of its own, so only our side of the wire is measured.
Beside it, in the same run, the floor: the same bytes written and read by a protocol that parses nothing.
With one caller the figures have two modes, far apart, for both: the two processes share a core or wake each
other across cores. So rounds alternate, and the best of each is what counts.
Run: .venv/bin/python bench/experiments/upstream_post.py [seconds per measurement] [rounds]
"""

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe

import httptools
import uvloop

from narthex.limits import DEFAULTS
from narthex.upstream.http import HttpClient

BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%b"}}}' % (
    b"x" * 390
)
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"%b"}],"resultType":"complete"}}' % (
    b"y" * 50
)
RESPONSE = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2026 00:00:00 GMT\r\nserver: echo\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
)
HEADERS = b"mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: echo\r\n"
REQUEST = b"POST /mcp HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (HEADERS, len(BODY), BODY)

Call = Callable[[], Awaitable[object]]


class Echo(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(RESPONSE)


class Bare(asyncio.Protocol):
    """The floor: a write, a future, a read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.answer.set_result(data)

    def call(self) -> Awaitable[object]:
        self.answer = self.loop.create_future()
        self.transport.write(REQUEST)
        return self.answer


def serve(pipe: Pipe) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def measure(calls: list[Call], seconds: float) -> float:
    """CPU microseconds per call, each of the callables called in turn by its own task."""
    loop = asyncio.get_running_loop()

    async def caller(call: Call, until: float) -> int:
        done = 0
        while loop.time() < until:
            await call()
            done += 1
        return done

    await asyncio.gather(*(caller(call, loop.time() + 0.2) for call in calls))
    began = time.process_time()
    counts = await asyncio.gather(*(caller(call, loop.time() + seconds) for call in calls))
    return (time.process_time() - began) / sum(counts) * 1e6


async def ours(port: int, concurrency: int, seconds: float) -> float:
    client = HttpClient(f"http://127.0.0.1:{port}/mcp", DEFAULTS, allow_private=True)
    loop = asyncio.get_running_loop()

    def call() -> Awaitable[object]:
        return client.post(HEADERS, BODY, deadline=loop.time() + 60)

    try:
        return await measure([call] * concurrency, seconds)
    finally:
        await client.aclose()


async def floor(port: int, concurrency: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    protocols = [(await loop.create_connection(Bare, "127.0.0.1", port))[1] for _ in range(concurrency)]
    try:
        return await measure([protocol.call for protocol in protocols], seconds)
    finally:
        for protocol in protocols:
            protocol.transport.close()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=serve, args=(there,))
    child.start()
    try:
        port = here.recv()
        print(f"python {sys.version.split()[0]}, uvloop {uvloop.__version__}, {os.cpu_count()} cores, us CPU per POST")
        for concurrency in (1, 64):
            found: dict[str, list[float]] = {"client": [], "floor": []}
            for _ in range(rounds):
                found["client"].append(uvloop.run(ours(port, concurrency, seconds)))
                found["floor"].append(uvloop.run(floor(port, concurrency, seconds)))
            for who, values in found.items():
                listed = " ".join(f"{value:5.1f}" for value in values)
                print(f"{concurrency:3} callers, {who:6}: best {min(values):5.1f}   all {listed}")
    finally:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
