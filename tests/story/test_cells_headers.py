"""The ladder of a modern request, from the outside (H11): each wrong step has its answer, and nobody behind
the gateway hears of it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import far_offers as offers
import pytest
from story_clients import BOTH, META, MODERN, Client, ModernHttp, dumped, modern_meta, parsed
from story_hall import FarSide, Hall
from story_http import Reply, send

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
RIGHT = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "echo"}


def body(**changes: Any) -> Tree:
    params = {"name": "echo", "arguments": {"mark": "ladder"}, "_meta": modern_meta({})}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params, **changes}


def meta(**changes: Any) -> Tree:
    found = {**modern_meta({}), **{META + name: value for name, value in changes.items()}}
    return body(params={"name": "echo", "_meta": {name: value for name, value in found.items() if value is not None}})


async def post(hall: Hall, message: Any, **headers: str | None) -> Reply:
    sent = {**RIGHT, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = message if isinstance(message, bytes) else dumped(message)
    given = {name: value for name, value in sent.items() if value is not None}
    return await send("POST", hall.endpoint("modern"), given, raw)


@pytest.fixture(autouse=True)
def _nothing_seen(far: FarSide) -> None:
    far.control("modern", "clear")


def unseen(far: FarSide) -> bool:
    return not [one for one in far.control("modern")["seen"] if one["message"]["method"] == "tools/call"]


async def test_right_headers_in_any_case_and_with_blanks_are_right(hall: Hall) -> None:
    """Checklist 1, 6: clientInfo is not required."""
    odd = {"mcp-protocol-VERSION": f"  {MODERN}\t", "MCP-METHOD": "tools/call ", "mcp-name": " echo"}
    plain = await post(hall, body())
    blank = await send("POST", hall.endpoint("modern"), {"Accept": BOTH, **odd}, dumped(body()))
    anonymous = await post(hall, meta(clientInfo=None))

    assert (plain.status, blank.status, anonymous.status) == (200, 200, 200)
    assert plain.headers["content-type"] == "application/json"


WRONG: list[tuple[Any, dict[str, str | None], int, int]] = [
    (body(), {"Mcp_Method": None}, 400, -32020),
    (body(), {"Mcp_Method": "tools/list"}, 400, -32020),
    (body(), {"Mcp_Method": "Tools/Call"}, 400, -32020),
    (body(), {"Mcp_Name": None}, 400, -32020),
    (body(), {"Mcp_Name": "Echo"}, 400, -32020),
    (body(), {"Mcp_Name": "=?BASE64?ZWNobw==?="}, 400, -32020),
    (body(), {"Mcp_Name": "=?base64?ZWNobw?="}, 400, -32020),
    (body(), {"Mcp_Name": "=?base64?*?="}, 400, -32020),
    (body(), {"Mcp_Name": "=?base64?/w==?="}, 400, -32020),
    (body(), {"MCP_Protocol_Version": None}, 400, -32020),
    (body(), {"MCP_Protocol_Version": "2025-11-25"}, 400, -32020),
    (body(), {"MCP_Protocol_Version": "1900-01-01"}, 400, -32020),
    (meta(protocolVersion="1900-01-01"), {}, 400, -32020),
    (meta(protocolVersion="1900-01-01"), {"MCP_Protocol_Version": "1900-01-01"}, 400, -32022),
    (meta(protocolVersion=None), {}, 400, -32602),
    (meta(clientCapabilities=None), {}, 400, -32602),
    (meta(clientCapabilities=[]), {}, 400, -32602),
    (body(params={"name": "echo"}), {}, 400, -32602),
    (body(params={"name": 7, "_meta": modern_meta({})}), {}, 400, -32602),
    (body(params=[]), {}, 400, -32602),
    (body(id=None), {}, 400, -32600),
    (body(id=1.5), {}, 400, -32600),
    (body(id=True), {}, 400, -32600),
    (body(jsonrpc="1.0"), {}, 400, -32600),
    ([body()], {}, 400, -32600),
    ({"jsonrpc": "2.0", "id": 7, "result": {}}, {}, 400, -32600),
    (b'{"jsonrpc":"2.0","id":7,"id":8,"method":"tools/call"}', {}, 400, -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":NaN}}', {}, 400, -32700),
    (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":' + b"[" * 500 + b"]" * 500 + b"}", {}, 400, -32700),
    (b'{"jsonrpc":"2.0","id":7,"method":"\xff"}', {}, 400, -32700),
    (body(method="no/such"), {"Mcp_Method": "no/such"}, 404, -32601),
    (body(method="ping", params={"_meta": modern_meta({})}), {"Mcp_Method": "ping"}, 404, -32601),
]


@pytest.mark.parametrize(("message", "headers", "status", "code"), WRONG)
async def test_each_wrong_step_has_its_answer(
    far: FarSide, hall: Hall, message: Any, headers: dict[str, str | None], status: int, code: int
) -> None:
    """Checklist 2 to 9."""
    reply = await post(hall, message, **headers)
    error = parsed(reply.body)

    assert (reply.status, error["error"]["code"]) == (status, code)
    if isinstance(message, dict) and message["id"] == 7:
        assert error["id"] == 7
    if code == -32022:
        assert error["error"]["data"] == {
            "supported": [MODERN, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
            "requested": "1900-01-01",
        }
    assert unseen(far)


@pytest.mark.parametrize("name", ["Mcp-Name", "Mcp-Method", "MCP-Protocol-Version"])
async def test_a_routing_header_that_comes_twice_is_refused(far: FarSide, hall: Hall, name: str) -> None:
    """Checklist 7: equal or not."""
    for value in (RIGHT[name], "other"):
        reply = await send(
            "POST", hall.endpoint("modern"), {**RIGHT, name: f"{RIGHT[name]}\r\n{name}: {value}"}, dumped(body())
        )
        assert reply.status == 400
    assert unseen(far)


@pytest.mark.parametrize("uri", ["far://smörgås/bord", "far://plain", "https://far.example/page?a=1&b=%20"])
async def test_names_that_no_header_can_hold_come_encoded(hall: Hall, opened: Opened, uri: str) -> None:
    """Checklist 4: in and out; the far side checks the header it gets."""
    client = await opened(ModernHttp(hall.endpoint("modern")))

    assert (await client.call("resources/read", {"uri": uri})).result["contents"] == json.loads(
        json.dumps(offers.CONTENTS[uri]), parse_float=parsed
    )


async def test_what_belongs_to_sessions_is_ignored_on_a_modern_request(hall: Hall) -> None:
    """Checklist 10: and never echoed."""
    reply = await post(hall, body(), Mcp_Session_Id="not-one-of-ours", Last_Event_ID="1-1")

    assert reply.status == 200
    assert "mcp-session-id" not in reply.headers
    assert (await send("DELETE", hall.endpoint("modern"))).status in (400, 405)
    assert (
        await send("GET", hall.endpoint("modern"), {"Accept": "text/event-stream", "MCP-Protocol-Version": MODERN})
    ).status == 405


async def test_strangers_from_the_web_are_turned_away(far: FarSide, hall: Hall) -> None:
    """Checklist 11."""
    assert (await post(hall, body(), Origin="https://evil.example")).status == 403
    assert (await post(hall, body(), Origin="null")).status == 403
    port = hall.url.rpartition(":")[2]
    rebound = await post(hall, body(), Host=f"evil.example:{port}")
    assert rebound.status in (400, 403, 421)
    assert unseen(far)


async def test_notifications_are_accepted_and_nothing_comes_of_them(hall: Hall) -> None:
    """Checklist 15."""
    notification = {"jsonrpc": "2.0", "method": "notifications/anything", "params": {"_meta": modern_meta({})}}
    accepted = await post(hall, notification, Mcp_Method=None, Mcp_Name=None)
    matching = await post(hall, notification, Mcp_Method="notifications/anything", Mcp_Name=None)
    wrong = await post(hall, notification, Mcp_Method="other", Mcp_Name=None)

    assert (accepted.status, accepted.body) == (202, b"")
    assert matching.status == 202
    assert wrong.status == 400


async def test_a_call_that_takes_long_becomes_a_stream(far: FarSide, hall: Hall, opened: Opened) -> None:
    """Checklist 17: by the timer, without any progress token; the answer closes it."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    flight = await client.start_tool("slow", {"key": "long"})
    await flight.until_streamed()
    far.control("modern", "open", key="long")

    assert (await flight.answer()).text == "slept long"
    assert flight.headers["x-accel-buffering"] == "no"
    assert flight.headers["content-type"].startswith("text/event-stream")
