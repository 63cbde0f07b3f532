"""A shared store that hangs, dies, forgets, or is told another time, under load: a real Valkey, treated badly."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counters_kit import SECOND, House, Valkey, bucket, call_of, house, overshoot, settled, shared, until, valkey

from narthex.model.rules.rate import Quota, RateLimit
from narthex.ports import CountersLost, Want

META = "{narthex}:counters"
RATE = settled(rate_limit=RateLimit(requests_per_second=50, burst=20))
HOURLY = settled(rate_limit=RateLimit(requests_per_hour=40))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with valkey(tmp_path) as found:
        yield found


async def load(here: House, rules: Any, admitted: list[float], seconds: float = 4.0) -> None:
    """Gathers the moments of all calls that were let through, of one caller who never rests."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        call = call_of(rules)
        if await here.asked(call) is None:
            admitted.append(call.ticks / SECOND)
        await asyncio.sleep(0.001)


async def test_a_store_that_hangs_costs_one_call_its_patience_and_no_other_anything(
    server: Valkey, tmp_path: Path
) -> None:
    async with house(shared(server, tmp_path / "own")) as here:
        assert await here.passes(HOURLY)
        server.signal(signal.SIGSTOP)
        waits = []
        for name in range(20):
            rules = settled(rate_limit=RateLimit(requests_per_hour=40, per="server"))
            began = time.perf_counter()
            assert await here.passes(rules, server=f"server {name}")
            waits.append(time.perf_counter() - began)
        server.signal(signal.SIGCONT)
        await until(lambda: not here.lender.lost, "the store is back")
        said = list(here.said)

    assert 0.045 <= max(waits) < 0.5
    assert sorted(waits)[-2] < 0.045
    assert len(said) == 2
    assert said[0].startswith("The counts of limits are out of reach: no answer in 50 ms. Until they are back, this")
    assert said[1] == "The counts of limits are back"


@pytest.mark.parametrize("how", ["hangs", "dies", "forgets"])
async def test_under_load_the_limit_holds_while_the_store_is_away_and_when_it_is_back(
    how: str, server: Valkey, tmp_path: Path
) -> None:
    async with house(shared(server, tmp_path / "own")) as here:
        admitted: list[float] = []
        hammering = asyncio.ensure_future(load(here, RATE, admitted))
        await until(lambda: len(admitted) >= 60, "calls pass")
        if how == "hangs":
            server.signal(signal.SIGSTOP)
        elif how == "dies":
            server.stop()
        else:
            server.client.flushall()
        await until(lambda: here.lender.lost, "it is lost")
        if how != "forgets":
            passed = len(admitted)
            await until(lambda: len(admitted) >= passed + 40, "calls pass without it")
        if how == "hangs":
            server.signal(signal.SIGCONT)
        elif how == "dies":
            server.start()
        await until(lambda: not here.lender.lost, "it is back")
        await hammering

    # Alone, its own part is all of it; so nothing is gained by the store being away.
    assert overshoot(admitted, 50, 20) < 1
    assert len(admitted) >= 0.6 * (20 + 50 * 4)


async def test_alone_among_several_each_lets_through_its_own_part(server: Valkey, tmp_path: Path) -> None:
    async with house(shared(server, tmp_path / "a")) as one, house(shared(server, tmp_path / "b")) as other:
        await other.lender._counters.beat()
        await one.lender._counters.beat()
        server.stop()
        passed = [await here.many(HOURLY, 50) for here in (one, other)]
        quota = settled(quota=Quota(calls_per_day=30))
        of_quota = [await here.many(quota, 50) for here in (one, other)]

    assert passed == [20, 20]
    assert of_quota == [15, 15]


async def test_refuse_and_allow_do_what_they_say(server: Valkey, tmp_path: Path) -> None:
    refusing = house(shared(server, tmp_path / "a"), "refuse")
    allowing = house(shared(server, tmp_path / "b"), "allow")
    async with refusing as one, allowing as other:
        server.stop()
        await until(lambda: one.lender.lost and other.lender.lost, "both have noticed")
        denial = await one.asked(call_of(HOURLY))
        passed = await other.many(HOURLY, 100)

    assert (denial.reason, denial.data["retry_after_ms"]) == ("limits_unavailable", 5_000)
    assert "not let through uncounted. Retry in 5 seconds." in denial.message
    assert passed == 100


async def test_a_gateway_may_start_while_the_store_is_away(server: Valkey, tmp_path: Path) -> None:
    server.stop()
    async with house(shared(server, tmp_path / "own")) as here:
        assert await here.many(HOURLY, 50) == 40
        server.start()
        await until(lambda: not here.lender.lost, "the store is there")

        assert await here.many(HOURLY, 50) == 0


