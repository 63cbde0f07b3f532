"""Rows R12 and H7 of the matrix: changed lists and updated resources, from every server to every client."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from story_cells import BACKS, LEGACY_BACKS, MODERN_BACKS, Far, Fronts, flat, pages
from story_clients import META, Client, Flight, LegacyHttp, ModernHttp
from story_hall import FarSide, Hall, config_for, servers

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
UPDATED = "notifications/resources/updated"
CHANGED = "notifications/tools/list_changed"
LISTENING = ("modern", "stdio-modern", "2025-03-26", "2025-06-18", "2025-11-25", "sse", "stdio-2025-11-25")


class Ear:
    """A client that hears news, in the way of its era: a listen, the GET stream, or its one channel."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.flight: Flight | None = None

    async def open(self, *uris: str) -> "Ear":
        if self.client.modern:
            wanted: Tree = {"toolsListChanged": True, "resourceSubscriptions": list(uris)}
            self.flight = await self.client.listen(**wanted)  # type: ignore[attr-defined]
            return self
        if isinstance(self.client, LegacyHttp):
            await self.client.stream()
        for uri in uris:
            assert (await self.client.call("resources/subscribe", {"uri": uri})).result == {}
        return self

    @property
    def heard(self) -> list[Tree]:
        return self.client.news if self.flight is None else self.flight.heard

    async def until(self, method: str, **params: Any) -> Tree:
        """The first such notification."""

        def found() -> Tree | None:
            return next((one for one in self.heard if _fits(one, method, params)), None)

        await (self.client if self.flight is None else self.flight).until(found)
        one = found()
        assert one is not None
        return one

    async def again(self, method: str, told: int) -> None:
        """One more such notification than there were."""
        await (self.client if self.flight is None else self.flight).until(lambda: self.count(method) > told)

    def count(self, method: str, **params: Any) -> int:
        return sum(_fits(one, method, params) for one in self.heard)


def _fits(message: Tree, method: str, params: Tree) -> bool:
    said = message.get("params", {})
    return message["method"] == method and all(said.get(name) == value for name, value in params.items())


