"""The counts of limits on disk: what is believed after a restart, a power cut, a set clock, a damaged file."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from narthex.model.limit import TICKS_PER_SECOND as SECOND
from narthex.model.limit import Limit
from narthex.ports import CountersLost, Want
from narthex.store.counters import FILE, StoredCounters

LIMIT = Limit("rate", "x", "x", "some", "second", "principal", False, interval=SECOND, burst=10)
QUOTA = Limit("quota", "q", "q", "some", "day", "principal", False, ceiling=10_000)


class Clock:
    """The monotonic clock of one run of a machine, in our hands."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@asynccontextmanager
async def counting(folder: Path, clock: Clock, boot: str = "run 1", **how: Any) -> AsyncIterator[StoredCounters]:
    counters = StoredCounters(folder, clock=clock, boot=boot, **how)
    await counters.start()
    yield counters
    await counters.aclose()


async def dies(folder: Path, clock: Clock, calls: int, boot: str = "run 1", key: bytes = b"k") -> None:
    """A process that leases, and ends without a word."""
    counters = StoredCounters(folder, clock=clock, boot=boot)
    await counters.lease([Want(key, LIMIT, "", calls)])
    database = counters._database
    assert database is not None
    database.close()
    counters._desk.close()


async def had(counters: StoredCounters, amount: int = 99, key: bytes = b"k") -> int:
    return (await counters.lease([Want(key, LIMIT, "", amount)]))[0].amount


async def test_a_killed_process_leaves_its_debt(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    await dies(tmp_path, clock, 8)
    clock.passes(3)

    async with counting(tmp_path, clock) as counters:
        assert await had(counters) == 5


async def test_no_setting_of_the_wall_clock_changes_anything(tmp_path: Path) -> None:
    clock, wall = Clock(1_000 * SECOND), [1_700_000_000.0]
    async with counting(tmp_path, clock, today=lambda: wall[0]) as counters:
        assert await had(counters) == 10
        wall[0] += 10 * 86_400
        assert await had(counters) == 0
        wall[0] -= 20 * 86_400
        assert await had(counters) == 0


async def test_a_monotonic_clock_that_goes_back_gives_nothing_away(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    async with counting(tmp_path, clock) as counters:
        assert await had(counters) == 10
        clock.passes(-500)
        assert await had(counters) == 0
        clock.passes(505)
        assert await had(counters) == 5


async def test_after_a_power_cut_every_bucket_is_taken_to_be_empty(tmp_path: Path) -> None:
    await dies(tmp_path, Clock(1_000 * SECOND), 3)
    clock = Clock(5 * SECOND)

    async with counting(tmp_path, clock, boot="run 2") as counters:
        assert [await had(counters), await had(counters, key=b"never seen")] == [0, 0]
        clock.passes(4)
        assert [await had(counters), await had(counters, key=b"never seen")] == [4, 4]
        clock.passes(100)
        assert await had(counters) == 10


async def test_after_a_clean_end_and_a_new_start_of_the_machine_debts_stand_as_they_stood(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    async with counting(tmp_path, clock) as counters:
        assert await had(counters, 8) == 8
        clock.passes(2)

    async with counting(tmp_path, Clock(7 * SECOND), boot="run 2") as counters:
        assert [await had(counters), await had(counters, key=b"never seen")] == [4, 10]


async def test_a_clean_end_of_one_is_none_while_others_count_on(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    async with counting(tmp_path, clock) as counters:
        await had(counters, 8)
        await dies(tmp_path, clock, 1, key=b"other")

    async with counting(tmp_path, Clock(7 * SECOND), boot="run 2") as counters:
        assert await had(counters) == 0


async def test_a_machine_whose_clock_begins_anew_unnoticed_is_another_run(tmp_path: Path) -> None:
    await dies(tmp_path, Clock(1_000 * SECOND), 1)

    async with counting(tmp_path, Clock(5 * SECOND)) as counters:
        assert await had(counters) == 0


async def test_a_damaged_file_is_replaced_and_taken_to_have_been_full_of_debts(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    await dies(tmp_path, clock, 1)
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be looked at" * 100)

    async with counting(tmp_path, clock) as counters:
        assert await had(counters) == 0
        clock.passes(2)
        assert await had(counters) == 2


async def test_quotas_survive_everything(tmp_path: Path) -> None:
    used = []
    for number in (1, 2, 3):
        async with counting(tmp_path, Clock(number * SECOND), boot=f"run {number}") as counters:
            given = await counters.lease([Want(b"q", QUOTA, "2026-11-23", 4_000, 1_000)])
            used.append(given[0].amount)

    assert used == [4_000, 4_000, 2_000]


async def test_a_step_back_to_a_day_that_was_begun_finds_what_was_used_then(tmp_path: Path) -> None:
    async with counting(tmp_path, Clock(SECOND)) as counters:
        used = [
            (await counters.lease([Want(b"q", QUOTA, day, 6_000, 1_000)]))[0].amount
            for day in ("2026-11-23", "2027-01-01", "2026-11-23")
        ]

    assert used == [6_000, 6_000, 4_000]


async def test_full_buckets_and_old_quotas_are_forgotten_and_debts_are_not(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    async with counting(tmp_path, clock, today=lambda: 1_795_000_000.0) as counters:  # in November 2026
        await counters.lease([Want(b"%d" % place, LIMIT, "", 1) for place in range(50)])
        await counters.lease([Want(b"q", QUOTA, day, 1_000, 1_000) for day in ("2026-01-01", "2026-11-20")])
        await had(counters, 10)
        clock.passes(-1)
        clock.passes(32)
        await counters.lease([Want(b"new", LIMIT, "", 10)])
        await had(counters, 10)
        rows = counters._database.read("SELECT key FROM buckets") if counters._database else []
        days = counters._database.read("SELECT window FROM quotas") if counters._database else []

    assert {row[0] for row in rows} == {b"new", b"k"}
    assert days == [("2026-11-20",)]


async def test_beyond_so_many_debts_new_callers_of_a_limit_count_together(tmp_path: Path) -> None:
    clock = Clock(1_000 * SECOND)
    async with counting(tmp_path, clock, kept_max=20) as counters:
        await counters.lease([Want(b"%d" % place, LIMIT, "", 10) for place in range(20)])
        clock.passes(-1)
        counters._swept -= 60 * SECOND  # it is time to look
        await counters.lease([Want(b"0", LIMIT, "", 1)])

        assert [await had(counters, 6, key=b"a"), await had(counters, 6, key=b"b")] == [6, 4]
        assert await had(counters, 1, key=b"1") == 0


async def test_without_limits_there_is_no_file(tmp_path: Path) -> None:
    async with counting(tmp_path, Clock(SECOND)) as counters:
        await counters.beat()

    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_somebody_else_writes_to_for_long_is_lost_and_found_again(tmp_path: Path) -> None:
    async with counting(tmp_path, Clock(SECOND)) as counters:
        await had(counters, 1)
        blocker = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(CountersLost, match=r"Another process has been writing to .*counters\.db"):
            await had(counters, 1)
        blocker.execute("ROLLBACK")
        blocker.close()

        assert await had(counters, 1) == 1
