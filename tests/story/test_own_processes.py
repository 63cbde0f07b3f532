"""H3 over pipes: a client that can be asked has a process of its own, and whoever was idle longest makes room."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from story_clients import ASKABLE, Client, LegacyHttp, answered
from story_hall import FarSide, Hall, config_for, order, servers

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
BACK = "oldpipe"


@pytest.fixture
async def house(far: FarSide, tmp_path: Path) -> AsyncIterator[Hall]:
    """Room for the shared process and two others."""
    config = config_for(tmp_path, servers(far, tmp_path / "children", (), (BACK,)))
    config["limits"] = {"processes_per_server_max": 3, "process_idle_seconds_min": 0.3}
    found = await asyncio.to_thread(Hall, tmp_path, config)
    yield found
    faults = found.faults()
    await asyncio.to_thread(found.end)
    assert faults == []


async def asker(house: Hall, opened: Opened) -> Client:
    return await opened(LegacyHttp(house.endpoint(BACK), "2025-11-25"), ASKABLE)


def process_that_heard(house: Hall, marker: str) -> int:
    """The one living process that this word was said to."""
    found = []
    for file in (house.children.folder / BACK).glob("*"):
        if int(file.name) in house.children.pids(BACK):
            seen = order(f"http://127.0.0.1:{file.read_text()}/control/stdio", {"do": "see"})["seen"]
            found += [int(file.name)] if f'"{marker}"' in json.dumps(seen) else []
    assert len(found) == 1, (marker, found)
    return found[0]


async def process_of(house: Hall, client: Client, marker: str) -> int:
    assert (await client.tool("echo", {"word": marker})).status == 200
    return await asyncio.to_thread(process_that_heard, house, marker)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(8):
        while not condition():
            await asyncio.sleep(0.02)


async def until_asked(client: Client) -> Tree:
    """As long as nobody was idle for long enough, a newcomer shares, and is not asked."""
    async with asyncio.timeout(8):
        while "cannot ask" in (called := await client.tool("ask", {"kinds": ["elicitation"]})).text:
            await asyncio.sleep(0.05)
    return dict(json.loads(called.text)["elicitation"]["result"])


async def test_the_process_that_was_idle_longest_makes_room_for_a_newcomer(house: Hall, opened: Opened) -> None:
    first, second, third = [await asker(house, opened) for _ in range(3)]
    own = [await process_of(house, first, "one"), await process_of(house, second, "two")]
    (shared,) = set(house.children.pids(BACK)) - set(own)
    await process_of(house, first, "one again")  # now the second one is idle for longer
    said = await until_asked(third)
    newcomer = await process_of(house, third, "three")

    assert said == answered("elicitation/create", {})
    assert set(house.children.pids(BACK)) == {shared, own[0], newcomer}
    assert newcomer != shared
    assert await process_of(house, first, "one stays") == own[0]


async def test_a_process_at_work_is_never_taken_away(house: Hall, opened: Opened) -> None:
    """Neither from a call, nor from a question that a human thinks about."""
    first, second, third = [await asker(house, opened) for _ in range(3)]
    thinking: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()

    async def think() -> Tree:
        return await thinking

    second.answers = lambda method, params: think()
    working = await first.start_tool("slow", {"key": "long"})
    asking = await second.start_tool("ask", {"kinds": ["elicitation"]})
    await second.until(lambda: second.asked)
    await until(lambda: "long" in house.children.control(BACK).get("started", []))
    before = set(house.children.pids(BACK))
    end = asyncio.get_running_loop().time() + 1.0
    while asyncio.get_running_loop().time() < end:
        assert (await third.tool("echo", {"word": "three"})).status == 200
        await asyncio.sleep(0.1)

    assert set(house.children.pids(BACK)) == before
    thinking.set_result({"action": "decline"})
    await asyncio.to_thread(house.children.control, BACK, "open", key="long")
    assert json.loads((await asking.answer()).text)["elicitation"]["result"] == {"action": "decline"}
    assert (await working.answer()).text == "slept long"


async def test_who_made_room_gets_a_process_again(house: Hall, opened: Opened) -> None:
    clients = [await asker(house, opened) for _ in range(5)]
    for client in clients * 2:
        assert await until_asked(client) == answered("elicitation/create", {})
        assert len(house.children.pids(BACK)) <= 3


async def test_none_of_them_outlives_a_gateway_that_is_killed(house: Hall, opened: Opened) -> None:
    for _ in range(2):
        assert await until_asked(await asker(house, opened)) == answered("elicitation/create", {})
    assert len(house.children.pids(BACK)) == 3
    house.process.child.kill()
    await until(lambda: house.children.pids(BACK) == [])


async def test_a_session_that_ends_while_its_process_starts_leaves_none(house: Hall, opened: Opened) -> None:
    watcher = await opened(LegacyHttp(house.endpoint(BACK), "2025-11-25"))
    await watcher.tool("echo")
    before = set(house.children.pids(BACK))
    client = LegacyHttp(house.endpoint(BACK), "2025-11-25")
    await client.open(ASKABLE)
    flight = await client.start_tool("echo")
    await client.delete()
    await flight.answer()
    await client.close()
    await until(lambda: set(house.children.pids(BACK)) == before)
