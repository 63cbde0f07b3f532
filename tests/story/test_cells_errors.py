"""Row R15 of the matrix: what a server's errors become for clients of each era."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import far_offers as offers
import pytest
from story_cells import BACKS, FRONTS, Far, Fronts
from story_clients import ASKABLE, Client, LegacyHttp, ModernHttp
from story_hall import FarSide, Hall, config_for, servers

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
OVER_HTTP = [back for back in BACKS if back not in ("pipe", "oldpipe", "old")]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_a_missing_resource_has_the_code_of_the_clients_revision(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """R15, line 1: -32602 with the URI for modern clients, -32002 for older ones, whatever the server said."""
    client = await opened(fronts.client(front, back))
    flight = await client.call("resources/read", {"uri": "far://missing"})
    by_text = await client.call("resources/read", {"uri": "far://missing-by-text"})

    assert flight.status == 200
    assert flight.error["code"] == (-32602 if front == "modern" else -32002)
    assert flight.error["data"] == {"uri": "far://missing", "x-far": offers.HUGE}
    assert by_text.error["message"] == "Resource not found"
    if front == "modern":
        assert by_text.error["code"] == -32602
        assert by_text.error["data"] == {"uri": "far://missing-by-text", "internal": "kept"}


async def test_a_missing_resource_is_named_as_this_endpoint_names_it(fronts: Fronts, opened: Opened) -> None:
    """R15, R16."""
    for front in ("modern", "2025-11-25"):
        for back in BACKS:
            client = await opened(fronts.client(front, ""))
            error = (await client.call("resources/read", {"uri": f"gw+{back}:far://missing"})).error
            assert error["data"]["uri"] == f"gw+{back}:far://missing"


# code of the server -> (code for a modern client, code for an older one)
CODES = {
    -32602: (-32602, -32602),
    -32603: (-32603, -32603),
    -32601: (-32601, -32601),
    -32002: (-32603, -32002),
    -32001: (-32603, -32001),
    -32042: (-32603, -32603),
    -32050: (-32603, -32603),
    -32099: (-32603, -32603),
    -32100: (-32100, -32100),
    -31000: (-31000, -31000),
    7: (7, 7),
    2**40: (2**40, 2**40),
}


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_reserved_codes_never_reach_a_modern_client(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """R15, lines 2 to 8; S-RPC-07."""
    client = await opened(fronts.client(front, back))
    for code, (modern, older) in CODES.items():
        flight = await client.tool("fail", {"code": code, "message": f"said {code}", "data": {"a": offers.HUGE}})
        wanted = modern if front == "modern" else older
        assert flight.status == 200
        assert flight.error["code"] == wanted, code
        assert flight.error["message"] == f"said {code}"
        if wanted == code:
            assert flight.error["data"] == {"a": offers.HUGE}


@pytest.mark.parametrize("back", ["modern", "pipe"])
async def test_a_missing_capability_is_said_to_who_lacks_it(fronts: Fronts, opened: Opened, back: str) -> None:
    """R15, line 6; R3."""
    needed = {"requiredCapabilities": {"sampling": {}}}
    modern = await opened(fronts.client("modern", back))
    older = await opened(fronts.client("2025-11-25", back))
    said = await modern.tool("fail", {"code": -32021, "message": "needs sampling", "data": needed})
    told = await older.tool("fail", {"code": -32021, "message": "needs sampling", "data": needed})

    assert (said.status, said.error["code"], said.error["data"]) == (400, -32021, needed)
    assert (told.status, told.error["code"]) == (200, -32602)
    assert "needs sampling" in told.error["message"]


@pytest.mark.parametrize("back", ["modern", "june", "november"])
@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
async def test_a_servers_http_status_is_never_ours(
    fronts: Fronts, opened: Opened, front: str, back: str, status: int
) -> None:
    """R15, lines 9 to 11: and nothing of its body is shown."""
    client = await opened(fronts.client(front, back))
    flight = await client.tool(
        "status", {"status": status, "headers": {"Retry-After": "7", "WWW-Authenticate": "Bearer x"}}
    )

    assert flight.status == 200
    assert flight.error["code"] == -32603
    assert "secret" not in json.dumps(flight.error, default=str)
    assert "www-authenticate" not in flight.headers
    if status in (429, 503):
        assert flight.error["data"]["retryAfterMs"] == 7_000
    assert (await client.tool("echo")).result["content"]


@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_a_server_that_dies_in_a_call_leaves_its_outcome_unknown(
    far: FarSide, opened: Opened, tmp_path: Path, front: str
) -> None:
    """R15, last line; checklist 64: said explicitly; the next call finds it started again."""
    hall = await asyncio.to_thread(
        Hall, tmp_path, config_for(tmp_path, servers(far, tmp_path / "children", (), ("pipe", "oldpipe")))
    )
    try:
        for back in ("pipe", "oldpipe"):
            client = await opened(Fronts(hall, tmp_path).client(front, back))
            flight = await client.start_tool("slow", {"key": "dies"})
            async with asyncio.timeout(5):
                while "dies" not in (await asyncio.to_thread(hall.children.control, back)).get("started", []):
                    await asyncio.sleep(0.02)
            for pid in hall.children.pids(back):
                _kill(pid)
            error = (await flight.answer()).error
            assert error["code"] == -32603
            assert error["data"]["outcome"] == "unknown"
            assert "check before repeating" in error["message"]
            assert (await client.tool("echo", {"a": 1})).text == '{"arguments": {"a": 1}, "name": "echo"}'
    finally:
        await asyncio.to_thread(hall.end)


def _kill(pid: int) -> None:
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("back", ["november", "oldpipe", "old"])
async def test_a_url_to_be_opened_first_reaches_the_clients_that_know_of_it(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, back: str
) -> None:
    """R15, line 4 and L-SRV-01: 2025-11-25 with the mode url; and the word that it was done."""
    data = {"elicitations": [{"mode": "url", "elicitationId": "e-1", "url": "https://far.example/", "message": "m"}]}
    arguments = {"code": -32042, "message": "open it first", "data": data}
    client = await opened(fronts.client("2025-11-25", back), ASKABLE)
    assert isinstance(client, LegacyHttp)
    await client.stream()
    error = (await client.tool("fail", arguments)).error
    done = {"elicitationId": "e-1"}
    await Far(far, hall, back).control("tell", method="notifications/elicitation/complete", params=done)
    await client.until(lambda: client.news)
    older = await opened(fronts.client("2025-06-18", back), ASKABLE)

    assert error == {"code": -32042, "message": "open it first", "data": data}
    assert (client.news[0]["method"], client.news[0]["params"]) == ("notifications/elicitation/complete", done)
    assert (await older.tool("fail", arguments)).error["code"] == -32603


OPEN_FIRST = {
    "code": -32042,
    "message": "open it first",
    "data": {
        "elicitations": [
            {"mode": "url", "elicitationId": "e-1", "url": "https://far.example/", "message": "m", "x-far": offers.HUGE}
        ]
    },
}


@pytest.mark.parametrize(
    ("front", "back"),
    [*((("modern", back)) for back in ("march", "november", "loose", "oldpipe", "old")), ("stdio-modern", "november")],
)
async def test_a_url_to_be_opened_first_is_a_question_to_a_modern_client(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """R15, line 4, checklist 42: input_required with the URL; the retry is a new call, without what we added."""
    client, there = await opened(fronts.client(front, back), {"elicitation": {"url": {}}}), Far(far, hall, back)
    await there.control("clear")
    result = (await client.tool("fail", OPEN_FIRST)).result
    asked = {"method": "elicitation/create"}
    asked |= {"params": {"mode": "url", "url": "https://far.example/", "message": "m", "x-far": offers.HUGE}}
    retry = {"name": "fail", "arguments": OPEN_FIRST, "requestState": result["requestState"]}
    again = (await client.call("tools/call", {**retry, "inputResponses": {"gw.url.0": {"action": "accept"}}})).result
    calls = await there.seen("tools/call")
    no = {**retry, "inputResponses": {"gw.url.0": {"action": "decline"}}}
    declined = (await client.call("tools/call", no)).result
    other = {**retry, "arguments": {**OPEN_FIRST, "message": "another"}}

    assert result["resultType"] == again["resultType"] == "input_required"
    assert list(result["inputRequests"].values()) == [asked]
    assert [set(one["params"]) - {"_meta"} for one in calls] == [{"name", "arguments"}] * 2
    assert declined["isError"] is True
    assert "declined" in declined["content"][0]["text"]
    assert (await client.call("tools/call", other)).error["code"] == -32602
    assert len(await there.seen("tools/call")) == 2


@pytest.mark.parametrize("back", ["november", "oldpipe", "old"])
async def test_a_url_to_be_opened_first_is_told_to_a_modern_client_that_cannot(
    hall: Hall, opened: Opened, back: str
) -> None:
    """R3, R15: it hears which capability it lacks. An error that names no URL is one like any other."""
    client = await opened(ModernHttp(hall.endpoint(back)), {"elicitation": {"form": {}}})
    flight = await client.tool("fail", OPEN_FIRST)
    able = await opened(ModernHttp(hall.endpoint(back)), ASKABLE)
    empty = await able.tool("fail", {**OPEN_FIRST, "data": {"elicitations": []}})

    assert (flight.status, flight.error["code"]) == (400, -32021)
    assert flight.error["data"]["requiredCapabilities"] == {"elicitation": {"url": {}}}
    assert flight.error["data"]["dev.narthex/data"] == OPEN_FIRST["data"]
    assert empty.error["code"] == -32603


async def test_a_changed_annotation_is_learned_and_the_call_repeated_once(
    far: FarSide, hall: Hall, opened: Opened
) -> None:
    """R15, line 5: the server misses a header; we look at its schemas again, then repeat, then say so."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    far.control("modern", "clear")
    error = (await client.tool("fail", {"code": -32020, "message": "a header is missing"})).error
    methods = [one["message"]["method"] for one in far.control("modern")["seen"]]

    assert error["code"] == -32603
    assert methods.count("tools/call") == 2
    assert methods.count("tools/list") == 1
