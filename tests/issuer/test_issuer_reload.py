"""The authorization server inside, when the configuration of a running gateway changes."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from issuer_kit import ask

SECONDS_MAX = 20.0
METADATA = "/.well-known/oauth-authorization-server"


class Running:
    """A gateway in a process of its own, and its configuration."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "narthex.json"
        self._house = {"listen": "http://127.0.0.1:0", "admin": {"listen": "http://127.0.0.1:0"}, "servers": []}
        self._house |= {"state": str(folder / "state"), "log": {"format": "json"}}
        self.write({"everyone": ["one"]})
        command = [sys.executable, "-m", "narthex", "serve", str(self._file)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert self.process.stderr is not None
        self.url = next(found for line in self.process.stderr if (found := json.loads(line).get("url"))).removesuffix(
            "/mcp"
        )

    def write(self, server: dict[str, Any] | None) -> None:
        """The authorization server to have from now on; None: none, but API keys."""
        authentication = {"type": "keys"} if server is None else {"type": "oauth2", "server": server}
        whole = self._file.with_suffix(".new")
        whole.write_text(json.dumps({**self._house, "authentication": authentication}))
        whole.replace(self._file)

    async def offers(self) -> list[str] | None:
        """The scopes it tells of; None: there is no such server."""
        answer = await ask(self.url + METADATA)
        return json.loads(answer.body)["scopes_supported"] if answer.status == 200 else None

    async def until(self, offers: list[str] | None) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            while await self.offers() != offers:
                await asyncio.sleep(0.05)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    gateway = Running(tmp_path)
    try:
        yield gateway
    finally:
        gateway.process.terminate()
        gateway.process.communicate(timeout=SECONDS_MAX)


async def test_another_configuration_holds_at_once_and_what_is_taken_out_may_come_back(running: Running) -> None:
    assert await running.offers() == ["one"]

    running.write({"everyone": ["one", "two"]})
    await running.until(["one", "two"])
    running.write(None)
    await running.until(None)
    running.write({"everyone": ["three"]})
    await running.until(["three"])
