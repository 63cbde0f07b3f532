"""Rows R8 to R10 and R18 of the matrix: what happens while a call is under way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import far_offers as offers
import pytest
from far_brain import LEVELS
from story_cells import BACKS, FRONTS, STDIO_FRONTS, Far, Fronts
from story_clients import ASKABLE, META, Client, ModernHttp
from story_hall import FarSide, Hall

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
EVERY_FRONT = (*FRONTS, *STDIO_FRONTS)


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_a_client_that_gives_up_is_heard_at_the_far_side(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 18, 19: in the way of each era, within a second."""
    client, there, key = await opened(fronts.client(front, back)), Far(far, hall, back), f"given up by {front}"
    flight = await client.start_tool("slow", {"key": key})
    await there.until(lambda state: key in state["started"])
    await flight.leave()
    await there.until(lambda state: key in state["cancelled"], 1.0)

    assert (await client.tool("echo")).result["content"]
    assert key not in (await there.control())["finished"]


@pytest.mark.parametrize("back", ["modern", "november", "oldpipe"])
async def test_a_client_that_leaves_a_started_stream_is_heard_too(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """Checklist 17, 18: the answer has become a stream, by the timer."""
    client, there, key = await opened(ModernHttp(hall.endpoint(back))), Far(far, hall, back), "left a stream"
    flight = await client.start_tool("progress", {"steps": 2, "key": key}, token=1)
    await flight.until(lambda: flight.heard)
    assert flight.streamed
    await flight.leave()
    await there.control("open", key=key)

    assert (await client.tool("echo")).status == 200


@pytest.mark.parametrize("front", ["2025-03-26", "2025-06-18", "2025-11-25"])
@pytest.mark.parametrize("back", ["modern", "november", "pipe", "oldpipe"])
async def test_a_lost_connection_of_an_older_client_cancels_nothing(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 55: leaving is not cancelling; the answer waits."""
    client, there, key = await opened(fronts.client(front, back)), Far(far, hall, back), f"lost by {front}"
    flight = await client.start_tool("slow", {"key": key})
    await there.until(lambda state: key in state["started"])
    assert flight.task is not None
    flight.task.cancel()
    await asyncio.gather(flight.task, return_exceptions=True)
    await client.call("ping")
    await there.control("open", key=key)
    state = await there.until(lambda state: key in state["finished"])

    assert key not in state["cancelled"]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_two_clients_with_one_progress_token_hear_only_their_own(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 21: both use the token 1, at the same time, on the same server."""
    there = Far(far, hall, back)
    keys = [f"{front} {name}" for name in "ab"]
    clients = [await opened(fronts.client(front, back)) for _ in keys]
    flights = [
        await client.start_tool("progress", {"steps": 3, "key": key}, token=1, id=77)
        for client, key in zip(clients, keys, strict=True)
    ]
    await there.until(lambda state: set(keys) <= set(state["started"]))
    for key in reversed(keys):
        await there.control("open", key=key)
    for flight, key in zip(flights, keys, strict=True):
        await flight.answer()

        assert [(one["params"]["message"], one["params"]["progressToken"]) for one in flight.heard] == [(key, 1)] * 3
        assert [one["params"]["progress"] for one in flight.heard] == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("back", ["modern", "june", "pipe", "old"])
async def test_progress_that_does_not_rise_is_dropped_and_a_flood_keeps_its_last_word(
    hall: Hall, opened: Opened, back: str
) -> None:
    """Checklist 21, 22."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    fallen = await client.tool("progress", {"values": [1, 3, 3, 2, 4.5]}, token="t")
    flood = await client.tool("progress", {"values": list(range(1, 2_001))}, token="t")
    silent = await client.tool("progress", {"steps": 3})

    assert [one["params"]["progress"] for one in fallen.heard] == [1, 3, 4.5]
    assert len(flood.heard) < 500
    assert flood.heard[-1]["params"]["progress"] == 2_000
    assert silent.heard == []


@pytest.mark.parametrize("back", BACKS)
async def test_a_modern_client_hears_log_lines_from_the_level_it_names(hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 24."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    silent = await client.tool("log")
    loud = await client.tool("log", level="warning")
    louder = await client.tool("log", level="debug")
    wrong = await client.tool("log", level="loud")

    assert silent.heard == []
    assert [one["params"]["level"] for one in loud.heard] == list(LEVELS[3:])
    assert [one["params"]["level"] for one in louder.heard] == list(LEVELS)
    assert louder.heard[0]["params"]["data"] == {"huge": offers.HUGE, "odd": offers.ODD}
    assert (wrong.status, wrong.error["code"]) == (400, -32602)


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", ["2025-06-18", "2025-11-25", "sse"])
async def test_an_older_client_sets_its_level_without_changing_anothers(
    fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 57."""
    quiet, loud = await opened(fronts.client(front, back)), await opened(fronts.client(front, back))
    assert (await quiet.call("logging/setLevel", {"level": "error"})).result == {}
    assert (await loud.call("logging/setLevel", {"level": "debug"})).result == {}
    assert (await loud.call("logging/setLevel", {"level": "loud"})).error["code"] == -32602
    for _ in range(2):
        assert [one["params"]["level"] for one in (await loud.tool("log")).heard] == list(LEVELS)
        assert [one["params"]["level"] for one in (await quiet.tool("log")).heard] == list(LEVELS[4:])


@pytest.mark.parametrize("back", ["modern", "pipe", "november", "oldpipe", "old"])
@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_a_log_line_says_which_of_many_servers_it_is_from(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """R9: `logger` begins with the server's name; where there is only one it stays as it came, like all names."""
    level = {"level": "error"} if front == "modern" else {}
    among_many, alone = await opened(fronts.client(front, ""), ASKABLE), await opened(fronts.client(front, back))
    heard = (await among_many.tool(f"{back}__log", **level)).heard
    unmarked = (await alone.tool("log", **level)).heard

    assert {one["params"]["logger"] for one in heard} == {f"{back}/far"}
    assert {one["params"]["logger"] for one in unmarked} == {"far"}
    if front == "sse" and back in ("november", "oldpipe"):  # a session with a conversation of its own
        params = {"level": "error", "data": "to the owner"}
        await Far(far, hall, back).control("tell", method="notifications/message", params=params)
        await among_many.until(lambda: among_many.news)
        assert {"level": "error", "data": "to the owner", "logger": back} in [one["params"] for one in among_many.news]


@pytest.mark.parametrize("back", BACKS)
async def test_a_log_line_of_nobodys_call_reaches_no_modern_client(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """R9: it may belong to somebody else; the operator sees it."""
    client, there = await opened(ModernHttp(hall.endpoint(back))), Far(far, hall, back)
    listening = await client.listen(toolsListChanged=True)
    await there.control("tell", method="notifications/message", params={"level": "error", "data": f"to nobody {back}"})
    await there.control("tell", method="notifications/tools/list_changed")
    await listening.until(lambda: len(listening.heard) > 1)
    await listening.leave()

    assert "notifications/message" not in listening.methods()


MIRRORED: list[tuple[Tree, dict[str, str | None], int]] = [
    ({"region": "eu", "size": 42, "dry": True}, {"Region": "eu", "Size": "42", "Dry-Run": "true"}, 200),
    ({"region": "eu", "size": 42.0}, {"Region": "eu", "Size": "42"}, 200),
    ({"region": "eu", "size": 42}, {"Region": "eu", "Size": "42.0"}, 200),
    ({"where": {"city": "Köln"}}, {"City": "=?base64?S8O2bG4=?="}, 200),
    ({"region": ""}, {"Region": ""}, 200),
    ({"region": None}, {}, 200),
    ({}, {"Unknown": "ignored"}, 200),
    ({"region": "eu"}, {}, 400),
    ({"region": "eu"}, {"Region": "EU"}, 400),
    ({"region": "eu"}, {"Region": "=?base64?!!?="}, 400),
    ({"dry": True}, {"Dry-Run": "True"}, 400),
    ({"size": 2**53}, {"Size": str(2**53 + 1)}, 400),
    ({"where": {"city": "Köln"}}, {"City": "K=?base64?S8O2bG4=?="}, 400),
]


@pytest.mark.parametrize("back", BACKS)
async def test_mirrored_arguments_are_checked_here_and_derived_anew(hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 12, 72: the far side checks what it gets as strictly as we do."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    for arguments, given, status in MIRRORED:
        headers = {f"Mcp-Param-{name}": value for name, value in given.items()}
        flight = await client.tool("region", arguments, headers=headers)

        assert flight.status == status, (arguments, flight.message)
        if status == 400:
            assert flight.error["code"] == -32020
        else:
            assert flight.result["content"][0]["type"] == "text"
    raw = await client.tool("region", {"where": {"city": "Köln"}}, headers={"Mcp-Param-City": "Köln"})
    assert raw.status == 400  # no header may hold such bytes: refused before anybody reads the body


@pytest.mark.parametrize("front", EVERY_FRONT[1:])
async def test_clients_without_headers_get_theirs_made_for_them(fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 72; R18, cell D."""
    client = await opened(fronts.client(front, "modern"))
    for arguments in ({"region": "a b ", "size": -1, "dry": False}, {"where": {"city": "Köln\n"}}, {}):
        assert '"content"' not in (await client.tool("region", arguments)).text


async def test_nothing_of_a_client_but_the_call_reaches_the_far_side(far: FarSide, hall: Hall, opened: Opened) -> None:
    """Checklist 82, G-03, R17: headers, client info and our own prefix end here; trace and vendor keys go on."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    vendor = {"org.example/key": 1, "dev.narthex/forged": 1, "traceparent": offers.META["traceparent"]}
    mark = "unmistakable"
    headers: dict[str, str | None] = {"Authorization": "Bearer canary", "Cookie": "c=canary", "X-Canary": "canary"}
    await client.call(
        "tools/call", {"name": "echo", "arguments": {"mark": mark}, "_meta": vendor}, headers=headers, id="their-id"
    )
    (seen,) = [one for one in far.control("modern")["seen"] if mark in str(one)]
    meta = seen["message"]["params"]["_meta"]

    assert "canary" not in str(seen["headers"])
    assert seen["message"]["id"] != "their-id"
    assert meta[META + "clientInfo"]["name"] == "narthex"
    assert {key for key in meta if not key.startswith(META)} == {"org.example/key", "traceparent"}


@pytest.mark.parametrize("back", ["modern", "november", "oldpipe"])
async def test_a_thousand_cancellations_at_any_moment_leave_nothing_behind(
    hall: Hall, opened: Opened, back: str
) -> None:
    """Checklist 20, in small."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    for round_ in range(30):
        flights = [await client.start_tool("echo", {"n": number}) for number in range(8)]
        for number, flight in enumerate(flights):
            for _ in range((round_ + number) % 7):
                await asyncio.sleep(0)
            await flight.leave()

    assert (await client.tool("echo", {"n": "last"})).result["structuredContent"]["arguments"] == {"n": "last"}
