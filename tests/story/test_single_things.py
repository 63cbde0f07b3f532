"""Scopes of single prompts, resources and templates, for clients of every era.

Whoever lacks one neither finds the thing nor gets it, however it is asked for; `narthex explain` names the line.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from story_cells import flat, pages
from story_clients import Client
from story_hall import FarSide
from story_http import SECONDS_MAX
from story_rights import FRONTS, House, narthex
from test_who_sees_what import UPDATED, may, subscribes

from narthex.limits import reconnect_seconds_max

Opened = Callable[..., Awaitable[Client]]
PLAIN, BYTES, ITEM = "gw+jira:far://plain", "gw+jira:far://bytes", "gw+jira:far://item/{id}{?page}"
SINGLE: dict[str, Any] = {
    "prompt_scopes": {"greet": ["jira:write"]},
    "resource_scopes": {"far://plain": ["jira:write"], "far://item/*": ["jira:write"]},
}


class SingleHouse(House):
    def config(self, **of_jira: Any) -> dict[str, Any]:
        return super().config(**{**SINGLE, **of_jira})


@pytest.fixture(scope="module")
def house(far: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = SingleHouse(far, tmp_path_factory.mktemp("house"))
    yield found
    faults = found.hall.faults()
    found.hall.leave()
    assert faults == []


async def listed(client: Client) -> set[str]:
    names = flat(await pages(client, "prompts/list", "prompts"))
    resources = (await client.call("resources/list")).result["resources"]
    templates = (await client.call("resources/templates/list")).result["resourceTemplates"]
    return {*names, *(one["uri"] for one in resources), *(one["uriTemplate"] for one in templates)}


@pytest.mark.parametrize("who", ["ana", "bo"])
@pytest.mark.parametrize("front", FRONTS)
async def test_what_is_listed_can_be_had_and_what_is_hidden_cannot(
    house: House, opened: Opened, front: str, who: str
) -> None:
    """Both may use the server; only ana may write."""
    client, may_all = await opened(house.client(front, who)), who == "ana"
    found, asked = await listed(client), {"argument": {"name": "who", "value": "a"}}

    for name in ("jira__greet", PLAIN, ITEM):
        assert (name in found) == may_all, name
    assert BYTES in found
    assert await may(client, "resources/read", uri=BYTES)
    assert await subscribes(client, BYTES)

    assert await may(client, "prompts/get", name="jira__greet", arguments={"who": "a"}) == may_all
    prompt = {"type": "ref/prompt", "name": "jira__greet"}
    assert await may(client, "completion/complete", ref=prompt, **asked) == may_all
    for uri in (PLAIN, "gw+jira:far://item/7", "gw+jira:far://item/7?page=2"):
        assert await may(client, "resources/read", uri=uri) == may_all
        assert await may(client, "completion/complete", ref={"type": "ref/resource", "uri": uri}, **asked) == may_all
        assert await subscribes(client, uri) == may_all
    for uri in ("gw+jira:FAR://plain", "gw+jira:far://%70lain", "gw+jira:far://plain/.", "gw+jira:far://plain?x"):
        assert await may(client, "resources/read", uri=uri) == may_all, uri


async def test_news_of_a_resource_go_to_those_who_may_have_it(house: House, opened: Opened) -> None:
    """Bo listens to a place below which something changes that is not for him, and of which the server tells ana."""
    streams = []
    for who, uri in (("ana", PLAIN), ("bo", "gw+jira:far://")):
        client: Any = await opened(house.client("modern", who))
        streams.append(await client.listen(resourceSubscriptions=[uri, BYTES]))
    for uri, hears in (("far://plain", streams[0]), ("far://bytes", streams[1])):
        told = {"do": "tell", "method": UPDATED, "params": {"uri": uri}}
        # A stream that broke off is opened anew within that time: a busy machine may have let several break off.
        ends = asyncio.get_running_loop().time() + reconnect_seconds_max + SECONDS_MAX
        while f"gw+jira:{uri}" not in uris(hears.heard):  # the gateway may not listen to the server yet
            assert asyncio.get_running_loop().time() < ends
            await asyncio.to_thread(house.far.control, "november", **told)
            await asyncio.sleep(0.1)
    for stream, expected in zip(streams, ({PLAIN, BYTES}, {BYTES}), strict=True):
        await stream.until(lambda heard=stream.heard: BYTES in uris(heard))
        assert set(uris(stream.heard)) == expected
        await stream.leave()


def uris(heard: list[dict[str, Any]]) -> list[str]:
    return [one["params"]["uri"] for one in heard if one.get("method") == UPDATED]


def test_explain_names_the_line(house: House) -> None:
    key = house.keys["bo"][:11]
    said = narthex(
        house.home, "explain", "--key", key, "--resource", "gw+jira:far://item/7", "--admin", house.hall.admin
    )
    assert said.returncode == 1
    assert "is denied by 'scopes'" in said.stdout
    assert "jira:write  servers.jira.resource_scopes['far://item/*']" in said.stdout

    said = narthex(house.home, "explain", "--scopes", "x", "--prompt", "jira__greet", "--admin", house.hall.admin)
    assert "jira:write  servers.jira.prompt_scopes['greet']" in said.stdout
