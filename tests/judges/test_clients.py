"""Other people's clients: each lists the tools and calls two of them, directly and through every front of the gateway.

Behind it stands a server that knows the modern era, or one that does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from outside.clients import ANSWERS, CLIENTS, OVER_SSE, OVER_STDIO, Client, Seen, look, look_over_stdio
from outside.fixture import listening
from outside.gateway import Gateway, serving
from outside.program import program

pytestmark = pytest.mark.clients


@dataclass(frozen=True, slots=True)
class House:
    """An everything-server, what it lists, and the gateway before it."""

    direct: str
    server: dict[str, Any]
    gateway: Gateway
    tools: list[str]


@pytest.fixture(scope="module", params=["modern", "legacy"])
def house(
    request: pytest.FixtureRequest, suite_part: None, clients_part: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("clients")
    with listening(request.param, folder) as url:
        server = {"name": "everything", "upstream": url}
        # Both servers can be asked by a client of the older era, and list the same to everybody.
        tools = look(CLIENTS["python-sdk-1"], url, folder / "direct").tools
        with serving([server], folder) as gateway:
            yield House(url, server, gateway, tools)


@pytest.mark.parametrize("house", ["modern"], indirect=True)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_client_lists_and_calls_directly(client: Client, house: House, tmp_path: Path) -> None:
    assert_sees_all(house, client, look(client, house.direct, tmp_path))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_client_lists_and_calls(client: Client, house: House, tmp_path: Path) -> None:
    assert_sees_all(house, client, look(client, house.gateway.mcp, tmp_path))


@pytest.mark.parametrize("client", OVER_SSE.values(), ids=OVER_SSE.keys())
def test_a_client_lists_and_calls_over_http_and_sse(client: Client, house: House, tmp_path: Path) -> None:
    assert_sees_all(house, client, look(client, house.gateway.sse, tmp_path))


@pytest.mark.parametrize("client", OVER_STDIO.values(), ids=OVER_STDIO.keys())
def test_a_client_starts_the_gateway_lists_and_calls(client: Client, house: House, tmp_path: Path) -> None:
    assert_sees_all(house, client, look_over_stdio(client, program([house.server], tmp_path), tmp_path / "home"))


def assert_sees_all(house: House, client: Client, seen: Seen) -> None:
    assert house.tools == seen.tools
    assert seen.answers == ANSWERS
    assert set(client.versions) == seen.versions, "the gateway is spoken to in the era that the client prefers"