async def test_what_passed_meanwhile_is_told_to_the_store_when_it_is_back(server: Valkey, tmp_path: Path) -> None:
    quota = settled(quota=Quota(calls_per_day=10))
    async with house(shared(server, tmp_path / "own")) as here:
        assert await here.passes(quota)
        server.stop()
        await until(lambda: here.lender.lost, "it is lost")
        assert await here.many(quota, 5) == 5
        server.start()
        await until(lambda: not here.lender.lost, "it is back")

        assert await here.many(quota, 20) == 4


@pytest.mark.parametrize("remembered", [True, False], ids=["known", "never seen"])
async def test_a_store_that_started_empty_has_empty_buckets_for_whoever_knew_it_before(
    remembered: bool, server: Valkey, tmp_path: Path
) -> None:
    first = shared(server, tmp_path / "own")
    await first.start()
    await first.aclose()
    server.client.flushall()
    second = shared(server, tmp_path / ("own" if remembered else "another"))
    await second.start()
    given = (await second.lease([Want(b"k", bucket(), "", 10)]))[0].amount
    await second.aclose()

    assert given == (0 if remembered else 10)


async def test_a_server_that_was_restarted_is_not_believed_even_if_it_kept_something(
    server: Valkey, tmp_path: Path
) -> None:
    first = shared(server, tmp_path / "own")
    await first.start()
    server.client.hset(META, "run", "another run")  # as it would be read from an old file
    await first.aclose()
    second = shared(server, tmp_path / "own")
    await second.start()
    given = (await second.lease([Want(b"k", bucket(), "", 10)]))[0].amount
    await second.aclose()

    assert given == 0


@pytest.mark.parametrize("seconds", [-3_600, 3_600])
async def test_a_step_of_the_servers_clock_fills_no_bucket(seconds: int, server: Valkey, tmp_path: Path) -> None:
    counters = shared(server, tmp_path / "own")
    await counters.start()
    limit = bucket(interval=10 * SECOND)
    assert (await counters.lease([Want(b"k", limit, "", 10)]))[0].amount == 10
    # The last moment it remembers is moved the other way: to the script that is a step of the clock.
    server.client.hincrby(META, "raw", -seconds * SECOND)
    given = (await counters.lease([Want(b"k", limit, "", 10)]))[0]
    await counters.aclose()

    assert given.amount == 0
    assert given.wait <= 10 * SECOND


async def test_a_step_back_does_not_stop_the_clock(server: Valkey, tmp_path: Path) -> None:
    counters = shared(server, tmp_path / "own")
    await counters.start()
    limit = bucket(interval=SECOND // 10)
    await counters.lease([Want(b"k", limit, "", 10)])
    server.client.hincrby(META, "raw", 3_600 * SECOND)
    await counters.lease([Want(b"k", limit, "", 0)])
    began, given = time.monotonic(), 0
    while given < 4 and time.monotonic() < began + 10:
        await asyncio.sleep(0.05)
        given += (await counters.lease([Want(b"k", limit, "", 10)]))[0].amount
    taken = time.monotonic() - began
    await counters.aclose()

    assert given >= 4
    assert 0.25 < taken < 2.0


async def test_whoever_comes_with_another_epoch_is_told_that_the_counts_are_lost(
    server: Valkey, tmp_path: Path
) -> None:
    counters = shared(server, tmp_path / "own")
    await counters.start()
    server.client.flushall()
    with pytest.raises(CountersLost, match="lost the counts"):
        await counters.lease([Want(b"k", bucket(), "", 1)])
    await counters.start()
    given = (await counters.lease([Want(b"k", bucket(), "", 10)]))[0].amount
    await counters.aclose()

    assert given == 0


async def test_a_store_that_throws_keys_away_is_told(tmp_path: Path) -> None:
    for number, (options, said) in enumerate(
        (
            (("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"), "maxmemory-policy allkeys-lru"),
            (("--maxmemory", "50mb", "--maxmemory-policy", "noeviction"), ""),
            (("--maxmemory-policy", "allkeys-lru"), ""),
        )
    ):
        with valkey(tmp_path, *options) as server:
            async with house(shared(server, tmp_path / str(number))) as here:
                assert len(here.said) == bool(said)
                assert said in "".join(here.said)


async def test_an_address_that_cannot_be_read_is_lost_and_not_repeated(server: Valkey, tmp_path: Path) -> None:
    counters = shared(server, tmp_path / "own")
    counters._url = "redis://:s3/cret@127.0.0.1:6379"
    async with house(counters) as here:
        said = " ".join(here.said)

    assert "cannot be read" in said
    assert "s3" not in said


async def test_a_password_never_reaches_the_log(tmp_path: Path) -> None:
    with valkey(tmp_path) as server:
        server.client.config_set("requirepass", "s3cret-of-the-store")
        counters = shared(server, tmp_path / "own")
        counters._url = counters._url.replace("://", "://:wr0ng-s3cret@")
        async with house(counters) as here:
            said = " ".join(here.said)

        assert "out of reach" in said
        assert "s3cret" not in said
        assert "s3cret" not in repr(counters)
