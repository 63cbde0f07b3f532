"""Requests as clients of each era write them, right and slightly wrong: what several targets begin with."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from narthex.wire.mirror import header_value
from narthex.wire.revisions import LEGACY, LEGACY_METHODS, MODERN, MODERN_METHODS, NAMED_BY

V, C = "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"
NAMES = st.sampled_from(
    ["rec__echo", "rec__mirror", "rec__nothing", "echo", "", "rec__größe", " x ", "x\0", "=?base64?eA==?="]
)
VERSIONS = st.sampled_from([MODERN, MODERN, MODERN, *LEGACY, "1900-01-01", "", "x"])
METHODS = st.sampled_from(sorted({*MODERN_METHODS, *LEGACY_METHODS, "nothing", "tools/Call"})) | st.just("tools/call")
ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
ANY = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
PIECES = st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"\r\nMcp-Method: tools/call", b"\r\nMcp-Name: x", b"\r\nMCP-Protocol-Version: 2026-07-28",
     b"\r\nMcp-Param-Region: eu", b": ", b",", b"=?base64?", b"?=", b"{", b"}", b"[", b"]", b'"', b'"id":1,', b"null",
     b'"method":"tools/call",', b'"Method":"x",', b"\\u006d", b"\x00", b"\xff", b"\t", b" "]
)  # fmt: skip


def rarely(odd: st.SearchStrategy[Any], usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda dice: odd if dice == 0 else usual)


@st.composite
def messages(draw: DrawFn, era: str) -> dict[str, Any]:
    """One request; each part of it odd one time in ten."""
    method = draw(METHODS)
    params: dict[str, Any] = {}
    if method in NAMED_BY:
        params[NAMED_BY[method]] = draw(rarely(ANY, NAMES))
    if method == "tools/call":
        params["arguments"] = draw(rarely(ANY, st.dictionaries(st.text(max_size=4), ANY, max_size=3)))
    if era == "modern":
        meta = {V: draw(rarely(ANY, VERSIONS)), C: draw(rarely(ANY, st.just({})))}
        params["_meta"] = draw(rarely(ANY, st.just(meta)))
    message = {"jsonrpc": "2.0", "id": draw(rarely(ANY, st.integers() | st.text(max_size=4))), "method": method}
    if draw(rarely(st.just(False), st.just(True))):
        message["params"] = draw(rarely(ANY, st.just(params)))
    for name in draw(rarely(st.sets(st.sampled_from(["extra", "Method", "result", "error", "ID"])), st.just(set()))):
        message[name] = draw(ANY)
    return message


def headers_of(message: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers that repeat a message, as an honest client writes them."""
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    method, named = str(message["method"]), params.get(NAMED_BY.get(message["method"], ""))
    found = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", method)]
    if isinstance(named, str):
        found.append(("Mcp-Name", header_value(named) or ""))
    return found


@st.composite
def requests(draw: DrawFn) -> bytes:
    message = draw(messages("modern"))
    found = headers_of(message)
    for _ in range(draw(rarely(st.integers(1, 3), st.just(0)))):
        found.append((draw(st.sampled_from(["Mcp-Name", "mcp-method", "MCP-PROTOCOL-VERSION", "Mcp-Param-A"])), "x"))
    if draw(rarely(st.just(True), st.just(False))):
        found.pop(draw(st.integers(0, len(found) - 1)))
    body = json.dumps(message).encode()
    lines = ["POST /mcp HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in found]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("utf-8") + body


REQUESTS = requests()