@pytest.mark.parametrize(
    ("front", "back"),
    # A gateway over stdio has far sides over stdio of its own, which this test does not see.
    [(front, back) for front in LISTENING for back in BACKS if "stdio" not in front or back in ("modern", "november")],
)
async def test_a_changed_list_is_announced_once_and_is_there(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 54, 75."""
    client, there = await opened(fronts.client(front, back)), Far(far, hall, back)
    before = flat(await pages(client, "tools/list", "tools"))
    ear = await Ear(client).open()
    told = ear.count(CHANGED)  # a gateway that has just started may still tell of its first lists
    state = await there.control("grow")
    await ear.again(CHANGED, told)
    while not set(after := flat(await pages(client, "tools/list", "tools"))) - set(before):
        await ear.again(CHANGED, told := ear.count(CHANGED))

    assert set(after) - set(before) == {f"new_{state['generation'] - 1}"}
    if not front.startswith("stdio"):
        assert ear.count(CHANGED) == 1


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_an_updated_resource_is_told_to_those_who_want_it(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 58, 75, 78: also below the subscribed URI, and nothing unasked."""
    there = Far(far, hall, back)
    ear = await Ear(await opened(fronts.client(front, back))).open("far://plain", "far://item/")
    await wanted_at(there, back, "far://item/")
    await there.control("tell", method=UPDATED, params={"uri": "far://bytes"})
    await there.control("tell", method=UPDATED, params={"uri": "far://item/7"})
    await there.control("tell", method=UPDATED, params={"uri": "far://plain"})
    await ear.until(UPDATED, uri="far://plain")

    if back in MODERN_BACKS:
        assert ear.count(UPDATED, uri="far://item/7") == 1
    assert ear.count(UPDATED, uri="far://bytes") == 0


async def wanted_at(there: Far, back: str, uri: str, *, times: int = 1) -> None:
    """The far side knows that this URI is wanted, and how often it was told."""

    def known(state: Tree) -> bool:
        if back in MODERN_BACKS:
            return sum(uri in wanted.get("resourceSubscriptions", []) for wanted in state["listens"]) == times
        return bool(state["subscribed"].count(uri) == times)

    await there.until(known)


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_two_want_a_resource_and_one_stops(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """Checklist 58: the other still hears; the server was asked once, and is told when nobody is left."""
    there, uri = Far(far, hall, back), f"far://item/{front}"
    leaving = await Ear(await opened(fronts.client(front, back))).open(uri)
    staying = await Ear(await opened(fronts.client(front, back))).open(uri)
    await wanted_at(there, back, uri)
    if leaving.flight is not None:
        await leaving.flight.leave()
    else:
        assert (await leaving.client.call("resources/unsubscribe", {"uri": uri})).result == {}
    await there.control("tell", method=UPDATED, params={"uri": uri})
    await staying.until(UPDATED, uri=uri)
    await wanted_at(there, back, uri)
    if staying.flight is not None:
        await staying.flight.leave()
    else:
        assert (await staying.client.call("resources/unsubscribe", {"uri": uri})).result == {}
    await wanted_at(there, back, uri, times=0)

    if leaving.flight is None:
        assert leaving.count(UPDATED) == 0


@pytest.mark.parametrize("back", ["modern", "pipe"])
async def test_a_server_hears_one_listen_however_many_want_something(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """H7: the filter is fixed when a listen opens, so it is replaced; the old one ends."""
    there = Far(far, hall, back)
    client = await opened(ModernHttp(hall.endpoint(back)))
    flights = [await client.listen(resourceSubscriptions=[f"far://item/{number}"]) for number in range(5)]
    await wanted_at(there, back, "far://item/4")
    await there.until(lambda state: len(state["listens"]) == 1)
    for flight in flights:
        await flight.leave()
    state = await there.until(
        lambda state: len(state["listens"]) == 1 and not state["listens"][0].get("resourceSubscriptions")
    )

    assert state["listens"][0]["toolsListChanged"] is True


@pytest.mark.parametrize("back", BACKS)
async def test_a_listen_is_acknowledged_first_and_tagged_in_its_own_type(hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 75: the honoured subset; two at once; ids 1 and "1"."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    for request_id in (1, "1"):
        wanted = {"toolsListChanged": True, "promptsListChanged": False, "resourceSubscriptions": ["far://plain"]}
        flight = await client.start("subscriptions/listen", {"notifications": {**wanted, "x": 1}}, id=request_id)
        await flight.until(lambda flight=flight: flight.heard)
        first = flight.heard[0]

        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": ["far://plain"]}
        tag = first["params"]["_meta"][META + "subscriptionId"]
        assert tag == request_id
        assert type(tag) is type(request_id)
        assert flight.headers.get("x-accel-buffering") == "no"
        await flight.leave()


async def test_malformed_filters_are_refused(hall: Hall, opened: Opened) -> None:
    """Checklist 75."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    for params in ({}, {"notifications": []}, {"notifications": {"resourceSubscriptions": "far://plain"}}):
        flight = await client.call("subscriptions/listen", params)
        assert (flight.status, flight.error["code"]) == (400, -32602)


@pytest.mark.parametrize("back", ["modern", "november"])
async def test_a_lost_listen_is_taken_up_again_and_what_was_missed_is_told(
    far: FarSide, hall: Hall, opened: Opened, back: str
) -> None:
    """Checklist 77: the stream to the server breaks, the list changes meanwhile."""
    there = Far(far, hall, back)
    ear = await Ear(await opened(ModernHttp(hall.endpoint(back)))).open()
    await there.control("drop")
    await there.control("grow")
    await there.until(lambda state: state["listens"] or state["streams"])
    await ear.until(CHANGED)


async def test_a_stream_that_the_server_still_takes_for_open_is_asked_for_again(
    far: FarSide, hall: Hall, opened: Opened
) -> None:
    """409: it has not noticed yet that the stream before is gone."""
    there = Far(far, hall, "november")
    ear = await Ear(await opened(ModernHttp(hall.endpoint("november")))).open()
    await there.control("occupy", times=2)
    await there.until(lambda state: state["streams"])
    told = ear.count(CHANGED)
    await there.control("grow")
    await ear.again(CHANGED, told)


@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
@pytest.mark.parametrize("back", ["modern", "november"])
async def test_a_lost_listen_that_missed_nothing_is_no_news(
    far: FarSide, hall: Hall, fronts: Fronts, opened: Opened, front: str, back: str
) -> None:
    """The lists are taken anew and compared; of resources nobody knows, so who wants one hears of it."""
    there = Far(far, hall, back)
    ear = await Ear(await opened(fronts.client(front, back))).open("far://plain")
    await wanted_at(there, back, "far://plain")
    await there.control("clear")
    await there.control("drop")
    await ear.until(UPDATED, uri="far://plain")
    await there.until(lambda state: _asked(state, "resources/templates/list"))
    for _ in range(2):  # each comes with a flush of its own, and what was to be told before with them
        told = ear.count(UPDATED)
        await there.control("tell", method=UPDATED, params={"uri": "far://plain"})
        await ear.again(UPDATED, told)

    assert ear.count(CHANGED) == 0
    await there.control("grow")
    await ear.until(CHANGED)


def _asked(state: Tree, method: str) -> bool:
    return any(one["message"].get("method") == method for one in state["seen"])


async def test_a_hidden_tool_is_not_betrayed_by_a_notice(far: FarSide, opened: Opened, tmp_path: Path) -> None:
    """Checklist 69, 76: who sees only a part hears only of that part."""
    config = config_for(tmp_path, servers(far, tmp_path / "children", ("hostile",), ()))
    config["endpoints"]["part"] = {"servers": ["hostile"], "include": ["echo", "new_1"]}
    hall = await asyncio.to_thread(Hall, tmp_path, config)
    try:
        whole, part = [await opened(ModernHttp(hall.endpoint(name))) for name in ("hostile", "part")]
        for client in (whole, part):
            await client.call("tools/list")
        all_of_it, some = await Ear(whole).open(), await Ear(part).open()
        await asyncio.to_thread(far.control, "hostile", "grow")
        await all_of_it.until(CHANGED)
        assert some.count(CHANGED) == 0
        await asyncio.to_thread(far.control, "hostile", "grow")
        await some.until(CHANGED)
        await all_of_it.flight.leave()  # type: ignore[union-attr]
        await some.flight.leave()  # type: ignore[union-attr]
    finally:
        await asyncio.to_thread(hall.end)

    assert some.count(CHANGED) == 1


@pytest.mark.parametrize("front", ["modern", "2025-11-25", "sse"])
async def test_streams_end_properly_when_the_house_closes(
    far: FarSide, opened: Opened, tmp_path: Path, front: str
) -> None:
    """Checklist 75: a modern listen gets its closing result, older streams their end; nothing hangs."""
    hall = await asyncio.to_thread(
        Hall, tmp_path, config_for(tmp_path, servers(far, tmp_path / "children", ("modern",), ()))
    )
    try:
        client = await opened(Fronts(hall, tmp_path).client(front, "modern"))
        ear = await Ear(client).open()
    finally:
        await asyncio.to_thread(hall.end)
    if ear.flight is not None:
        result = (await ear.flight.answer()).result
        assert result["resultType"] == "complete"
        assert result["_meta"][META + "subscriptionId"] == ear.flight.id
    elif client.tasks:
        await asyncio.wait(client.tasks, timeout=5)
        assert not [task for task in client.tasks if not task.done()]


assert set(LEGACY_BACKS) | set(MODERN_BACKS) == set(BACKS)
