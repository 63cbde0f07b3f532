"""JSON-RPC 2.0 messages as three nouns, from a decoded value (2026-07-28, basic/index).

Knows: which members make a request, a notification, a reply. Refuses to know: methods and their meaning.
"""

import unicodedata
from typing import Any

import msgspec

from narthex.limits import batch_size_max, request_id_chars_max
from narthex.wire.faults import INVALID_PARAMS, INVALID_REQUEST, PeerFault
from narthex.wire.strict import encode

RequestId = int | str

_MEMBERS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_PARAMS = frozenset(
    {"name", "arguments", "uri", "_meta", "cursor", "ref", "argument", "context", "requestState", "inputResponses"}
)


class Request(msgspec.Struct):
    id: RequestId
    method: str
    params: dict[str, Any]


class Notification(msgspec.Struct):
    method: str
    params: dict[str, Any]


class Reply(msgspec.Struct):
    """A client's answer to a question of ours. Exactly one of the two is set."""

    id: RequestId
    result: dict[str, Any] | None
    error: dict[str, Any] | None


Message = Request | Notification | Reply


def read(value: Any) -> Message:
    """The message a decoded JSON value is, or a `PeerFault` -32600 (-32602 where only `params` is wrong)."""
    if type(value) is not dict:
        what = "an array; batches ended with revision 2025-06-18" if type(value) is list else "not an object"
        raise _invalid("not_an_object", f"The body is {what}. Send one JSON-RPC request or notification.")
    if not value.keys() <= _MEMBERS:
        _refuse_lookalikes(value, _MEMBERS)
    if value.get("jsonrpc") != "2.0":
        raise _invalid("jsonrpc", 'The member "jsonrpc" must be the string "2.0".')
    method = value.get("method")
    if method is None:
        return _reply(value)
    if type(method) is not str or "result" in value or "error" in value:
        raise _invalid("method", 'The member "method" must be a string, without "result" or "error" beside it.')
    params = value.get("params", _NONE)
    if type(params) is not dict:
        if params is not _NONE:
            raise PeerFault(INVALID_PARAMS, "params must be an object.", data={"reason": "params"})
        params = {}
    elif not params.keys() <= _PARAMS:
        _refuse_lookalikes(params, _PARAMS)
    if "id" not in value:
        return Notification(method, params)
    return Request(_request_id(value["id"]), method, params)


def read_batch(value: list[Any]) -> list[Message]:
    """The messages of a batch (revision 2025-03-26 only)."""
    if not value or len(value) > batch_size_max:
        raise _invalid("batch_size", f"A batch holds 1 to {batch_size_max} messages.")
    return [read(item) for item in value]


def readable_id(value: Any) -> RequestId | None:
    """The id to echo in an error about a message that is otherwise wrong."""
    if type(value) is not dict:
        return None
    try:
        return _request_id(value.get("id"))
    except PeerFault:
        return None


def _reply(value: dict[str, Any]) -> Reply:
    result, error = value.get("result"), value.get("error")
    if "id" not in value or (result is None) == (error is None):
        raise _invalid("members", "Neither a request, nor a notification, nor a response.")
    if type(error if result is None else result) is not dict:
        raise _invalid("members", "The result or error of a response must be an object.")
    return Reply(_request_id(value["id"]), result, error)


def _request_id(found: Any) -> RequestId:
    kind = type(found)
    if (kind is str and len(found) <= request_id_chars_max) or (kind is int and -_ID_MAX < found < _ID_MAX):
        return found  # type: ignore[no-any-return]
    raise _invalid("id", f"The id must be a string of at most {request_id_chars_max} characters, or an integer.")


def _refuse_lookalikes(found: dict[str, Any], reserved: frozenset[str]) -> None:
    # A case-insensitive reader behind us would take "Method" for "method" (CVE-2026-27896).
    folded = {name.casefold(): name for name in reserved}
    for key in found.keys() - reserved:
        meant = folded.get(unicodedata.normalize("NFKC", key).casefold())
        if meant is not None:
            raise _invalid("lookalike_key", f'A key that looks like "{meant}" but is not. Names are case-sensitive.')


def _invalid(reason: str, message: str) -> PeerFault:
    return PeerFault(INVALID_REQUEST, message, data={"reason": reason})


_NONE: Any = object()
_ID_MAX = 10**request_id_chars_max  # as many digits as a string may have characters


# ---- encoding ------------------------------------------------------------------------------------------------


def encode_result(request_id: RequestId, members: dict[str, Any]) -> bytes:
    return encode({"jsonrpc": "2.0", "id": request_id, "result": members})


def encode_error(
    request_id: RequestId | None, code: int, message: str, data: Any = None, *, has_data: bool = False
) -> bytes:
    error: dict[str, Any] = {"code": code, "message": message}
    if has_data or data is not None:
        error["data"] = data
    if request_id is None:
        return encode({"jsonrpc": "2.0", "error": error})
    return encode({"jsonrpc": "2.0", "id": request_id, "error": error})


def encode_notification(method: str, params: dict[str, Any] | msgspec.Raw | None) -> bytes:
    if params is None:
        return encode({"jsonrpc": "2.0", "method": method})
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def encode_request(request_id: RequestId, method: str, params: Any) -> bytes:
    return encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


# ---- from a server behind us -----------------------------------------------------------------------------------


ABSENT = msgspec.Raw(b"")  # a union of Raw and None does not decode Raw, so absence is this very object


class Incoming(msgspec.Struct):
    """Any message of a server, its parts unread: results pass as the bytes they came in."""

    jsonrpc: str = ""
    id: int | str | float | None = None
    method: str | None = None
    params: msgspec.Raw = ABSENT
    result: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


read_incoming = msgspec.json.Decoder(Incoming).decode
read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
