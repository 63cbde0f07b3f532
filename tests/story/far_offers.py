"""What the far side offers: tools, resources, prompts, full of things a gateway could lose.

Knows: plain data, the same in every revision. Refuses to know: how it is asked for.
"""

import base64
from typing import Any

Tree = dict[str, Any]

HUGE = 2**70 + 1
FINE = 0.12345678901234568
ODD = "ünï çode 𝕏 \U0001f469‍\U0001f4bb مرحبا e\u0301 \u2028 \u0000 \uffff \ufeff end"
EXTRA: Tree = {"x-far": {"huge": HUGE, "fine": FINE, "nothing": None, "list": [1, [2, [3]]], "odd": ODD}}
META: Tree = {
    "org.example/vendor": {"huge": HUGE, "odd": ODD},
    "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
}
ICONS = [{"src": "https://example.org/icon.png", "mimeType": "image/png", "sizes": ["48x48", "any"], "x-theme": 1}]
NOTES: Tree = {
    "audience": ["user", "assistant"],
    "priority": 0.30000000000000004,
    "lastModified": "2025-01-12T15:00:58Z",
}
PIXEL = base64.b64encode(bytes(range(256))).decode()


def deep(levels: int) -> Any:
    """Objects and lists inside each other."""
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"down": value}
    return value


def schema(**properties: Tree) -> Tree:
    return {"type": "object", "properties": properties}


def tool(name: str, properties: Tree | None = None, **more: Any) -> Tree:
    return {"name": name, "description": f"The far side's {name}.", "inputSchema": schema(**(properties or {})), **more}


MIRRORING = {
    "region": {"type": "string", "x-mcp-header": "Region"},
    "size": {"type": "integer", "x-mcp-header": "Size"},
    "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
    "where": {"type": "object", "properties": {"city": {"type": "string", "x-mcp-header": "City"}}},
}

TOOLS: list[Tree] = [
    tool(
        "echo",
        {"any": {}},
        title="Echo " + ODD,
        annotations={"readOnlyHint": True, "x-unknown-hint": [HUGE], "title": ODD},
        icons=ICONS,
        outputSchema={"type": "object", "properties": {"arguments": {}}, "x-keyword": {"fine": FINE}},
        _meta=META,
        **EXTRA,
    ),
    tool("oddities", {"$schema": {"const": HUGE}, "deep": {"enum": [None, FINE, HUGE]}}),
    tool("structured", {"kind": {"type": "string"}}, outputSchema={"type": ["object", "array", "null"]}),
    tool("big", {"bytes": {"type": "integer"}}),
    tool("slow", {"key": {"type": "string"}}),
    tool("progress", {"steps": {"type": "integer"}}),
    tool("log"),
    tool("region", MIRRORING),
    tool("ask", {"kinds": {"type": "array"}}),
    tool("part"),
    tool("fail", {"code": {"type": "integer"}}),
    tool("error"),
    tool("status", {"status": {"type": "integer"}}),
    tool("late", execution={"taskSupport": "forbidden"}),
]
BAD_MIRRORS: list[Tree] = [
    tool("mirror_of_number", {"a": {"type": "number", "x-mcp-header": "A"}}),
    tool("mirror_with_space", {"a": {"type": "string", "x-mcp-header": "A B"}}),
    tool("mirror_empty", {"a": {"type": "string", "x-mcp-header": ""}}),
    tool("mirror_twice", {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}),
    tool("mirror_in_items", {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}),
]
MALFORMED: list[Any] = [
    {"name": "no_schema"},
    {"name": "schema_of_list", "inputSchema": {"type": ["object"]}},
    "not an object",
]

