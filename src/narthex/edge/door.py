"""The door: every HTTP request comes in here and goes to the face that speaks its language.

Knows: paths, methods, and which era a POST belongs to. Refuses to know: what happens behind a face.
"""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qs

from narthex.edge.http1_exchange import Exchange
from narthex.edge.http1_head import Headers
from narthex.edge.legacy import LegacyFace
from narthex.edge.modern import ModernFace
from narthex.edge.sse import SseFace
from narthex.limits import Limits
from narthex.model.identity import LOCAL, Principal
from narthex.relay.relay import Relay
from narthex.wire.envelope import Message, Notification, Request, encode_error, read, readable_id
from narthex.wire.faults import HEADER_MISMATCH, INVALID_REQUEST, PeerFault
from narthex.wire.ladder import is_modern, routing_of
from narthex.wire.strict import decode

_TEXT = b"text/plain; charset=utf-8"
_QUERY_CHARS_MAX = 1_024
_ALLOW = ((b"Allow", b"GET, POST, DELETE"),)


class Door:
    """`serve` is the handler of the listener. One task per request."""

    def __init__(
        self,
        relay: Relay,
        modern: ModernFace,
        legacy: LegacyFace,
        sse: SseFace,
        ready: Callable[[], bool],
    ) -> None:
        self._relay, self._modern, self._legacy, self._sse, self._ready = relay, modern, legacy, sse, ready

    async def serve(self, exchange: Exchange) -> None:
        route = _endpoint_of(exchange.path)
        if route is None:
            self._elsewhere(exchange)
            return
        who = LOCAL
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

    async def _post(self, exchange: Exchange, route: str, who: Principal) -> None:
        notes = exchange.headers.notes
        if notes is None:
            notes = exchange.headers.notes = Notes(exchange.headers)
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
                await self._sse.get(exchange, route, who)
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
        else:
            _refuse(exchange, 404, f"Nothing at {exchange.path[:128]}. The MCP endpoint is /mcp.", "not_found")


class Notes:
    """What the headers of a POST say, worked out once for all requests that share a head."""

    __slots__ = ("in_session", "refusal", "routing")

    def __init__(self, headers: Headers) -> None:
        self.routing = routing_of(headers)
        self.in_session = headers.get(b"mcp-session-id") is not None
        self.refusal: tuple[int, str, str] | None = None
        content_type = headers.get(b"content-type") or b""
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            self.refusal = (415, "The Content-Type must be application/json.", "content_type")
        elif not _acceptable(headers):
            self.refusal = (406, "Accept application/json and text/event-stream.", "accept")


@lru_cache(maxsize=256)
def _endpoint_of(path: str) -> str | None:
    """`/mcp` -> "", `/mcp/sales` -> "sales"; `/sse` is the old pair's usual name for the same."""
    for base in ("/mcp", "/sse"):
        if path == base or path == base + "/":
            return ""
        if path.startswith(base + "/"):
            name = path[len(base) + 1 :].removesuffix("/")
            return name if name and "/" not in name else None
    return None


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
