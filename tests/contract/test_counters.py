"""What every store of counts promises: the same leases for the same questions, and never more for all together."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counters_kit import SECOND, Hammer, bucket, house, overshoot, purse, settled, shared, stored, valkey

from narthex.model.rules.rate import Quota, RateLimit
from narthex.ports import Return, Want

Store = tuple[str, Any]  # what a process of its own is told, and how one is made here


@pytest.fixture(params=["disk", "valkey"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "disk":
        yield "disk", lambda: stored(tmp_path)
        return
    with valkey(tmp_path) as server:
        yield server.url, lambda: shared(server, tmp_path / "own", timeout_ms=2_000)


def want(amount: int, limit: Any = None, key: bytes = b"k", **more: Any) -> Want:
    return Want(key, limit or bucket(), more.pop("window", ""), amount, **more)


async def test_a_bucket_gives_its_burst_and_then_says_how_long_to_wait(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    first, second, third = [(await counters.lease([want(amount)]))[0] for amount in (4, 20, 1)]
    await counters.aclose()

    assert (first.amount, first.first, first.wait) == (4, 0, 0)
    assert (second.amount, third.amount) == (6, 0)
    assert 0 < SECOND - third.wait < SECOND // 2
    assert second.first < 4 * SECOND <= second.first + SECOND // 2


async def test_what_one_has_another_has_not(store: Store) -> None:
    one, other = store[1](), store[1]()
    await one.start()
    await other.start()
    given = [(await counters.lease([want(6)]))[0].amount for counters in (one, other, one)]
    await one.aclose()
    await other.aclose()

    assert given == [6, 4, 0]


async def test_slots_that_come_back_can_be_had_again(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    await counters.lease([want(10)])
    await counters.give_back([Return(b"k", bucket(), "", 5 * SECOND)])
    again = (await counters.lease([want(10)]))[0]
    await counters.aclose()

    assert again.amount == 5


async def test_a_quota_is_given_until_it_is_used_up_and_anew_in_the_next_window(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    limit = purse(10)
    given = [
        (await counters.lease([want(amount, limit, window=day, need=1_000)]))[0]
        for day, amount in (("d1", 4_000), ("d1", 60_000), ("d1", 1_000), ("d2", 1_000))
    ]
    await counters.aclose()

    assert [one.amount for one in given] == [4_000, 6_000, 0, 1_000]
    assert [one.full for one in given] == [4_000, 10_000, 10_000, 1_000]


async def test_a_quota_gives_nothing_rather_than_less_than_a_call_needs(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    given = [
        (await counters.lease([want(amount, purse(10), window="d", need=need)]))[0].amount
        for amount, need in ((8_000, 1_000), (3_000, 3_000), (5_000, 2_000))
    ]
    await counters.aclose()

    assert given == [8_000, 0, 2_000]


async def test_what_was_spent_beyond_all_leases_is_charged_and_what_was_not_spent_comes_back(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    limit = purse(10)
    used = [
        (await counters.lease([want(0, limit, window="d", need=0, charge=charge)]))[0].full for charge in (9_000, 4_000)
    ]
    await counters.give_back([Return(b"k", limit, "d", 5_000)])
    after = (await counters.lease([want(0, limit, window="d", need=0)]))[0].full
    await counters.aclose()

    assert (used, after) == ([9_000, 13_000], 8_000)


async def test_what_is_known_elsewhere_is_believed_where_it_is_more(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    owed = (await counters.lease([want(10, floor=7 * SECOND)]))[0]
    used = (await counters.lease([want(0, purse(10), window="d", need=0, floor=6_000)]))[0]
    await counters.aclose()

    assert (owed.amount, used.full) == (3, 6_000)


async def test_many_are_leased_in_one_go_each_by_its_own_limit(store: Store) -> None:
    counters = store[1]()
    await counters.start()
    wants = [want(9, bucket(burst=place + 1), key=b"%d" % place) for place in range(200)]
    given = await counters.lease(wants)
    await counters.aclose()

    assert [one.amount for one in given] == [min(9, place + 1) for place in range(200)]


async def test_whoever_counts_here_is_known_to_the_others(store: Store) -> None:
    one, other = store[1](), store[1]()
    for counters in (one, other):
        await counters.start()
        await counters.lease([want(1)])
        await counters.beat()
    both = other.workers
    await one.aclose()
    third = store[1]()
    await third.start()
    await third.lease([want(1)])
    await third.beat()
    left = third.workers
    await other.aclose()
    await third.aclose()

    assert (both, left) == (2, 2)


async def test_a_clean_end_gives_back_what_was_not_spent(store: Store) -> None:
    rules = settled(rate_limit=RateLimit(requests_per_hour=100), quota=Quota(calls_per_day=6_400))
    async with house(store[1]()) as first:
        assert await first.many(rules, 10) == 10
    async with house(store[1]()) as second:
        assert await second.many(rules, 100) == 90


async def test_calls_at_one_time_share_what_is_leased_and_each_counts_once(store: Store) -> None:
    rules = settled(rate_limit=RateLimit(requests_per_hour=100, burst=40))
    async with house(store[1]()) as here:
        passed = await asyncio.gather(*(here.passes(rules) for _ in range(100)))

    assert sum(passed) == 40


async def test_four_processes_hammering_one_limit_never_get_more_than_one_would(store: Store, tmp_path: Path) -> None:
    per_second, burst, seconds = 100, 50, 4.0
    hammers = [Hammer(store[0], tmp_path, per_second, burst, seconds, str(place)) for place in range(4)]
    assert [hammer.ended() for hammer in hammers] == [0, 0, 0, 0]
    admitted = sorted(moment for hammer in hammers for moment in hammer.admitted())
    ideal = burst + (admitted[-1] - admitted[0]) * per_second

    # The moments are those at which each process decided, a moment after the lease was written down.
    assert overshoot(admitted, per_second, burst) < 1
    assert len(admitted) >= 0.9 * ideal
    assert min(len(hammer.admitted()) for hammer in hammers) > 0


async def test_killed_processes_take_with_them_what_they_had_leased_and_never_more(
    store: Store, tmp_path: Path
) -> None:
    per_second, burst = 100, 60
    admitted: list[float] = []
    for turn in range(5):
        hammer = Hammer(store[0], tmp_path, per_second, burst, 60.0, f"turn-{turn}")
        ends = asyncio.get_running_loop().time() + 20
        while len(hammer.admitted()) < 30 and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.02)
        hammer.kill()
        admitted += hammer.admitted()

    assert len(admitted) >= 150
    assert overshoot(admitted, per_second, burst) < 1
