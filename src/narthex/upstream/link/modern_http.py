"""Streamable HTTP of 2026-07-28: every request on its own, every header computed from the body about to be sent.

Knows: `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name`, `Mcp-Param-*`. Refuses to know: sessions; there are none.
"""

import asyncio
import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import msgspec

from narthex.limits import Limits, known_metas_max, known_names_max, remembered_name_chars_max
from narthex.model.client import Client, Gate
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, UpstreamFault
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.link.ask import Ask, Begun, Flying, Notice, modern_params, trace_lines
from narthex.upstream.link.http_common import fault_of, note_refusal, outcome_of, read_outcome, rest_of
from narthex.upstream.link.peer import is_about, params_of
from narthex.wire.envelope import encode_request, read_incoming
from narthex.wire.mirror import header_value, param_headers
from narthex.wire.revisions import MODERN, NAMED_BY
from narthex.wire.sse import SseEvent
from narthex.wire.strict import encode
from narthex.wire.usual import Meta

_PREFIX = b"MCP-Protocol-Version: " + MODERN.encode() + b"\r\nMcp-Method: "


class ModernHttp:
    """A stateless conversation: one POST per request on a pooled connection."""

    modern = True

    def __init__(self, server: str, http: HttpClient) -> None:
        self.server = server
        self.http = http
        self.alive = True
        self.revision = MODERN
        self.capabilities: dict[str, Any] = {}
        self.server_info: dict[str, Any] = {}
        self.instructions: str | None = None
        self._ids = itertools.count(1)
        self._loop = asyncio.get_running_loop()

    def belong_to(self, client: Client) -> None:
        """Nothing here is said or asked outside of a request."""

    def sweep(self, now: float) -> None:
        """The HTTP client keeps the deadlines."""

    def adopt(self, limits: Limits) -> None:
        """The HTTP client has them; nothing is kept here."""

    async def request(self, ask: Ask) -> Outcome:
        begun, ask.begun = ask.begun, None
        if begun is not None:
            request_id, answer = begun.request_id, rest_of(begun, self.http, headers_for(ask), modern_params)
            stream: EventReader = begun.reader
        else:
            request_id = next(self._ids)
            stream = EventReader(self, ask, request_id)
            body = encode_request(request_id, ask.method, modern_params(ask, request_id))
            answer = self.http.post(
                headers_for(ask), body, deadline=ask.deadline, on_event=stream.event, caller=ask.caller
            )
        try:
            reply = await answer
        except HttpFault as error:
            if stream.outcome is None:
                raise fault_of(self.server, error) from None
            return stream.finished()
        if reply.streamed:
            return stream.finished()
        note_refusal(ask, reply)
        return read_outcome(self.server, reply, request_id)

    # On the express way (`relay.express`) a usual answer goes elsewhere; of an unusual one `request` does the rest.

    def next_id(self) -> int:
        return next(self._ids)

    def takes_at_once(self, log_level: str | Literal[False] | None) -> bool:
        """Whether a call may be sent without anything before it."""
        return True

    def landed(self, request_id: int) -> None:
        """Nothing is kept of it."""

    def usual_request(self, flight: Flying, tool: str, arguments: bytes, meta: Meta, log_level: str | None) -> bytes:
        """A whole `tools/call` as bytes. `arguments` are encoded."""
        lines, name = _usual_head(tool)
        body = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%b,"arguments":%b,"_meta":%b}}' % (
            flight.request_id,
            name,
            arguments,
            _usual_meta(meta, log_level),
        )
        return self.http.encode_post(lines + flight.shown.lines, body)

    def begun(self, ask: Ask, request_id: int, withdraw: Callable[[], None]) -> Begun:
        ask.begun = Begun(
            ask, self, request_id, EventReader(self, ask, request_id), self._loop.create_future(), withdraw
        )
        return ask.begun

    async def listen(self, wanted: dict[str, Any], notice: Notice, limits: Limits) -> None:
        """One `subscriptions/listen`, until it ends. Returns when the server closed it; raises `UpstreamFault`."""
        request_id = next(self._ids)
        deadline = Deadline.starting(
            self._loop.time(), limits.connect_seconds_max * 4, limits.call_seconds_absolute_max
        )
        ask = Ask("subscriptions/listen", {"notifications": wanted}, deadline)
        body = encode_request(request_id, ask.method, modern_params(ask, request_id))
        try:
            stream = await self.http.open_stream("POST", headers_for(ask), body, deadline=deadline)
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        if not stream.reply.streamed:
            outcome = read_outcome(self.server, stream.reply, request_id)
            text = outcome.message if isinstance(outcome, Failure) else "it answered at once"
            raise UpstreamFault(self.server, "upstream_no_listen", f"it keeps no subscription: {text}")
        try:
            async for event in stream:
                incoming = read_quietly(event)
                if incoming is not None and incoming.method is not None:
                    notice(incoming.method, params_of(incoming))
        except HttpFault as error:
            raise fault_of(self.server, error) from None
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        self.alive = False


