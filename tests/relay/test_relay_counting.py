"""Which tally a call is held against: whom a limit counts apart, sessions that are no new beginning, bounded memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from narthex.catalog.limiting import limits_of, tariff_of
from narthex.limits import quota_calls_ahead_max, quota_calls_ahead_min, session_slots_max
from narthex.model.call import Call
from narthex.model.client import Sitting
from narthex.model.identity import Principal
from narthex.model.rules.cost import Cost
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.rules import Rules
from narthex.model.settled import Settled
from narthex.policy import rate
from narthex.policy.tally import Bucket, Purse
from narthex.ports import Grant, Want
from narthex.relay.calendar import span_of
from narthex.relay.counting import Counting
from narthex.relay.lending import Lender
from narthex.relay.session_slots import SessionSlots
from narthex.store.counters import StoredCounters
from narthex.telemetry.owned import Owned

NOBODY: Any = None


class Desk:
    def __init__(self, name: str) -> None:
        self.name = name


class Tool:
    def __init__(self, private: str) -> None:
        self.private = private


def principal(subject: str, tenant: str = "") -> Principal:
    return Principal(subject, tenant=tenant, how="key")


ANA = principal("ana", "acme")


def settled(**rules: Any) -> Settled:
    found = Rules(**rules)
    places = dict.fromkeys(rules, "somewhere")
    return Settled(found, places, limits_of(found, places), tariff_of(found))


def call_of(
    rules: Settled, who: Principal = ANA, session: str = "", server: str = "crm", tool: str = "x", endpoint: str = ""
) -> Call:
    desk: Any = Desk(endpoint)
    found = Call(1, "tools/call", {}, desk, who, "", {}, NOBODY, NOBODY, server=server, exposed="crm__x")
    found.tool = Tool(tool)  # type: ignore[assignment]
    found.settled = rules
    if session:
        found.sitting = Sitting(session, {}, NOBODY)
    return found


class Counted(StoredCounters):
    """The real ones, and how often they were asked."""

    leases = most = 0

    async def lease(self, wants: Sequence[Want]) -> list[Grant]:
        self.leases += 1
        self.most = max(self.most, *(want.amount for want in wants))
        return await super().lease(wants)


class House:
    def __init__(self, folder: Path, tallies_max: int) -> None:
        self.faults: list[BaseException] = []
        self.said: list[str] = []
        self.owned = Owned("test", lambda _, error: self.faults.append(error))
        self.counters = Counted(folder)
        self.lender = Lender(self.counters, "scale", self.owned, lambda _, sentence: self.said.append(sentence))
        self.counting = Counting(self.lender, tallies_max)

    async def passes(self, rules: Settled, **how: Any) -> bool:
        call = call_of(rules, **how)
        await self.counting.fetch(call)
        return rate.request(call) is None

    async def until_denied(self, rules: Settled, **how: Any) -> int:
        for passed in range(1_000):
            if not await self.passes(rules, **how):
                return passed
        raise AssertionError("there is no limit")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    found = House(tmp_path, 200)
    await found.lender.start()
    yield found
    await found.counting.aclose()
    await found.owned.aclose()
    assert found.faults == []


def hourly(per: Any, count: int = 5) -> Settled:
    return settled(rate_limit=RateLimit(requests_per_hour=count, per=per))


APART: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what does not begin anew, and what does
    "principal": ({"server": "other", "session": "b"}, {"who": principal("ben", "acme")}),
    "tenant": ({"who": principal("ben", "acme")}, {"who": principal("ana", "other")}),
    "endpoint": ({"who": principal("ben")}, {"endpoint": "desk"}),
    "server": ({"who": principal("ben"), "tool": "y"}, {"server": "other"}),
    "tool": ({"who": principal("ben")}, {"tool": "y"}),
    "session": ({"server": "other"}, {"who": principal("ben")}),
}


@pytest.mark.parametrize("per", APART)
async def test_each_kind_counts_apart_what_it_says(house: House, per: str) -> None:
    same, other = APART[per]
    rules = hourly(per)

    assert await house.until_denied(rules) == 5
    assert await house.until_denied(rules, **same) == 0
    assert await house.until_denied(rules, **other) == 5


async def test_all_credentials_of_one_caller_count_together(house: House) -> None:
    rules = hourly("principal")

    assert await house.until_denied(rules, who=principal("ana")) == 5
    assert await house.until_denied(rules, who=principal("ana")) == 0


async def test_connecting_anew_is_no_new_beginning(house: House) -> None:
    rules = hourly("session")
    assert await house.until_denied(rules, session="first") == 5

    for number in range(100):
        assert await house.until_denied(rules, session=f"session {number}") == 0


async def test_sessions_that_were_there_before_have_each_their_own(house: House) -> None:
    rules = hourly("session")
    for name in ("a", "b", "c"):
        assert await house.passes(rules, session=name)

    assert [await house.until_denied(rules, session=name) for name in ("a", "b", "c")] == [4, 3, 2]


async def test_debts_of_sessions_outlive_the_process(house: House, tmp_path: Path) -> None:
    rules = hourly("session")
    assert await house.until_denied(rules, session="a") == 5
    await house.counting.aclose()
    again = House(tmp_path, 200)
    passed = [await again.until_denied(rules, session=name) for name in ("new", "newer")]
    await again.counting.aclose()
    await again.owned.aclose()

    assert passed == [0, 0]


def test_a_caller_has_only_so_many_slots_and_no_slot_is_lost() -> None:
    slots = SessionSlots(callers_max=2)
    given = [slots.slot("ana", str(number)) for number in range(session_slots_max * 3)]

    assert sorted(set(given)) == list(range(session_slots_max))
    assert slots.slot("ana", str(session_slots_max * 3 - 1)) == given[-1]
    assert [slots.slot(caller, "x") for caller in ("ben", "cy", "ana")] == [0, 0, 0]


async def test_memory_is_bounded_and_no_debt_is_forgotten(house: House) -> None:
    rules = hourly("principal", 2)
    for number in range(500):
        assert await house.until_denied(rules, who=principal(f"caller {number}")) == 2

    assert len(house.counting) <= 200
    for number in range(0, 500, 7):
        assert await house.until_denied(rules, who=principal(f"caller {number}")) == 0


async def test_without_whoever_keeps_the_counts_new_callers_share_one_tally_rather_than_debts_be_forgotten(
    house: House,
) -> None:
    rules = hourly("principal", 2)
    house.lender.lost = True
    for number in range(200):
        assert await house.until_denied(rules, who=principal(f"caller {number}")) == 2
    passed = [await house.until_denied(rules, who=principal(f"late {number}")) for number in range(50)]
    house.lender.lost = False

    assert sum(passed) == 2
    assert len(house.counting) <= 201


async def test_places_that_are_taken_are_never_forgotten(house: House) -> None:
    rules = settled(rate_limit=RateLimit(concurrent=1))
    calls = []
    for number in range(200):
        call = call_of(rules, who=principal(f"caller {number}"))
        await house.counting.fetch(call)
        assert rate.request(call) is None
        calls.append(call)
    assert not await house.passes(rules, who=principal("caller 3"))
    assert await house.passes(rules, who=principal("late"))  # the one that those share for whom there is no room
    assert not await house.passes(rules, who=principal("later"))
    for call in calls:
        house.counting.ended(call)

    assert await house.passes(rules, who=principal("caller 3"))


async def test_who_is_not_heard_of_for_long_is_forgotten(house: House) -> None:
    rules = settled(rate_limit=RateLimit(requests_per_second=1_000, concurrent=2), quota=Quota(calls_per_day=50))
    call = call_of(rules)
    await house.counting.fetch(call)
    rate.request(call)
    house.counting.ended(call)
    assert len(house.counting) == 3
    for book in house.counting._books.values():
        for tally in book.tallies.values():
            if isinstance(tally, Bucket):
                tally.full = tally.end = tally.next = tally.blocked = 0
            elif isinstance(tally, Purse):
                tally.used_at = 0
    for _ in range(3):
        house.counting.sweep()

    assert len(house.counting) == 0


async def test_another_configuration_keeps_what_is_used_up(house: House) -> None:
    assert await house.until_denied(settled(quota=Quota(calls_per_day=3))) == 3
    assert await house.until_denied(settled(quota=Quota(calls_per_day=5))) == 2
    assert await house.until_denied(hourly("principal", 5)) == 5
    assert await house.until_denied(hourly("principal", 5)) == 0


async def test_a_quota_that_is_used_up_quickly_is_leased_by_more_and_more(house: House) -> None:
    rules = settled(quota=Quota(calls_per_day=100_000_000))
    same = call_of(rules)
    for _ in range(40_000):
        call = call_of(rules)
        call.tool = same.tool
        if not house.counting.ready(call, time.perf_counter()):
            await house.counting.fetch(call)
        assert rate.request(call) is None
        await asyncio.sleep(0)
    purse = next(tally for tally in call.tallies if isinstance(tally, Purse))

    assert quota_calls_ahead_min < purse.ahead <= quota_calls_ahead_max
    assert house.counters.leases < 40  # with a thousand calls each, asked for when half of them are left, it were 80


async def test_a_quota_that_is_hardly_used_is_leased_by_little(house: House) -> None:
    rules = settled(quota=Quota(calls_per_day=100_000_000))
    assert await house.passes(rules)
    call = call_of(rules)
    await house.counting.fetch(call)
    purse = next(tally for tally in call.tallies if isinstance(tally, Purse))

    assert purse.ahead == quota_calls_ahead_min
    assert purse.held < 2 * quota_calls_ahead_min * 1_000


async def test_a_small_quota_is_never_leased_by_more_than_its_part(house: House) -> None:
    rules = settled(quota=Quota(calls_per_day=6_400))
    passed = 0
    while await house.passes(rules):
        passed += 1
        assert house.counters.most <= 100_000  # thousandths: a sixty-fourth
    assert passed == 6_400


async def test_a_large_limit_makes_hardly_a_call_wait(house: House) -> None:
    rules = settled(rate_limit=RateLimit(requests_per_minute=600_000))
    assert await house.passes(rules)
    waited = 0
    for _ in range(2_000):
        call = call_of(rules)
        waited += not house.counting.ready(call, time.perf_counter())
        await house.counting.fetch(call)
        assert rate.request(call) is None
        await asyncio.sleep(0)

    assert waited == 0


async def test_a_trial_leaves_no_trace(house: House) -> None:
    rules = hourly("principal")
    for _ in range(20):
        call = call_of(rules)
        house.counting.look(call)
        assert rate.request(call) is None
    assert len(house.counting) == 0

    assert await house.until_denied(rules) == 5
    call = call_of(rules)
    house.counting.look(call)
    denial = rate.request(call)
    assert denial is not None
    assert denial.message.startswith("Rate limit exceeded: 5 calls per hour on crm__x.")


async def test_the_cost_of_an_answer_is_charged_after_it(house: House) -> None:
    rules = settled(quota=Quota(cost_per_day=10), cost=Cost(per_call=1, per_kb=1, per_row=0.5))
    call = call_of(rules)
    await house.counting.fetch(call)
    assert rate.request(call) is None
    call.bytes_out, call.rows = 3_000, 4
    house.counting.ended(call)

    assert call.cost == 6_000
    assert await house.until_denied(rules) == 4


async def test_an_answer_may_cost_more_than_is_left_and_then_nothing_is(house: House) -> None:
    rules = settled(quota=Quota(cost_per_day=10), cost=Cost(per_call=1, per_kb=1))
    call = call_of(rules)
    await house.counting.fetch(call)
    rate.request(call)
    call.bytes_out = 100_000
    house.counting.ended(call)

    assert await house.until_denied(rules) == 0


async def test_whoever_stops_waiting_takes_nothing_along(house: House) -> None:
    rules = hourly("principal", 8)
    waiting = [asyncio.ensure_future(house.passes(rules)) for _ in range(30)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    passed = await asyncio.gather(*waiting, return_exceptions=True)

    assert sum(one is True for one in passed) + await house.until_denied(rules) == 8


@pytest.mark.parametrize(
    ("window", "zone", "moment", "label", "hours"),
    [
        ("day", "UTC", "2026-11-23T12:00", "2026-11-23", 24),
        ("day", "Asia/Tokyo", "2026-11-23T15:30", "2026-11-24", 24),
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-29", 23),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-25", 25),
        ("month", "UTC", "2026-12-31T23:59", "2026-12", 31 * 24),
        ("month", "UTC", "2028-02-29T00:00", "2028-02", 29 * 24),
        ("month", "Europe/Berlin", "2026-10-31T23:30", "2026-11", 30 * 24),
    ],
)
def test_windows_are_those_of_the_calendar(window: Any, zone: str, moment: str, label: str, hours: int) -> None:
    wall = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    span = span_of(window, zone, wall)

    assert span.label == label
    assert span.begins <= wall < span.ends
    assert span.ends - span.begins == hours * 3_600