RESOURCES: list[Tree] = [
    {"uri": "far://plain", "name": "plain", "mimeType": "text/plain", "annotations": NOTES, "icons": ICONS, **EXTRA},
    {"uri": "far://bytes", "name": "bytes", "title": ODD, "size": HUGE, "_meta": META},
    {"uri": "far://several", "name": "several"},
    {"uri": "far://ask", "name": "ask"},
    {"uri": "ui://far/view.html", "name": "view", "mimeType": "text/html;profile=mcp-app"},
    {"uri": "https://far.example/page?a=1&b=%20", "name": "page"},
    {"uri": "far://smörgås/bord", "name": "not ascii"},
]
TEMPLATES: list[Tree] = [
    {"uriTemplate": "far://item/{id}{?page}", "name": "item", "annotations": NOTES, "_meta": META, **EXTRA},
]
PROMPTS: list[Tree] = [
    {
        "name": "greet",
        "title": ODD,
        "description": "Greets.",
        "arguments": [{"name": "who", "required": True, "title": "Who", "x-far": FINE}],
        "icons": ICONS,
        "_meta": META,
        **EXTRA,
    },
    {"name": "gallery", "description": "Every kind of content."},
    {"name": "ask", "description": "Asks first."},
]

TEXT: Tree = {"type": "text", "text": ODD, "annotations": NOTES, "_meta": META, **EXTRA}
IMAGE: Tree = {"type": "image", "data": PIXEL, "mimeType": "image/png", "_meta": META}
AUDIO: Tree = {"type": "audio", "data": PIXEL, "mimeType": "audio/wav", "annotations": NOTES}
LINK: Tree = {
    "type": "resource_link",
    "uri": "far://plain",
    "name": "plain",
    "title": "A title",
    "description": "A link",
    "size": 3,
    **EXTRA,
}
INSIDE: Tree = {"type": "resource", "resource": {"uri": "far://plain", "mimeType": "text/plain", "text": ODD, **EXTRA}}
BLOB: Tree = {
    "type": "resource",
    "resource": {"uri": "far://bytes", "blob": PIXEL, "_meta": META},
    "annotations": NOTES,
}
UNKNOWN: Tree = {"type": "x-hologram", "frames": [HUGE, FINE, None], **EXTRA}
GALLERY = [TEXT, IMAGE, AUDIO, LINK, INSIDE, BLOB, UNKNOWN]

ODDITIES: Tree = {
    "content": GALLERY,
    "structuredContent": {
        "huge": HUGE,
        "negative": -HUGE,
        "fine": FINE,
        "tiny": 5e-324,
        "whole": 1.0,
        "nothing": None,
        "empty": [{}, [], ""],
        "deep": deep(60),
        ODD: ODD,
        "uri": "far://plain",
    },
    "isError": False,
    "_meta": META,
    **EXTRA,
}
STRUCTURED: dict[str, Any] = {
    "object": {"a": HUGE},
    "array": [1, None, FINE],
    "null": None,
    "zero": 0,
    "text": "plain",
    "false": False,
}
CONTENTS: dict[str, list[Tree]] = {
    "far://plain": [{"uri": "far://plain", "mimeType": "text/plain", "text": ODD, "_meta": META, **EXTRA}],
    "far://bytes": [{"uri": "far://bytes", "blob": PIXEL}],
    "far://several": [{"uri": "far://plain", "text": "one"}, {"uri": "far://item/2", "text": "two", **EXTRA}],
    "ui://far/view.html": [{"uri": "ui://far/view.html", "text": "<p>"}],
    "https://far.example/page?a=1&b=%20": [{"uri": "https://far.example/page?a=1&b=%20", "text": "page"}],
    "far://smörgås/bord": [{"uri": "far://smörgås/bord", "text": "smörgås"}],
}
QUESTIONS: dict[str, Tree] = {
    "elicitation": {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": "Your name? " + ODD,
            "requestedSchema": {
                "type": "object",
                "properties": {"name": {"type": "string", "x-hint": HUGE}, "age": {"type": "integer"}},
                "required": ["name"],
            },
            **EXTRA,
        },
    },
    "sampling": {
        "method": "sampling/createMessage",
        "params": {
            "messages": [{"role": "user", "content": {"type": "text", "text": ODD}}],
            "maxTokens": 7,
            "temperature": FINE,
            "modelPreferences": {"hints": [{"name": "any"}], "costPriority": 0.1},
            **EXTRA,
        },
    },
    "roots": {"method": "roots/list", "params": {"_meta": {"org.example/why": ODD}}},
}
CAPABILITY = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
CAPABILITIES: Tree = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True, "listChanged": True},
    "prompts": {"listChanged": True},
    "completions": {},
    "logging": {},
}
SERVER_INFO: Tree = {"name": "far-side", "version": "1", "title": "The far side", "icons": ICONS}
