"""A server of 2026-07-28 over HTTP whose tools have schemas, as a thread of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from operation_remote import Remote, Tree

SEARCH: Tree = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1},
        "region": {"type": "integer", "x-mcp-header": "Region"},
        "rows": {"description": "What the answer is to hold."},
    },
    "required": ["query"],
    "additionalProperties": False,
}
OUTPUT: Tree = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "integer"}}}}
PLAIN: Tree = {**SEARCH, "properties": {k: v for k, v in SEARCH["properties"].items() if k != "region"}}
ODD: Tree = {"type": "object", "properties": {"a": {"pattern": "("}}}


class Typed(Remote):
    """Answers with the arguments it got."""

    def outcome(self, method: str, params: Tree) -> Tree:
        done = {"resultType": "complete"}
        if method == "tools/list":
            tools = [
                {"name": "search", "inputSchema": PLAIN, "outputSchema": OUTPUT},
                {"name": "mirrored", "inputSchema": SEARCH},
                {"name": "odd", "inputSchema": ODD},
                {"name": "bare", "inputSchema": {"type": "object"}},
            ]
            return {"result": {**done, "ttlMs": 1000, "cacheScope": "public", "tools": tools}}
        if method == "tools/call":
            arguments = params.get("arguments")
            self.calls.append(params["name"])
            structured = {"rows": arguments["rows"]} if arguments and "rows" in arguments else {"got": arguments}
            content = [{"type": "text", "text": "done"}]
            return {"result": {**done, "content": content, "structuredContent": structured}}
        return super().outcome(method, params)


@contextmanager
def typed() -> Iterator[Typed]:
    server = Typed(modern=True)
    try:
        yield server
    finally:
        server.close()


def entry(server: Typed, **rules: Any) -> Tree:
    return {"name": "crm", "upstream": server.url, **rules}
