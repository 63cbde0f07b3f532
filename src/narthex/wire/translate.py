"""Between the eras: the same result, item, error, in the shape each revision knows (R15, R17, R19).

Knows: which fields belong to which revision. Refuses to know: names and URIs (that is `catalog`), who sent what.
Every function takes the modern shape or returns it. Values that need no look stay `msgspec.Raw`.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.limits import error_text_chars_max
from narthex.wire.faults import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    LEGACY_RESOURCE_NOT_FOUND,
    LEGACY_URL_ELICITATION_REQUIRED,
    METHOD_NOT_FOUND,
    MISSING_CLIENT_CAPABILITY,
    UNSUPPORTED_PROTOCOL_VERSION,
)
from narthex.wire.revisions import (
    CACHEABLE,
    META_SERVER_INFO,
    META_SUBSCRIPTION_ID,
    OWN_META,
    PER_REQUEST_META,
    QUESTIONS,
)
from narthex.wire.strict import encode
from narthex.wire.trace_context import KEYS as TRACE_KEYS

_CONTENT_SINCE = {"text": "2024-11-05", "image": "2024-11-05", "resource": "2024-11-05"}
_CONTENT_SINCE |= {"audio": "2025-03-26", "resource_link": "2025-06-18"}
STRUCTURED_SINCE = "2025-06-18"
_MISSING = re.compile(r"\b(not found|unknown resource|no such|does not exist)\b", re.IGNORECASE)
_MODERN_ONLY = ("resultType", "ttlMs", "cacheScope")
_decode = msgspec.json.decode

# ---- results -------------------------------------------------------------------------------------------------


def modern_result(
    method: str, members: dict[str, Any], server_info: dict[str, Any], *, cache: tuple[int, str] | None = None
) -> dict[str, Any]:
    """What a modern client gets: `resultType`, our own serverInfo, caching hints where the method must carry them."""
    if "resultType" not in members:
        members = {"resultType": "complete", **members}
    meta = opened(members.get("_meta"))
    members["_meta"] = (
        {**meta, META_SERVER_INFO: server_info} if type(meta) is dict else {META_SERVER_INFO: server_info}
    )
    if method in CACHEABLE and is_complete(members):
        ttl, scope = cache or (0, "private")
        members["ttlMs"], members["cacheScope"] = ttl, scope
    return members


def legacy_result(method: str, members: dict[str, Any], revision: str) -> dict[str, Any]:
    """What a client of an older revision gets: fields and content types it knows, the rest as text."""
    for name in _MODERN_ONLY:
        members.pop(name, None)
    meta = opened(members.get("_meta"))
    if type(meta) is dict:
        kept = {key: value for key, value in meta.items() if key not in (META_SERVER_INFO, META_SUBSCRIPTION_ID)}
        if kept:
            members["_meta"] = kept
        else:
            del members["_meta"]
    if method == "tools/call":
        _reduce_tool_result(members, revision)
    elif method == "prompts/get" and "messages" in members:
        members["messages"] = _reduce_messages(members["messages"], revision)
    return members


def is_complete(members: Mapping[str, Any]) -> bool:
    kind = members.get("resultType", "complete")
    if type(kind) is msgspec.Raw and bytes(kind) == b'"complete"':  # nearly always
        return True
    return bool(opened(kind) == "complete")


def opened(value: Any) -> Any:
    """A member's value, decoded if it is still raw. What cannot be decoded (1e400, a million digits) is nothing."""
    if type(value) is not msgspec.Raw:
        return value
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _reduce_tool_result(members: dict[str, Any], revision: str) -> None:
    content = members.get("content")
    if content is None:
        members["content"] = content = []
    if "structuredContent" in members:
        structured = members["structuredContent"]
        is_object = (
            bytes(structured).lstrip()[:1] == b"{" if type(structured) is msgspec.Raw else type(structured) is dict
        )
        if revision < STRUCTURED_SINCE or not is_object:
            del members["structuredContent"]
            members["content"] = content = opened(content) or [{"type": "text", "text": encode(structured).decode()}]
    members["content"] = _reduce_content(content, revision)


def _reduce_messages(messages: Any, revision: str) -> Any:
    found = opened(messages)
    if type(found) is not list:
        return messages
    changed = False
    for message in found:
        if type(message) is dict and type(message.get("content")) is dict and not _known(message["content"], revision):
            message["content"] = _as_text(message["content"])
            changed = True
    return found if changed else messages


class _Typed(msgspec.Struct):
    type: str = ""


_read_types = msgspec.json.Decoder(list[_Typed]).decode


def knows_content(content: msgspec.Raw, revision: str) -> bool:
    """Whether a client of this revision knows every kind of content in here. True too for what cannot be read so."""
    try:
        return all(_CONTENT_SINCE.get(item.type, "9") <= revision for item in _read_types(content))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True


def _reduce_content(content: Any, revision: str) -> Any:
    if type(content) is msgspec.Raw:
        if knows_content(content, revision):
            return content
        content = opened(content)
    if type(content) is not list:
        return content
    return [item if type(item) is not dict or _known(item, revision) else _as_text(item) for item in content]


