"""The far side's mind: one server that keeps a record of all it is asked, in any revision, over any transport.

Knows: what each method answers. Refuses to know: sockets; a `Talk` carries what belongs to one request.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import far_offers as offers
from far_offers import Tree

META = "io.modelcontextprotocol/"
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
CACHEABLE = ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list")
PAGE = 100


class RpcError(Exception):
    def __init__(self, code: int, message: str, data: Any = None, *, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.data, self.status = code, message, data, status


class HttpStatus(Exception):
    """Answer with a bare HTTP status, as a proxy or a broken server would."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(str(status))
        self.status, self.headers = status, headers


class Talk(Protocol):
    """One request in work: its way back to the client."""

    modern: bool
    capabilities: Tree
    level: str | None

    async def notify(self, method: str, params: Tree) -> None: ...
    async def ask(self, method: str, params: Tree) -> Tree: ...
    async def part(self) -> None: ...


@dataclass
class Place:
    """One server under one name: what it was asked, and what tests made of it."""

    name: str
    bulk: int = 0
    hostile: bool = False  # offers what no server should
    seen: list[Tree] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    replies: list[Tree] = field(default_factory=list)  # what clients answered to questions of ours
    generation: int = 0
    asking: list["asyncio.Future[Tree]"] = field(default_factory=list)  # questions whose call did not wait for them
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    ears: set[Callable[[str, Tree], None]] = field(default_factory=set)  # everyone who may hear news

    def gate(self, key: str) -> asyncio.Event:
        return self.gates.setdefault(key, asyncio.Event())

    def tell(self, method: str, params: Tree) -> None:
        for ear in list(self.ears):
            ear(method, params)

    def tools(self) -> list[Any]:
        found: list[Any] = [*offers.TOOLS]
        if self.hostile:
            found += [*offers.BAD_MIRRORS, *offers.MALFORMED]
        found += [offers.tool(f"bulk_{number:04}") for number in range(self.bulk)]
        return found + [offers.tool(f"new_{number}") for number in range(self.generation)]

    # ---- methods

    async def answer(self, talk: Talk, method: str, params: Tree) -> Tree:
        """The result of one request. Raises `RpcError`, `HttpStatus`."""
        if method == "ping" and not talk.modern:
            return {}
        handler = _METHODS.get(method)
        if handler is None:
            raise RpcError(-32601, f"no {method}", status=404)
        result: Tree = await handler(self, talk, params)
        return _modern(method, result) if talk.modern else result


def _modern(method: str, result: Tree) -> Tree:
    meta = {**result.get("_meta", {}), META + "serverInfo": offers.SERVER_INFO}
    result = {"resultType": "complete", **result, "_meta": meta}
    if result["resultType"] == "complete" and (method in CACHEABLE or method == "resources/read"):
        result = {"ttlMs": 20_000, "cacheScope": "public", **result}
    return result


def _paged(items: list[Any], params: Tree, member: str) -> Tree:
    """Pages with odd cursors: the first is the empty string."""
    cursor = params.get("cursor")
    start = 0 if cursor is None else PAGE if cursor == "" else int(cursor.removeprefix("at:"))
    following = start + PAGE
    page: Tree = {member: items[start:following], "x-far-page": offers.HUGE}
    if following < len(items):
        page["nextCursor"] = "" if following == PAGE else f"at:{following}"
    return page


async def _discover(place: Place, talk: Talk, params: Tree) -> Tree:
    if not talk.modern:
        raise RpcError(-32601, "no server/discover")
    return {
        "supportedVersions": ["2026-07-28"],
        "capabilities": offers.CAPABILITIES,
        "instructions": "Speak slowly. " + offers.ODD,
    }


async def _tools(place: Place, talk: Talk, params: Tree) -> Tree:
    return _paged(place.tools(), params, "tools")


async def _resources(place: Place, talk: Talk, params: Tree) -> Tree:
    return _paged(offers.RESOURCES, params, "resources")


async def _templates(place: Place, talk: Talk, params: Tree) -> Tree:
    return _paged(offers.TEMPLATES, params, "resourceTemplates")


async def _prompts(place: Place, talk: Talk, params: Tree) -> Tree:
    return _paged(offers.PROMPTS, params, "prompts")


