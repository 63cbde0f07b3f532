"""Tools of HTTP APIs, called as the gateway calls them, without the gateway.

Knows: how a server is made of a document or of requests, and called. Refuses to know: what is tried with it.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from narthex.libraries.conversation import Conversation
from narthex.libraries.server import Server
from narthex.limits import Limits
from narthex.model.config import ServerConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.kinds import Site
from narthex.upstream.openapi.making import make
from process_kit import Far, Tree, far_end

HERE = Path(__file__).parent
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@contextmanager
def api() -> Iterator[Far]:
    with far_end(HERE / "openapi_api.py") as far:
        yield far


class Made:
    """A server that was made, and what was said to the operator meanwhile."""

    def __init__(self, server: Server, said: list[str]) -> None:
        self.server, self.said = server, said
        self._conversation = Conversation(server, lambda _: None)

    @property
    def names(self) -> list[str]:
        return list(self.server.tools)

    def schema(self, tool: str) -> Tree:
        found: Tree = self.server.tools[tool].definition["inputSchema"]
        return found

    async def result(self, tool: str, /, **arguments: Any) -> Tree:
        params = {"name": tool, "arguments": arguments, "_meta": _META}
        response, _ = await self._conversation.answer(
            {"id": 1, "method": "tools/call", "params": params}, lambda _: None
        )
        assert "result" in response, response
        found: Tree = response["result"]
        return found

    async def value(self, tool: str, /, **arguments: Any) -> Any:
        """What an answer holds for machines."""
        result = await self.result(tool, **arguments)
        assert result.get("isError") is False, result
        return result["structuredContent"]

    async def text(self, tool: str, /, **arguments: Any) -> str:
        """Its first text, whether it is an answer or a refusal."""
        result = await self.result(tool, **arguments)
        return str(result["content"][0].get("text"))

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        result = await self.result(tool, **arguments)
        assert result["isError"] is True, result
        return str(result["content"][0]["text"])


@asynccontextmanager
async def made(**config: Any) -> AsyncIterator[Made]:
    """A server of this entry of a configuration, closed at the end."""
    said: list[str] = []
    faults: list[str] = []
    owned = Owned("test", lambda where, fault: faults.append(f"{where}: {fault!r}"))
    limits = msgspec.convert(config.pop("limits", {}), Limits)
    found = msgspec.convert({"name": "api", **config}, ServerConfig)
    site = Site(limits, owned, lambda level, sentence: said.append(f"{level} {sentence}"), None, lambda _: None)
    server = await make(found, site)
    try:
        yield Made(server, said)
    finally:
        await server.aclose()
        await owned.aclose()
    assert faults == []


def written(folder: Path, document: Tree) -> str:
    """The document in a file."""
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return str(path)


def api_of(paths: Tree, *, version: str = "3.1.0", **more: Any) -> Tree:
    return {"openapi": version, "info": {"title": "An API", "version": "1"}, "paths": paths, **more}
