"""The ladder of checks a modern request climbs: headers against body, in one order (PROTOCOL.md H11).

Knows: `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name`, and the `_meta` they must agree with
(2026-07-28, basic/transports/streamable-http). Refuses to know: endpoints, tools, who is asking.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from narthex.wire.envelope import Message, Request, RequestId
from narthex.wire.faults import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    PeerFault,
)
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

ROUTING_HEADERS = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")


class HeaderView(Protocol):
    """What the ladder needs of a request's headers: lower-case names, first values, how often a name came."""

    def get(self, name: bytes) -> bytes | None: ...
    def count(self, name: bytes) -> int: ...
    def items(self) -> Iterable[tuple[bytes, bytes]]: ...


@dataclass(slots=True)
class ModernRequest:
    """A request that climbed the whole ladder."""

    id: RequestId
    method: str
    params: dict[str, Any]
    meta: dict[str, Any]
    capabilities: dict[str, Any]
    client_info: dict[str, Any]
    progress_token: int | str | None
    log_level: str | None


def is_modern(headers: HeaderView, message: Message) -> bool:
    """Which era a POST belongs to: modern iff a version header or `_meta` names a revision that is not a legacy one."""
    version = headers.get(b"mcp-protocol-version")
    if version is not None and version.decode("latin-1") not in LEGACY:
        return True
    meta = getattr(message, "params", _EMPTY).get("_meta") if not hasattr(message, "result") else None
    return type(meta) is dict and META_VERSION in meta


def climb(headers: HeaderView, request: Request) -> ModernRequest:
    """All checks that need no configuration. Raises the first `PeerFault`."""
    if headers.count(b"mcp-protocol-version") > 1 or headers.count(b"mcp-method") > 1 or headers.count(b"mcp-name") > 1:
        raise _mismatch("A routing header came twice.")
    meta = request.params.get("_meta")
    if meta is None:
        meta = {}
    elif type(meta) is not dict:
        raise PeerFault(INVALID_PARAMS, "params._meta must be an object.", data={"reason": "meta"})
    _check_version(headers.get(b"mcp-protocol-version"), meta)
    modern = read_meta(request, meta)
    method = headers.get(b"mcp-method")
    if method is None or method.decode("latin-1") != request.method:
        raise _mismatch("The header Mcp-Method must be there and equal the method of the body.")
    _check_name(headers.get(b"mcp-name"), request)
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


def decode_sentinel(text: str) -> str:
    """The value behind `=?base64?…?=`; any other text is literal. Raises `ValueError` for a broken one."""
    if not (text.startswith("=?base64?") and text.endswith("?=") and len(text) >= 11):
        return text
    try:
        return base64.b64decode(text[9:-2], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("broken base64 in a header value") from error


def _check_version(header: bytes | None, meta: dict[str, Any]) -> None:
    named = meta.get(META_VERSION)
    if header is None:
        raise _mismatch("The header MCP-Protocol-Version is missing.")
    version = header.decode("latin-1")
    if named is None:
        if version not in SUPPORTED:
            raise unsupported(version)
        return  # the missing `_meta` is said next
    if version != named:
        raise _mismatch(f"The header MCP-Protocol-Version must equal _meta {META_VERSION}.")


def _check_name(header: bytes | None, request: Request) -> None:
    member = NAMED_BY.get(request.method)
    if member is None:
        return
    value = request.params.get(member)
    if type(value) is not str:
        raise PeerFault(INVALID_PARAMS, f"params.{member} must be a string.", data={"reason": member})
    if header is None:
        raise _mismatch(f"The header Mcp-Name must be there and equal params.{member}.")
    try:
        named = decode_sentinel(header.decode("latin-1"))
    except ValueError:
        raise _mismatch("The header Mcp-Name holds broken base64.") from None
    if named != value:
        raise _mismatch(f"The header Mcp-Name must equal params.{member}.")


def _mismatch(message: str) -> PeerFault:
    return PeerFault(HEADER_MISMATCH, message, data={"reason": "header_mismatch"})


def _missing(key: str, kind: str) -> PeerFault:
    return PeerFault(INVALID_PARAMS, f"params._meta must hold {key}, {kind}.", data={"reason": "meta", "missing": key})


_EMPTY: dict[str, Any] = {}
