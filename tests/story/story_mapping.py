"""The declared mapping: what a result may look like after the gateway, and nothing else (R15, R17, R19).

Knows: which fields belong to which revision. Written from the specification, not from the gateway's code.
"""

from decimal import Decimal
from typing import Any

from story_clients import META, MODERN

Tree = dict[str, Any]
SINCE = {"text": "2024-11-05", "image": "2024-11-05", "resource": "2024-11-05", "audio": "2025-03-26"}
SINCE |= {"resource_link": "2025-06-18"}
HINTED = ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list")
ANY = "(any text)"


def exact(value: Any) -> Any:
    """Numbers compare as written: 1 is not 1.0, and no digit is lost."""
    if isinstance(value, Decimal):
        return f"float {float(value)!r}"
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else value


def expected(method: str, result: Tree, revision: str) -> Tree:
    """A direct result as a client of `revision` must see it through the gateway."""
    mapped = _modern(method, result) if revision == MODERN else _legacy(method, result, revision)
    if method == "tools/list":
        mapped["tools"] = [_tool(tool, revision) for tool in mapped["tools"]]
    return mapped


def received(method: str, result: Tree, revision: str) -> Tree:
    """A result from the gateway without what the gateway may choose, after checking what it chose."""
    result = dict(result)
    if revision != MODERN:
        return result
    meta = dict(result["_meta"])
    assert meta.pop(META + "serverInfo")["name"] == "narthex"
    result["_meta"] = meta
    if not meta:
        del result["_meta"]
    if method in HINTED or method == "resources/read":
        ttl, scope = result.pop("ttlMs"), result.pop("cacheScope")
        assert isinstance(ttl, int)
        assert 0 <= ttl <= 30_000
        assert scope == "private"
    return result


def _modern(method: str, result: Tree) -> Tree:
    mapped = {"resultType": "complete", **result}
    meta = {key: value for key, value in mapped.pop("_meta", {}).items() if key != META + "serverInfo"}
    if method in HINTED or method == "resources/read":
        mapped.pop("ttlMs", None)
        mapped.pop("cacheScope", None)
    return {**mapped, "_meta": meta} if meta else mapped


def _legacy(method: str, result: Tree, revision: str) -> Tree:
    mapped = {name: value for name, value in result.items() if name not in ("resultType", "ttlMs", "cacheScope")}
    meta = {key: value for key, value in mapped.pop("_meta", {}).items() if key != META + "serverInfo"}
    mapped = {**mapped, "_meta": meta} if meta else mapped
    if method == "tools/call":
        return _legacy_tool_result(mapped, revision)
    if method == "prompts/get":
        messages = [{**one, "content": _block(one["content"], revision)} for one in mapped["messages"]]
        mapped["messages"] = messages
    return mapped


def _legacy_tool_result(mapped: Tree, revision: str) -> Tree:
    if "structuredContent" in mapped:
        value = mapped["structuredContent"]
        if revision < "2025-06-18" or not isinstance(value, dict):
            del mapped["structuredContent"]
            if not mapped["content"]:
                mapped["content"] = [{"type": "text", "text": ANY}]
    mapped["content"] = [_block(block, revision) for block in mapped["content"]]
    return mapped


def _block(block: Tree, revision: str) -> Tree:
    return block if SINCE.get(block["type"], "9") <= revision else {"type": "text", "text": ANY}


def _tool(tool: Tree, revision: str) -> Tree:
    mapped = {name: value for name, value in tool.items() if name != "execution"}
    schema = mapped.get("outputSchema")
    if revision != MODERN and schema is not None and (revision < "2025-06-18" or schema.get("type") != "object"):
        del mapped["outputSchema"]
    return mapped


def same(wanted: Any, found: Any) -> Any:
    """`wanted` with every "any text" replaced by the text that is there."""
    if wanted == ANY and isinstance(found, str) and found:
        return found
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {name: same(value, found.get(name)) for name, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [same(one, other) for one, other in zip(wanted, found, strict=True)]
    return wanted


def without_page(result: Tree) -> Tree:
    """The gateway pages by itself: a page's own unknown fields and cursors are not the list's."""
    return {name: value for name, value in result.items() if name not in ("nextCursor", "x-far-page")}


# ---- an endpoint of many servers (R16)


def shown(server: str, uri: str) -> str:
    """A server's URI as an endpoint of many servers shows it."""
    if uri.startswith("ui://"):
        return f"ui://gw.{server}/{uri[5:]}"
    return uri if uri.startswith("https:") else f"gw+{server}:{uri}"


def renamed(method: str, params: Tree, server: str) -> Tree:
    """The params of a request as a client of such an endpoint writes them."""
    if method in ("tools/call", "prompts/get"):
        return {**params, "name": f"{server}__{params['name']}"}
    if method == "resources/read":
        return {**params, "uri": shown(server, params["uri"])}
    ref = params["ref"]
    ref = {**ref, "name": f"{server}__{ref['name']}"} if "name" in ref else {**ref, "uri": shown(server, ref["uri"])}
    return {**params, "ref": ref}


def relocated(method: str, result: Tree, server: str) -> Tree:
    """A mapped result with the URIs of such an endpoint: of contents, links and embedded resources."""
    if method == "resources/read":
        return {**result, "contents": [{**one, "uri": shown(server, one["uri"])} for one in result["contents"]]}
    if method == "prompts/get":
        messages = [{**one, "content": _relocated(one["content"], server)} for one in result["messages"]]
        return {**result, "messages": messages}
    if method == "tools/call":
        return {**result, "content": [_relocated(block, server) for block in result["content"]]}
    return result


def _relocated(block: Tree, server: str) -> Tree:
    if block["type"] == "resource_link":
        return {**block, "uri": shown(server, block["uri"])}
    if block["type"] == "resource":
        inner = block["resource"]
        return {**block, "resource": {**inner, "uri": shown(server, inner["uri"])}}
    return block
