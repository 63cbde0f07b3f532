"""HTTP as the tests speak it: one connection per request, bytes in the open, event streams read as they come.

Knows: framing. Refuses to know: MCP.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS_MAX = 10.0
LIMIT = 64 * 1024 * 1024


@dataclass
class Event:
    data: str
    name: str = "message"
    id: str | None = None


class Reply:
    """One response: its head, then its body at once or its events one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.last_event_id: str | None = None

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    async def read_head(self) -> None:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
        self.status = int(head[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}

    async def read_body(self) -> None:
        if "content-length" in self.headers:
            self.body = await self._reader.readexactly(int(self.headers["content-length"]))
        elif self.headers.get("transfer-encoding") == "chunked":
            self.body = b"".join([chunk async for chunk in self._chunks()])

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int((await self._reader.readuntil(b"\r\n")).strip() or b"0", 16)
            chunk = (await self._reader.readexactly(size + 2))[:-2]
            if size == 0:
                return
            yield chunk

    async def events(self) -> AsyncIterator[Event]:
        """Every event with data. Ends with the stream."""
        rest = b""
        async for chunk in self._chunks():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                event = self._event(block.decode())
                if event.data:
                    yield event

    def _event(self, block: str) -> Event:
        event = Event("")
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                event.data += value
            elif field == "event":
                event.name = value
            elif field == "id":
                event.id = self.last_event_id = value
        return event

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def send(method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
    """The head of the answer, and the body unless it is a stream. A URL with a user carries that as its credential."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=LIMIT)
    reply = Reply(reader, writer)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = dict(headers or {})
    lines = [f"{method} {target} HTTP/1.1", f"Host: {headers.pop('Host', parts.netloc.rpartition('@')[2])}"]
    if parts.username:
        headers.setdefault("Authorization", f"Bearer {parts.username}")
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await reply.read_head()
        if not reply.streamed:
            await reply.read_body()
    except BaseException:
        writer.close()
        raise
    if not reply.streamed:
        await reply.close()
    return reply
