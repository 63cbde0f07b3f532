"""The door: every HTTP request comes in here and goes to the face that speaks its language.

Knows: paths, methods, and which era a POST belongs to. Refuses to know: what happens behind a face.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs

from narthex.edge.gate import Gate
from narthex.edge.http1_exchange import Exchange
from narthex.edge.http1_head import Headers
from narthex.edge.legacy import LegacyFace, prefers_stream
from narthex.edge.metadata import described, document, is_metadata
from narthex.edge.modern import ModernFace
from narthex.edge.route import base_path, inner_path, route_of
from narthex.edge.sse import SseFace
from narthex.identity.credential import usual_field
from narthex.limits import Limits
from narthex.model.identity import Principal
from narthex.relay.express import Flight
from narthex.relay.express_inside import InsideFlight
from narthex.relay.relay import Relay
from narthex.wire.envelope import Message, Notification, Request, encode_error, read, readable_id
from narthex.wire.faults import HEADER_MISMATCH, INVALID_REQUEST, PeerFault
from narthex.wire.ladder import is_modern, routing_of
from narthex.wire.revisions import LEGACY, MODERN
from narthex.wire.strict import decode

_TEXT = b"text/plain; charset=utf-8"
_QUERY_CHARS_MAX = 1_024
_ALLOW = ((b"Allow", b"GET, POST, DELETE"),)


class Issuer(Protocol):
    """The authorization server inside (`issuer.server`), as far as the door needs it."""

    paths: frozenset[str]

    async def serve(self, asked: Any, /) -> Any: ...


class Page(Protocol):
    """The connect page (`connect.server`), as far as the door needs it."""

    def serves(self, path: str) -> bool:
        """Whether this path is one of its own."""
        ...

    async def serve(self, exchange: Exchange, /) -> Any: ...


class Door:
    """`serve` is the handler of the listener. One task per request."""

    def __init__(
        self,
        relay: Relay,
        modern: ModernFace,
        legacy: LegacyFace,
        sse: SseFace,
        ready: Callable[[], bool],
        gate: Gate,
    ) -> None:
        self._relay, self._modern, self._legacy, self._sse, self._ready = relay, modern, legacy, sse, ready
        self._gate = gate
        self.issuer: Issuer | None = None  # the authorization server inside, if there is one
        self.connect: Page | None = None  # where people connect their accounts at servers

    async def serve(self, exchange: Exchange) -> None:
        route = self._route(exchange.path)
        if route is None:
            await self.serve_page(exchange)
            return
        who = self._gate.remembered(exchange.headers.caller) or await self._gate.who(exchange, route)
        if who is None:
            return
        if self._relay.endpoint(route) is None:
            names = ", ".join(f"/mcp/{name}" if name else "/mcp" for name in self._relay.slot.current.endpoints)
            _refuse(exchange, 404, f"No endpoint at {exchange.path}. There is: {names}.", "unknown_endpoint")
            return
        if exchange.method == b"POST":
            await self._post(exchange, route, who)
        elif exchange.method == b"GET":
            await self._get(exchange, route, who)
        elif exchange.method == b"DELETE":
            await self._delete(exchange, route, who)
        else:
            exchange.respond(405, _error("Use POST, GET or DELETE.", "method"), headers=_ALLOW)

    def _route(self, path: str) -> str | None:
        return route_of(path, base_path(self._relay.slot.current.config.public_url))

    async def serve_page(self, exchange: Exchange) -> None:
        """Whatever is no endpoint."""
        found: Issuer | Page | None = None
        if self.issuer is not None and exchange.path in self.issuer.paths:
            found = self.issuer
        elif self.connect is not None and self.connect.serves(exchange.path):
            found = self.connect
        if found is None:
            self._elsewhere(exchange)
            return
        answer = await found.serve(exchange)
        exchange.respond(answer.status, answer.body, answer.content_type, answer.headers)

    def express(self, exchange: Exchange) -> Flight | InsideFlight | asyncio.Task[None] | None:
        """Serve a request without a task, if it is a usual one; None, and nothing has happened, if it is not."""
        notes = exchange.headers.notes
        if notes is None:
            notes = exchange.headers.notes = Notes(exchange, self._route(exchange.path))
        assert isinstance(notes, Notes)
        if notes.usual is None or notes.route is None:
            return None
        world = self._relay.slot.current
        endpoint = world.endpoints.get(notes.route)
        if endpoint is None:
            return None
        who = self._gate.glance(exchange.headers, notes.shown_in, notes.route, endpoint.needs)
        if who is None:
            return None
        if notes.usual == "legacy":
            return self._legacy.express(exchange, notes.token, notes.route, who, world.config.limits)
        return self._modern.express(exchange, notes.routing, endpoint, who, world.config.limits)

    async def _post(self, exchange: Exchange, route: str, who: Principal) -> None:
        notes: Notes = exchange.headers.notes
        if notes.refusal is not None:
            status, text, reason = notes.refusal
            _refuse(exchange, status, text, reason)
            return
        world = self._relay.slot.current  # read once: the call ends in the world in which it began
        limits = world.config.limits
        value = None
        try:
            value = decode(exchange.body, limits)
            if exchange.query and (key := _session_key(exchange.query)):
                self._sse.post(exchange, value, key, route, who, limits)
            elif type(value) is list and notes.in_session:
                await self._legacy.post_batch(exchange, value, route, who, limits)
            else:
                message = read(value)
                if type(message) is Request and is_modern(notes.routing, message):
                    await self._modern.serve(exchange, message, notes.routing, world.endpoints[route], who, limits)
                else:
                    await self._other(exchange, message, route, who, limits)
        except PeerFault as fault:
            if exchange.answered:
                raise
            body = encode_error(readable_id(value), fault.code, str(fault), fault.data)
            exchange.respond(fault.status, body)

    async def _other(self, exchange: Exchange, message: Message, route: str, who: Principal, limits: Limits) -> None:
        if not is_modern(exchange.headers.notes.routing, message):
            await self._legacy.post(exchange, message, route, who, limits)
        elif type(message) is Notification:
            _check_notification(exchange, message)
            exchange.respond(202)
        else:
            raise PeerFault(INVALID_REQUEST, "This revision has no responses of clients.", data={"reason": "response"})

    async def _get(self, exchange: Exchange, route: str, who: Principal) -> None:
        accept = exchange.headers.get(b"accept") or b"*/*"
        if b"text/event-stream" not in accept and b"*/*" not in accept:
            _refuse(exchange, 406, "GET opens an event stream: accept text/event-stream.", "accept")
        elif exchange.headers.get(b"mcp-session-id") is None and b"text/event-stream" in accept:
            version = exchange.headers.get(b"mcp-protocol-version")
            if version is not None:
                exchange.respond(405, _error("GET needs an Mcp-Session-Id.", "no_session"), headers=_ALLOW)
            else:
                base = base_path(self._relay.slot.current.config.public_url)
                await self._sse.get(exchange, route, who, base + inner_path(exchange.path, base))
        else:
            await self._in_session(exchange, route, who)

    async def _delete(self, exchange: Exchange, route: str, who: Principal) -> None:
        await self._in_session(exchange, route, who)

    async def _in_session(self, exchange: Exchange, route: str, who: Principal) -> None:
        try:
            session = self._legacy.session(exchange, route, who)
        except PeerFault as fault:
            exchange.respond(fault.status, encode_error(None, fault.code, str(fault), fault.data))
            return
        if exchange.method == b"GET":
            await self._legacy.get(exchange, session)
        else:
            await self._legacy.delete(exchange, session)

    def _elsewhere(self, exchange: Exchange) -> None:
        if exchange.path == "/healthz":
            exchange.respond(200, b"ok\n", _TEXT)
        elif exchange.path == "/readyz":
            ready = self._ready()
            exchange.respond(200 if ready else 503, b"ready\n" if ready else b"draining\n", _TEXT)
        elif is_metadata(exchange.path):
            self._metadata(exchange)
        else:
            _refuse(exchange, 404, f"Nothing at {exchange.path[:128]}. The MCP endpoint is /mcp.", "not_found")

    def _metadata(self, exchange: Exchange) -> None:
        """Anybody may read it: it tells where to sign in (RFC 9728, 3.1)."""
        config = self._relay.slot.current.config
        route = route_of(described(exchange.path, config))
        endpoint = self._relay.endpoint(route) if route is not None else None
        issuers = self._gate.authority.issuers()
        if route is None or endpoint is None or not issuers:
            _refuse(exchange, 404, "There is no such metadata.", "not_found")
        elif exchange.method not in (b"GET", b"HEAD"):
            exchange.respond(405, _error("Use GET.", "method"), headers=((b"Allow", b"GET, HEAD"),))
        else:
            body = document(self._gate.resource(exchange, route), endpoint, issuers, proof=True)
            exchange.respond(
                200, body, headers=((b"Cache-Control", b"max-age=300"), (b"Access-Control-Allow-Origin", b"*"))
            )


class Notes:
    """What the headers of a POST say, worked out once for all requests that share a head. It says nothing of who sends
    them: heads that differ in their credential alone share it too.
    """

    __slots__ = ("in_session", "refusal", "route", "routing", "shown_in", "token", "usual")

    def __init__(self, exchange: Exchange, route: str | None) -> None:
        headers = exchange.headers
        self.route = route
        self.shown_in = usual_field(headers)
        self.routing = routing_of(headers)
        token = headers.get(b"mcp-session-id")
        self.in_session = token is not None
        self.token = token.decode("latin-1") if token is not None else ""
        self.refusal: tuple[int, str, str] | None = None
        content_type = headers.get(b"content-type") or b""
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            self.refusal = (415, "The Content-Type must be application/json.", "content_type")
        elif not _acceptable(headers):
            self.refusal = (406, "Accept application/json and text/event-stream.", "accept")
        self.usual: Literal["modern", "legacy"] | None = None
        if exchange.method == b"POST" and self.refusal is None and not exchange.query and self.routing.trace is None:
            self.usual = self._usual_of(headers)

    def _usual_of(self, headers: Headers) -> Literal["modern", "legacy"] | None:
        """Of which era a usual `tools/call` would be, under headers that need no closer look."""
        routing = self.routing
        if routing.version == MODERN and routing.method == "tools/call":
            return None if routing.repeated or routing.name_is_broken or routing.mirrored else "modern"
        legacy = routing.version is None or routing.version in LEGACY
        return "legacy" if legacy and self.in_session and not prefers_stream(headers) else None


def _session_key(query: str) -> str | None:
    # Cut short first, since each field costs; whatever else a client put into its address is not our business.
    found = parse_qs(query[:_QUERY_CHARS_MAX]).get("sessionId") if "sessionId=" in query else None
    return found[0] if found else None


def _acceptable(headers: Headers) -> bool:
    """Lenient (T-05): absent and wildcards are fine, as long as one of our two kinds of answer is accepted."""
    accept = headers.get(b"accept")
    return accept is None or b"json" in accept or b"event-stream" in accept or b"*" in accept


def _check_notification(exchange: Exchange, message: Notification) -> None:
    method = exchange.headers.get(b"mcp-method")
    if method is not None and method.decode("latin-1") != message.method:
        raise PeerFault(HEADER_MISMATCH, "The header Mcp-Method must equal the method of the body.")


def _error(message: str, reason: str) -> bytes:
    return encode_error(None, INVALID_REQUEST, message, {"reason": reason})


def _refuse(exchange: Exchange, status: int, message: str, reason: str) -> None:
    exchange.respond(status, _error(message, reason))
