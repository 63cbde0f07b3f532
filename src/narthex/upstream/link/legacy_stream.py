"""The event stream that answers one POST of an older revision, taken up again where it broke off.

Knows: `Last-Event-ID`, `retry`, and where the response may come instead. Refuses to know: other requests.
"""

import asyncio
from typing import Any, Protocol

from narthex.limits import reconnect_seconds_max, resumptions_max
from narthex.model.client import Client, Gate
from narthex.model.outcome import Outcome, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.stream import HttpStream
from narthex.upstream.link.ask import Ask
from narthex.upstream.link.http_common import fault_of, outcome_of
from narthex.upstream.link.modern_http import read_quietly
from narthex.upstream.link.peer import is_about, params_of
from narthex.upstream.link.whose import Whose
from narthex.wire.envelope import Incoming
from narthex.wire.sse import SseEvent


class Conversation(Protocol):
    """The session a stream belongs to (`legacy_http`)."""

    server: str
    http: HttpClient
    whose: Whose
    headers: bytes
    owned: Owned
    loop: asyncio.AbstractEventLoop

    def hear(self, incoming: Incoming) -> None: ...
    def question(self, incoming: Incoming, client: Client | None, ask: Ask | None) -> None: ...
    def withdraw(self, params: dict[str, Any]) -> None: ...


class StreamReader:
    """Reads the event stream that answers one POST: notifications, questions, and at the end the response."""

    __slots__ = ("ask", "elsewhere", "last_id", "link", "outcome", "request_id", "retry_ms", "taken_back")

    def __init__(self, link: Conversation, ask: Ask, request_id: int) -> None:
        self.link, self.ask, self.request_id = link, ask, request_id
        self.outcome: Outcome | None = None
        self.last_id: str | None = None
        self.retry_ms = 1_000
        self.taken_back = False  # the server was told that nobody waits any more
        self.elsewhere: asyncio.Future[None] = link.loop.create_future()  # done: the response came on another stream

    def event(self, event: SseEvent) -> bool | Gate | None:
        if event.id:
            self.last_id = event.id
        if event.retry is not None:
            self.retry_ms = event.retry
        incoming = read_quietly(event)
        if incoming is None:
            return False
        if incoming.method is None:
            self.outcome = outcome_of(incoming, self.request_id)
            return self.outcome is not None
        if incoming.id is not None:
            self.link.question(incoming, self.ask.client, self.ask)
        elif incoming.method == "notifications/cancelled":
            self.link.withdraw(params_of(incoming))
        elif incoming.method in ("notifications/progress", "notifications/message"):
            params = params_of(incoming)
            if is_about(incoming.method, params, self.request_id):
                return self.ask.hear(incoming.method, params, self.link.loop.time())
        else:
            self.link.hear(incoming)
        return False

    def answered(self, incoming: Incoming) -> None:
        """The response came on the stream of the session."""
        self.outcome = outcome_of(incoming, self.request_id)
        if self.outcome is not None and not self.elsewhere.done():
            self.elsewhere.set_result(None)

    def resumable(self, error: HttpFault) -> bool:
        return self.last_id is not None and error.reason in ("lost", "truncated")

    async def rest(self) -> Outcome:
        """The response, from this stream or from what follows it. Raises `UpstreamFault`."""
        for _ in range(resumptions_max):
            if self.outcome is not None:
                self.ask.settle()
                return self.outcome
            if self.last_id is None:
                break
            self.ask.client.parted()
            await self._resume()
        text = "its stream ended without a response"
        raise UpstreamFault(self.link.server, "upstream_stream_truncated", text, sent=True)

    async def _resume(self) -> None:
        """The server closed the stream before the response: poll it with `Last-Event-ID` (2025-11-25, transports)."""
        link = self.link
        wait = min(max(self.retry_ms / 1000, 0.0), reconnect_seconds_max)
        if link.loop.time() + wait >= self.ask.deadline.at:
            raise UpstreamFault(link.server, "upstream_timeout", "it did not answer in time", sent=True)
        await asyncio.sleep(wait)
        headers = link.headers + b"Last-Event-ID: " + (self.last_id or "").encode() + b"\r\n"
        try:
            caller = self.ask.caller or link.whose.caller
            stream = await link.http.open_stream("GET", headers, deadline=self.ask.deadline, caller=caller)
        except HttpFault as error:
            raise fault_of(link.server, error) from None
        try:
            await self._read(stream)
        except HttpFault:
            return  # lost again: the next round asks again, as long as the deadline allows
        finally:
            await stream.aclose()

    async def _read(self, stream: HttpStream) -> None:
        """Until the response is here, on this stream or (some servers do so) on the one of the session."""

        async def read() -> None:
            async for event in stream:
                said = self.event(event)
                if said is True:
                    return
                if said:
                    await said.ready()

        reading = self.link.owned.start(read(), "rest")
        try:
            await self._any_of(reading)
            if reading.done():
                await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _any_of(self, reading: "asyncio.Future[None]") -> None:
        """Until one of both is done, or the deadline, which signs of life move, has come."""
        deadline, link = self.ask.deadline, self.link
        while not (reading.done() or self.elsewhere.done()):
            left = deadline.at - link.loop.time()
            if left <= 0:
                raise UpstreamFault(link.server, "upstream_timeout", "it did not answer in time", sent=True)
            await asyncio.wait({reading, self.elsewhere}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
