"""The URIs inside a server's answers, as the endpoint shows them (R16).

Knows: the members of results that hold resource URIs. Refuses to know: free text and structuredContent, which are the
server's own words. What is not a URI keeps its very bytes: values are taken apart as undecoded JSON.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from narthex.catalog.uris import shown
from narthex.model.endpoint import Endpoint
from narthex.wire.strict import encode

_strings = msgspec.json.Decoder(str)
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists = msgspec.json.Decoder(list[msgspec.Raw])
# Both kinds of content that carry a URI carry it under this name. An escaped spelling of the name is passed over: that
# server's links then stay as it wrote them, which harms only them.
_MARK = b'"uri"'

Fields = dict[str, Any]
Change = Callable[[str], str]


def rewrite_result(endpoint: Endpoint, server: str, method: str, members: Fields) -> Fields:
    """The members of a result with public URIs. The very same dict where nothing is to be changed."""
    prefix = endpoint.prefixes.get(server)
    place = _PLACES.get(method)
    if prefix is None or place is None:
        return members
    member, change_one = place
    value = members.get(member)
    if type(value) is msgspec.Raw and _MARK not in bytes(value):
        return members  # nearly always
    changed = _each(value, lambda item: change_one(item, lambda uri: shown(prefix, uri)))
    return members if changed is value else {**members, member: changed}


def rewrite_tool(definition: Fields, prefix: str) -> Fields:
    """A tool's definition whose user interface (MCP Apps) is named by its public URI."""
    meta = definition.get("_meta")
    if type(meta) is not dict:
        return definition
    changed = dict(meta)
    if type(meta.get("ui/resourceUri")) is str:  # the spelling of the first drafts
        changed["ui/resourceUri"] = shown(prefix, meta["ui/resourceUri"])
    view = meta.get("ui")
    if type(view) is dict and type(view.get("resourceUri")) is str:
        changed["ui"] = {**view, "resourceUri": shown(prefix, view["resourceUri"])}
    return definition if changed == meta else {**definition, "_meta": changed}


def _each(value: Any, change_one: Callable[[Any], Any]) -> Any:
    """A list with each item changed; a raw list comes back raw. The very same value where no item was."""
    if type(value) is msgspec.Raw:
        items = _open(value, _lists)
    else:
        items = value if type(value) is list else None
    if items is None:
        return value
    changed = [change_one(item) for item in items]
    if all(new is old for new, old in zip(changed, items, strict=True)):
        return value
    return msgspec.Raw(encode(changed)) if type(value) is msgspec.Raw else changed


def _block(item: Any, change: Change) -> Any:
    """One content block: a link, or a resource held inside."""
    found = _fields(item)
    if found is None:
        return item
    kind = _string(found.get("type"))
    if kind == "resource_link":
        return _located(item, change)
    if kind == "resource" and "resource" in found:
        inner = _located(found["resource"], change)
        return item if inner is found["resource"] else {**found, "resource": inner}
    return item


def _message(item: Any, change: Change) -> Any:
    """One message of a prompt: its content is one block; a list of them is tolerated."""
    found = _fields(item)
    if found is None or "content" not in found:
        return item
    content = found["content"]
    is_list = type(content) is list or (type(content) is msgspec.Raw and bytes(content).lstrip()[:1] == b"[")
    new = _each(content, lambda block: _block(block, change)) if is_list else _block(content, change)
    return item if new is content else {**found, "content": new}


def _located(item: Any, change: Change) -> Any:
    """Something with a `uri` of its own."""
    found = _fields(item)
    uri = None if found is None else _string(found.get("uri"))
    if found is None or uri is None:
        return item
    new = change(uri)
    return item if new == uri else {**found, "uri": new}


_PLACES: dict[str, tuple[str, Callable[[Any, Change], Any]]] = {
    "tools/call": ("content", _block),
    "prompts/get": ("messages", _message),
    "resources/read": ("contents", _located),
}


def _fields(value: Any) -> Fields | None:
    if type(value) is msgspec.Raw:
        return _open(value, _objects) if _MARK in bytes(value) else None
    return value if type(value) is dict else None


def _string(value: Any) -> str | None:
    found = _open(value, _strings) if type(value) is msgspec.Raw else value
    return found if type(found) is str else None


def _open(value: msgspec.Raw, decoder: Any) -> Any:
    try:
        return decoder.decode(value)
    except msgspec.MsgspecError:
        return None  # another kind of value than the protocol has here: the client gets what the server said
