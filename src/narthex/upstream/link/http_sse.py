"""HTTP+SSE of 2024-11-05: one event stream down, POSTs up, at an address the server names first.

Knows: the `endpoint` event and its same-origin rule. Refuses to know: revisions; any may be spoken here.
"""

import asyncio
from typing import Any
from urllib.parse import urljoin, urlsplit

from narthex.limits import Limits
from narthex.model.caller import Caller
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Outcome, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.origin import encode_target
from narthex.upstream.http.stream import HttpStream
from narthex.upstream.link.ask import Ask, Notice, ensure_level
from narthex.upstream.link.handshake import initialize
from narthex.upstream.link.http_common import fault_of, status_fault
from narthex.upstream.link.peer import Peer
from narthex.upstream.link.whose import Whose


class HttpSse:
    """One stream is one session; when the stream ends, so does the session."""

    modern = False

    def __init__(
        self,
        server: str,
        url: str,
        http: HttpClient,
        limits: Limits,
        notice: Notice,
        owned: Owned,
        caller: Caller | None = None,
    ) -> None:
        self.whose = Whose(caller, personal=http.personal)
        self.server = server
        self.http = http
        self.alive = True
        self.revision = "2024-11-05"
        self.capabilities: dict[str, Any] = {}
        self.server_info: dict[str, Any] = {}
        self.instructions: str | None = None
        self.log_level: str | None = None
        self._url = url
        self._limits = limits
        self._owned = owned
        self._target = ""
        self._tasks: list[asyncio.Task[Any]] = []  # reading and posting: they end with the conversation
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[bytes | asyncio.Future[None]] = asyncio.Queue(limits.calls_per_process_max * 4)
        self.peer = Peer(server, self._enqueue, modern=False, notice=notice, garbage=lambda _: None)

    def belong_to(self, client: Client) -> None:
        self.peer.owner = client

    @property
    def inflight(self) -> int:
        return self.peer.inflight

    async def open(self, capabilities: dict[str, Any], deadline: Deadline) -> None:
        """Open the stream, wait for `endpoint`, then `initialize`. Raises `UpstreamFault`."""
        try:
            stream = await self.http.open_stream("GET", deadline=deadline, caller=self.whose.caller)
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        if not stream.reply.streamed:
            raise status_fault(self.server, stream.reply)
        named: asyncio.Future[str] = self._loop.create_future()
        self._tasks.append(self._owned.start(self._read(stream, named), "sse"))
        self._target = await self._endpoint(named, deadline)
        self._tasks.append(self._owned.start(self._post_all(), "sse-post"))
        await initialize(self, capabilities, deadline)

    async def _endpoint(self, named: "asyncio.Future[str]", deadline: Deadline) -> str:
        try:
            async with asyncio.timeout_at(deadline.at):
                found = await named
        except TimeoutError:
            self.alive = False
            raise UpstreamFault(self.server, "upstream_timeout", "its stream named no endpoint in time") from None
        try:
            own, other = urlsplit(self._url), urlsplit(urljoin(self._url, found))
            target = other.path + (f"?{other.query}" if other.query else "")
            encode_target(target)
        except ValueError:
            self.alive = False
            raise UpstreamFault(self.server, "upstream_malformed", "its stream names no address") from None
        if (own.scheme, own.netloc) != (other.scheme, other.netloc):
            self.alive = False
            raise UpstreamFault(self.server, "upstream_malformed", "its stream names an endpoint at another origin")
        return target

    async def request(self, ask: Ask) -> Outcome:
        self.whose.of(ask)
        if ask.log_level is not None and not self.peer.modern:
            await ensure_level(self, ask)
        return await self.peer.request(ask)

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self.peer.notify(method, params)

    def sweep(self, now: float) -> None:
        self.peer.sweep(now)

    def adopt(self, limits: Limits) -> None:
        self._limits = limits

    async def aclose(self) -> None:
        if self.alive and self._target:
            self.peer.take_back("the conversation ends")
            await self._said()
        self._lost("the connection to it was closed")
        await self.peer.aclose()

    def _enqueue(self, message: bytes) -> None:
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            raise UpstreamFault(self.server, "upstream_busy", "too many requests to it are open") from None

    async def _said(self) -> None:
        """What was put into the outbox until now has left, or cannot."""
        mark: asyncio.Future[None] = self._loop.create_future()
        try:
            self._outbox.put_nowait(mark)
        except asyncio.QueueFull:
            return
        seconds = self._limits.connect_seconds_max
        await asyncio.wait({mark, *self._tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _post_all(self) -> None:
        while self.alive:
            message = await self._outbox.get()
            if isinstance(message, asyncio.Future):
                message.set_result(None)
                continue
            deadline = Deadline(self._loop.time() + self._limits.call_seconds_max)
            try:
                reply = await self.http.post(
                    b"", message, deadline=deadline, path=self._target, caller=self.whose.caller
                )
            except HttpFault:
                self._lost("a message to it was lost")
                return
            if reply.status >= 400:
                self._lost(f"it refused a message (HTTP {reply.status})")
                return

    async def _read(self, stream: HttpStream, named: "asyncio.Future[str]") -> None:
        try:
            async for event in stream:
                if event.event == "endpoint" and not named.done():
                    named.set_result(event.data.decode())
                elif event.event == "message" and event.data:
                    self.peer.feed(event.data)
        except HttpFault:
            pass  # said below: for whoever waits it makes no difference how the stream ended
        finally:
            await stream.aclose()
            self._lost("its event stream ended")
            if not named.done():
                named.set_exception(UpstreamFault(self.server, "upstream_lost", "its stream ended before it began"))

    def _lost(self, text: str) -> None:
        self.alive = False
        self.peer.lose(UpstreamFault(self.server, "upstream_lost", text, sent=True))
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
