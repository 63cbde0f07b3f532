"""Callers with tokens: who lacks a scope is told all that the call needs, gets a better token, and comes again."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from story_cells import flat, pages
from story_clients import Client
from story_hall import FarSide
from story_rights import EIGHT, House, Issuer

Opened = Callable[..., Awaitable[Client]]
READS = "mcp:tools jira:read"
WRITES = f"{READS} jira:write"
FORBIDDEN = -32010


@pytest.fixture(scope="module")
def house(far: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    issuer = Issuer()
    found = House(far, tmp_path_factory.mktemp("house"), issuer)
    yield found
    faults = found.hall.faults()
    found.hall.leave()
    issuer.close()
    assert faults == []


def token(house: House, scope: str, subject: str = "eve") -> str:
    assert house.issuer is not None
    return house.issuer.token(subject, scope)


def better(client: Any, before: str, after: str) -> None:
    """The same client, in the same session, with another token from now on."""
    client.url = client.url.replace(before, after)
    if hasattr(client, "target"):
        client.target = client.target.replace(before, after)


@pytest.mark.parametrize("front", ["modern", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_a_client_that_can_get_a_better_token_is_told_what_it_must_hold(
    house: House, opened: Opened, front: str
) -> None:
    """S-AUTH-03: one challenge, with all scopes of the operation; then the client goes on where it was."""
    poor, rich = token(house, READS), token(house, WRITES)
    client = await opened(house.bearer(front, poor))
    refused = await client.tool("jira__big", {"bytes": 10})

    assert refused.status == 403
    assert refused.error["code"] == FORBIDDEN
    assert refused.error["message"] == (
        "Permission denied: 'jira__big' requires the scope 'jira:write'; this session has 'jira:read' and 'mcp:tools'."
    )
    assert refused.error["data"]["required_scopes"] == ["jira:read", "jira:write", "mcp:tools"]
    challenge = refused.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'error="insufficient_scope"' in challenge
    scope = re.search(r'scope="([^"]*)"', challenge)
    assert scope is not None
    assert set(scope[1].split()) == set(WRITES.split())
    assert "resource_metadata=" in challenge

    better(client, poor, rich)
    assert "isError" not in (await client.tool("jira__big", {"bytes": 10})).result
    assert flat(await pages(client, "tools/list", "tools")) == EIGHT[:5]

    better(client, rich, poor)
    assert (await client.tool("jira__big", {"bytes": 10})).status == 403


async def test_where_no_status_can_be_given_the_refusal_is_a_result(house: House, opened: Opened) -> None:
    """HTTP+SSE: the POST has its 202 long before the answer is known. The better token counts in the same session."""
    poor, rich = token(house, READS), token(house, WRITES)
    client = await opened(house.bearer("sse", poor))
    refused = await client.tool("jira__big", {"bytes": 10})

    assert refused.result["isError"] is True
    assert "requires the scope 'jira:write'" in refused.text

    better(client, poor, rich)
    assert "isError" not in (await client.tool("jira__big", {"bytes": 10})).result


@pytest.mark.parametrize("front", ["modern", "2025-11-25"])
async def test_prompts_and_resources_are_challenged_too(house: House, opened: Opened, front: str) -> None:
    client = await opened(house.bearer(front, token(house, "mcp:tools db:read")))
    for method, params in (
        ("prompts/get", {"name": "jira__greet", "arguments": {"who": "a"}}),
        ("resources/read", {"uri": "gw+jira:far://plain"}),
    ):
        refused = await client.call(method, params)
        assert (refused.status, refused.error["code"]) == (403, FORBIDDEN)
        assert 'scope="jira:read mcp:tools"' in refused.headers["www-authenticate"]


async def test_what_is_concealed_is_unknown_to_a_token_too(house: House, opened: Opened) -> None:
    client = await opened(house.bearer("modern", token(house, READS)))
    hidden, unknown = await client.tool("db__echo"), await client.tool("dc__echo")

    assert (hidden.status, hidden.error["code"]) == (unknown.status, unknown.error["code"])
    assert "www-authenticate" not in hidden.headers


async def test_a_batch_has_one_status_and_so_no_challenge(house: House, opened: Opened) -> None:
    client: Any = await opened(house.bearer("2025-03-26", token(house, READS)))
    call = {"name": "jira__big", "arguments": {"bytes": 10}}
    reply = await client.post([{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call}])

    assert reply.status == 200
    assert b"requires the scope 'jira:write'" in reply.body
    assert b'"isError":true' in reply.body
