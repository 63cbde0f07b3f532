"""A real listener on a real port, and a client that sends exactly the bytes it is told to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from narthex.edge.http1 import Exchange
from narthex.edge.listener import Listener, Pace
from narthex.limits import DEFAULTS, Limits

SECONDS_MAX = 5.0
QUICK = Pace(
    sweep_seconds=0.02,
    comment_seconds=0.1,
    body_grace_seconds=0.1,
    linger_seconds=0.3,
    drain_accept_seconds=0.1,
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        """The stable reason of a protocol error; empty for the answer of a handler."""
        return json.loads(self.body).get("reason", "") if self.body.startswith(b"{") else ""


@dataclass
class Hall:
    """A listener under test, and what it told us."""

    listener: Listener
    port: int = 0
    seen: list[Exchange] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [exchange.path for exchange in self.seen]


async def echo(exchange: Exchange) -> None:
    told = {
        "method": exchange.method.decode(),
        "path": exchange.path,
        "query": exchange.query,
        "headers": [[name.decode(), value.decode()] for name, value in exchange.headers.items()],
        "body": exchange.body.decode("latin-1"),
    }
    exchange.respond(200, json.dumps(told).encode())


def limits_with(**changes: float) -> Limits:
    return msgspec.structs.replace(DEFAULTS, **changes)


@contextlib.asynccontextmanager
async def hall(
    handler: Callable[[Exchange], Awaitable[None]] = echo,
    limits: Limits = DEFAULTS,
    **options: object,
) -> AsyncIterator[Hall]:
    """Listen on a port of the system's choice; at the end nothing of it is left, or the test fails."""

    async def note_and_handle(exchange: Exchange) -> None:
        stage.seen.append(exchange)
        await handler(exchange)

    def refuse(status: int, reason: str, message: str) -> bytes:
        return json.dumps({"status": status, "reason": reason, "message": message}).encode()

    options = {"hosts": None, "pace": QUICK, **options}
    stage = Hall(
        Listener(
            note_and_handle,
            lambda: limits,
            refuse=refuse,
            on_fault=lambda fault: stage.faults.append(fault),  # noqa: PLW0108 - `stage` is not there yet
            on_refusal=lambda status, reason: stage.refusals.append((status, reason)),
            **options,
        )
    )
    stage.port = await stage.listener.start("127.0.0.1", 0)
    try:
        yield stage
    finally:
        await stage.listener.abort()

        assert stage.listener.stats == (0, 0)


class Client:
    """One connection. `send` bytes, read `answer` after answer, or the `rest` until the other end closes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Each piece reaches the server on its own: the loop turns, and Nagle is off."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def answer(self, *, to_head: bool = False) -> Answer:
        async with asyncio.timeout(SECONDS_MAX):
            status, headers = await self.head()
            if to_head or status in {100, 204, 304}:
                return Answer(status, headers, b"")
            if headers.get("transfer-encoding") == "chunked":
                return Answer(status, headers, b"".join([chunk async for chunk in self.chunks()]))
            return Answer(status, headers, await self.reader.readexactly(int(headers["content-length"])))

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(SECONDS_MAX):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        pairs = [line.split(": ", 1) for line in lines[1:]]
        headers = {name.lower(): value for name, value in pairs}

        assert len(headers) == len(pairs), f"a header twice: {pairs}"
        return int(lines[0].split(" ")[1]), headers

    async def chunk(self) -> bytes:
        async with asyncio.timeout(SECONDS_MAX):
            size = int((await self.reader.readuntil(b"\r\n"))[:-2], 16)
            data = await self.reader.readexactly(size)

            assert await self.reader.readexactly(2) == b"\r\n"
            return data

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self.chunk():
            yield data

    async def rest(self) -> bytes:
        """Everything until the other end closes. A reset is an end too, but loses what was not read before."""
        async with asyncio.timeout(SECONDS_MAX):
            return await self.reader.read()

    async def answers(self) -> list[Answer]:
        """Every answer until the other end closes."""
        said = Client(asyncio.StreamReader(), self.writer)
        said.reader.feed_data(await self.rest())
        said.reader.feed_eof()
        found = []
        while not said.reader.at_eof():
            found.append(await said.answer())
        return found

    def close(self) -> None:
        self.writer.close()


@contextlib.asynccontextmanager
async def client(stage: Hall, **options: object) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, **options)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(condition: Callable[[], bool], seconds: float = SECONDS_MAX) -> None:
    """Wait for a condition that some event will make true; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def request(
    target: str = "/", *lines: str, method: str = "GET", body: bytes = b"", host: str | None = "localhost"
) -> bytes:
    head = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body
