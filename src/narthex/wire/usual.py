"""The usual `tools/call` and its usual answer, each read in one step: they are most of what a gateway carries.

Knows: what such messages hold when nothing about them is out of the ordinary. Refuses to judge: of anything else it
says None, and the general readers (`strict`, `ladder`, `translate`) decide. What it accepts they read alike.
"""

from functools import lru_cache
from typing import Any

import msgspec

from narthex.limits import (
    DEFAULTS,
    Limits,
    answer_depth_max,
    known_meta_bytes_max,
    known_metas_max,
    remembered_name_chars_max,
    request_id_chars_max,
    usual_call_bytes_max,
)
from narthex.wire.envelope import ABSENT, Request
from narthex.wire.faults import PeerFault
from narthex.wire.ladder import read_meta
from narthex.wire.revisions import META_SERVER_INFO, META_SUBSCRIPTION_ID, META_VERSION
from narthex.wire.strict import decode, encode
from narthex.wire.trace_context import KEYS as TRACE_KEYS
from narthex.wire.translate import STRUCTURED_SINCE, knows_content, meta_upstream, shared_capabilities

_ID_MAX = 10**request_id_chars_max


class _Params(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any]
    meta: msgspec.Raw = msgspec.field(default=ABSENT, name="_meta")


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: str
    id: int | str
    method: str
    params: _Params


class UsualCall(msgspec.Struct):
    """A `tools/call` that was read whole, but for its `_meta`."""

    id: int | str
    name: str
    arguments: dict[str, Any]
    encoded: bytes  # the arguments as they were understood
    meta: bytes  # as it came; empty: it has none


_read_call = msgspec.json.Decoder(_Call).decode
_OWN_COLONS = 6  # jsonrpc, id, method, params, name, arguments
_ALL_BUT_SIGNS = bytes(sign for sign in range(256) if sign not in b":{[\\")


def read_call(body: bytes, limits: Limits) -> UsualCall | None:
    """The call a body is, if `strict.decode` and `envelope.read` would have no objection to it."""
    if len(body) > usual_call_bytes_max:  # shorter than the bound on numbers
        return None
    if len(body) > limits.json_values_max or len(body) > limits.json_string_bytes_max:  # never with the defaults
        return None
    signs = body.translate(None, _ALL_BUT_SIGNS)
    colons = signs.count(b":")
    # Without a backslash every string is written as it reads, so that colons can be counted.
    if b"\\" in signs or len(signs) - colons > limits.json_depth_max or colons > limits.json_keys_max:
        return None
    try:
        if not body.isascii():
            body.decode()
        call = _read_call(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    params, request_id = call.params, call.id
    name, meta = params.name, bytes(params.meta)
    if call.jsonrpc != "2.0" or call.method != "tools/call" or len(name) > remembered_name_chars_max:
        return None
    encoded = encode(params.arguments)
    colons -= _OWN_COLONS + name.count(":") + encoded.count(b":")
    if meta:
        colons -= 1 + meta.count(b":")
    if isinstance(request_id, str):
        if len(request_id) > request_id_chars_max:
            return None
        colons -= request_id.count(":")
    elif not -_ID_MAX < request_id < _ID_MAX:
        return None
    # A key that was there twice vanishes in what was understood, and its colon with it.
    return UsualCall(request_id, name, params.arguments, encoded, meta) if colons == 0 else None


class Meta(msgspec.Struct, frozen=True, eq=False):
    """The `_meta` of a modern request that asks for nothing special. One object per distinct text: nobody writes to it.

    Equal only to itself, so that whoever works something out from it may remember that by the object.
    """

    members: dict[str, Any]
    capabilities: dict[str, Any]
    log_level: str | None
    vendor: dict[str, Any]  # what of it goes on to a server, of any era
    shared: dict[str, Any]  # which capabilities a modern server is told


# A trace is another one each time, and nothing to remember.
_SPECIAL = TRACE_KEYS | {"progressToken"}
NO_META = Meta({}, {}, None, {}, {})


@lru_cache(maxsize=known_metas_max)
def legacy_meta(raw: bytes) -> Meta | None:
    """A `_meta` of a client of an older revision that asks for no progress and speaks of no newer one."""
    if not raw:
        return NO_META
    if len(raw) > known_meta_bytes_max:
        return None
    try:
        members = decode(raw, DEFAULTS)
    except PeerFault:
        return None
    if type(members) is not dict or not _SPECIAL.isdisjoint(members) or META_VERSION in members:
        return None
    return Meta(members, {}, None, meta_upstream(members), {})


@lru_cache(maxsize=known_metas_max)
def modern_meta(raw: bytes) -> Meta | None:
    """A `_meta` that the ladder accepts and that asks for no progress."""
    if len(raw) > known_meta_bytes_max:
        return None
    try:
        members = decode(raw, DEFAULTS)
        if type(members) is not dict or not _SPECIAL.isdisjoint(members):
            return None
        read = read_meta(Request(0, "tools/call", {}), members)
    except PeerFault:
        return None
    return Meta(
        members, read.capabilities, read.log_level, meta_upstream(members), shared_capabilities(read.capabilities)
    )


# ---- the answer ----------------------------------------------------------------------------------------------------


class UsualResult(msgspec.Struct, forbid_unknown_fields=True):
    """The members of a result, those of any size unread."""

    content: msgspec.Raw
    structured: msgspec.Raw = msgspec.field(default=ABSENT, name="structuredContent")
    is_error: bool | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="isError")
    kind: str = msgspec.field(default="complete", name="resultType")
    meta: msgspec.Raw = msgspec.field(default=ABSENT, name="_meta")