def _known(item: dict[str, Any], revision: str) -> bool:
    kind = item.get("type")
    return type(kind) is str and _CONTENT_SINCE.get(kind, "9") <= revision


def _as_text(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") == "resource_link":
        words = [item.get("title") or item.get("name"), item.get("description"), item.get("uri")]
        return {"type": "text", "text": "\n".join(str(word) for word in words if word)}
    if item.get("type") == "audio":
        return {
            "type": "text",
            "text": f"[audio, {item.get('mimeType', 'unknown type')}: this client's revision has no audio]",
        }
    return {"type": "text", "text": encode(item).decode()}


# ---- items of lists --------------------------------------------------------------------------------------------


def tool_for(revision: str, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as a legacy revision knows it: output schemas since 2025-06-18, and then only of objects."""
    schema = definition.get("outputSchema")
    if schema is None and "outputSchema" not in definition:
        return definition
    if revision >= STRUCTURED_SINCE and type(schema) is dict and schema.get("type") == "object":
        return definition
    return {name: value for name, value in definition.items() if name != "outputSchema"}


def resource_for(revision: str, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    return definition


template_for = prompt_for = resource_for

LEGACY_SHAPE = {
    "tools/list": tool_for,
    "prompts/list": prompt_for,
    "resources/list": resource_for,
    "resources/templates/list": template_for,
}


# ---- requests --------------------------------------------------------------------------------------------------


def meta_upstream(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What of a client's `_meta` goes on to a server: vendor keys, nothing of this hop. Trace context is said anew."""
    if meta.keys() <= PER_REQUEST_META:
        return _NOTHING
    return {
        key: value
        for key, value in meta.items()
        if key not in PER_REQUEST_META and key not in _RESERVED and not key.startswith(OWN_META)
    }


def shared_capabilities(declared: Mapping[str, Any]) -> dict[str, Any]:
    """What of a client's capabilities a modern server may be told: the questions we can carry, no extensions (G-11)."""
    if not declared:
        return _NOTHING
    return {name: declared[name] for name in ("elicitation", "sampling", "roots") if name in declared}


_NOTHING: dict[str, Any] = {}  # shared, and never written to
_RESERVED = TRACE_KEYS | {"progressToken"}


def undeclared(requests: Any, capabilities: Mapping[str, Any]) -> str | None:
    """The first of a server's `inputRequests` that this client did not say it can answer (S-MRTR-03), or None."""
    found = opened(requests)
    for request in found.values() if type(found) is dict else ():
        method = str(request.get("method")) if type(request) is dict else ""
        capability = capabilities.get(QUESTIONS.get(method, ""))
        if type(capability) is not dict:
            return method[:64]
        params = request.get("params")
        if type(params) is dict and params.get("mode") == "url" and "url" not in capability:
            return f"{method} (mode url)"
    return None


# ---- errors ----------------------------------------------------------------------------------------------------


def modern_error(method: str, code: int, message: str, data: Any, uri: str | None) -> tuple[int, str, Any]:
    """An upstream's error as a modern client may see it. `uri` is the public URI of a resources/read."""
    message = message[:error_text_chars_max]
    if uri is not None and _is_missing(code, message):
        return INVALID_PARAMS, message, {**(data if type(data) is dict else {}), "uri": uri}
    if code == LEGACY_URL_ELICITATION_REQUIRED:
        return INTERNAL_ERROR, message, {"reason": "url_elicitation_required", OWN_META + "data": data}
    if code in (METHOD_NOT_FOUND, MISSING_CLIENT_CAPABILITY) or not -32099 <= code <= -32000:
        return code, message, data
    return INTERNAL_ERROR, message, {"reason": "upstream_error", OWN_META + "code": code, OWN_META + "data": data}


def _is_missing(code: int, message: str) -> bool:
    """Servers say "no such resource" with many codes; the words decide for those that mean other things too (R15)."""
    if code in (LEGACY_RESOURCE_NOT_FOUND, INVALID_PARAMS):
        return True
    return code in (0, INTERNAL_ERROR) and _MISSING.search(message) is not None


def legacy_error(method: str, code: int, message: str, data: Any, uri: str | None) -> tuple[int, str, Any]:
    """An upstream's error as a client of an older revision may see it."""
    message = message[:error_text_chars_max]
    if uri is not None and code in (INVALID_PARAMS, LEGACY_RESOURCE_NOT_FOUND) and type(data) is dict and "uri" in data:
        return LEGACY_RESOURCE_NOT_FOUND, message, {**data, "uri": uri}
    if code == MISSING_CLIENT_CAPABILITY:
        return INVALID_PARAMS, f"{message} (this tool needs something the client did not declare)", data
    if code in (HEADER_MISMATCH, UNSUPPORTED_PROTOCOL_VERSION) or -32099 <= code <= -32023:
        return INTERNAL_ERROR, message, data
    return code, message, data
