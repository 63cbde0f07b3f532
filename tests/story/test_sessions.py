"""Sessions of older revisions on both faces: what ends them, what brings them back, what may be said in them."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from story_cells import Far, Fronts
from story_clients import ASKABLE, BOTH, Client, LegacyHttp, ModernHttp, dumped, notification, parsed
from story_hall import FarSide, Hall, config_for, servers
from story_http import send

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")


def calling(request_id: Any, name: str = "echo", **arguments: Any) -> Tree:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


async def session(hall: Hall, endpoint: str, revision: str = "2025-11-25", caps: Tree | None = None) -> LegacyHttp:
    client = LegacyHttp(hall.endpoint(endpoint), revision)
    await client.open(caps)
    return client


# ---- the face of the gateway


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_session_that_was_deleted_is_over(hall: Hall, revision: str) -> None:
    """Checklist 50."""
    client = await session(hall, "november", revision)
    assert (await client.tool("echo")).status == 200
    assert await client.delete() == 200

    for _ in range(2):
        assert (await client.post(calling(9))).status == 404
        assert await client.delete() == 404
    assert (await send("GET", client.url, {**client.headers, "Accept": "text/event-stream"})).status == 404


async def test_a_session_belongs_to_its_endpoint_and_its_token_cannot_be_made(hall: Hall) -> None:
    """Checklist 50."""
    client = await session(hall, "november")
    token = client.session or ""
    assert (await send("POST", hall.endpoint("june"), client.headers, dumped(calling(1)))).status == 404
    for place in (0, len(token) // 2, len(token) - 2):
        client.session = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert (await client.post(calling(1))).status == 404
    for other in (token + "A", token[:-1], "x" * 500):
        client.session = other
        assert (await client.post(calling(1))).status == 404
    client.session = token
    assert (await client.post(calling(1))).status == 200
    await client.close()


async def test_the_version_header_must_name_an_older_revision(hall: Hall, opened: Opened) -> None:
    """Checklist 53: absent is assumed, nonsense is refused."""
    client = LegacyHttp(hall.endpoint("november"), "2025-11-25")
    await opened(client)
    own = {"Mcp-Session-Id": client.session or "", "Accept": BOTH}
    assert (await send("POST", client.url, own, dumped(calling(1)))).status == 200
    for wrong in ("1999-01-01", "", "2026-07-28"):
        reply = await send("POST", client.url, {**own, "MCP-Protocol-Version": wrong}, dumped(calling(1)))
        assert reply.status == 400


async def test_batches_are_known_to_one_revision_only(hall: Hall, opened: Opened) -> None:
    """Checklist 52."""
    old, young = (
        LegacyHttp(hall.endpoint("november"), "2025-03-26"),
        LegacyHttp(hall.endpoint("november"), "2025-06-18"),
    )
    await opened(old)
    await opened(young)
    batch = [calling(1, a=1), notification("notifications/roots/list_changed", None), calling("2", a=2)]
    answered = await old.post(batch)
    said = {one["id"]: one["result"]["content"] for one in parsed(answered.body)}
    alone = parsed((await old.post([calling(7)])).body)
    silent = await old.post([notification("notifications/initialized", None)])
    greeting = {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {"protocolVersion": "2025-03-26"}}

    assert set(said) == {1, "2"}
    assert [one["id"] for one in alone] == [7]
    assert silent.status == 202
    for refused in ([], [calling(1), greeting], [[calling(1)]], [calling(1)] * 51, [calling(1), 7]):
        assert (await old.post(refused)).status == 400
    assert (await young.post([calling(1)])).status == 400
    assert (await send("POST", hall.endpoint("november"), {"Accept": BOTH}, dumped([calling(1)]))).status == 400


async def test_an_id_in_flight_may_not_be_used_again(far: FarSide, hall: Hall, opened: Opened) -> None:
    """T-10: the answer could not be told apart."""
    client, there = LegacyHttp(hall.endpoint("november"), "2025-11-25"), Far(far, hall, "november")
    await opened(client)
    flight = await client.start_tool("slow", {"key": "same id"}, id=5)
    await there.until(lambda state: "same id" in state["started"])
    again = await client.post(calling(5))
    await there.control("open", key="same id")

    assert again.status == 400
    assert (await flight.answer()).text == "slept same id"
    assert (await client.post(calling(5))).status == 200


@pytest.mark.parametrize("back", ["modern", "november", "oldpipe"])
async def test_a_broken_answer_is_taken_up_again_once_and_in_order(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """Checklist 55: by Last-Event-ID, only this stream, nothing twice."""
    client, there, key = LegacyHttp(hall.endpoint(back), "2025-11-25"), Far(far, hall, back), "resumed"
    await opened(client)
    params = {"name": "progress", "arguments": {"steps": 4, "key": key}, "_meta": {"progressToken": "t"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    reply = await send("POST", client.url, client.headers, dumped(message))
    assert reply.streamed
    events = reply.events()
    first = await anext(events)
    await reply.close()
    await there.control("open", key=key)
    await there.until(lambda state: key in state["started"])
    heard = [parsed(first.data)]
    again = await send("GET", client.url, {**client.headers, "Last-Event-ID": reply.last_event_id or ""})
    async with asyncio.timeout(5):
        heard += [parsed(event.data) async for event in again.events()]
    await again.close()

    assert [one["params"]["progress"] for one in heard[:-1]] == [0.5, 1.5, 2.5, 3.5]
    assert heard[-1]["result"]["content"][0]["text"] == f"done {key}"


async def test_the_events_of_a_session_are_nobody_elses(hall: Hall, opened: Opened) -> None:
    """Checklist 55: an event id of another session finds nothing; whatever it says, nothing is replayed."""
    mine, other = (LegacyHttp(hall.endpoint("november"), "2025-11-25") for _ in range(2))
    await opened(mine)
    await opened(other)
    reply = await send(
        "POST",
        mine.url,
        {**mine.headers, "Accept": "text/event-stream, application/json"},
        dumped(calling(1, secret=1)),
    )
    assert reply.streamed
    told = [event async for event in reply.events()]
    await reply.close()
    assert "secret" in told[-1].data
    for last in (told[-1].id or "", "1-0", "0-0", "999-0", "x", "-1--1"):
        stream = await send("GET", other.url, {**other.headers, "Last-Event-ID": last})
        assert stream.status in (200, 400, 404)
        await stream.close()
    again = await send("GET", mine.url, {**mine.headers, "Last-Event-ID": "1-0"})
    assert [json.loads(event.data)["id"] async for event in again.events()] == [1]
    await again.close()


async def test_a_deleted_session_takes_its_calls_with_it(far: FarSide, hall: Hall) -> None:
    """R10, cell D and E: the end of the session is the end of its requests."""
    for back in ("modern", "november", "oldpipe"):
        client, there, key = await session(hall, back), Far(far, hall, back), f"deleted on {back}"
        flight = await client.start_tool("slow", {"key": key})
        await there.until(lambda state, key=key: key in state["started"])
        await client.delete()
        await there.until(lambda state, key=key: key in state["cancelled"], 2.0)
        await flight.answer()
        client.session = None
        await client.close()


@pytest.mark.parametrize("back", ["june", "november"])
async def test_a_server_hears_that_calls_are_cancelled_before_its_session_is_deleted(
    far: FarSide, hall: Hall, back: str
) -> None:
    """Each of these messages has a connection of its own, and may overtake the others."""
    client, there = await session(hall, back), Far(far, hall, back)
    await client.tool("echo")
    flights = [await client.start_tool("slow", {"key": f"{back} {number}"}) for number in range(20)]
    await there.until(lambda state: {f"{back} {number}" for number in range(20)} <= set(state["started"]))
    await there.control("clear")
    assert await client.delete() == 200
    state = await there.until(lambda state: _methods(state).count("(DELETE)"))
    for flight in flights:
        await flight.answer()
    client.session = None
    await client.close()

    assert _methods(state) == ["notifications/cancelled"] * 20 + ["(DELETE)"]


async def test_a_server_of_the_old_transport_hears_that_calls_are_cancelled(far: FarSide, hall: Hall) -> None:
    """Before the stream closes, which ends the session."""
    client, there = await session(hall, "old", caps=ASKABLE), Far(far, hall, "old")
    await client.tool("echo")
    flights = [await client.start_tool("slow", {"key": f"old {number}"}) for number in range(20)]
    await there.until(lambda state: {f"old {number}" for number in range(20)} <= set(state["started"]))
    await there.control("clear")
    assert await client.delete() == 200
    await there.until(lambda state: _methods(state).count("notifications/cancelled") == 20)
    for flight in flights:
        await flight.answer()
    client.session = None
    await client.close()


def _methods(state: Tree) -> list[str]:
    return [one["message"]["method"] for one in state["seen"] if "method" in one["message"]]


async def test_the_one_stream_of_the_old_transport_takes_its_session_with_it(
    far: FarSide, hall: Hall, fronts: Fronts
) -> None:
    """Checklist 59."""
    client, there = await fronts.client("sse", "modern").open(), Far(far, hall, "modern")
    await client.start_tool("slow", {"key": "stream over"})
    await there.until(lambda state: "stream over" in state["started"])
    await client.close()
    await there.until(lambda state: "stream over" in state["cancelled"], 2.0)
    reply = await send("POST", client.target, {}, dumped(calling(1)))  # type: ignore[attr-defined]

    assert reply.status == 404


# ---- the face towards servers


@pytest.mark.parametrize("back", ["march", "june", "november", "asker", "oldpipe", "old"])
async def test_a_conversation_of_ones_own_ends_with_its_session(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """H3: the upstream session is deleted, its process ends, its stream is closed."""
    there = Far(far, hall, back)
    await (await opened(ModernHttp(hall.endpoint(back)))).call("tools/list")
    before = await there.control()
    client = await session(hall, back, caps=ASKABLE)
    await client.tool("echo")
    during = await there.control()
    assert await client.delete() == 200
    if back == "oldpipe":
        await _until(lambda: len(hall.children.pids(back)) == 1)
    elif back == "old":
        assert during["channels"] == before["channels"] + 1
        await there.until(lambda state: state["channels"] == before["channels"])
    else:
        assert during["sessions"] == before["sessions"] + 1
        await there.until(lambda state: state["deleted"] == before["deleted"] + 1)
    await client.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(8):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("back", ["march", "june"])
async def test_a_forgotten_session_is_opened_again_once(far: FarSide, hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 60: the server answers 404 to twenty calls at once; one new session serves them all."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    await client.tool("echo")
    before = far.control(back)["initialized"]
    far.control(back, "forget")
    calls = await asyncio.gather(*(client.tool("echo", {"n": number}) for number in range(20)))

    assert [call.result["structuredContent"]["arguments"]["n"] for call in calls] == list(range(20))
    assert far.control(back)["initialized"] == before + 1


async def test_a_server_may_free_the_connection_and_is_asked_for_the_rest(hall: Hall, opened: Opened) -> None:
    """2025-11-25: the server closes the stream after a priming event; so do we towards a client that can come back."""
    for client in (ModernHttp(hall.endpoint("november")), LegacyHttp(hall.endpoint("november"), "2025-11-25")):
        await opened(client)
        assert (await client.tool("part")).text == "after parting"


@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_a_server_that_changes_its_era_is_followed(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str
) -> None:
    """Checklist 63: upgraded at run time, and taken back, on the same URL."""
    client = await opened(fronts.client(front, "turncoat"))
    far.control("turncoat", "turn", era="legacy")
    for era in ("legacy", "modern", "legacy", "modern", "legacy"):
        far.control("turncoat", "turn", era=era)
        far.control("turncoat", "clear")
        for number in range(2):
            said = (await client.tool("echo", {"n": number})).text
            assert json.loads(said)["arguments"] == {"n": number}
        methods = {one["message"]["method"] for one in far.control("turncoat")["seen"]}
        assert ("initialize" in methods) == (era == "legacy"), (era, methods)


@pytest.mark.parametrize("tool", [("fail", {"code": -32021, "message": "no"}), ("status", {"status": 400})])
async def test_what_sounds_like_another_era_and_is_none_ends_no_session(
    far: FarSide, hall: Hall, opened: Opened, tool: tuple[str, Tree]
) -> None:
    """It is made sure of beside the session: its stream stands, and nobody misses what is said there."""
    name, arguments = tool
    client, there = await opened(ModernHttp(hall.endpoint("november"))), Far(far, hall, "november")
    await client.tool("echo")
    before = await there.until(lambda state: state["streams"])
    await there.control("clear")
    for _ in range(2):
        assert (await client.tool(name, arguments)).error
    after = await there.until(lambda state: state["streams"])
    asked = [one["message"]["method"] for one in after["seen"]]

    assert [method for method in asked if method != "tools/call"] == ["server/discover", "ping"] * 2
    assert (after["initialized"], after["deleted"]) == (before["initialized"], before["deleted"])


@pytest.mark.parametrize("back", ["march", "june", "november"])
async def test_a_ping_of_a_server_is_answered_here(far: FarSide, hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 56."""
    client, there = await opened(ModernHttp(hall.endpoint(back))), Far(far, hall, back)
    await client.tool("echo")
    await there.until(lambda state: state["streams"])
    await there.control("say", message={"jsonrpc": "2.0", "id": "ping-1", "method": "ping"})
    state = await there.until(lambda state: [one for one in state["replies"] if one["id"] == "ping-1"])

    assert {one["result"] == {} for one in state["replies"] if one["id"] == "ping-1"} == {True}


