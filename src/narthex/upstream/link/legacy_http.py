"""Streamable HTTP of 2025-03-26 to 2025-11-25: one session, opened by `initialize`, ended by DELETE.

Knows: `Mcp-Session-Id`, the GET stream, resumption by `Last-Event-ID`, questions on a stream.
Refuses to know: which callers share this session (that is `upstream.lanes`).
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from narthex.limits import (
    Limits,
    questions_open_max,
    reconnect_seconds_max,
    reconnect_seconds_min,
    stream_standing_seconds_max,
)
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.stream import HttpStream
from narthex.upstream.link.ask import Ask, Notice, ensure_level, legacy_params
from narthex.upstream.link.handshake import adopt_initialized, initialize_params
from narthex.upstream.link.http_common import fault_of, outcome_of, read_outcome, status_fault
from narthex.upstream.link.modern_http import read_quietly
from narthex.upstream.link.peer import OF_ONE_CLIENT, declined, encode_answer, id_in, is_about, params_of
from narthex.wire.envelope import Incoming, encode_error, encode_notification, encode_request, encode_result
from narthex.wire.faults import METHOD_NOT_FOUND
from narthex.wire.revisions import HEADER_SINCE, LEGACY_NEWEST, QUESTIONS
from narthex.wire.sse import SseEvent

resumptions_max = 20


class SessionEnded(UpstreamFault):
    """The server answered 404 to our session: by rule it did not process the request, so repeating it is safe."""

    def __init__(self, server: str) -> None:
        super().__init__(server, "upstream_session_ended", "it ended our session")


class NotLegacy(Exception):
    """`initialize` got an answer that no server of these revisions gives; `status` tells what to try next."""

    def __init__(self, status: int, failure: Failure | None = None) -> None:
        super().__init__(f"initialize was answered with HTTP {status}")
        self.status, self.failure = status, failure


class LegacyHttp:
    """One session. Its owner, if it has one, hears what the server says outside of calls."""

    def __init__(self, server: str, http: HttpClient, limits: Limits, notice: Notice, owned: Owned) -> None:
        self.server = server
        self.http = http
        self.alive = True
        self.owner: Client | None = None
        self.revision = LEGACY_NEWEST
        self.capabilities: dict[str, Any] = {}
        self.server_info: dict[str, Any] = {}
        self.instructions: str | None = None
        self.session_id: bytes | None = None
        self.inflight = 0
        self.log_level: str | None = None
        self._limits = limits
        self._notice = notice
        self._owned = owned
        self._headers = b""  # what every message of this session carries
        self._ids = itertools.count(1)
        self.loop = asyncio.get_running_loop()
        self._stream: asyncio.Task[Any] | None = None
        self._missed: Callable[[], None] | None = None
        self._standing = asyncio.Event()  # the GET stream stands, or the server has none
        self._questions: dict[Any, asyncio.Task[Any]] = {}
        self._readers: dict[Any, StreamReader] = {}  # requests in flight by id

    # ---- opening -----------------------------------------------------------------------------------------------

    async def open(self, capabilities: dict[str, Any], deadline: Deadline) -> None:
        """`initialize`, then `notifications/initialized`. Raises `NotLegacy` or `UpstreamFault`."""
        params = initialize_params(capabilities)
        request_id = next(self._ids)
        reader = StreamReader(self, Ask("initialize", params, deadline), request_id)
        try:
            reply = await self.http.post(
                self._headers,
                encode_request(request_id, "initialize", params),
                deadline=deadline,
                on_event=reader.event,
            )
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        outcome = self._initialized(reply, reader.outcome, request_id)
        self._adopt(reply, outcome)
        await self._send(encode_notification("notifications/initialized", None), deadline)

    def _initialized(self, reply: HttpReply, outcome: Outcome | None, request_id: int) -> Result:
        if reply.status in (401, 403, 429) or reply.status >= 500:
            raise status_fault(self.server, reply)
        if outcome is None:
            try:
                outcome = read_outcome(self.server, reply, request_id)
            except UpstreamFault:
                raise NotLegacy(reply.status) from None
        if isinstance(outcome, Failure):
            raise NotLegacy(reply.status, outcome)
        return outcome

    def _adopt(self, reply: HttpReply, outcome: Result) -> None:
        adopt_initialized(self, outcome)
        lines = b""
        self.session_id = reply.headers.get(b"mcp-session-id")
        if self.session_id is not None and all(0x21 <= byte <= 0x7E for byte in self.session_id):
            lines += b"Mcp-Session-Id: " + self.session_id + b"\r\n"
        if self.revision >= HEADER_SINCE:
            lines += b"MCP-Protocol-Version: " + self.revision.encode() + b"\r\n"
        self._headers = lines

    def belong_to(self, client: Client) -> None:
        self.owner = client

    def sweep(self, now: float) -> None:
        """The HTTP client keeps the deadlines."""

    # ---- requests ----------------------------------------------------------------------------------------------

    async def request(self, ask: Ask) -> Outcome:
        if ask.log_level is not None:
            await ensure_level(self, ask)
        request_id = next(self._ids)
        body = encode_request(request_id, ask.method, legacy_params(ask, request_id))
        reader = StreamReader(self, ask, request_id)
        self.inflight += 1
        self._readers[request_id] = reader
        try:
            try:
                reply = await self.http.post(self._headers, body, deadline=ask.deadline, on_event=reader.event)
            except HttpFault as error:
                if reader.outcome is None and not reader.resumable(error):
                    if error.reason == "timeout":
                        self._owned.start(self._cancel(request_id, "timeout"), "cancel")
                    raise fault_of(self.server, error) from None
                reply = None
            if reply is None or reply.streamed:
                return await self._streamed(reader)
            if reply.status == 404 and self.session_id is not None:
                self.alive = False
                raise SessionEnded(self.server)
            return read_outcome(self.server, reply, request_id)
        except asyncio.CancelledError:
            # On these revisions a lost connection is no cancellation: it has to be said (basic/utilities/cancellation).
            self._owned.start(self._cancel(request_id, "the client gave up"), "cancel")
            raise
        finally:
            self.inflight -= 1
            del self._readers[request_id]

    async def _streamed(self, reader: "StreamReader") -> Outcome:
        for _ in range(resumptions_max):
            if reader.outcome is not None:
                reader.ask.settle()
                return reader.outcome
            if reader.last_id is None:
                break
            reader.ask.client.parted()
            await self._resume(reader)
        text = "its stream ended without a response"
        raise UpstreamFault(self.server, "upstream_stream_truncated", text, sent=True)

    async def _resume(self, reader: "StreamReader") -> None:
        """The server closed the stream before the response: poll it with `Last-Event-ID` (2025-11-25, transports)."""
        wait = min(max(reader.retry_ms / 1000, 0.0), reconnect_seconds_max)
        if self.loop.time() + wait >= reader.ask.deadline.at:
            raise UpstreamFault(self.server, "upstream_timeout", "it did not answer in time", sent=True)
        await asyncio.sleep(wait)
        headers = self._headers + b"Last-Event-ID: " + (reader.last_id or "").encode() + b"\r\n"
        try:
            stream = await self.http.open_stream("GET", headers, deadline=reader.ask.deadline)
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        try:
            await self._read_rest(stream, reader)
        except HttpFault:
            return  # lost again: the next round asks again, as long as the deadline allows
        finally:
            await stream.aclose()

    async def _any_of(self, reader: "StreamReader", reading: "asyncio.Future[None]") -> None:
        """Until one of both is done, or the deadline, which signs of life move, has come."""
        deadline = reader.ask.deadline
        while not (reading.done() or reader.elsewhere.done()):
            left = deadline.at - self.loop.time()
            if left <= 0:
                raise UpstreamFault(self.server, "upstream_timeout", "it did not answer in time", sent=True)
            await asyncio.wait({reading, reader.elsewhere}, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    async def _read_rest(self, stream: HttpStream, reader: "StreamReader") -> None:
        """Until the response is here, on this stream or (some servers do so) on the one of the session."""

        async def read() -> None:
            async for event in stream:
                if reader.event(event):
                    return

        reading = self._owned.start(read(), "rest")
        try:
            await self._any_of(reader, reading)
            if reading.done():
                await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _cancel(self, request_id: int, reason: str) -> None:
        params = {"requestId": request_id, "reason": reason}
        await self._send_quietly(encode_notification("notifications/cancelled", params))

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        await self._send_quietly(encode_notification(method, params))

    async def _send(self, body: bytes, deadline: Deadline) -> None:
        try:
            reply = await self.http.post(self._headers, body, deadline=deadline)
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        if reply.status == 404 and self.session_id is not None:
            self.alive = False

    async def _send_quietly(self, body: bytes) -> None:
        try:
            await self._send(body, Deadline(self.loop.time() + self._limits.connect_seconds_max))
        except UpstreamFault:
            return  # the next request on this session will say what is wrong with it

    # ---- what the server says and asks on its own --------------------------------------------------------------

    def listen(self, missed: Callable[[], None] | None = None) -> None:
        """Keep the GET stream open, as long as the server offers one. `missed`: it was away for a while."""
        self._missed = missed or self._missed
        if self._stream is None:
            self._stream = self._owned.start(self._listening(), "get-stream")

    async def standing(self) -> None:
        """Wait until the GET stream stands: what a server asks there before that is lost, and its call waits for ever.

        Not for long: some servers answer a GET only when they have something to say.
        """
        try:
            async with asyncio.timeout(stream_standing_seconds_max):
                await self._standing.wait()
        except TimeoutError:
            return

    async def _listening(self) -> None:
        wait, last_id = reconnect_seconds_min, None
        while self.alive:
            headers = self._headers + (b"Last-Event-ID: " + last_id.encode() + b"\r\n" if last_id else b"")
            deadline = Deadline(self.loop.time() + self._limits.connect_seconds_max * 4)
            try:
                stream = await self.http.open_stream("GET", headers, deadline=deadline)
            except HttpFault:
                await asyncio.sleep(wait)
                wait = min(wait * 2, reconnect_seconds_max)
                continue
            again = self._standing.is_set()
            self._standing.set()
            if stream.reply.status == 404 and self.session_id is not None:
                self.alive = False  # the session is over: the next conversation hears the changes
            if not self.alive and self._missed is not None:
                self._missed()
            if not stream.reply.streamed and stream.reply.status < 500:
                return  # 405 and its like: this server has no such stream, or not for this session any more
            if again and stream.reply.streamed and self._missed is not None:
                self._missed()
            try:
                async for event in stream:
                    wait = reconnect_seconds_min
                    last_id = event.id or last_id
                    incoming = read_quietly(event)
                    if incoming is not None and incoming.method is not None:
                        self._hear(incoming)
                    elif incoming is not None and (reader := self._readers.get(incoming.id)) is not None:
                        reader.answered(incoming)  # the answer to a call whose own stream broke off
            except HttpFault:
                pass  # reopened below
            finally:
                await stream.aclose()
            await asyncio.sleep(wait)

    def _hear(self, incoming: Incoming) -> None:
        method = incoming.method or ""
        if incoming.id is not None:
            self.question(incoming, self.owner)
        elif method in OF_ONE_CLIENT and self.owner is not None:
            self.owner.notify(method, params_of(incoming))
        elif method == "notifications/cancelled":
            self.withdraw(params_of(incoming))
        else:
            self._notice(method, params_of(incoming))

    def withdraw(self, params: dict[str, Any]) -> None:
        """The server no longer wants the answer to a question of its own."""
        task = self._questions.get(id_in(params, "requestId"))
        if task is not None:
            task.cancel()

    def question(self, incoming: Incoming, client: Client | None) -> None:
        """A request of the server. Answered by a POST of its own, from a task that this session owns.

        One of a flood, or under an id that is open already, is dropped: each answer would cost us a request.
        """
        method = incoming.method or ""
        if len(self._questions) >= questions_open_max or incoming.id in self._questions:
            return
        if method == "ping":
            answer = encode_result(incoming.id, {})  # type: ignore[arg-type]
        elif method not in QUESTIONS:
            answer = encode_error(incoming.id, METHOD_NOT_FOUND, f"Method {method!r} is not known here.")  # type: ignore[arg-type]
        elif client is None:
            answer = encode_answer(incoming.id, declined(method))  # type: ignore[arg-type]
        else:
            answer = b""
        work = self._send_quietly(answer) if answer or client is None else self._answer(incoming, client)
        task = self._owned.start(work, "question")
        self._questions[incoming.id] = task
        task.add_done_callback(lambda _: self._questions.pop(incoming.id, None))

    async def _answer(self, incoming: Incoming, client: Client) -> None:
        outcome = await client.ask(incoming.method or "", params_of(incoming))
        await self._send_quietly(encode_answer(incoming.id, outcome))  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """End the session at the server, if it gave us one."""
        was_alive, self.alive = self.alive, False
        if self._stream is not None:
            self._stream.cancel()
        if was_alive and self.session_id is not None:
            try:
                deadline = Deadline(self.loop.time() + self._limits.connect_seconds_max)
                await self.http.delete(self._headers, deadline=deadline)
            except HttpFault:
                return  # it will expire there by itself


class StreamReader:
    """Reads the event stream that answers one POST: notifications, questions, and at the end the response."""

    __slots__ = ("ask", "elsewhere", "last_id", "link", "outcome", "request_id", "retry_ms")

    def __init__(self, link: LegacyHttp, ask: Ask, request_id: int) -> None:
        self.link, self.ask, self.request_id = link, ask, request_id
        self.outcome: Outcome | None = None
        self.last_id: str | None = None
        self.retry_ms = 1_000
        self.elsewhere: asyncio.Future[None] = link.loop.create_future()  # done: the response came on another stream

    def event(self, event: SseEvent) -> bool:
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
            self.ask.deadline.at = self.ask.deadline.latest  # a human may be slow; the absolute limit holds
            self.link.question(incoming, self.ask.client)
        elif incoming.method == "notifications/cancelled":
            self.link.withdraw(params_of(incoming))
        elif incoming.method in ("notifications/progress", "notifications/message"):
            params = params_of(incoming)
            if is_about(incoming.method, params, self.request_id):
                self.ask.hear(incoming.method, params, self.link.loop.time())
        else:
            self.link._hear(incoming)
        return False

    def answered(self, incoming: Incoming) -> None:
        """The response came on the stream of the session."""
        self.outcome = outcome_of(incoming, self.request_id)
        if self.outcome is not None and not self.elsewhere.done():
            self.elsewhere.set_result(None)

    def resumable(self, error: HttpFault) -> bool:
        return self.last_id is not None and error.reason in ("lost", "truncated")
