"""The tests of this room run on uvloop, as in production, and on asyncio's own loop, as a second opinion.

And what the tests of credentials share: an issuer and a guarded server, each in a process of its own. A module that
tries grants of users names an issuer that has users (`ISSUER`), and the server then names it too.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop
from credentials_kit import started

from process_kit import Far

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS


@pytest.fixture(scope="module")
def processes(request: pytest.FixtureRequest) -> Iterator[tuple[Far, Far]]:
    script = getattr(request.module, "ISSUER", None)
    with started(script or "credentials_issuer.py") as issuer, started("credentials_server.py") as server:
        if script is not None:
            server.always = {"issuers": [issuer.origin]}
        yield issuer, server


@pytest.fixture
def issuer(processes: tuple[Far, Far]) -> Far:
    processes[0].order({})
    return processes[0]


@pytest.fixture
def far(processes: tuple[Far, Far], issuer: Far) -> Far:
    processes[1].order({})
    return processes[1]
