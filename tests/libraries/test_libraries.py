"""A library stands alone: it imports nothing of the house, and next to nothing of the world."""

import ast
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import Message

import narthex.libraries
from narthex.libraries.arguments import problem
from narthex.libraries.demo.tickets import server as tickets
from narthex.libraries.http_server import HttpServer
from narthex.libraries.server import takes

LIBRARIES = Path(narthex.libraries.__file__).parent


@pytest.mark.parametrize(
    "path", sorted(LIBRARIES.rglob("*.py")), ids=lambda path: path.relative_to(LIBRARIES).as_posix()
)
def test_a_library_imports_nothing_of_the_house(path: Path) -> None:
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    imported = [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
    allowed = {"narthex", "narthex.wire.reachable"}  # the public names, and whom a request may reach

    inside = [name for name in imported if name.startswith("narthex") and not name.startswith("narthex.libraries")]
    assert set(inside) <= allowed


def test_a_server_over_pipes_loads_no_web_server() -> None:
    program = "import narthex.libraries.demo.crm, sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)

    assert {"starlette", "uvicorn", "yaml", "click", "rich"}.isdisjoint(loaded)
    assert [name for name in loaded if name.startswith("narthex.") and not name.startswith("narthex.libraries")] == []


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[asyncio.Queue[Message], asyncio.Task[None]]]:
    """A modern peer that listens to the tickets; what is put into the queue is what its connection does next."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    wanted = {"notifications": {"resourcesListChanged": True}, "_meta": meta}
    message = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": wanted}
    headers = {"host": "127.0.0.1", "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    arriving: asyncio.Queue[Message] = asyncio.Queue()
    arriving.put_nowait({"type": "http.request", "body": json.dumps(message).encode()})
    sent: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.create_task(HttpServer(tickets)(scope, arriving.get, sent.put))
    try:
        async with asyncio.timeout(10):
            while b"acknowledged" not in (await sent.get()).get("body", b""):
                pass
        yield arriving, task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_modern_peer_that_leaves_has_cancelled() -> None:
    async with listening() as (arriving, task):
        before = len(tickets.listeners)
        arriving.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(10):
            await task

        assert (before, len(tickets.listeners)) == (1, 0)


def test_arguments_are_judged_by_every_rule_that_libraries_use() -> None:
    schema = takes(
        ["a"], a={"type": "string", "minLength": 1, "maxLength": 3}, b={"type": "number", "maximum": 2, "minimum": 0}
    )

    assert problem(schema, {"a": "x", "b": 1.5}) is None
    assert problem(schema, {"a": ""}) == "'a' must have at least 1 characters."
    assert problem(schema, {"a": "long"}) == "'a' must have at most 3 characters."
    assert problem(schema, {"a": "x", "b": 2.5}) == "'b' must be at most 2."
    assert problem(schema, {"a": "x", "b": "1"}) == "'b' must be of type number."
    assert problem(schema, {"a": "x", "b": float("nan")}) == "'b' must be at least 0."