# ---- a gateway of one's own, which may be ended


@pytest.fixture
async def house(far: FarSide, tmp_path: Path) -> AsyncIterator[Hall]:
    config = config_for(tmp_path, servers(far, tmp_path / "children", ("modern", "november"), ("oldpipe",)))
    found = await asyncio.to_thread(Hall, tmp_path, config)
    yield found
    await asyncio.to_thread(found.end)


async def test_a_session_survives_the_restart_of_the_gateway(house: Hall) -> None:
    """H9: its id is sealed, not remembered; what was deleted before stays deleted as long as the process knows it."""
    clients = [
        await session(house, name, revision)
        for name, revision in itertools.product(["modern", "november", "oldpipe"], REVISIONS)
    ]
    for client in clients:
        assert (await client.tool("echo", {"a": 1})).status == 200
    listen = house.url
    await asyncio.to_thread(house.end)
    await asyncio.to_thread(house.start, listen)
    for client in clients:
        assert (await client.tool("echo", {"a": 2})).text == '{"arguments": {"a": 2}, "name": "echo"}'
        await client.close()


async def test_lists_are_there_after_a_restart_though_no_server_is(opened: Opened, tmp_path: Path) -> None:
    """R4, checklist 66: last known good, marked degraded; a call says that the server is down."""
    far = await asyncio.to_thread(FarSide, tmp_path)
    try:
        config = config_for(tmp_path, servers(far, tmp_path / "children", ("modern", "november"), ()))
        house = await asyncio.to_thread(Hall, tmp_path, config)
        names = ("modern", "november")
        before = [(await ModernHttp(house.endpoint(name)).call("tools/list")).result["tools"] for name in names]
        await asyncio.to_thread(house.end)
    finally:
        await asyncio.to_thread(far.process.end)
    await asyncio.to_thread(house.start)
    try:
        for name, tools in zip(names, before, strict=True):
            client = await opened(ModernHttp(house.endpoint(name)))
            result = (await client.call("tools/list")).result
            error = (await client.tool("echo")).error
            assert result["tools"] == tools
            assert error["data"]["reason"] == "upstream_unavailable"
            await _until_degraded(client, name)
    finally:
        await asyncio.to_thread(house.end)


async def _until_degraded(client: Client, name: str) -> None:
    async with asyncio.timeout(5):
        while True:
            result = (await client.call("tools/list")).result
            if result["_meta"].get("dev.narthex/degraded") == [name]:
                return
            await asyncio.sleep(0.02)
