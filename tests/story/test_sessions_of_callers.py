"""Two callers never meet in a session of an older server under a URL, however they come, unless it keeps nothing.

A gateway with API keys before a server of 2025-11-25, which notes in which session it was asked what.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from story_clients import ASKABLE, Client
from story_hall import FarSide
from story_rights import FRONTS, House

Opened = Callable[..., Awaitable[Client]]
Tree = dict[str, Any]
WORDS = ("ana", "bo")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    """Servers for this page alone: they are made to forget every session they have."""
    found = FarSide(tmp_path_factory.mktemp("far-of-callers"))
    yield found
    found.process.end()


@pytest.fixture(params=["november", "june", "old"])
def back(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def house(far: FarSide, tmp_path: Path, back: str) -> Iterator[House]:
    found = Plain(far, tmp_path, back)
    yield found
    faults = found.hall.faults()
    found.hall.leave()
    assert faults == []


class Plain(House):
    """The same callers, and one server for all of them."""

    def __init__(self, far: FarSide, home: Path, back: str) -> None:
        self.back = back
        super().__init__(far, home)

    def config(self, **of_server: Any) -> Tree:
        server = {"name": "one", "upstream": self.far.place(self.back), **of_server}
        return {"state": str(self.home / "state"), "authentication": {"type": "keys"}, "servers": [server]}


def sessions(house: Plain, mark: str) -> dict[str, set[str]]:
    """The sessions in which each caller's word was heard."""
    found: dict[str, set[str]] = {who: set() for who in WORDS}
    for one in house.far.control(house.back)["seen"]:
        said = json.dumps(one["message"])
        for who in WORDS:
            if f'"{mark} {who}"' in said:
                found[who].add(str(one["headers"]["mcp-session-id"]))
    return found


async def say(client: Client, mark: str, who: str) -> None:
    answer = await client.tool("echo", {"word": f"{mark} {who}"})
    assert "isError" not in answer.result


@pytest.mark.parametrize("back", ["november", "june"], indirect=True)
async def test_two_callers_never_share_a_session(house: Plain, opened: Opened, tmp_path: Path) -> None:
    clients = [(who, await opened(house.client(front, who))) for front in FRONTS for who in WORDS]
    clients += [(who, await opened(house.client("2025-11-25", who), ASKABLE)) for who in WORDS]
    mark = tmp_path.name
    await asyncio.gather(*[say(client, mark, who) for who, client in clients * 3])
    found = sessions(house, mark)

    assert found["ana"] & found["bo"] == set()
    assert {len(of_one) for of_one in found.values()} == {6}  # one for each session in front, one for all without


@pytest.mark.parametrize("back", ["november"], indirect=True)
async def test_a_server_that_keeps_nothing_may_have_them_in_one(house: Plain, opened: Opened, tmp_path: Path) -> None:
    await house.change(stateless=True)
    clients = [(who, await opened(house.client(front, who))) for front in FRONTS for who in WORDS]
    mark = tmp_path.name
    for who, client in clients:
        await say(client, mark, who)
    found = sessions(house, mark)

    assert found["ana"] == found["bo"]
    assert len(found["ana"]) == 1


@pytest.mark.parametrize("back", ["november"], indirect=True)
async def test_a_session_that_ended_is_followed_by_one_of_the_same_caller(
    house: Plain, opened: Opened, tmp_path: Path
) -> None:
    clients = [(who, await opened(house.client("modern", who))) for who in WORDS]
    mark = tmp_path.name
    for _ in range(3):
        await asyncio.gather(*[say(client, mark, who) for who, client in clients * 2])
        house.far.control(house.back, "forget")
    await asyncio.gather(*[say(client, mark, who) for who, client in clients * 2])
    found = sessions(house, mark)

    assert found["ana"] & found["bo"] == set()
