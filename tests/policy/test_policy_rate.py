"""The filter of limits: what it says, what it spends, and that it spends nothing of a call that it refuses."""

from typing import Any

import pytest

from narthex.catalog.limiting import limits_of, tariff_of
from narthex.model.call import Call
from narthex.model.identity import LOCAL
from narthex.model.limit import TICKS_PER_SECOND as SECOND
from narthex.model.rules.cost import Cost
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.rules import Rules
from narthex.policy import rate
from narthex.policy.cost import beyond_the_call, rows_of
from narthex.policy.tally import Bucket, Places, Purse, Tally

NOW = 1_000 * SECOND
KINDS: dict[str, Any] = {"rate": Bucket, "quota": Purse, "concurrent": Places}


def tallies(**rules: Any) -> list[Any]:
    found = Rules(**rules)
    places = {key: f"servers.crm.{key}" for key in rules}
    return [KINDS[limit.kind](limit, b"") for limit in limits_of(found, places)]


def call_with(found: list[Any], cost: int = 1_000, now: int = NOW) -> Call:
    nobody: Any = None
    call = Call(1, "tools/call", {}, nobody, LOCAL, "", {}, nobody, nobody, exposed="crm__search_contacts")
    call.tallies, call.ticks, call.cost = found, now, cost
    return call


def stocked(bucket: Bucket, calls: int) -> Bucket:
    bucket.leased(NOW, NOW + SECOND, calls)
    return bucket


def test_it_says_the_limit_the_thing_and_the_seconds_rounded_up() -> None:
    (found,) = tallies(rate_limit=RateLimit(requests_per_minute=30))
    found.blocked = NOW + 9 * SECOND + 1
    denial = rate.request(call_with([found]))

    assert denial is not None
    assert denial.message == "Rate limit exceeded: 30 calls per minute on crm__search_contacts. Retry in 10 seconds."
    assert denial.reason == "rate_limited"
    assert denial.data == {
        "limit": "30 calls per minute",
        "window": "minute",
        "per": "principal",
        "retry_after_ms": 9_001,
    }
    assert denial.note == "servers.crm.rate_limit, per principal"
    assert denial.code is None


@pytest.mark.parametrize(
    ("ticks", "seconds", "ms"),
    [
        (1, "1 second", 1),
        (SECOND, "1 second", 1_000),
        (SECOND + 1, "2 seconds", 1_001),
        (90 * SECOND, "90 seconds", 90_000),
    ],
)
def test_a_wait_is_never_told_too_short(ticks: int, seconds: str, ms: int) -> None:
    (found,) = tallies(rate_limit=RateLimit(requests_per_second=1))
    found.blocked = NOW + ticks
    denial = rate.request(call_with([found]))

    assert denial is not None
    assert denial.message.endswith(f"1 call per second on crm__search_contacts. Retry in {seconds}.")
    assert denial.data["retry_after_ms"] == ms


def test_a_quota_says_when_the_next_window_begins() -> None:
    (found,) = tallies(quota=Quota(calls_per_day=1_000))
    found.begin("2026-11-23")
    found.blocked, found.wanted, found.ends = 1, 1_000, NOW + 3_600 * SECOND
    denial = rate.request(call_with([found]))

    assert denial is not None
    assert denial.message == "Quota exceeded: 1000 calls per day on crm__search_contacts. Retry in 3600 seconds."
    assert (denial.reason, denial.data["window"]) == ("quota_exceeded", "day")


def test_of_several_that_refuse_the_longest_wait_is_told() -> None:
    short, long = tallies(rate_limit=(RateLimit(requests_per_second=1), RateLimit(requests_per_minute=5, per="tool")))
    short.blocked, long.blocked = NOW + SECOND, NOW + 12 * SECOND
    denial = rate.request(call_with([short, long]))

    assert denial is not None
    assert (denial.data["limit"], denial.data["per"]) == ("5 calls per minute", "tool")


def test_all_are_looked_at_before_any_is_spent() -> None:
    first, second, places = tallies(
        rate_limit=(RateLimit(requests_per_second=5), RateLimit(requests_per_minute=5, concurrent=2))
    )
    stocked(first, 3)
    second.blocked = NOW + SECOND

    assert rate.request(call_with([first, second, places])) is not None
    assert (first.held, places.taken) == (3, 0)


def test_a_call_that_may_pass_spends_one_of_each() -> None:
    first, places = tallies(rate_limit=RateLimit(requests_per_second=5, concurrent=2))
    call = call_with([stocked(first, 3), places])

    assert rate.request(call) is None
    assert (first.held, places.taken, call.counted) == (2, 1, True)


def test_a_call_that_is_sent_anew_is_not_counted_anew() -> None:
    first, places = tallies(rate_limit=RateLimit(requests_per_second=5, concurrent=1))
    call = call_with([stocked(first, 3), places])
    rate.request(call)

    assert rate.request(call) is None
    assert (first.held, places.taken) == (2, 1)


