"""What a server may say when it is asked for its tools, and what of it the client sees (checklist 67, 70, 73, 85).

Each row is one server. `shown`: its tools as the client sees them, without the server's prefix; None: whatever, as long
as the others are there. `told`: what the operator is told, in part.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

KIB, MIB = 1024, 1024 * 1024
Page = Callable[[str | None], bytes]  # cursor -> the result, encoded


class Listed(NamedTuple):
    id: str
    page: Page
    shown: frozenset[str] | None
    told: str = ""


def tool(name: Any = "do", **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def page(*tools: Any, **more: Any) -> bytes:
    return json.dumps({"resultType": "complete", "tools": list(tools), **more}).encode()


def once(name: str, encoded: bytes, *shown: str, told: str = "") -> Listed:
    """One page, whatever the cursor."""
    return Listed(name, lambda _cursor: encoded, frozenset(shown), told)


def schema(name: str, value: Any, *, shown: bool, told: str = "") -> Listed:
    bad = tool("bad", inputSchema=value)
    return once(f"schema-{name}", page(tool(), bad), "do", *(["bad"] if shown else []), told=told)


def down(name: str, found: Page, told: str) -> Listed:
    """Its list is refused whole, and with it the server."""
    return Listed(name, found, frozenset(), told)


def endless(cursor: str | None) -> bytes:
    number = int(cursor or 0)
    return page(tool(f"t{number}"), nextCursor=str(number + 1))


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        found = {"type": "object", "properties": {"a": found}}
    return found


def exploding(levels: int) -> dict[str, Any]:
    """Each definition names the next one twice: 2^levels once they are unfolded."""
    names = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {
        "type": "object",
        "$defs": {**names, f"d{levels}": {"type": "string"}},
        "properties": {"a": {"$ref": "#/$defs/d0"}},
    }


def header(name: str, value: Any, kind: str = "string", *, shown: bool = False) -> Listed:
    inside = {"type": "object", "properties": {"a": {"type": kind, "x-mcp-header": value}}}
    return schema(f"header-{name}", inside, shown=shown, told="" if shown else "x-mcp-header")


TWICE = {"type": "string", "x-mcp-header": "A"}
CANARY = "http://127.0.0.1:@PORT@/canary"

ROWS = (
    # cursors
    down("cursor-endless", endless, "pages"),
    down("cursor-repeated", lambda _: page(tool(), nextCursor="again"), "the same cursor"),
    down("cursor-empty", lambda _: page(tool(), nextCursor=""), "the same cursor"),
    once("cursor-null", page(tool(), nextCursor=None), "do"),
    once("cursor-number", page(tool(), nextCursor=5), "do"),
    once("cursor-object", page(tool(), nextCursor={}), "do"),
    down("cursor-long", lambda _: page(tool(), nextCursor="x" * 500_000), "the same cursor"),
    Listed(
        "cursor-honest",
        lambda cursor: page(tool("b")) if cursor == "2" else page(tool("a"), nextCursor="2"),
        frozenset({"a", "b"}),
    ),
    # sizes
    down("items-20000", lambda _: page(*(tool(f"t{n}") for n in range(20_000))), "10000 items"),
    down("items-a-million-numbers", lambda _: b'{"resultType":"complete","tools":[' + b"1," * 1_000_000 + b"1]}", ""),
    down("bytes-over-the-limit", lambda _: page(tool(description="x" * (17 * MIB))), "over the limit"),
    # the page
    once("page-no-list", b'{"resultType":"complete","tools":{}}', told="no list"),
    once("page-null", b'{"resultType":"complete","tools":null}', told="no list"),
    once("page-missing", b'{"resultType":"complete"}', told="no list"),
    once("page-empty", page()),
    down("page-no-object", lambda _: b"[]", ""),
    # one malformed tool among good ones
    *(
        once(
            f"tool-{name}",
            page(tool(), broken, tool("other")),
            "do",
            "other",
            told="left out" if told is None else told,
        )
        for name, broken, told in (
            ("null", None, "not an object"),
            ("number", 1, "not an object"),
            ("list", [tool("x")], "not an object"),
            ("empty", {}, None),
            ("name-number", tool(1), None),
            ("name-null", tool(None), None),
            ("name-empty", tool(""), None),
            ("name-list", tool(["do"]), None),
            ("name-newline", tool("a\nb"), "control character"),
            ("name-escape", tool("a\x1b[31mb"), "control character"),
            ("name-nul", tool("a\0b"), "control character"),
            ("name-too-long", tool("x" * 2_000), "longer than"),
            ("name-twice", tool("do"), "same name"),
            ("no-schema", {"name": "bad"}, None),
            ("schema-null", {"name": "bad", "inputSchema": None}, None),
            ("schema-true", {"name": "bad", "inputSchema": True}, None),
            ("schema-list", {"name": "bad", "inputSchema": []}, None),
            ("type-list", {"name": "bad", "inputSchema": {"type": ["object"]}}, None),
            ("type-string", {"name": "bad", "inputSchema": {"type": "string"}}, None),
        )
    ),
    Listed(
        "tool-out-of-range",
        lambda _: page(tool()).replace(b"]", b',{"name":"bad","inputSchema":{"type":"object"},"x":1e400}]'),
        frozenset({"do"}),
        "",
    ),
    once(
        "tool-odd-members",
        page(tool(description=5, annotations=[], title={}, _meta=[], icons="x", outputSchema=1)),
        "do",
    ),
    once("tool-huge-description", page(tool(description="x" * 500_000)), "do", told="is cut to"),
    once("tool-deep-meta", page(tool(), tool("deep", _meta={"x": nested(100)})), "do", told="nests deeper"),
    once("name-long", page(tool("x" * 128)), "*", told=""),
    once("name-underscores", page(tool("a__b"), tool("__"), tool("rec__echo")), "*", told=""),
    once("name-twins", page(tool("get"), tool("GET"), tool("Get")), "get", "GET", "Get"),
    once("name-unicode", page(tool("größe"), tool("大小"), tool("a b"), tool("a/b"), tool("a.b")), "*", told=""),
    # schemas
    schema("ref-network", {"type": "object", "properties": {"a": {"$ref": CANARY}}}, shown=False, told="never fetched"),
    schema(
        "ref-file", {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}, shown=False, told="never"
    ),
    schema("ref-relative", {"type": "object", "properties": {"a": {"$ref": "other.json"}}}, shown=False, told="never"),
    schema("dynamic-ref-network", {"type": "object", "$dynamicRef": CANARY}, shown=False, told="never fetched"),
    schema("ref-itself", {"type": "object", "$ref": "#"}, shown=False, told="leads back to itself"),
    schema(
        "ref-circle",
        {"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        shown=False,
        told="leads back",
    ),
    schema(
        "ref-honest",
        {"type": "object", "$defs": {"a": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/a"}}},
        shown=True,
    ),
    schema("ref-recursive", {"type": "object", "properties": {"next": {"$ref": "#"}}}, shown=True),
    schema("exploding-20", exploding(20), shown=False, told="unfold"),
    schema("exploding-1000", exploding(1_000), shown=False, told=""),
    schema("deep-31", nested(31), shown=True),
    schema("deep-60", nested(60), shown=False, told="nests deeper"),
    schema("deep-400", nested(400), shown=False, told=""),
    schema(
        "many-parts",
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(3_000)}},
        shown=False,
        told="more than 2000",
    ),
    schema("big", {"type": "object", "description": "x" * 300_000}, shown=False, told="bytes"),
    schema("enum-long", {"type": "object", "properties": {"a": {"enum": list(range(20_000))}}}, shown=True),
    schema(
        "pattern-slow", {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}, shown=True
    ),
    schema("dialect-unknown", {"$schema": CANARY, "type": "object"}, shown=True),
    # x-mcp-header
    header("good", "Region", shown=True),
    header("number", "Region", "number"),
    header("object", "Region", "object"),
    header("space", "Re gion"),
    header("empty", ""),
    header("colon", "Re:gion"),
    header("line-end", "Region\r\nX: y"),
    header("not-ascii", "Région"),
    header("a-number", 5),
    header("null", None),
    header("list", ["Region"]),
    schema(
        "header-twice",
        {"type": "object", "properties": {"a": TWICE, "b": {**TWICE, "x-mcp-header": "a"}}},
        shown=False,
        told="twice",
    ),
    schema(
        "header-in-items",
        {"type": "object", "properties": {"a": {"type": "array", "items": TWICE}}},
        shown=False,
        told="x-mcp-header",
    ),
    schema("header-at-the-top", {"type": "object", "x-mcp-header": "A"}, shown=False, told="x-mcp-header"),
)
