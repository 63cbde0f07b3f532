"""Streamable HTTP of 2025-03-26 to 2025-11-25: one session, opened by `initialize`, ended by DELETE.

Knows: `Mcp-Session-Id`, the GET stream, resumption by `Last-Event-ID`, questions on a stream.
Refuses to know: which callers share this session (that is `upstream.lanes`).
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Literal

from narthex.limits import (
    Limits,
    questions_open_max,
    reconnect_seconds_max,
    reconnect_seconds_min,
    stream_standing_seconds_max,
)
from narthex.model.caller import Caller
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.ask import Ask, Begun, Flying, Notice, ensure_level, legacy_params, marked, trace_lines
from narthex.upstream.link.handshake import adopt_initialized, initialize_params
from narthex.upstream.link.http_common import fault_of, note_refusal, read_outcome, rest_of, status_fault
from narthex.upstream.link.legacy_stream import StreamReader
from narthex.upstream.link.modern_http import read_quietly
from narthex.upstream.link.peer import LOG, OF_ONE_CLIENT, id_in, params_of
from narthex.upstream.link.questions import Question, Questions, declined, encode_answer
from narthex.upstream.link.whose import Whose
from narthex.wire.envelope import Incoming, encode_error, encode_notification, encode_request, encode_result
from narthex.wire.faults import METHOD_NOT_FOUND
from narthex.wire.revisions import HEADER_SINCE, LEGACY_NEWEST, QUESTIONS
from narthex.wire.strict import encode
from narthex.wire.usual import Meta

_LATER = (409, 429)  # it has not noticed that the stream before is gone, or it is busy


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

    modern = False

    def __init__(
        self,
        server: str,
        http: HttpClient,
        limits: Limits,
        notice: Notice,
        owned: Owned,
        caller: Caller | None = None,
    ) -> None:
        self.server = server
        self.http = http
        self.whose = Whose(caller, personal=http.personal)
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
        self.owned = owned
        self.headers = b""  # what every message of this session carries
        self._ids = itertools.count(1)
        self.loop = asyncio.get_running_loop()
        self._stream: asyncio.Task[Any] | None = None
        self._missed: Callable[[], None] | None = None
        self._standing = asyncio.Event()  # the GET stream stands, or the server has none
        self._questions = Questions()
        self._farewells: set[asyncio.Task[Any]] = set()  # what the server is being told of ends: before the DELETE
        self._speaker = ""  # of the last request that wanted log lines: an owner's come from one endpoint
        self._readers: dict[Any, StreamReader] = {}  # requests in flight by id
        self._flights: dict[Any, Flying] = {}  # those of them on the express way

    # ---- opening -----------------------------------------------------------------------------------------------

    async def open(self, capabilities: dict[str, Any], deadline: Deadline) -> None:
        """`initialize`, then `notifications/initialized`. Raises `NotLegacy` or `UpstreamFault`."""
        params = initialize_params(capabilities)
        request_id = next(self._ids)
        reader = StreamReader(self, Ask("initialize", params, deadline), request_id)
        try:
            reply = await self.http.post(
                self.headers,
                encode_request(request_id, "initialize", params),
                deadline=deadline,
                on_event=reader.event,
                caller=self.whose.caller,
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
        self.headers = lines

    def belong_to(self, client: Client) -> None:
        self.owner = client

    def sweep(self, now: float) -> None:
        """The HTTP client keeps the deadlines."""

    def adopt(self, limits: Limits) -> None:
        self._limits = limits

    # ---- requests ----------------------------------------------------------------------------------------------

    async def request(self, ask: Ask) -> Outcome:
        caller = self.whose.of(ask)
        if ask.log_level is not None and ask.begun is None:
            self._speaker = ask.speaker
            await ensure_level(self, ask)
        begun, ask.begun = ask.begun, None
        if begun is not None:
            request_id, answer = begun.request_id, rest_of(begun, self.http, self.headers, legacy_params)
            reader: StreamReader = begun.reader
        else:
            request_id = next(self._ids)
            reader = self._readers[request_id] = StreamReader(self, ask, request_id)
            self.inflight += 1
            body = encode_request(request_id, ask.method, legacy_params(ask, request_id))
            headers = self.headers + trace_lines(ask)
            answer = self.http.post(headers, body, deadline=ask.deadline, on_event=reader.event, caller=caller)
        try:
            try:
                reply = await answer
            except HttpFault as error:
                if reader.outcome is None and not reader.resumable(error):
                    if error.reason == "timeout":
                        self._take_back(reader, "timeout")
                    raise fault_of(self.server, error) from None
                reply = None
            if reply is None or reply.streamed:
                return await reader.rest()
            if reply.status == 404 and self.session_id is not None:
                self.alive = False
                raise SessionEnded(self.server)
            note_refusal(ask, reply)
            return read_outcome(self.server, reply, request_id)
        except asyncio.CancelledError:
            self._take_back(reader, "the client gave up")
            raise
        finally:
            self.inflight -= 1
            del self._readers[request_id]
            if self._questions:
                await self._questions.end(ask, self.inflight, self._tell_of_end)

    # On the express way (`relay.express`) a usual answer goes elsewhere; of an unusual one `request` does the rest.

    def next_id(self) -> int:
        return next(self._ids)

    def takes_at_once(self, log_level: str | Literal[False] | None) -> bool:
        """Whether a call may be sent without anything before it: not if the server has to be told a level first.

        And not while it waits for answers of ours: the end of a call may be the end of its questions too.
        """
        return not log_level and not self._questions

    def usual_request(self, flight: Flying, tool: str, arguments: bytes, meta: Meta, log_level: str | None) -> bytes:
        """A whole `tools/call` as bytes. `arguments` are encoded."""
        self.inflight += 1
        self._flights[flight.request_id] = flight
        body = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%b,"arguments":%b%b}}' % (
            flight.request_id,
            encode(tool),
            arguments,
            b',"_meta":' + encode(meta.vendor) if meta.vendor else b"",
        )
        return self.http.encode_post(self.headers + flight.shown.lines, body)

    def landed(self, request_id: int) -> None:
        self.inflight -= 1
        del self._flights[request_id]

    def begun(self, ask: Ask, request_id: int, withdraw: Callable[[], None]) -> Begun:
        del self._flights[request_id]
        reader = self._readers[request_id] = StreamReader(self, ask, request_id)
        ask.begun = Begun(ask, self, request_id, reader, self.loop.create_future(), withdraw)
        return ask.begun

    def _divert_all(self) -> None:
        """Something has come up that may be for any request in flight: let each have a reader."""
        for flight in list(self._flights.values()):
            if flight.message is None:
                flight.divert()

    def _reader_of(self, request_id: Any) -> StreamReader | None:
        flight = self._flights.get(request_id)
        if flight is not None and flight.message is None:  # nothing answers what was not asked yet
            flight.divert()
        return self._readers.get(request_id)

    def _take_back(self, reader: StreamReader, reason: str) -> None:
        """On these revisions a lost connection is no cancellation: it has to be said (basic/utilities/cancellation)."""
        if not reader.taken_back:
            reader.taken_back = True
            params = {"requestId": reader.request_id, "reason": reason}
            self._tell_of_end(encode_notification("notifications/cancelled", params))

    def _tell_of_end(self, message: bytes) -> None:
        task = self.owned.start(self._send_quietly(message), "farewell")
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        await self._send_quietly(encode_notification(method, params))

    async def _send(self, body: bytes, deadline: Deadline) -> None:
        try:
            reply = await self.http.post(self.headers, body, deadline=deadline, caller=self.whose.caller)
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
            self._stream = self.owned.start(self._listening(), "get-stream")

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
            headers = self.headers + (b"Last-Event-ID: " + last_id.encode() + b"\r\n" if last_id else b"")
            deadline = Deadline(self.loop.time() + self._limits.connect_seconds_max * 4)
            try:
                stream = await self.http.open_stream("GET", headers, deadline=deadline, caller=self.whose.caller)
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
            if not stream.reply.streamed and stream.reply.status < 500 and stream.reply.status not in _LATER:
                return  # 405 and its like: this server has no such stream, or not for this session any more
            if again and stream.reply.streamed and self._missed is not None:
                self._missed()
            try:
                async for event in stream:
                    wait = reconnect_seconds_min
                    last_id = event.id or last_id
                    incoming = read_quietly(event)
                    if incoming is not None and incoming.method is not None:
                        self.hear(incoming)
                    elif incoming is not None and (reader := self._reader_of(incoming.id)) is not None:
                        reader.answered(incoming)  # the answer to a call whose own stream broke off
            except HttpFault:
                pass  # reopened below
            finally:
                await stream.aclose()
            await asyncio.sleep(wait)
            if not stream.reply.streamed:
                wait = min(wait * 2, reconnect_seconds_max)

    def hear(self, incoming: Incoming) -> None:
        """Something the server says on its own."""
        method = incoming.method or ""
        if incoming.id is not None:
            # Some servers ask here what belongs to a call. With one in flight there is no doubt which.
            self._divert_all()
            only = next(iter(self._readers.values())).ask if len(self._readers) == 1 else None
            self.question(incoming, self.owner, only)
        elif method in OF_ONE_CLIENT and self.owner is not None:
            params = params_of(incoming)
            self.owner.notify(method, marked(params, self._speaker) if method == LOG else params)
        elif method == "notifications/cancelled":
            self.withdraw(params_of(incoming))
        else:
            self._notice(method, params_of(incoming))

    def withdraw(self, params: dict[str, Any]) -> None:
        """The server no longer wants the answer to a question of its own."""
        self._questions.taken_back(id_in(params, "requestId"))

    def question(self, incoming: Incoming, client: Client | None, ask: Ask | None) -> None:
        """A request of the server. Answered by a POST of its own, from a task that this session owns.

        `ask`: the request it belongs to, where that is known. One of a flood, or under an id that is open already, is
        dropped: each answer would cost us a request.
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
        thinking = client is not None and not answer
        if thinking and ask is not None:
            ask.deadline.at = ask.deadline.latest  # a human may be slow; the absolute limit holds
        work = self._send_quietly(answer) if answer or client is None else self._answer(incoming, client)
        task = self.owned.start(work, "question")
        question = Question(method, ask, in_call=self.inflight > 0, task=task, pending=thinking)
        self._questions.keep(incoming.id, question)  # type: ignore[arg-type]

    async def _answer(self, incoming: Incoming, client: Client) -> None:
        outcome = await client.ask(incoming.method or "", params_of(incoming))
        self._questions[incoming.id].pending = False  # type: ignore[index]
        await self._send_quietly(encode_answer(incoming.id, outcome))  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """End the session at the server, if it gave us one, after whatever else it has to hear."""
        was_alive, self.alive = self.alive, False
        if self._stream is not None:
            self._stream.cancel()
        self._questions.cancel()
        if was_alive:
            self._divert_all()
            for reader in self._readers.values():
                self._take_back(reader, "the conversation ends")
        if self._farewells:
            # Each on a connection of its own, and the DELETE on another: only by waiting it is the last.
            await asyncio.wait(self._farewells, timeout=self._limits.connect_seconds_max)
        if was_alive and self.session_id is not None:
            try:
                deadline = Deadline(self.loop.time() + self._limits.connect_seconds_max)
                await self.http.delete(self.headers, deadline=deadline, caller=self.whose.caller)
            except HttpFault:
                return  # it will expire there by itself
