"""A server over HTTP, of either era, whose tools read, write, say much, or wait until the test lets them answer."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from operation_kit import connect, modern_body
from operation_remote import Remote, Tree

READS = {"readOnlyHint": True}
ROWS: Tree = {"type": "object", "properties": {"rows": {"type": "array"}, "total": {"type": "integer"}}}
STRICT: Tree = {"type": "object", "properties": {"rows": {"type": "array", "minItems": 400}}, "required": ["rows"]}
WAIT_SECONDS = 20.0


class Reading(Remote):
    """Counts what reaches it. `held`: calls of `look` wait for `let_go`."""

    def __init__(self, *, modern: bool) -> None:
        self.version, self.held = 1, False
        self.arrived, self.let_go = threading.Semaphore(0), threading.Event()
        self.arguments: list[Tree] = []
        super().__init__(modern=modern)

    def outcome(self, method: str, params: Tree) -> Tree:
        done = {"resultType": "complete"} if self.modern else {}
        if method == "tools/list":
            names = {"look": {}, "rows": {"outputSchema": ROWS}, "strict": {"outputSchema": STRICT}, "plain": {}}
            names |= {"wrong": {}, "picture": {}}
            tools = [
                {"name": name, "inputSchema": {"type": "object"}, "annotations": READS, **more}
                for name, more in names.items()
            ]
            tools.append({"name": "change", "inputSchema": {"type": "object"}})
            hints = {"ttlMs": 60_000, "cacheScope": "public"} if self.modern else {}
            return {"result": {**done, **hints, "tools": tools}}
        if method == "tools/call":
            arguments = params.get("arguments") or {}
            self.calls.append(params["name"])
            self.arguments.append(arguments)
            return {"result": {**done, **self.said(params["name"], arguments)}}
        return super().outcome(method, params)

    def said(self, name: str, arguments: Tree) -> Tree:
        version = self.version
        if name == "look":
            self.arrived.release()
            if self.held:
                assert self.let_go.wait(WAIT_SECONDS), "nobody let it go"
            return texts(f"version {version}")
        if name == "change":
            self.version += 1
            return texts("changed")
        if name == "wrong":
            return {**texts("it is wrong"), "isError": True}
        if name == "picture":
            return {
                "content": [*texts("here")["content"], {"type": "image", "data": "QUJD" * 5_000, "mimeType": "a/b"}]
            }
        if name == "plain":
            return texts("\n".join(f"line {number} of many" for number in range(arguments.get("lines", 2_000))))
        rows = [{"id": number, "name": f'"contact" {number}'} for number in range(arguments.get("rows", 500))]
        structured = {"rows": rows, "total": len(rows)}
        return {**texts(json.dumps(structured)), "structuredContent": structured}

    def wait_for(self, calls: int) -> None:
        for _ in range(calls):
            assert self.arrived.acquire(timeout=WAIT_SECONDS), "a call did not arrive"


def texts(*several: str) -> Tree:
    return {"content": [{"type": "text", "text": text} for text in several]}


@contextlib.contextmanager
def reading(*, modern: bool = True) -> Iterator[Reading]:
    server = Reading(modern=modern)
    try:
        yield server
    finally:
        server.let_go.set()
        server.close()


def entry(server: Reading, **rules: Any) -> Tree:
    return {"name": "crm", "upstream": server.url, **rules}


# Callers are told apart by a proxy in front, which is the test.
PROXIED: Tree = {"type": "keys", "proxy": {"addresses": ["127.0.0.1/32"], "subject": "X-User"}}


def called_as(url: str, user: str, tool: str, scopes: str = "", **arguments: Any) -> Tree:
    return asked_as(url, user, "tools/call", {"name": tool, "arguments": arguments}, scopes)


def asked_as(url: str, user: str, method: str, params: Tree, scopes: str = "") -> Tree:
    connection = connect(url)
    try:
        body, headers = modern_body(method, params)
        connection.request("POST", "/mcp", body, {**headers, "X-User": user, "X-Scopes": scopes})
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()
