"""What stands between a judge and the gateway changes what it says it changes, and nothing else."""

import json
from typing import Any

import pytest
from outside.listing import listed
from outside.watch import versions_in


@pytest.mark.parametrize(
    ("words", "versions"),
    [
        (b"POST /mcp HTTP/1.1\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n", {"2025-11-25"}),
        (b'{"method":"initialize","params":{"protocolVersion": "2025-06-18"}}', {"2025-06-18"}),
        (b'{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}', {"2026-07-28"}),
        (b'{"params":{"text":"protocolVersion 2026-07-28"}}', set()),
    ],
    ids=["header", "initialize", "meta", "text"],
)
def test_a_revision_is_read_where_it_is_named(words: bytes, versions: set[str]) -> None:
    assert versions_in(words) == versions


@pytest.mark.parametrize(
    ("method", "result", "shown"),
    [
        ("server/discover", {"capabilities": {}, "x": 1}, {"capabilities": {"tools": {}}, "x": 1}),
        ("tools/list", {"tools": []}, {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]}),
        ("tools/call", {"content": []}, {"content": []}),
    ],
)
def test_a_tool_is_listed_where_tools_are(method: str, result: dict[str, Any], shown: dict[str, Any]) -> None:
    answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()

    assert json.loads(listed(method, answer, "add"))["result"] == shown


def test_an_error_is_passed_on_as_it_is() -> None:
    answer = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32022, "message": "no"}}'

    assert listed("tools/list", answer, "add") == answer
