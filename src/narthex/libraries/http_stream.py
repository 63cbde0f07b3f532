"""One answer over HTTP: a JSON body, or server-sent events when there is news before the answer.

Knows: when the peer has left, and that a stream needs a sign of life. Refuses to know: sessions, headers.
"""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Send

from narthex.libraries.conversation import Conversation
from narthex.libraries.server import Tree

keepalive_seconds = 15.0
END = None  # put behind the last message of a stream

_encode = msgspec.json.Encoder().encode


class HttpExchange:
    """One request: answered as JSON, or as a stream when there is news before the answer."""

    def __init__(self, conversation: Conversation, message: Tree, *, modern: bool) -> None:
        self._modern = modern
        self._news: asyncio.Queue[Tree | None] = asyncio.Queue()
        self.work = asyncio.create_task(conversation.answer(message, self._news.put_nowait), name=message["method"])
        self.work.add_done_callback(lambda _: self._news.put_nowait(END))

    async def run(self, request: Request, send: Send) -> Response | None:
        gone = asyncio.create_task(gone_away(request.receive), name="gone")
        try:
            return await self._run(send, gone)
        finally:
            if self._modern or self.work.cancelled():
                self.work.cancel()  # a modern peer that leaves has cancelled; to a legacy one it means nothing
            await asyncio.wait([self.work])
            await end(gone)

    async def _run(self, send: Send, gone: asyncio.Task[None]) -> Response | None:
        message = await next_message(self._news, None, gone)
        if message is None and not self.work.done():
            return None  # the peer is gone
        if message is None and not self.work.cancelled():
            response, status = self.work.result()
            return json_response(response, status if self._modern else 200)
        stream = Stream(send)
        await stream.open()
        while message is not None:
            await stream.send(message)
            message = await next_message(self._news, stream, gone)
        if self.work.done() and not self.work.cancelled():
            await stream.send(self.work.result()[0])
        await stream.close()
        return None


class Stream:
    """Server-sent events on one response."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def open(self) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(b"", more=True)

    async def send(self, message: Tree) -> None:
        await self._write(b"event: message\ndata: " + _encode(message) + b"\n\n", more=True)

    async def keep_alive(self) -> None:
        await self._write(b": still here\n\n", more=True)

    async def close(self) -> None:
        await self._write(b"", more=False)

    async def _write(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def next_message(
    news: asyncio.Queue[Tree | None], stream: Stream | None, *ends: asyncio.Task[Any]
) -> Tree | None:
    """The next message, or None: the stream is at its end, or one of `ends` is done."""
    getting = asyncio.create_task(news.get(), name="news")
    try:
        while True:
            timeout = keepalive_seconds if stream is not None else None
            done, _ = await asyncio.wait((getting, *ends), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if getting in done:
                return getting.result()
            if done:
                return None
            if stream is not None:
                await stream.keep_alive()
    finally:
        await end(getting)


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def gone_away(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


def json_response(tree: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(tree), status, headers, "application/json")
