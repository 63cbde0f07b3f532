"""A well-behaved MCP server of revision 2026-07-28 that writes down what it was asked.

It answers on every path: `/rec` offers everything, `/plain` only tools.
"""

from contextlib import AbstractContextManager
from typing import Any

from hostile_peer import VERSION, Asked, Peer, Upstream, running

QUIET = {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
REGION = {"type": "string", "x-mcp-header": "Region"}
LIMIT = {"type": "integer", "x-mcp-header": "Limit"}
FLAG = {"type": "boolean", "x-mcp-header": "Flag"}
DEEP = {"type": "object", "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}}}
TOOLS = [
    {"name": "echo", "inputSchema": {"type": "object"}},
    {"name": "ask", "inputSchema": {"type": "object"}},
    {"name": "größe", "inputSchema": {"type": "object"}},
    {
        "name": "mirror",
        "inputSchema": {"type": "object", "properties": {"region": REGION, "limit": LIMIT, "flag": FLAG, "in": DEEP}},
    },
]
PROMPTS = [{"name": "greet"}]
RESOURCES = [{"uri": "file:///a b", "name": "spaced"}, {"uri": "mem://one", "name": "one"}]


class Recording(Upstream):
    """`seen` holds each request for something else than lists: (method, params), in the order they came."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        super().__init__()

    def play(self, peer: Peer, asked: Asked) -> None:
        if asked.verb != "POST":
            peer.body(b"{}", b"HTTP/1.1 405 No\r\n")
            return
        if asked.method == "subscriptions/listen":
            refusal = b'{"jsonrpc":"2.0","id":' + asked.id + b',"error":{"code":-32601,"message":"no"}}'
            peer.body(refusal, b"HTTP/1.1 404 No\r\ncontent-type: application/json\r\n")
            return
        params = asked.message.get("params", {})
        if asked.method not in QUIET:
            self.seen.append((asked.method, params))
        peer.result(asked, {"resultType": "complete", **answer(asked.method, params, plain=asked.path == "/plain")})


def answer(method: str, params: dict[str, Any], *, plain: bool) -> dict[str, Any]:
    if method == "server/discover":
        capabilities = {"tools": {}} if plain else {"tools": {}, "prompts": {}, "resources": {}, "completions": {}}
        return {"supportedVersions": [VERSION], "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private"}
    if method == "tools/call" and params["name"] == "ask" and "inputResponses" not in params:
        question = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object"}}}
        return {"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "inner state"}
    return {
        "tools/list": {"tools": TOOLS, "ttlMs": 0, "cacheScope": "private"},
        "prompts/list": {"prompts": PROMPTS, "ttlMs": 0, "cacheScope": "private"},
        "resources/list": {"resources": RESOURCES, "ttlMs": 0, "cacheScope": "private"},
        "resources/templates/list": {"resourceTemplates": [], "ttlMs": 0, "cacheScope": "private"},
        "tools/call": {"content": [{"type": "text", "text": "done"}]},
        "prompts/get": {"messages": []},
        "resources/read": {"contents": [], "ttlMs": 0, "cacheScope": "private"},
        "completion/complete": {"completion": {"values": []}},
    }[method]


def recording() -> AbstractContextManager[Recording]:
    return running(Recording())
