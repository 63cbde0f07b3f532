"""What is stopped: whom it meets, what the caller is told, and what becomes of lists and news."""

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Any

import pytest
from policy_makers import compiled, offer, seen, server, who

from narthex.limits import notice_coalesce_seconds
from narthex.model.config import Config, EndpointConfig, ToolChange
from narthex.model.endpoint import Endpoint, Snapshot
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.model.stop import BLIND, Stop, Stops, Target
from narthex.policy import chain, stopped
from narthex.relay.bus import Audience, Bus, Listener
from narthex.relay.resolve import resolve
from narthex.relay.slot import Slot
from narthex.relay.trial import trial
from narthex.telemetry.owned import Owned

NOON = 1_795_435_200.0
ANA, BOB = who(tenant="acme"), Principal("bob", tenant="globex", how="key")


def stop(kind: Any, name: str, tenant: str | None = None, **more: Any) -> Stop:
    target = Target(kind=kind, name=name, tenant=tenant)
    return Stop(**{"id": 1, "target": target, "reason": "incident 4711.", "by": "ops", "since": NOON - 60, **more})


def worlds(*stops: Stop, blind: bool = False) -> Mapping[str, Endpoint]:
    """A CRM and a wiki; the endpoint `sales` shows a tool of the CRM under another name."""
    renamed = EndpointConfig(servers=("crm",), tools={"crm/delete": ToolChange(name="erase")})
    servers, offers = (server("crm"), server("wiki")), (offer("crm", "search", "delete"), offer("wiki", "search"))
    slot = Slot(Snapshot(1, Config(), compiled(*servers, offers=offers, sales=renamed).endpoints))
    slot.halt(BLIND if blind else Stops(stops))
    return slot.current.endpoints


def world(*stops: Stop, blind: bool = False) -> Endpoint:
    return worlds(*stops, blind=blind)[""]


def judged(endpoint: Endpoint, principal: Principal, tool: str, method: str = "tools/call") -> Denial | None:
    member = "uri" if method == "resources/read" else "name"
    call = trial(endpoint, principal, method, {member: tool})
    resolve(call)
    return stopped.request(call)


def test_a_stopped_tool_is_refused_with_the_reason_and_nothing_else_of_its_server_is() -> None:
    endpoint = world(stop("tool", "crm__delete"))
    denial = judged(endpoint, ANA, "crm__delete")

    assert denial is not None
    assert denial.message == (
        "Stopped by the operator: incident 4711. This holds for calls of the tool 'crm__delete', until the operator "
        "lets them through again. Do not retry before."
    )
    assert (denial.reason, denial.data, denial.code) == ("stopped", {"stopped": "tool", "until": None}, None)
    assert denial.note == "stop 1 by ops"
    assert judged(endpoint, ANA, "crm__search") is None
    assert seen(endpoint, ANA) == ["crm__search", "wiki__search"]


@pytest.mark.parametrize("name", ["crm/delete", "crm__delete", "erase"])
def test_a_tool_is_met_under_the_name_it_is_shown_by(name: str) -> None:
    there = worlds(stop("tool", name))["sales"]

    assert judged(there, ANA, "erase") is not None
    assert judged(there, ANA, "search") is None
    assert seen(there, ANA) == ["search"]


def test_a_name_of_another_endpoint_meets_nothing_here() -> None:
    assert judged(world(stop("tool", "erase")), ANA, "crm__delete") is None


def test_of_a_stopped_server_nothing_is_left() -> None:
    endpoint = world(stop("server", "crm"))
    read = judged(endpoint, ANA, "gw+crm://memo/one", "resources/read")

    assert judged(endpoint, ANA, "crm__search") is not None
    assert read is not None
    assert read.code is not None
    assert judged(endpoint, ANA, "wiki__search") is None
    assert seen(endpoint, ANA) == ["wiki__search"]
    for method in ("prompts/list", "resources/list", "resources/templates/list"):
        assert all("crm" not in name for name in seen(endpoint, ANA, method))
        assert len(seen(endpoint, ANA, method)) == 1


