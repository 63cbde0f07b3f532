"""Real servers from PyPI and npm behind one gateway, over stdio and HTTP: the right one answers, shown as it is."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))

from models_judges import STRICT_FORMS, judge
from outside.asking import ask, proves, question
from outside.fleet import NAMES, Seat, fleet
from outside.gateway import Gateway, missing, serving

from narthex.models import FORMATS, Toolset
from narthex.policy.validation.compiling import unusable

pytestmark = pytest.mark.fleet

MODES = ("auto", "legacy")


@pytest.fixture(scope="module")
def seats(fleet_part: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seat]]:
    with fleet(tmp_path_factory.mktemp("fleet")) as found:
        yield {seat.name: seat for seat in found}


@pytest.fixture(scope="module")
def gateway(seats: dict[str, Seat], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving([seat.server for seat in seats.values()], tmp_path_factory.mktemp("gateway")) as found:
        yield found


@pytest.fixture(scope="module")
def seen(seats: dict[str, Seat], gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one client of each era sees of the whole fleet, every server called at the same time."""
    calls = [question(seat, f"{seat.name}__") for seat in seats.values()]
    return {mode: ask({"url": gateway.mcp}, calls, tmp_path_factory.mktemp(mode), mode) for mode in MODES}


def test_the_fleet_is_as_large_as_promised(seats: dict[str, Seat]) -> None:
    over_stdio = [seat for seat in seats.values() if not seat.url]

    assert set(NAMES) == set(seats)
    assert len(over_stdio) >= 12


def test_every_server_shows_its_tools(seats: dict[str, Seat], gateway: Gateway) -> None:
    assert missing(gateway.mcp, [seat.server for seat in seats.values()]) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_the_right_server_answers(name: str, mode: str, seats: dict[str, Seat], seen: dict[str, Any]) -> None:
    answer = seen[mode]["answers"][list(seats).index(name)]

    assert proves(seats[name], answer), f"asked for {seats[name].proof!r}, got {answer}"


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_shown_as_the_server_wrote_it(
    name: str, seats: dict[str, Seat], seen: dict[str, Any], tmp_path: Path
) -> None:
    direct = ask(seats[name].target, [question(seats[name])], tmp_path)
    prefix = f"{name}__"
    shown = [
        {**tool, "name": tool["name"].removeprefix(prefix)}
        for tool in seen["auto"]["tools"]
        if tool["name"].startswith(prefix)
    ]

    assert proves(seats[name], direct["answers"][0]), "the server does not do directly what is asked of it"
    assert without_execution(direct["tools"]) == without_execution(shown)


def without_execution(tools: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By name, less what belongs to the tasks of 2025-11-25, which other revisions know nothing of."""
    return {tool["name"]: {key: value for key, value in tool.items() if key != "execution"} for tool in tools}


@pytest.mark.parametrize("member", ["inputSchema", "outputSchema"])
def test_every_schema_can_be_checked_against(member: str, seen: dict[str, Any]) -> None:
    found = {tool["name"]: unusable(tool[member]) for tool in seen["auto"]["tools"] if member in tool}

    assert len(found) > 50
    assert {name: why for name, why in found.items() if why is not None} == {}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "mcp"])
def test_every_definition_is_taken_by_the_api_of_a_model(form: Any, seen: dict[str, Any]) -> None:
    for strict in (False, True) if form in STRICT_FORMS else (False,):
        definitions = Toolset(seen["auto"]["tools"], form, strict=strict).definitions

        judge(form, definitions)
        assert len(definitions[0].get("functionDeclarations", definitions)) == len(seen["auto"]["tools"])
