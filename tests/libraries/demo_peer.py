"""Whoever sits at the other end of a demo server's pipes: raw lines, each judged by the schema of its revision."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import schema_judge

Tree = dict[str, Any]
seconds_max = 20


class Peer:
    """One process, one conversation. Everything that arrives is judged before a test sees it."""

    def __init__(self, process: asyncio.subprocess.Process, revision: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.revision = process, revision
        self.notifications: list[Tree] = []
        self._stdin, self._stdout = process.stdin, process.stdout
        self._methods: dict[int | str, str] = {}
        self._next = 0

    @property
    def modern(self) -> bool:
        return self.revision == schema_judge.MODERN

    def request(
        self, method: str, params: Tree | None = None, request_id: int | str | None = None, **meta: Any
    ) -> Tree:
        """A request in the words of this revision, judged like everything else."""
        params = dict(params or {})
        if self.modern:
            own = {"protocolVersion": self.revision, "clientCapabilities": {}}
            meta = {f"io.modelcontextprotocol/{name}": value for name, value in own.items()} | meta
        if meta:
            params["_meta"] = meta
        if request_id is None:
            self._next += 1
            request_id = self._next
        message: Tree = {"jsonrpc": "2.0", "id": request_id, "method": method}
        message |= {"params": params} if params else {}
        schema_judge.check(self.revision, "ClientRequest", message)
        self._methods[request_id] = method
        return message

    async def send(self, message: Any) -> None:
        await self.send_line(json.dumps(message).encode())

    async def send_line(self, line: bytes) -> None:
        self._stdin.write(line + b"\n")
        await self._stdin.drain()

    async def receive(self) -> Any:
        async with asyncio.timeout(seconds_max):
            line = await self._stdout.readline()
        assert line, f"the server ended with {await self.process.wait()}"
        message = json.loads(line)
        if isinstance(message, dict):
            schema_judge.check_message(self.revision, message, self._methods.get(message.get("id", "")))
        return message

    async def response(self, request_id: int | str) -> Tree:
        """The response to `request_id`; what comes before is kept in `notifications`."""
        while "method" in (message := await self.receive()):
            self.notifications.append(message)
        assert message["id"] == request_id
        return message

    async def notification(self, method: str) -> Tree:
        while not (found := [one for one in self.notifications if one["method"] == method]):
            self.notifications.append(await self.receive())
        self.notifications.remove(found[0])
        return found[0]

    async def ask(self, method: str, params: Tree | None = None, **meta: Any) -> Tree:
        """The whole response."""
        message = self.request(method, params, **meta)
        await self.send(message)
        return await self.response(message["id"])

    async def result(self, method: str, params: Tree | None = None, **meta: Any) -> Tree:
        response = await self.ask(method, params, **meta)
        assert "result" in response, response
        result: Tree = response["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> Tree:
        return await self.result("tools/call", {"name": tool, "arguments": arguments})

    async def notify(self, method: str, params: Tree | None = None) -> None:
        await self.send({"jsonrpc": "2.0", "method": method} | ({"params": params} if params else {}))

    async def initialize(self) -> Tree:
        mine = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        result = await self.result("initialize", mine)
        await self.notify("notifications/initialized")
        return result

    async def end(self) -> tuple[int, bytes]:
        """Close its stdin; the exit code, and what was still on its stdout."""
        self._stdin.close()
        async with asyncio.timeout(seconds_max):
            rest = await self._stdout.read()
            return await self.process.wait(), rest


@asynccontextmanager
async def peer(name: str, revision: str = schema_judge.MODERN, *, greet: bool = True) -> AsyncIterator[Peer]:
    """The demo server `name` as a process, initialized when the revision wants that. It has ended when this is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"narthex.libraries.demo.{name}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    one = Peer(process, revision)
    try:
        if greet and not one.modern:
            await one.initialize()
        yield one
        if process.returncode is None:
            code, _ = await one.end()
            assert code == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
