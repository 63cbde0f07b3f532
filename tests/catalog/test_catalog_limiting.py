"""From the file to compiled limits: how they are said, what tells them apart, and which place wins."""

import pytest

from narthex.catalog.limiting import limits_of
from narthex.catalog.settling import Settling, house_rules_of
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.limit import TICKS_PER_SECOND, Limit
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.rules import Rules
from narthex.model.settled import Settled


def limits(rate_limit: object = None, quota: object = None, place: str = "rate_limit") -> list[Limit]:
    rules = Rules(rate_limit=rate_limit, quota=quota)  # type: ignore[arg-type]
    return list(limits_of(rules, {"rate_limit": place, "quota": place}))


def rate(count: int) -> RateLimit:
    return RateLimit(requests_per_minute=count)


def words(settled: Settled) -> list[str]:
    return [limit.words for limit in settled.limits]


def test_each_number_is_a_limit_of_its_own_with_its_words() -> None:
    found = limits(
        (RateLimit(requests_per_second=1, requests_per_minute=30), RateLimit(requests_per_hour=2, concurrent=5)),
        Quota(calls_per_day=1, calls_per_month=20_000, cost_per_day=1_500.5),
    )

    assert [limit.words for limit in found] == [
        "1 call per second",
        "30 calls per minute",
        "2 calls per hour",
        "5 calls at one time",
        "1 call per day",
        "1,500.5 units of cost per day",
        "20000 calls per month",
    ]


@pytest.mark.parametrize(("count", "interval"), [(60, TICKS_PER_SECOND), (7, 85_714_286), (1_000_000, 600)])
def test_the_interval_is_exact_or_a_little_longer(count: int, interval: int) -> None:
    (found,) = limits(rate(count))

    assert found.interval == interval
    assert found.interval * count >= 60 * TICKS_PER_SECOND


def test_without_a_burst_one_window_may_come_at_once() -> None:
    assert [limits(rate(30))[0].burst, limits(RateLimit(requests_per_hour=30, burst=3))[0].burst] == [30, 3]


def test_the_identity_outlives_reordering_and_more_or_less_of_a_quota() -> None:
    one, two = RateLimit(requests_per_minute=30), RateLimit(requests_per_second=5, per="tool")
    forth, back = limits((one, two)), limits((two, one))

    assert {limit.identity for limit in forth} == {limit.identity for limit in back}
    assert limits(quota=Quota(calls_per_day=5))[0].identity == limits(quota=Quota(calls_per_day=9))[0].identity


def test_the_place_whom_it_tells_apart_and_the_rate_are_part_of_the_identity() -> None:
    found = [
        *limits(rate(30)),
        *limits(rate(31)),
        *limits(rate(30), place="servers.crm.rate_limit"),
        *limits(RateLimit(requests_per_minute=30, per="tool")),
        *limits(quota=Quota(calls_per_day=30)),
        *limits(quota=Quota(calls_per_day=30, time_zone="Europe/Berlin")),
    ]

    assert len({limit.identity for limit in found}) == len(found)


def test_a_warning_below_a_quota_is_counted_apart() -> None:
    found = limits(quota=(Quota(calls_per_day=800, mode="warn"), Quota(calls_per_day=1_000)))

    assert len({limit.identity for limit in found}) == 2
    assert [limit.warns for limit in found] == [True, False]


def test_the_most_specific_place_wins_whole() -> None:
    crm = ServerConfig(
        name="crm",
        upstream="https://crm.example.com",
        rate_limit=rate(4),
        rules={
            "*": Rules(rate_limit=rate(5)),
            "get_*": Rules(rate_limit=rate(6)),
            "get_one": Rules(rate_limit=rate(7)),
        },
    )
    plain = ServerConfig(name="plain", upstream="https://plain.example.com")
    desk = EndpointConfig(
        rate_limit=rate(3), rules={"crm/get_two": Rules(rate_limit=rate(8), quota=Quota(calls_per_day=9))}
    )
    config = Config(
        rate_limit=(rate(1), RateLimit(concurrent=1)),
        tenants={"acme": Rules(rate_limit=rate(2))},
        servers=(crm, plain),
        endpoints={"desk": desk},
    )
    everything = Settling(house_rules_of(config), "", EndpointConfig(), config.servers)
    at_desk = Settling(house_rules_of(config), "desk", desk, config.servers)

    assert words(everything.tool("plain", "x").by("")) == ["1 call per minute", "1 call at one time"]
    assert words(everything.tool("plain", "x").by("acme")) == ["2 calls per minute"]
    assert words(at_desk.tool("plain", "x").by("acme")) == ["3 calls per minute"]
    assert words(everything.rest("crm").by("acme")) == ["4 calls per minute"]
    assert words(everything.tool("crm", "find").by("")) == ["5 calls per minute"]
    assert words(everything.tool("crm", "get_any").by("")) == ["6 calls per minute"]
    assert words(everything.tool("crm", "get_one").by("")) == ["7 calls per minute"]
    assert words(at_desk.tool("crm", "get_two").by("acme")) == ["8 calls per minute", "9 calls per day"]
    assert at_desk.tool("crm", "get_two").by("").limits[0].place == "endpoints.desk.rules['crm/get_two'].rate_limit"
