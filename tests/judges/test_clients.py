"""Other people's clients: each lists the tools and calls two of them, directly and through the gateway alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from outside.ask import names_of_tools
from outside.clients import ANSWERS, CLIENTS, Client, look
from outside.fixture import listening
from outside.gateway import serving

pytestmark = pytest.mark.clients


@dataclass(frozen=True, slots=True)
class House:
    """The everything-server, and the gateway before it."""

    direct: str
    gateway: str
    tools: list[str]


@pytest.fixture(scope="module")
def house(suite_part: None, clients_part: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("clients")
    with listening("modern", folder) as url, serving([{"name": "everything", "upstream": url}], folder) as gateway:
        yield House(url, gateway.mcp, sorted(names_of_tools(url)))


@pytest.mark.parametrize("way", ["direct", "gateway"])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_client_lists_and_calls(client: Client, way: str, house: House, tmp_path: Path) -> None:
    seen = look(client, house.direct if way == "direct" else house.gateway, tmp_path)

    assert house.tools == seen.tools
    assert seen.answers == ANSWERS
    assert set(client.versions) == seen.versions, "the gateway is spoken to in the era that the client prefers"
