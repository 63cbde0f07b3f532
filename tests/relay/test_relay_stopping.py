"""What is stopped, as a running gateway knows it: fresh, over by itself, in every process, and refusing when blind."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from narthex.model.stop import Stops, Target
from narthex.relay.stopping import Pace, Stopping
from narthex.store.folder import StateFault
from narthex.telemetry.owned import Owned

QUICK = Pace(look_seconds=0.02, blind_seconds=0.2)
SECONDS_MAX = 10.0
TOOL, CRM = Target(kind="tool", name="crm/delete"), Target(kind="server", name="crm")


class House:
    def __init__(self, folder: Path) -> None:
        self.faults: list[BaseException] = []
        self.said: list[str] = []
        self.told: list[Stops] = []
        self.owned = Owned("test", lambda _where, fault: self.faults.append(fault))
        self.stopping = Stopping(folder, self.owned, lambda _level, sentence: self.said.append(sentence), QUICK)
        self.stopping.on_change = self.told.append

    def holding(self) -> list[str]:
        return [one.target.name for one in self.stopping.holding.all]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Callable[[], House]]:
    houses: list[House] = []

    def opened() -> House:
        houses.append(House(tmp_path))
        return houses[-1]

    yield opened
    for house in houses:
        await house.stopping.aclose()
        await house.owned.aclose()
        assert house.faults == []


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_stop_holds_here_at_once_and_elsewhere_soon(build: Callable[[], House]) -> None:
    one, other = build(), build()
    await one.stopping.start()
    await other.stopping.start()
    made = await one.stopping.stop(TOOL, "incident 4711", "ops")

    assert one.holding() == ["crm/delete"]
    await until(lambda: other.holding() == ["crm/delete"])
    assert [len(stops) for stops in one.told] == [1]
    assert one.said == ["Stopped by ops, until it is resumed: the tool 'crm/delete': incident 4711"]
    await other.stopping.resume(made.id, "ops")
    assert other.holding() == []
    await until(lambda: one.holding() == [])
    assert one.said[-1] == "No longer stopped: the tool 'crm/delete'"


async def test_it_is_known_from_the_start_and_over_by_itself(build: Callable[[], House]) -> None:
    one, other = build(), build()
    await one.stopping.start()
    await one.stopping.stop(CRM, "", "ops", time.time() + 0.5)
    await other.stopping.start()

    assert other.holding() == ["crm"]
    await until(lambda: one.holding() == other.holding() == [])
    assert [one.target.name for one in other.stopping.stops()] == ["crm"]


async def test_many_changes_of_two_at_one_time_end_alike(build: Callable[[], House]) -> None:
    one, other = build(), build()
    await one.stopping.start()
    await other.stopping.start()

    async def change(house: House, names: str) -> None:
        for name in names:
            made = await house.stopping.stop(Target(kind="server", name=name), "", "ops")
            if name != names[-1]:
                await house.stopping.resume(made.id, "ops")
            assert (name in house.holding()) == (name == names[-1])

    await asyncio.gather(change(one, "abcdefgh"), change(other, "stuvwxyz"))
    await until(lambda: sorted(one.holding()) == sorted(other.holding()) == ["h", "z"])


async def test_without_a_readable_store_there_is_no_start(build: Callable[[], House], tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 1_000)

    with pytest.raises(StateFault, match="damaged"):
        await build().stopping.start()


async def test_who_cannot_look_any_more_lets_nothing_pass_until_they_can(
    build: Callable[[], House], tmp_path: Path
) -> None:
    house = build()
    await house.stopping.start()
    await house.stopping.stop(CRM, "", "ops")
    database, away = tmp_path / "state.db", tmp_path / "away.db"
    database.rename(away)
    database.mkdir()  # nothing that could be opened
    await until(lambda: house.stopping.holding.blind)

    assert any("every call is refused from 0.2 s on" in sentence for sentence in house.said)
    database.rmdir()
    away.rename(database)
    await until(lambda: not house.stopping.holding.blind)
    assert house.holding() == ["crm"]
    assert house.said[-1] == "What is stopped can be read again"