async def _read(place: Place, talk: Talk, params: Tree) -> Tree:
    uri = params["uri"]
    if uri == "far://ask":
        return await asked(place, talk, params, {"kinds": ["elicitation"]}, "contents", uri)
    if uri in offers.CONTENTS:
        return {"contents": offers.CONTENTS[uri], "_meta": offers.META, **offers.EXTRA}
    if uri.startswith("far://item/"):
        return {"contents": [{"uri": uri, "text": "item " + uri}]}
    if uri == "far://missing-by-text":
        raise RpcError(-32603, "Resource not found", {"internal": "kept"})
    data = {"uri": uri, "x-far": offers.HUGE}
    raise RpcError(-32602 if talk.modern else -32002, f"Unknown resource {uri}", data)


async def _prompt(place: Place, talk: Talk, params: Tree) -> Tree:
    name = params["name"]
    if name == "ask":
        return await asked(place, talk, params, {"kinds": ["elicitation"]}, "messages", "")
    if name not in ("greet", "gallery"):
        raise RpcError(-32602, f"Unknown prompt {name}")
    blocks = offers.GALLERY if name == "gallery" else [offers.TEXT]
    said = {"type": "text", "text": json.dumps(params.get("arguments"))}
    messages = [{"role": "user", "content": block, **offers.EXTRA} for block in [said, *blocks]]
    return {"description": offers.ODD, "messages": messages, "_meta": offers.META, **offers.EXTRA}


async def _complete(place: Place, talk: Talk, params: Tree) -> Tree:
    values = [json.dumps(params["ref"]), json.dumps(params["argument"]), json.dumps(params.get("context"))]
    return {"completion": {"values": values, "total": offers.HUGE, "hasMore": False, **offers.EXTRA}}


async def _call(place: Place, talk: Talk, params: Tree) -> Tree:
    handler = _TOOLS.get(params["name"])
    arguments = params.get("arguments") or {}
    if handler is None and params["name"] in {tool["name"] for tool in place.tools() if isinstance(tool, dict)}:
        return {"content": [{"type": "text", "text": f"I am {params['name']}"}]}
    if handler is None:
        raise RpcError(-32602, f"Unknown tool {params['name']}")
    result: Tree = await handler(place, talk, params, arguments)
    return result


# ---- tools


