"""Tools that are there only where a setting says so."""

import pytest

from narthex import Library
from narthex.libraries.surroundings import Surroundings
from narthex.testing import CallFailed, connect


def library() -> Library:
    made = Library("shelf")

    @made.tool(when="write")
    def put(thing: str) -> str:
        return f"{thing} is there"

    @made.tool
    def look() -> str:
        return "a shelf"

    return made


@pytest.mark.parametrize(
    ("settings", "tools"),
    [
        ({}, ["look"]),
        ({"write": False}, ["look"]),
        ({"write": True}, ["put", "look"]),
        ({"shelf.write": True}, ["put", "look"]),
        ({"other.write": True}, ["look"]),
        ({"write": True, "shelf.write": False}, ["look"]),
    ],
)
def test_a_tool_is_offered_where_its_setting_is_true(settings: dict[str, object], tools: list[str]) -> None:
    assert list(library().to_server(Surroundings(settings)).tools) == tools


async def test_what_is_not_offered_is_not_called() -> None:
    async with connect(library()) as client:
        with pytest.raises(CallFailed):
            await client.call("put", thing="kite")


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_a_setting_that_says_neither_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match="the setting `write` is true or false"):
        library().to_server(Surroundings({"write": value}))


def test_an_included_tool_keeps_its_setting() -> None:
    desk = Library("desk").include(library(), prefix="my_")

    assert list(desk.to_server().tools) == ["my_look"]
    assert list(desk.to_server(Surroundings({"shelf.write": True})).tools) == ["my_put", "my_look"]
    assert list(desk.to_server(Surroundings({"desk.write": True})).tools) == ["my_look"]