class _Response(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: str
    id: int
    result: UsualResult


_read_response = msgspec.json.Decoder(_Response).decode
_FAILED = {True: b',"isError":true', False: b',"isError":false', msgspec.UNSET: b""}


def read_result(body: bytes, request_id: int, bytes_max: int) -> UsualResult | None:
    """The result in a server's response to this request, if it is complete and nothing in it needs a closer look."""
    if len(body) > bytes_max or body.count(b"{") + body.count(b"[") > answer_depth_max:
        return None
    try:
        if not body.isascii():
            body.decode()
        response = _read_response(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return response.result if response.id == request_id and response.result.kind == "complete" else None


def made_result(content: bytes, structured: bytes | None, *, is_error: bool) -> UsualResult | None:
    """The same of a result that was made here, if nothing in it needs a closer look."""
    texts = (content, structured) if structured is not None else (content,)
    if sum(text.count(b"{") + text.count(b"[") for text in texts) > answer_depth_max:
        return None
    return UsualResult(msgspec.Raw(content), ABSENT if structured is None else msgspec.Raw(structured), is_error)


def modern_answer(request_id: int | str, result: UsualResult, server_info: bytes) -> bytes | None:
    """The response a modern client gets: what `translate.modern_result` makes of this result, encoded."""
    meta = _signed(bytes(result.meta), server_info)
    if meta is None:
        return None
    structured = b',"structuredContent":%b' % result.structured if result.structured is not ABSENT else b""
    return b'{"jsonrpc":"2.0","id":%b,"result":{"resultType":"complete","content":%b%b%b,"_meta":%b}}' % (
        encode(request_id),
        result.content,
        structured,
        _FAILED[result.is_error],
        meta,
    )


def legacy_answer(request_id: int | str, result: UsualResult, revision: str) -> bytes | None:
    """The response a client of an older revision gets: what `translate.legacy_result` makes of this result, encoded."""
    meta = _unsigned(bytes(result.meta))
    structured = bytes(result.structured)
    if meta is None or not knows_content(result.content, revision):
        return None
    if structured and (revision < STRUCTURED_SINCE or not structured.startswith(b"{")):
        return None
    return b'{"jsonrpc":"2.0","id":%b,"result":{"content":%b%b%b%b}}' % (
        encode(request_id),
        result.content,
        b',"structuredContent":' + structured if structured else b"",
        _FAILED[result.is_error],
        b',"_meta":' + meta if meta else b"",
    )


@lru_cache(maxsize=known_metas_max)
def _unsigned(raw: bytes) -> bytes | None:
    """The `_meta` of a result without what is of the modern protocol; empty where nothing is left."""
    if not raw:
        return raw
    meta = _members(raw)
    if meta is None:
        return None
    kept = {key: value for key, value in meta.items() if key not in (META_SERVER_INFO, META_SUBSCRIPTION_ID)}
    return encode(kept) if kept else b""


@lru_cache(maxsize=known_metas_max)
def _signed(raw: bytes, server_info: bytes) -> bytes | None:
    """The `_meta` of a result with our own name in it."""
    meta = _members(raw) if raw else {}
    return None if meta is None else encode({**meta, META_SERVER_INFO: msgspec.Raw(server_info)})


def _members(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > known_meta_bytes_max:
        return None
    try:
        meta = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return meta if type(meta) is dict else None