async def _echo(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    meta = {key: value for key, value in params.get("_meta", {}).items() if not key.startswith(META)}
    meta.pop("progressToken", None)
    said = {name: value for name, value in params.items() if name != "_meta"}
    content = [{"type": "text", "text": json.dumps(said, ensure_ascii=False, sort_keys=True)}]
    return {"content": content, "structuredContent": {"arguments": arguments, "meta": meta}}


async def _oddities(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    return offers.ODDITIES


async def _structured(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    result: Tree = {"content": [] if arguments.get("silent") else [{"type": "text", "text": "said"}]}
    return {**result, "structuredContent": offers.STRUCTURED[arguments["kind"]]}


async def _big(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    return {"content": [{"type": "text", "text": "x" * (arguments["bytes"] - 5) + offers.ODD[:5]}]}


async def _slow(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    key = arguments["key"]
    place.started.append(key)
    try:
        await place.gate(key).wait()
    except asyncio.CancelledError:
        place.cancelled.append(key)
        raise
    place.finished.append(key)
    return {"content": [{"type": "text", "text": f"slept {key}"}]}


async def _progress(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    token = params.get("_meta", {}).get("progressToken")
    values = arguments.get("values") or [step + 0.5 for step in range(arguments["steps"])]
    for place_in, value in enumerate(values):
        if token is not None:
            said = {
                "progressToken": token,
                "progress": value,
                "total": offers.HUGE,
                "message": arguments.get("key", ""),
            }
            await talk.notify("notifications/progress", {**said, **offers.EXTRA})
        if place_in == 0 and "key" in arguments:
            place.started.append(arguments["key"])
            await place.gate(arguments["key"]).wait()
    return {"content": [{"type": "text", "text": f"done {arguments.get('key', '')}"}]}


async def _log(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    for level in LEVELS:
        # A modern client that names no level wants nothing; older ones get what the session says.
        if talk.level is not None and LEVELS.index(level) >= LEVELS.index(talk.level):
            said = {"level": level, "logger": "far", "data": {"huge": offers.HUGE, "odd": offers.ODD}, **offers.EXTRA}
            await talk.notify("notifications/message", said)
    return {"content": []}


async def _region(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    return {"content": [{"type": "text", "text": json.dumps(arguments, sort_keys=True)}]}


async def _ask(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    return await asked(place, talk, params, arguments, "content", "")


async def asked(place: Place, talk: Talk, params: Tree, arguments: Tree, member: str, uri: str) -> Tree:
    """Ask the client, in the way of its era; the answers are the result."""
    kinds = [kind for kind in arguments["kinds"] if kind in talk.capabilities or arguments.get("unasked")]
    if not kinds:
        return _said(member, uri, {"cannot ask": arguments["kinds"]}, failed=True)
    if not talk.modern and arguments.get("hasty"):
        for kind in kinds:  # it does not wait for what it asked
            place.asking.append(asyncio.ensure_future(talk.ask(**_question(kind))))
        await asyncio.sleep(0)
        return _said(member, uri, "hasty")
    if not talk.modern:
        answers = {kind: await talk.ask(**_question(kind)) for kind in kinds}
        return _said(member, uri, answers)
    given = params.get("inputResponses") or {}
    if "requestState" in params and params["requestState"] not in place.states:
        raise RpcError(-32602, "this requestState is not mine")
    number = int(params["requestState"].partition("#")[2]) if "requestState" in params else 0
    if number >= arguments.get("rounds", 1):
        return _said(member, uri, given)
    state = f"far-state {offers.ODD} #{number + 1}"
    place.states.add(state)
    requests = {f"{kind} {number}": offers.QUESTIONS[kind] for kind in kinds}
    return {"resultType": "input_required", "inputRequests": requests, "requestState": state, **offers.EXTRA}


def _question(kind: str) -> Tree:
    return offers.QUESTIONS[kind]


def _said(member: str, uri: str, value: Any, *, failed: bool = False) -> Tree:
    words = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if member == "contents":
        return {"contents": [{"uri": uri, "text": words}]}
    if member == "messages":
        return {"messages": [{"role": "user", "content": {"type": "text", "text": words}}]}
    result: Tree = {"content": [{"type": "text", "text": words}]}
    return {**result, "isError": True} if failed else result


async def _part(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    await talk.part()
    return {"content": [{"type": "text", "text": "after parting"}]}


async def _fail(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    raise RpcError(arguments["code"], arguments.get("message", "I fail " + offers.ODD), arguments.get("data"))


async def _error(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    return {"content": [offers.TEXT], "isError": True, "structuredContent": {"reason": offers.HUGE}, **offers.EXTRA}


async def _status(place: Place, talk: Talk, params: Tree, arguments: Tree) -> Tree:
    raise HttpStatus(arguments["status"], arguments.get("headers", {}))


_TOOLS: dict[str, Any] = {
    "echo": _echo,
    "oddities": _oddities,
    "structured": _structured,
    "big": _big,
    "slow": _slow,
    "progress": _progress,
    "log": _log,
    "region": _region,
    "ask": _ask,
    "part": _part,
    "fail": _fail,
    "error": _error,
    "status": _status,
}
_METHODS: dict[str, Any] = {
    "server/discover": _discover,
    "tools/list": _tools,
    "tools/call": _call,
    "resources/list": _resources,
    "resources/templates/list": _templates,
    "resources/read": _read,
    "prompts/list": _prompts,
    "prompts/get": _prompt,
    "completion/complete": _complete,
}


# ---- headers of the modern era, checked as strictly as the specification allows


def header_mismatch(headers: dict[str, str], message: Tree) -> str | None:
    """What is wrong with the routing headers of a modern request, or None."""
    params = message.get("params", {})
    version = params.get("_meta", {}).get(META + "protocolVersion")
    if headers.get("mcp-protocol-version") != version:
        return "MCP-Protocol-Version"
    if headers.get("mcp-method") != message["method"]:
        return "Mcp-Method"
    named = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}.get(message["method"])
    if named is not None and plain(headers.get("mcp-name")) != params.get(named):
        return "Mcp-Name"
    if message["method"] == "tools/call" and params.get("name") == "region":
        return _param_mismatch(headers, params.get("arguments") or {})
    return None


def _param_mismatch(headers: dict[str, str], arguments: Tree) -> str | None:
    wanted = {
        "mcp-param-region": arguments.get("region"),
        "mcp-param-size": arguments.get("size"),
        "mcp-param-dry-run": arguments.get("dry"),
        "mcp-param-city": (arguments.get("where") or {}).get("city"),
    }
    for name, value in wanted.items():
        text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        if plain(headers.get(name)) != text and not (name == "mcp-param-size" and _equal(headers.get(name), value)):
            return name
    return None


def _equal(said: str | None, value: Any) -> bool:
    """Integers are compared as numbers."""
    return said is not None and value is not None and float(said) == value


def plain(value: str | None) -> str | None:
    if value is not None and value.startswith("=?base64?") and value.endswith("?="):
        return base64.b64decode(value[9:-2]).decode()
    return value
