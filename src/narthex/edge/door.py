"""The door: every HTTP request comes in here and goes to the face that speaks its language.

Knows: paths, methods, and which era a POST belongs to. Refuses to know: what happens behind a face.
"""

from collections.abc import Callable
from urllib.parse import parse_qs

from narthex.edge.http1_exchange import Exchange
from narthex.edge.legacy import LegacyFace
from narthex.edge.modern import ModernFace
from narthex.edge.sse import SseFace
from narthex.limits import Limits
from narthex.model.identity import LOCAL, Principal
from narthex.relay.relay import Relay
from narthex.wire.envelope import Notification, Request, encode_error, read, readable_id
from narthex.wire.faults import HEADER_MISMATCH, INVALID_REQUEST, PeerFault
from narthex.wire.ladder import is_modern
from narthex.wire.strict import decode

_TEXT = b"text/plain; charset=utf-8"
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
        headers = exchange.headers
        content_type = headers.get(b"content-type") or b""
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            _refuse(exchange, 415, "The Content-Type must be application/json.", "content_type")
            return
        limits = self._relay.slot.current.config.limits
        value = None
        try:
            value = decode(exchange.body, limits)
            if exchange.query and (key := _session_key(exchange.query)):
                self._sse.post(exchange, value, key, route, who, limits)
            elif type(value) is list and headers.get(b"mcp-session-id") is not None:
                await self._legacy.post(exchange, value, route, who, limits)
            else:
                await self._single(exchange, value, route, who, limits)
        except PeerFault as fault:
            if exchange.answered:
                raise
            body = encode_error(readable_id(value), fault.code, str(fault), fault.data)
            exchange.respond(fault.status, body)

    async def _single(self, exchange: Exchange, value: object, route: str, who: Principal, limits: Limits) -> None:
        message = read(value)
        if not _acceptable(exchange):
            _refuse(exchange, 406, "Accept application/json and text/event-stream.", "accept")
        elif not is_modern(exchange.headers, message):
            await self._legacy.post(exchange, value, route, who, limits)
        elif type(message) is Request:
            endpoint = self._relay.slot.current.endpoints[route]
            await self._modern.serve(exchange, message, endpoint, who, limits)
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
        if session is None:
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


def _endpoint_of(path: str) -> str | None:
    """`/mcp` -> "", `/mcp/sales` -> "sales"; `/sse` is the old pair's usual name for the same."""
    for base in ("/mcp", "/sse"):
        if path == base or path == base + "/":
            return ""
        if path.startswith(base + "/"):
            name = path[len(base) + 1 :].removesuffix("/")
            return name if "/" not in name else None
    return None


def _session_key(query: str) -> str | None:
    found = parse_qs(query, max_num_fields=8).get("sessionId") if len(query) < 1_024 else None
    return found[0] if found else None


def _acceptable(exchange: Exchange) -> bool:
    """Lenient (T-05): absent and wildcards are fine, as long as one of our two kinds of answer is accepted."""
    accept = exchange.headers.get(b"accept")
    return accept is None or b"json" in accept or b"event-stream" in accept or b"*" in accept


def _check_notification(exchange: Exchange, message: Notification) -> None:
    method = exchange.headers.get(b"mcp-method")
    if method is not None and method.decode("latin-1") != message.method:
        raise PeerFault(HEADER_MISMATCH, "The header Mcp-Method must equal the method of the body.")


def _error(message: str, reason: str) -> bytes:
    return encode_error(None, INVALID_REQUEST, message, {"reason": reason})


def _refuse(exchange: Exchange, status: int, message: str, reason: str) -> None:
    exchange.respond(status, _error(message, reason))
