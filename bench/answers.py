"""What the bench's servers say: MCP answers of both eras, encoded once, so that they cost next to nothing.

Knows: methods, results, the envelope. Refuses to know: sockets and pipes (`upstream.py`, `stdio_upstream.py`).
"""

import msgspec

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
SESSION = "bench-session-0123456789abcdef"
METHOD_NOT_FOUND = -32601
FLEET_TOOLS = 40

CACHING = {"ttlMs": 60_000, "cacheScope": "public"}
ABOUT = {"name": "bench", "version": "1"}
ECHO = {
    "name": "echo",
    "title": "Echo",
    "description": "Gives back what it was given, with the figures of one imaginary customer.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "what to give back", "maxLength": 200},
            "customer": {"type": "integer", "minimum": 1},
            "fields": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
    "annotations": {"readOnlyHint": True, "idempotentHint": True},
}
ARGUMENTS = {"text": "the quick brown fox", "customer": 4711, "fields": ["name", "since", "open_orders"]}
CALLED = {
    "content": [
        {
            "type": "text",
            "text": "Customer 4711: Example Works, since 2019, 3 open orders, last contact on 2026-11-02 by telephone; "
            "asked for the delivery date of order 88-1204 and was told the 14th.",
        }
    ]
}


class Params(msgspec.Struct):
    """The one parameter that is looked at."""

    name: str = ""


class Envelope(msgspec.Struct):
    """As much of a message as is needed to answer it."""

    method: str = ""
    id: msgspec.Raw = msgspec.Raw()
    params: Params | None = None


decoder = msgspec.json.Decoder(Envelope)
encode = msgspec.json.encode


def fleet_tool(server: int, number: int) -> dict[str, object]:
    """One of the many tools of a fleet: a definition of the size met in the wild (about 700 bytes)."""
    return {
        "name": f"operation_{number:02}",
        "description": f"Operation {number} of service {server}. "
        + "Looks up records and returns a page of them. " * 3,
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "Words that the record must contain, all of them."},
                "since": {"type": "string", "format": "date", "description": "Only records from this day on."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
                "order": {"type": "string", "enum": ["newest", "oldest", "relevance"]},
            },
            "required": ["query"],
        },
        "annotations": {"readOnlyHint": True},
    }


def table(era: str, tools: list[dict[str, object]] | None = None) -> dict[str, bytes]:
    """Method -> result, encoded. A method that is absent is not found."""
    listed = {"tools": tools or [ECHO]}
    if era == MODERN:
        known = {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, "_meta": {f"{META}serverInfo": ABOUT}}
        results = {
            "server/discover": {"resultType": "complete", **known, **CACHING},
            "tools/list": {"resultType": "complete", **listed, **CACHING},
            "tools/call": {"resultType": "complete", **CALLED},
        }
    else:
        greeting = {"protocolVersion": LEGACY, "capabilities": {"tools": {}}, "serverInfo": ABOUT}
        results = {"initialize": greeting, "ping": {}, "tools/list": listed, "tools/call": CALLED}
    return {method: encode(result) for method, result in results.items()}


META = "io.modelcontextprotocol/"


def answer(message: bytes, results: dict[str, bytes]) -> tuple[str, bytes]:
    """The method that was asked for, and the answer; empty for a notification."""
    asked = decoder.decode(message)
    if not asked.id:
        return asked.method, b""
    result = results.get(asked.method)
    if result is None:
        error = encode({"code": METHOD_NOT_FOUND, "message": f"Method not found: {asked.method}"})
        return asked.method, b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (bytes(asked.id), error)
    return asked.method, b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (bytes(asked.id), result)
