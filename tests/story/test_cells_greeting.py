"""Rows R1, R2, R14 of the matrix: how a conversation begins on each face, and what the gateway says of itself."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from story_cells import BACKS, FRONTS, STDIO_FRONTS, Fronts, flat, pages
from story_clients import META, MODERN, Client, LegacyHttp, ModernHttp, OldSse, dumped, initialize, parsed
from story_hall import Hall, config_for
from story_http import send

Opened = Callable[..., Awaitable[Client]]
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


@pytest.mark.parametrize("back", BACKS)
async def test_discover_says_what_the_gateway_is_whatever_stands_behind(hall: Hall, opened: Opened, back: str) -> None:
    """Checklist 14, 16."""
    client = await opened(ModernHttp(hall.endpoint(back)))
    await client.call("tools/list")  # the first lists wait for a server that is not known yet; discover never does
    result = (await client.call("server/discover")).result

    assert result["supportedVersions"] == [MODERN, *reversed(LEGACY)]
    assert result["resultType"] == "complete"
    assert result["_meta"][META + "serverInfo"]["name"] == "narthex"
    assert result["ttlMs"] >= 0
    assert result["cacheScope"] == "private"
    assert set(result["capabilities"]) == {"tools", "resources", "prompts", "completions", "logging"}
    assert result["instructions"].startswith("Speak slowly.")


async def test_what_a_server_not_known_yet_may_have_is_promised(tmp_path: Path) -> None:
    """R2: neither greeting waits for a server, and a session keeps what it was told first."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        hall = Hall(tmp_path, config_for(tmp_path, [{"name": "silent", "upstream": upstream}]))
        try:
            client = LegacyHttp(hall.endpoint(), "2025-11-25")
            await client.open()
            told = (await ModernHttp(hall.endpoint()).call("server/discover")).result["capabilities"]
        finally:
            await asyncio.to_thread(hall.end)

    assert told == client.initialized["capabilities"]
    assert set(told) == {"tools", "resources", "prompts", "completions", "logging"}
    assert told["resources"]["subscribe"] is True


@pytest.mark.parametrize("asked", [*LEGACY, "1999-01-01", "2026-07-28"])
async def test_initialize_agrees_on_the_clients_revision_or_the_newest_older_one(
    hall: Hall, opened: Opened, asked: str
) -> None:
    """Checklist 49."""
    client = LegacyHttp(hall.endpoint("modern"), asked)
    await opened(client)

    assert client.initialized["protocolVersion"] == (asked if asked in LEGACY else "2025-11-25")
    assert client.initialized["serverInfo"]["name"] == "narthex"
    assert "ttlMs" not in client.initialized
    assert "resultType" not in client.initialized
    assert client.initialized["capabilities"]["tools"] == {"listChanged": True}
    assert client.session is not None
    assert all(0x21 <= ord(char) <= 0x7E for char in client.session)


@pytest.mark.parametrize("asked", LEGACY)
@pytest.mark.parametrize("back", ["modern", "november"])
async def test_every_older_revision_works_over_the_old_pair_of_addresses(
    fronts: Fronts, opened: Opened, asked: str, back: str
) -> None:
    """Checklist 59; F: HTTP+SSE is a transport, not a revision."""
    client = fronts.client("sse", back)
    client.revision = asked
    await opened(client)

    assert (await client.tool("echo", {"a": 1})).text == '{"arguments": {"a": 1}, "name": "echo"}'


class Probing(OldSse):
    """Asks before it greets, as a client of both eras does."""

    codes: tuple[int, ...] = ()

    async def greet(self, capabilities: dict[str, Any] | None) -> None:
        self.codes = tuple([(await self.call(method)).error["code"] for method in ("server/discover", "tools/list")])
        await super().greet(capabilities)


async def test_a_probe_over_the_old_pair_is_refused_on_its_stream_and_the_older_greeting_works_after(
    hall: Hall, opened: Opened
) -> None:
    """F: a POST that fails would end the conversation of a client that only wanted to know the era."""
    client = Probing(hall.old("modern"))
    await opened(client)

    assert client.codes == (-32601, -32600)
    assert (await client.tool("echo", {"a": 1})).text == '{"arguments": {"a": 1}, "name": "echo"}'


@pytest.mark.parametrize("front", STDIO_FRONTS)
async def test_both_eras_work_over_stdio(fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 49, 74: the whole house on one channel, under prefixed names."""
    client = await opened(fronts.client(front, ""))
    listed = flat(await pages(client, "tools/list", "tools"))
    for back in ("modern", "november", "old", "pipe", "oldpipe"):
        assert f"{back}__echo" in listed
        called = await client.tool(f"{back}__echo", {"a": 1})
        assert called.text == '{"arguments": {"a": 1}, "name": "echo"}'


@pytest.mark.parametrize("front", [*FRONTS[1:], "stdio-2025-11-25"])
async def test_ping_is_answered_here(hall: Hall, fronts: Fronts, opened: Opened, front: str) -> None:
    """Checklist 56."""
    client = await opened(fronts.client(front, "modern"))

    assert (await client.call("ping")).result == {}


@pytest.mark.parametrize("method", ["ping", "logging/setLevel", "resources/subscribe", "initialize", "tasks/list", "x"])
async def test_methods_of_older_revisions_are_not_there_for_modern_requests(
    hall: Hall, opened: Opened, method: str
) -> None:
    """Checklist 9."""
    client = await opened(ModernHttp(hall.endpoint("november")))
    flight = await client.call(method, {"level": "info", "uri": "far://plain"})

    assert (flight.status, flight.error["code"]) == (404, -32601)


async def test_the_id_comes_back_in_its_own_type(hall: Hall, opened: Opened) -> None:
    """Checklist 8."""
    client = await opened(ModernHttp(hall.endpoint("modern")))
    for request_id in (1, "1", -(2**53), 2**63, "ünï"):
        flight = await client.call("tools/list", id=request_id)
        assert flight.message is not None
        assert flight.message["id"] == request_id
        assert type(flight.message["id"]) is type(request_id)


async def test_initialize_needs_no_session_and_everything_else_does(hall: Hall) -> None:
    """Checklist 49, 50."""
    url = hall.endpoint("november")
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    greeted = await send("POST", url, {}, dumped(initialize(1, "2025-11-25", {})))
    missing = await send("POST", url, {}, dumped(listing))
    unknown = await send("POST", url, {"Mcp-Session-Id": "not-one-of-ours"}, dumped(listing))

    assert greeted.status == 200
    assert missing.status == 400
    assert unknown.status == 404
    for refused in (missing, unknown):
        body: dict[str, Any] = parsed(refused.body)
        assert body["id"] == 1
        assert "error" in body