def test_a_stopped_tenant_is_refused_everything_and_sees_nothing() -> None:
    endpoint = world(stop("tenant", "acme"))

    assert "all calls of this caller" in str(judged(endpoint, ANA, "wiki__search"))
    assert seen(endpoint, ANA) == []
    assert judged(endpoint, BOB, "wiki__search") is None
    assert len(seen(endpoint, BOB)) == 3


@pytest.mark.parametrize(("tenant", "met"), [(None, [True, True]), ("acme", [True, False])])
def test_a_principal_is_met_in_every_tenant_or_in_one(tenant: str | None, met: list[bool]) -> None:
    endpoint, other = world(stop("principal", "ana", tenant)), who(tenant="globex")
    found = [judged(endpoint, one, "crm__search") is not None for one in (ANA, other)]

    assert found == met
    assert judged(endpoint, BOB, "crm__search") is None


def test_it_is_the_first_of_all_filters_whatever_the_caller_may() -> None:
    assert chain.ORDER[0] == ("stopped", stopped.request)


def test_where_nobody_knows_what_is_stopped_everything_is() -> None:
    endpoint = world(blind=True)
    denial = judged(endpoint, ANA, "wiki__search")

    assert denial is not None
    assert (denial.reason, denial.data) == ("stops_unknown", {"retry_after_ms": 5_000})
    assert seen(endpoint, ANA) == []


def test_a_stop_holds_until_its_end_or_until_it_is_resumed() -> None:
    ending = stop("server", "crm", until=NOON)

    assert [ending.holds(NOON - 1), ending.holds(NOON)] == [True, False]
    assert ending.until_words == "2026-11-23 12:00:00 UTC"
    assert stop("server", "crm", until=inf).until_words == ""
    assert not stop("server", "crm", resumed=NOON - 2).holds(NOON - 1)
    assert "until 2026-11-23 12:00:00 UTC" in str(judged(world(ending), ANA, "crm__search"))


async def test_those_concerned_are_told_of_their_lists_and_streams_of_stopped_callers_end() -> None:
    faults: list[BaseException] = []
    owned = Owned("test", lambda _where, fault: faults.append(fault))
    slot = Slot(Snapshot(1, Config(), {"": world()}))
    bus, told = Bus(slot, owned), list[str]()
    for one in (ANA, BOB):
        bus.add(Listener("", ("tools",), (), lambda _m, _p, name=one.subject: told.append(name), lambda one=one: one))
    loop = asyncio.get_running_loop()
    ends = {one.subject: loop.create_future() for one in (ANA, BOB)}
    staying = [
        asyncio.ensure_future(bus.until_over(ends[one.subject], Audience("", lambda one=one: one)))
        for one in (ANA, BOB)
    ]
    await asyncio.sleep(0)

    slot.halt(Stops([stop("principal", "ana")]))
    flushed = loop.create_future()
    loop.call_later(notice_coalesce_seconds * 1.5, flushed.set_result, None)
    await flushed

    assert told == ["ana"]
    assert [ends["ana"].done(), ends["bob"].done()] == [True, False]
    await asyncio.wait_for(bus.until_over(loop.create_future(), Audience("", lambda: ANA)), 1.0)
    slot.halt(Stops([stop("tool", "crm__delete")]))
    flushed = loop.create_future()
    loop.call_later(notice_coalesce_seconds * 1.5, flushed.set_result, None)
    await flushed
    assert sorted(told) == ["ana", "ana", "bob"]
    bus.close()
    await asyncio.gather(*staying)
    await owned.aclose()
    assert faults == []


def test_another_world_is_stopped_like_the_one_before() -> None:
    slot = Slot(Snapshot(1, Config(), {"": world()}))
    slot.halt(Stops([stop("server", "crm")]))
    slot.publish(Snapshot(slot.current.serial + 1, Config(), {"": world()}))

    assert judged(slot.current.endpoints[""], ANA, "crm__search") is not None
    slot.halt(Stops())
    assert judged(slot.current.endpoints[""], ANA, "crm__search") is None
    assert len(seen(slot.current.endpoints[""], ANA)) == 3
