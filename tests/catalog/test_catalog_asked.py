"""What a library lays down about its own tools: it only narrows, and what cannot be read leaves the tool out."""

from typing import Any

import msgspec
import pytest

from narthex.catalog.settling import HouseRules, Settling, settled
from narthex.catalog.stock import LeftOut, asked_in, stock_of
from narthex.limits import DEFAULTS
from narthex.model.config import EndpointConfig, ServerConfig
from narthex.model.offer import Offer
from narthex.model.rules.approval import Approval
from narthex.model.rules.asked import Asked
from narthex.model.rules.cost import Cost
from narthex.model.rules.rate import RateLimit
from narthex.model.rules.rules import Rules
from narthex.wire.strict import encode

LIBRARY = Asked(rate_limit=RateLimit(requests_per_minute=5), cost=3.0, approval=Approval(by="operator")).rules()


def settled_by(**said: Any) -> Any:
    server = ServerConfig(name="mine", python="a.b", **said)
    return Settling(HouseRules(), "", EndpointConfig(), [server]).tool("mine", "x", LIBRARY).others


def test_where_the_operator_is_silent_the_library_speaks() -> None:
    found = settled_by()

    assert [limit.words for limit in found.limits] == ["5 calls per minute"]
    assert found.tariff.call == 3_000
    assert found.approval is not None
    assert "library 'mine'" in found.limits[0].place


def test_rates_of_both_hold() -> None:
    found = settled_by(rate_limit=RateLimit(requests_per_minute=100))

    assert [limit.words for limit in found.limits] == ["100 calls per minute", "5 calls per minute"]


def test_the_operators_word_goes_before_for_cost_and_approval() -> None:
    found = settled_by(cost=1.0, approval=Approval(by="nobody"))

    assert found.tariff.call == 1_000
    assert found.approval is None


def test_a_call_costs_one_unit_at_least() -> None:
    found = asked_in({"dev.narthex/rules": {"cost": {"per_kb": 2}}})

    assert found is not None
    assert found.cost == Cost(per_call=1.0, per_kb=2.0)
    with pytest.raises(LeftOut, match="cost"):
        asked_in({"dev.narthex/rules": {"cost": 0.5}})


@pytest.mark.parametrize(
    "said", [[], "x", {"rate_limit": 5}, {"quota": {"calls_per_day": 1}}, {"timeout_seconds": 900}, {"approval": {}}]
)
def test_what_cannot_be_read_leaves_the_tool_out(said: Any) -> None:
    with pytest.raises(LeftOut, match="cannot be read"):
        asked_in({"dev.narthex/rules": said})


@pytest.mark.parametrize(
    ("server", "asked", "declared"),
    [
        (ServerConfig(name="a", python="x"), True, {"s"}),
        (ServerConfig(name="a", python="x", declared_scopes="ignore"), True, set()),
        (ServerConfig(name="a", upstream="http://x"), False, set()),
        (ServerConfig(name="a", upstream="http://x", declared_scopes="accept"), False, {"s"}),
        (ServerConfig(name="a", command=("x",)), False, set()),
    ],
)
def test_only_what_runs_inside_is_taken_at_its_word(server: ServerConfig, asked: bool, declared: set[str]) -> None:
    meta = {"dev.narthex/rules": {"cost": 3}, "dev.narthex/required_scopes": ["s"], "vendor": 1}
    tool = encode({"name": "x", "inputSchema": {"type": "object"}, "_meta": meta})
    offer = Offer(
        server="a",
        era="modern",
        revision="2026-07-28",
        transport="local",
        server_info={},
        capabilities={"tools": {}},
        instructions=None,
        tools=(msgspec.Raw(tool),),
    )
    (piece,) = stock_of(server, offer, DEFAULTS).tools

    assert (piece.asked is not None) == asked
    assert piece.declared == declared
    assert b"dev.narthex" not in piece.encoded
    assert b"vendor" in piece.encoded


def test_without_a_library_nothing_changes() -> None:
    assert settled(()) is settled((), None)
    assert Rules() == Asked().rules()
