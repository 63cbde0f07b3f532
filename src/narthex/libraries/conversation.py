"""One peer and what it asks, in the words of its own protocol revision.

Knows: both eras of MCP: requests that describe themselves (2026-07-28), and conversations that begin with `initialize`
(2024-11-05 to 2025-11-25). Refuses to know: how messages travel, and what the server behind it is good for.
"""

import asyncio
import inspect
import secrets
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import PurePath

from narthex.libraries.arguments import problem
from narthex.libraries.asking import answered, can_be_asked
from narthex.libraries.exchange import (
    ALONE,
    CAPABILITIES,
    LEVELS,
    LOG_LEVEL,
    NOW,
    SERVER_INFO,
    SUBSCRIPTION,
    VERSION,
    Exchange,
    Fault,
    Host,
    Send,
    failure,
)
from narthex.libraries.revisions import LEGACY, MODERN, known, known_content, known_prompt
from narthex.libraries.server import Answer, NotFound, Refusal, Server, Tree, text
from narthex.libraries.subscription import Subscription, honoured

_CACHEABLE = frozenset(
    ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
)
_FRAMES_TOLD = 3


class Conversation:
    """What has been agreed with one peer. Modern requests agree on nothing, so any conversation can answer them."""

    def __init__(self, server: Server, unasked: Send) -> None:
        self.revision: str | None = None  # the legacy one, once `initialize` was answered
        self.able: Tree = {}  # what a legacy peer said that it can be asked
        self._server = server
        self._unasked = unasked
        self._level = "info"
        self._subscribed: set[str] = set()

    async def answer(self, request: Tree, send: Send, host: Host = ALONE) -> tuple[Tree, int]:
        """The response to `request`, with its HTTP status. `send` takes what is said on the way there."""
        try:
            exchange = self._exchange(request, send, host)
            handle = (_MODERN if exchange.modern else _LEGACY).get(exchange.method)
            if handle is None or not self._offers(exchange.method):
                raise Fault(-32601, f"Method not found: {exchange.method}", status=404)
            made = handle(self, exchange)
            result = await made if inspect.isawaitable(made) else made
        except Fault as fault:
            return failure(request["id"], fault), fault.status
        except Exception as fault:  # noqa: BLE001 - whatever a tool does, its peer is owed an answer
            error_id = reported(host, f"{self._server.name}: {request['method']}", fault)
            return failure(request["id"], Fault(-32603, f"Internal error {error_id}")), 200
        return {"jsonrpc": "2.0", "id": request["id"], "result": self._finished(exchange, result)}, 200

    def hear(self, method: str, params: Tree) -> None:
        """A change, for a legacy peer: lists unasked, single resources when subscribed to."""
        if method != "notifications/resources/updated" or params["uri"] in self._subscribed:
            message: Tree = {"jsonrpc": "2.0", "method": method}
            self._unasked(message | {"params": params} if params else message)

    def note(self, method: str) -> None:
        """A notification came. Until this one a legacy peer may not be told anything."""
        if method == "notifications/initialized" and self.revision is not None:
            self._server.listeners.add(self)

    def close(self) -> None:
        self._server.listeners.discard(self)

    def _exchange(self, request: Tree, send: Send, host: Host) -> Exchange:
        params = request.get("params") or {}
        meta = params.get("_meta") or {}
        if not isinstance(params, dict) or not isinstance(meta, dict):
            raise Fault(-32602, "'params' and '_meta' must be objects.", status=400)
        if VERSION in meta:
            return self._modern_exchange(request, meta, send, host)
        if request["method"] == "server/discover":
            raise Fault(-32602, f"'_meta' must hold '{VERSION}' and '{CAPABILITIES}'.", status=400)
        if self.revision is None and request["method"] not in ("initialize", "ping"):
            raise Fault(-32602, f"Describe the request with '{VERSION}' in '_meta', or initialize first.", status=400)
        return self._begin(request, self.revision or LEGACY[0], self._level, send, host)

    def _modern_exchange(self, request: Tree, meta: Tree, send: Send, host: Host) -> Exchange:
        if meta[VERSION] not in MODERN:
            data = {"supported": [*MODERN, *LEGACY], "requested": str(meta[VERSION])}
            raise Fault(-32022, f"Unsupported protocol version: {meta[VERSION]}", data, status=400)
        if not isinstance(meta.get(CAPABILITIES), dict):
            raise Fault(-32602, f"'_meta' must hold '{CAPABILITIES}'.", status=400)
        level = meta.get(LOG_LEVEL)
        if level is not None and level not in LEVELS:
            raise Fault(-32602, f"'{LOG_LEVEL}' must be one of: {', '.join(LEVELS)}.", status=400)
        return self._begin(request, meta[VERSION], level, send, host)

    def _begin(self, request: Tree, revision: str, level: str | None, send: Send, host: Host) -> Exchange:
        return Exchange(request, revision, level if self._server.logs else None, self._server.name, send, host)

    def exchange_of(self, request: Tree, level: str | None, send: Send, host: Host) -> Exchange:
        """For a request that a host has looked through already: it goes straight to what answers it."""
        return self._begin(request, MODERN[0], level, send, host)

    def _offers(self, method: str) -> bool:
        if method in ("resources/subscribe", "resources/unsubscribe"):
            return self._server.subscribable
        area = method.partition("/")[0]
        needed = {"completion": "completions", "logging": "logging", "prompts": "prompts", "resources": "resources"}
        return area not in needed or needed[area] in self._server.capabilities()

    def _finished(self, exchange: Exchange, result: Tree) -> Tree:
        if not exchange.modern:
            return result
        result.setdefault("resultType", "complete")
        result["_meta"] = {SERVER_INFO: self._server.info(), **result.get("_meta", {})}
        if exchange.method == "resources/read" and self._server.reads_privately:
            result |= {"ttlMs": 0, "cacheScope": "private"}
        elif exchange.method in _CACHEABLE:
            result |= {"ttlMs": self._server.ttl_ms, "cacheScope": self._server.scope}
        return result

    # Beginning

    def discover(self, exchange: Exchange) -> Tree:
        server = self._server
        versions = [*MODERN, *LEGACY]
        return {
            "supportedVersions": versions,
            "capabilities": server.capabilities(),
            "instructions": server.instructions,
        }

    def initialize(self, exchange: Exchange) -> Tree:
        asked = exchange.text("protocolVersion")
        if self.revision is not None:
            raise Fault(-32600, "This conversation is initialized already.")
        self.revision = asked if asked in LEGACY else LEGACY[0]
        found = exchange.params.get("capabilities")
        self.able = found if isinstance(found, dict) else {}
        return {
            "protocolVersion": self.revision,
            "capabilities": known("capabilities", self._server.capabilities(), self.revision),
            "serverInfo": known("implementation", self._server.info(), self.revision),
            "instructions": self._server.instructions,
        }

    def ping(self, exchange: Exchange) -> Tree:
        return {}

    def set_level(self, exchange: Exchange) -> Tree:
        level = exchange.text("level")
        if level not in LEVELS:
            raise Fault(-32602, f"'level' must be one of: {', '.join(LEVELS)}.")
        self._level = level
        return {}

    # Lists

    def _page(self, exchange: Exchange, name: str, items: Sequence[Tree]) -> Tree:
        cursor, size = exchange.params.get("cursor"), self._server.page_items_max
        starts = {f"from-{start}": start for start in range(size, len(items), size)}
        if cursor is not None and cursor not in starts:
            raise Fault(-32602, "The cursor is not one of ours; list from the beginning.")
        start = starts[cursor] if cursor is not None else 0
        page: Tree = {name: list(items[start : start + size])}
        return page | {"nextCursor": f"from-{start + size}"} if start + size < len(items) else page

    def list_tools(self, exchange: Exchange) -> Tree:
        tools = [known("tool", tool.definition, exchange.revision) for tool in self._server.tools.values()]
        return self._page(exchange, "tools", tools)

    def list_prompts(self, exchange: Exchange) -> Tree:
        prompts = [known_prompt(prompt.definition, exchange.revision) for prompt in self._server.prompts.values()]
        return self._page(exchange, "prompts", prompts)

    def list_resources(self, exchange: Exchange) -> Tree:
        assert self._server.resources is not None
        found = [known("resource", item, exchange.revision) for item in self._server.resources.list()]
        return self._page(exchange, "resources", found)

    def list_templates(self, exchange: Exchange) -> Tree:
        assert self._server.resources is not None
        found = [known("template", item, exchange.revision) for item in self._server.resources.templates()]
        return self._page(exchange, "resourceTemplates", found)

    # Use

    async def call_tool(self, exchange: Exchange) -> Tree:
        tool = self._server.tools.get(exchange.text("name"))
        if tool is None:
            raise Fault(-32602, f"Unknown tool: {exchange.params['name']}")
        arguments = exchange.params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise Fault(-32602, "'arguments' must be an object.")
        try:
            check = tool.check
            wrong = problem(tool.definition["inputSchema"], arguments) if check is None else check(arguments)
            if wrong is not None:
                raise Refusal(wrong)
            made = tool.run(exchange, **arguments)
            if tool.asks and asyncio.iscoroutine(made) and can_be_asked(exchange, "elicitation"):
                answer = await answered(self._server, exchange, made)
                if isinstance(answer, dict):
                    return answer
            else:
                answer = await made if inspect.isawaitable(made) else made
        except Refusal as refusal:
            return {"content": [text(str(refusal))], "isError": True}
        except Fault:
            raise
        except Exception as fault:  # noqa: BLE001 - what went wrong inside of a tool is for the operator alone
            error_id = reported(exchange.host, f"{self._server.name}: the tool '{exchange.params['name']}'", fault)
            said = f"The tool failed (error {error_id}). The cause is in the server's log under this number."
            return {"content": [text(said)], "isError": True}
        return _call_result(answer, exchange.revision)

    async def read(self, exchange: Exchange) -> Tree:
        assert self._server.resources is not None
        uri = exchange.text("uri")
        NOW.set(exchange)
        try:
            made = self._server.resources.read(uri)
            contents = await made if inspect.isawaitable(made) else made
        except NotFound:
            code = -32602 if exchange.modern else -32002
            raise Fault(code, f"Resource not found: {uri}", {"uri": uri}, status=400) from None
        except Refusal as refusal:
            raise Fault(-32602, str(refusal), status=400) from None
        return {"contents": [known("contents", item, exchange.revision) for item in contents]}

    async def get_prompt(self, exchange: Exchange) -> Tree:
        prompt = self._server.prompts.get(exchange.text("name"))
        arguments = exchange.params.get("arguments") or {}
        if prompt is None:
            raise Fault(-32602, f"Unknown prompt: {exchange.params['name']}")
        names = {argument["name"] for argument in prompt.definition["arguments"]}
        required = {argument["name"] for argument in prompt.definition["arguments"] if argument.get("required")}
        if not isinstance(arguments, dict) or not required <= arguments.keys() <= names:
            raise Fault(-32602, f"This prompt takes: {', '.join(sorted(names))}.")
        NOW.set(exchange)
        try:
            made = prompt.render(**arguments)
            messages = await made if inspect.isawaitable(made) else made
        except Refusal as refusal:
            raise Fault(-32602, str(refusal)) from None
        return {"description": prompt.definition["description"], "messages": list(messages)}

    async def complete(self, exchange: Exchange) -> Tree:
        ref, argument = exchange.params.get("ref"), exchange.params.get("argument")
        if not isinstance(ref, dict) or not isinstance(argument, dict):
            raise Fault(-32602, "'ref' and 'argument' must be objects.")
        name, start = argument.get("name"), argument.get("value")
        if not isinstance(name, str) or not isinstance(start, str):
            raise Fault(-32602, "'argument' must have a name and a value.")
        NOW.set(exchange)
        made = self._completions(ref, name, start)
        values = await made if inspect.isawaitable(made) else made
        return {"completion": {"values": list(values[:100]), "total": len(values), "hasMore": len(values) > 100}}

    def _completions(self, ref: Tree, name: str, start: str) -> "Sequence[str] | Awaitable[Sequence[str]]":
        if ref.get("type") == "ref/prompt":
            prompt = self._server.prompts.get(str(ref.get("name")))
            if prompt is None:
                raise Fault(-32602, f"Unknown prompt: {ref.get('name')}")
            return prompt.completers[name](start) if name in prompt.completers else ()
        library = self._server.resources
        templates = {item["uriTemplate"] for item in library.templates()} if library is not None else set()
        if ref.get("type") != "ref/resource" or library is None or ref.get("uri") not in templates:
            raise Fault(-32602, f"Unknown reference: {ref.get('uri', ref.get('type'))}")
        return library.complete(ref["uri"], name, start)

    # Changes

    def subscribe(self, exchange: Exchange) -> Tree:
        self._subscribed.add(exchange.text("uri"))
        return {}

    def unsubscribe(self, exchange: Exchange) -> Tree:
        self._subscribed.discard(exchange.text("uri"))
        return {}

    async def listen(self, exchange: Exchange) -> Tree:
        """Tell of changes until the server ends, or the peer cancels."""
        asked = exchange.params.get("notifications")
        if not isinstance(asked, dict):
            raise Fault(-32602, "'notifications' must be an object.", status=400)
        subscription = Subscription(exchange, honoured(asked, self._server))
        self._server.listeners.add(subscription)
        try:
            await self._server.closing.wait()
        finally:
            self._server.listeners.discard(subscription)
        return {"_meta": {SUBSCRIPTION: exchange.id}}


