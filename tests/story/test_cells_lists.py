"""Rows R4, R5 and H5 of the matrix: long lists in pages, cursors of strangers, items no gateway may show."""

from collections.abc import Awaitable, Callable

import far_offers as offers
import pytest
from story_cells import FRONTS, Fronts, flat, pages
from story_clients import Client, ModernHttp
from story_hall import Hall

Opened = Callable[..., Awaitable[Client]]


@pytest.mark.parametrize("front", FRONTS)
async def test_a_long_list_arrives_whole_and_in_order(fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 66, 67: 2,514 tools, which the server gives in pages of a hundred, the first cursor being empty."""
    client = await opened(fronts.client(front, "bulk"))
    found = await pages(client, "tools/list", "tools")

    assert [len(page) for page in found] == [1_000, 1_000, len(offers.TOOLS) + 500]
    wanted = [tool["name"] for tool in offers.TOOLS] + [f"bulk_{number:04}" for number in range(2_500)]
    assert flat(found) == wanted


@pytest.mark.parametrize("front", FRONTS)
async def test_cursors_of_strangers_are_refused(fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 67."""
    client = await opened(fronts.client(front, "bulk"))
    other = await opened(fronts.client(front, ""))
    real = (await client.call("tools/list")).result["nextCursor"]
    foreign = (await other.call("tools/list")).result["nextCursor"]
    flipped = real[:-6] + ("A" if real[-6] != "A" else "B") + real[-5:]

    assert (await client.call("tools/list", {"cursor": real})).result["tools"]
    for cursor in ("", "at:100", "x" * 5_000, "ünï", flipped, foreign, real + "A"):
        assert (await client.call("tools/list", {"cursor": cursor})).error["code"] == -32602
    assert (await client.call("prompts/list", {"cursor": real})).error["code"] == -32602
    for odd in (7, {"a": 1}, ["x"], True):
        assert (await client.call("tools/list", {"cursor": odd})).error["code"] == -32602


async def test_what_no_client_may_be_shown_is_left_out_alone(hall: Hall, opened: Opened) -> None:
    """Checklist 13, 73: over HTTP a tool with a wrong x-mcp-header goes; a malformed one goes anywhere."""
    client = await opened(ModernHttp(hall.endpoint("hostile")))
    (found,) = await pages(client, "tools/list", "tools")

    assert found == [tool["name"] for tool in offers.TOOLS]


async def test_over_stdio_only_the_wrong_annotation_goes(hall: Hall, opened: Opened) -> None:
    """Checklist 13."""
    client = await opened(ModernHttp(hall.endpoint("oddpipe")))
    listed = (await client.call("tools/list")).result["tools"]
    shown = {tool["name"]: tool for tool in listed}

    assert set(shown) == {tool["name"] for tool in [*offers.TOOLS, *offers.BAD_MIRRORS]}
    for bad in offers.BAD_MIRRORS:
        assert "x-mcp-header" not in str(shown[bad["name"]]["inputSchema"])
    assert shown["region"]["inputSchema"] == offers.schema(**offers.MIRRORING)


async def test_all_servers_together_are_listed_in_the_order_of_the_file(hall: Hall, opened: Opened) -> None:
    """Checklist 66, 70."""
    client = await opened(ModernHttp(hall.endpoint()))
    first, again = await pages(client, "tools/list", "tools"), await pages(client, "tools/list", "tools")
    names = flat(first)
    order = list(dict.fromkeys(name.partition("__")[0] for name in names))

    assert first == again
    assert order == [server["name"] for server in hall.config["servers"]]
    assert len(names) == len(set(names))
