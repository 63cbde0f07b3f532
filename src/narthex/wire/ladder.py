"""The ladder of checks a modern request climbs: headers against body, in one order (H11).

Knows: `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name`, and the `_meta` they must agree with
(2026-07-28, basic/transports/streamable-http). Refuses to know: endpoints, tools, who is asking.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from narthex.wire.envelope import Message, Reply, Request, RequestId
from narthex.wire.faults import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    PeerFault,
)
from narthex.wire.mirror import decode_value
from narthex.wire.revisions import (
    LEGACY,
    LOG_LEVELS,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_LOG_LEVEL,
    META_VERSION,
    MODERN,
    MODERN_METHODS,
    NAMED_BY,
    SUPPORTED,
)
from narthex.wire.trace_context import TraceContext, read_header

_ROUTING = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
_PARAM = b"mcp-param-"


class HeaderView(Protocol):
    """What the ladder needs of a request's headers: lower-case names, first values, how often a name came."""

    def get(self, name: bytes) -> bytes | None: ...
    def count(self, name: bytes) -> int: ...
    def items(self) -> Iterable[tuple[bytes, bytes]]: ...


class ModernRequest(msgspec.Struct):
    """A request that climbed the whole ladder."""

    id: RequestId
    method: str
    params: dict[str, Any]
    meta: dict[str, Any]
    capabilities: dict[str, Any]
    client_info: dict[str, Any]
    progress_token: int | str | None
    log_level: str | None


@dataclass(frozen=True, slots=True)
class Routing:
    """What the headers alone say. Worked out once for all requests that share a head."""

    repeated: bool
    version: str | None
    method: str | None
    name: str | None
    name_is_broken: bool
    mirrored: Mapping[str, str]  # `Mcp-Param-*`, names in lower case
    trace: TraceContext | None = None


def routing_of(headers: HeaderView) -> Routing:
    """Read the routing headers, without believing them."""
    name, broken = _text(headers, b"mcp-name"), False
    if name is not None:
        try:
            name = decode_value(name)
        except ValueError:
            broken = True
    mirrored = [(key, value) for key, value in headers.items() if key.startswith(_PARAM)]
    return Routing(
        # Whoever stands between us may have read the other one of two.
        any(headers.count(one) > 1 for one in (*_ROUTING, *(key for key, _ in mirrored))),
        _text(headers, b"mcp-protocol-version"),
        _text(headers, b"mcp-method"),
        name,
        broken,
        {key.decode("latin-1"): value.decode("latin-1") for key, value in mirrored},
        read_header(headers.get(b"traceparent"), headers.get(b"tracestate")),
    )


def is_modern(routing: Routing, message: Message) -> bool:
    """Which era a POST belongs to: modern iff a version header or `_meta` names a revision that is not a legacy one."""
    if routing.version is not None and routing.version not in LEGACY:
        return True
    if isinstance(message, Reply):
        return False
    meta = message.params.get("_meta")
    return type(meta) is dict and META_VERSION in meta


def climb(routing: Routing, request: Request) -> ModernRequest:
    """All checks that need no configuration. Raises the first `PeerFault`."""
    if routing.repeated:
        raise _mismatch("A routing header came twice.")
    meta = request.params.get("_meta")
    if meta is None:
        meta = {}
    elif type(meta) is not dict:
        raise PeerFault(INVALID_PARAMS, "params._meta must be an object.", data={"reason": "meta"})
    if routing.version != MODERN or meta.get(META_VERSION) != MODERN:
        _check_version(routing.version, meta)
    modern = read_meta(request, meta)
    if routing.method != request.method:
        raise _mismatch("The header Mcp-Method must be there and equal the method of the body.")
    _check_name(routing, request)
    if request.method not in MODERN_METHODS:
        raise unknown_method(request.method)
    return modern


def read_meta(request: Request, meta: dict[str, Any]) -> ModernRequest:
    """What each modern request says of itself, on any transport."""
    version = meta.get(META_VERSION)
    if type(version) is not str:
        raise _missing(META_VERSION, "a string")
    if version != MODERN:
        raise unsupported(version)
    capabilities = meta.get(META_CLIENT_CAPABILITIES)
    if type(capabilities) is not dict:
        raise _missing(META_CLIENT_CAPABILITIES, "an object")
    level = meta.get(META_LOG_LEVEL)
    if level is not None and level not in LOG_LEVELS:
        raise PeerFault(
            INVALID_PARAMS,
            f"_meta {META_LOG_LEVEL} must be one of {', '.join(LOG_LEVELS)}.",
            data={"reason": "log_level"},
        )
    token = meta.get("progressToken")
    if token is not None and type(token) not in (int, str):
        raise PeerFault(
            INVALID_PARAMS, "_meta progressToken must be a string or an integer.", data={"reason": "progress_token"}
        )
    info = meta.get(META_CLIENT_INFO)
    return ModernRequest(
        request.id,
        request.method,
        request.params,
        meta,
        capabilities,
        info if type(info) is dict else {},
        token,
        level,
    )


def unsupported(asked: str) -> PeerFault:
    data = {"supported": list(SUPPORTED), "requested": asked[:64]}
    return PeerFault(UNSUPPORTED_PROTOCOL_VERSION, f"Protocol version {asked[:64]!r} is not served here.", data=data)


def unknown_method(method: str) -> PeerFault:
    return PeerFault(METHOD_NOT_FOUND, f"Method {method[:128]!r} is not known here.", status=404)


def _check_version(version: str | None, meta: dict[str, Any]) -> None:
    named = meta.get(META_VERSION)
    if version is None:
        raise _mismatch("The header MCP-Protocol-Version is missing.")
    if named is None:
        if version not in SUPPORTED:
            raise unsupported(version)
        return  # the missing `_meta` is said next
    if version != named:
        raise _mismatch(f"The header MCP-Protocol-Version must equal _meta {META_VERSION}.")


def _check_name(routing: Routing, request: Request) -> None:
    member = NAMED_BY.get(request.method)
    if member is None:
        return
    value = request.params.get(member)
    if type(value) is not str:
        raise PeerFault(INVALID_PARAMS, f"params.{member} must be a string.", data={"reason": member})
    if routing.name is None:
        raise _mismatch(f"The header Mcp-Name must be there and equal params.{member}.")
    if routing.name_is_broken:
        raise _mismatch("The header Mcp-Name holds broken base64.")
    if routing.name != value:
        raise _mismatch(f"The header Mcp-Name must equal params.{member}.")


def _text(headers: HeaderView, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _mismatch(message: str) -> PeerFault:
    return PeerFault(HEADER_MISMATCH, message, data={"reason": "header_mismatch"})


def _missing(key: str, kind: str) -> PeerFault:
    return PeerFault(INVALID_PARAMS, f"params._meta must hold {key}, {kind}.", data={"reason": "meta", "missing": key})