class EventReader:
    """Reads the event stream that answers one request: notifications on the way, the response at the end."""

    __slots__ = ("ask", "link", "outcome", "request_id")

    def __init__(self, link: ModernHttp, ask: Ask, request_id: int) -> None:
        self.link, self.ask, self.request_id = link, ask, request_id
        self.outcome: Outcome | None = None

    def event(self, event: SseEvent) -> bool | Gate | None:
        """True: the response is here, the rest of the stream is of no interest. A gate: the client is slow."""
        incoming = read_quietly(event)
        if incoming is None:
            return False
        if incoming.method is not None:
            if incoming.id is None:  # a modern server may not send requests here: those are dropped
                return self._hear(incoming.method, params_of(incoming))
            return False
        self.outcome = outcome_of(incoming, self.request_id)
        return self.outcome is not None

    def _hear(self, method: str, params: dict[str, Any]) -> Gate | None:
        about = is_about(method, params, self.request_id)
        return self.ask.hear(method, params, self.link._loop.time()) if about else None

    def finished(self) -> Outcome:
        self.ask.settle()
        if self.outcome is None:
            text = "its stream ended without a response"
            raise UpstreamFault(self.link.server, "upstream_stream_truncated", text, sent=True)
        return self.outcome


def read_quietly(event: SseEvent) -> Any:
    """The message in an event, or None: events of other names, without data or without sense are skipped."""
    if event.event != "message" or not event.data:
        return None
    try:
        return read_incoming(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _routing_lines(method: str, name: str | None) -> bytes:
    lines = _PREFIX + method.encode() + b"\r\n"
    if name is not None:
        lines += b"Mcp-Name: " + (header_value(name) or "").encode() + b"\r\n"
    return lines


_remembered_lines = lru_cache(maxsize=known_names_max)(_routing_lines)


@lru_cache(maxsize=known_names_max)
def _usual_head(tool: str) -> tuple[bytes, bytes]:
    """The header lines of a `tools/call`, and the name as JSON."""
    return _routing_lines("tools/call", tool), encode(tool)


@lru_cache(maxsize=known_metas_max)
def _usual_meta(meta: Meta, log_level: str | None) -> bytes:
    ask = Ask("", {}, Deadline(0.0), meta=meta.vendor, capabilities=meta.shared, log_level=log_level)
    return encode(modern_params(ask, 0)["_meta"])


def headers_for(ask: Ask) -> bytes:
    """The header lines of one request, each ending with CRLF."""
    member = NAMED_BY.get(ask.method)
    name = None if member is None else ask.params.get(member)
    if name is None or len(name) < remembered_name_chars_max:
        lines = _remembered_lines(ask.method, name)
    else:
        lines = _routing_lines(ask.method, name)
    if ask.mirrors:
        arguments = ask.params.get("arguments")
        for name, value in param_headers(ask.mirrors, arguments if type(arguments) is dict else {}):
            lines += f"{name}: {value}\r\n".encode()
    return lines + trace_lines(ask)
