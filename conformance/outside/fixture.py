"""The conformant servers that the suite is run against, direct and behind the gateway.

Knows their names, what each of them is, and how it becomes an entry of the gateway's configuration.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outside import places
from outside.parts import SDK, SDK_LEGACY
from outside.ports import free_port
from outside.process import listens, running, wait_until

FIXTURE = places.CONFORMANCE / "fixtures" / "everything.py"


@dataclass(frozen=True, slots=True)
class Fixture:
    """A conformant server: the SDK it is of, the era its doorkeeper lets in (both when empty), its transport."""

    version: str
    transport: str
    era: str = ""

    @property
    def command(self) -> list[str]:
        environment = "suite/modern" if self.version == SDK else "suite/legacy"
        folder = places.sdist(self.version) / "examples" / "servers" / "everything-server"
        return [str(places.interpreter(environment)), str(FIXTURE), str(folder), self.transport]


FIXTURES = {
    "modern": Fixture(SDK, "http"),  # every era on one URL
    "modern-only": Fixture(SDK, "http", "modern"),
    "legacy-only": Fixture(SDK, "http", "legacy"),  # the same tools, so that only the era makes a difference
    "legacy": Fixture(SDK_LEGACY, "http"),  # fewer tools: nobody had thought of the modern ones
    "stdio": Fixture(SDK, "stdio"),
    "stdio-legacy": Fixture(SDK_LEGACY, "stdio"),
}


@contextmanager
def behind(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The fixture as an entry of `servers:`; one on HTTP runs inside this block."""
    fixture = FIXTURES[name]
    if fixture.transport == "stdio":
        yield {"name": "everything", "command": fixture.command}
    else:
        with listening(name, folder) as url:
            yield {"name": "everything", "upstream": url}


@contextmanager
def listening(name: str, folder: Path) -> Iterator[str]:
    """The URL of the fixture, which runs inside this block."""
    fixture = FIXTURES[name]
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / f"{name}.log"
    url = f"http://127.0.0.1:{port}/mcp"
    era = [fixture.era] if fixture.era else []
    with running([*fixture.command, str(port), *era], log) as process:
        wait_until(f"the fixture '{name}'", lambda: listens(url), process, log)
        yield url