def reported(host: Host, where: str, fault: BaseException) -> str:
    """The number under which the operator's log tells what went wrong; nobody else is told more than that."""
    error_id = secrets.token_hex(4)
    host.report(f"{where} failed (error {error_id}): {told(fault)}")
    return error_id


def told(fault: BaseException) -> str:
    """What it is, and where in whose code it happened."""
    frames = traceback.extract_tb(fault.__traceback__)[-_FRAMES_TOLD:]
    places = ", ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
    return f"{fault!r:.1000} (at {places})" if places else f"{fault!r:.1000}"


def _call_result(answer: Answer, revision: str) -> Tree:
    result: Tree = {"content": [known_content(block, revision) for block in answer.content], "isError": False}
    if answer.structured is not None:
        result["structuredContent"] = answer.structured
    return known("call result", result, revision)


Handler = Callable[[Conversation, Exchange], "Tree | Awaitable[Tree]"]

_BOTH: dict[str, Handler] = {
    "tools/list": Conversation.list_tools,
    "tools/call": Conversation.call_tool,
    "prompts/list": Conversation.list_prompts,
    "prompts/get": Conversation.get_prompt,
    "resources/list": Conversation.list_resources,
    "resources/templates/list": Conversation.list_templates,
    "resources/read": Conversation.read,
    "completion/complete": Conversation.complete,
}
_MODERN: dict[str, Handler] = _BOTH | {
    "server/discover": Conversation.discover,
    "subscriptions/listen": Conversation.listen,
}
_LEGACY: dict[str, Handler] = _BOTH | {
    "initialize": Conversation.initialize,
    "ping": Conversation.ping,
    "logging/setLevel": Conversation.set_level,
    "resources/subscribe": Conversation.subscribe,
    "resources/unsubscribe": Conversation.unsubscribe,
}