def test_what_is_not_sent_after_all_is_not_spent() -> None:
    first, places = tallies(rate_limit=RateLimit(requests_per_second=5, concurrent=1))
    purse = tallies(quota=Quota(calls_per_day=5))[0]
    purse.held = 2_000
    call = call_with([stocked(first, 3), places, purse])
    rate.request(call)
    rate.undo(call)

    assert (first.held, places.taken, purse.held, call.counted) == (3, 0, 2_000, False)


def test_places_are_given_back_exactly_once() -> None:
    (places,) = tallies(rate_limit=RateLimit(concurrent=2))
    calls = [call_with([places]) for _ in range(3)]
    said = [rate.request(call) for call in calls]
    for _ in range(2):
        for call in calls:
            rate.leave(call)

    assert [one is None for one in said] == [True, True, False]
    assert places.taken == 0
    assert said[2] is not None
    assert said[2].message == (
        "Too many calls at one time: 2 calls at one time on crm__search_contacts. Retry when one of them has ended."
    )
    assert (said[2].reason, "retry_after_ms" in said[2].data) == ("too_many_at_once", False)


def test_a_warning_refuses_nothing_and_is_told() -> None:
    warned, kept = tallies(rate_limit=(RateLimit(requests_per_second=5, mode="warn"), RateLimit(requests_per_minute=9)))
    warned.blocked = NOW + SECOND
    call = call_with([warned, stocked(kept, 3)])

    assert rate.request(call) is None
    assert [one.message for one in call.warned] == [
        "Rate limit exceeded: 5 calls per second on crm__search_contacts. Retry in 1 second."
    ]
    assert kept.held == 2


def test_what_nobody_could_count_does_not_pass_and_a_warning_about_it_does() -> None:
    (enforced,) = tallies(rate_limit=RateLimit(requests_per_second=5))
    (warns,) = tallies(rate_limit=RateLimit(requests_per_second=5, mode="warn"))
    call = call_with([warns])
    denial = rate.request(call_with([enforced]))

    assert denial is not None
    assert denial.reason == "limits_unavailable"
    assert (rate.request(call), call.warned) == (None, ())


def test_a_known_refusal_goes_before_one_that_nobody_could_count() -> None:
    unknown, known = tallies(rate_limit=(RateLimit(requests_per_second=5), RateLimit(requests_per_minute=5)))
    known.blocked = NOW + SECOND
    denial = rate.request(call_with([unknown, known]))

    assert denial is not None
    assert denial.reason == "rate_limited"


def test_a_trial_spends_nothing_and_needs_no_lease() -> None:
    first, unknown = tallies(rate_limit=(RateLimit(requests_per_second=5), RateLimit(requests_per_minute=5)))
    call = call_with([stocked(first, 3), unknown])
    call.trial = True

    assert rate.request(call) is None
    assert (first.held, call.counted) == (3, False)
    assert rate.standing(call) == (
        "5 calls per second per principal (servers.crm.rate_limit). "
        "5 calls per minute per principal (servers.crm.rate_limit)."
    )


def test_quotas_of_cost_pay_the_price_of_the_call_and_what_it_cost_besides() -> None:
    of_calls, of_cost = tallies(quota=Quota(calls_per_day=10, cost_per_day=10))
    of_calls.held, of_cost.held = 5_000, 5_000

    assert rate.request(call_with([of_calls, of_cost], cost=3_000)) is None
    assert (of_calls.held, of_cost.held) == (4_000, 2_000)
    of_cost.charge(2_500)
    assert (of_cost.held, of_cost.charged) == (0, 500)


@pytest.mark.parametrize(
    ("cost", "tariff"),
    [
        (None, (1_000, 0, 0)),
        (3, (3_000, 0, 0)),
        (0, (0, 0, 0)),
        (Cost(per_call=1, per_kb=0.1, per_row=0.02), (1_000, 100, 20)),
    ],
)
def test_what_a_call_costs_is_as_written(cost: Any, tariff: tuple[int, int, int]) -> None:
    found = tariff_of(Rules(cost=cost))

    assert (found.call, found.kilobyte, found.row) == tariff


def test_bytes_and_rows_are_paid_when_the_answer_is_there() -> None:
    tariff = tariff_of(Rules(cost=Cost(per_kb=0.1, per_row=0.02)))

    assert beyond_the_call(tariff, 2_500, 10) == 250 + 200


@pytest.mark.parametrize(
    ("structured", "content", "rows"),
    [
        ([1, 2, 3], [{}], 3),
        ({"contacts": [1, 2], "total": 9, "more": [3]}, [{}], 3),
        ({"total": 9}, [{}], 0),
        (None, [{}, {}], 2),
        (None, None, 0),
    ],
)
def test_rows_are_the_entries_of_the_lists(structured: Any, content: Any, rows: int) -> None:
    assert rows_of(structured, content) == rows


def test_every_tally_answers_alike() -> None:
    found: list[Tally] = tallies(
        rate_limit=RateLimit(requests_per_second=5, concurrent=2), quota=Quota(calls_per_day=5)
    )

    assert [one.look(NOW, 1_000) for one in found] == [-1, 0, -1]
