"""One far side and one gateway serve all stories; what a story breaks, it starts for itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from story_cells import Fronts
from story_clients import Client
from story_hall import OVER_HTTP, OVER_STDIO, FarSide, Hall, config_for, servers


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    found = FarSide(tmp_path_factory.mktemp("far"))
    yield found
    found.process.end()


@pytest.fixture(scope="session")
def hall(far: FarSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    home = tmp_path_factory.mktemp("hall")
    found = Hall(home, config_for(home, servers(far, home / "children", OVER_HTTP, tuple(OVER_STDIO))))
    yield found
    faults = found.faults()
    (home / "log").write_text("".join(found.process.lines))
    found.end()
    assert faults == []


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[Client], Awaitable[Client]]]:
    """Open a client; it is closed when the test is over."""
    clients: list[Client] = []

    async def open_one(client: Client, capabilities: dict[str, object] | None = None) -> Client:
        clients.append(client)
        return await client.open(capabilities)

    yield open_one
    for client in reversed(clients):
        await client.close()


@pytest.fixture
def fronts(hall: Hall, tmp_path: Path) -> Fronts:
    return Fronts(hall, tmp_path)
