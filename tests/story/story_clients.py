"""MCP clients of every kind, in raw JSON, with one face: `start` a request, hear what follows, or leave.

Knows: the wire of each era and transport, from the client's side. Refuses to know: who answers: the far side or a
gateway before it.
"""

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from story_http import SECONDS_MAX, Reply, send

Tree = dict[str, Any]
META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
BOTH = "application/json, text/event-stream"
ASKABLE: Tree = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {"listChanged": True}}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def parsed(text: str | bytes) -> Any:
    """Numbers keep every digit."""
    return json.loads(text, parse_float=Decimal)


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class Refused(Exception):
    """What a client's user answers instead of a result: a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Flight:
    """One request on its way: what was heard for it so far, and its end."""

    def __init__(self, client: "Client", request_id: Any) -> None:
        self.client, self.id = client, request_id
        self.heard: list[Tree] = []
        self.message: Tree | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.streamed = False
        self.task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()

    async def take(self, message: Tree) -> None:
        async with self._moved:
            if "method" in message:
                self.heard.append(message)
            else:
                self.message = message
            self._moved.notify_all()

    async def landed(self, reply: Reply) -> None:
        """The head of the answer is here."""
        async with self._moved:
            self.status, self.headers, self.streamed = reply.status, reply.headers, reply.streamed
            self._moved.notify_all()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(SECONDS_MAX), self._moved:
            await self._moved.wait_for(condition)

    async def until_streamed(self) -> None:
        """The head of an event stream is here."""
        await self.until(lambda: self.streamed)

    async def answer(self) -> "Flight":
        """This flight, once it has landed."""
        if self.task is not None:
            async with asyncio.timeout(SECONDS_MAX):
                await self.task
        else:
            await self.until(lambda: self.message is not None)
        return self

    @property
    def result(self) -> Tree:
        assert self.message is not None, f"no answer, status {self.status}"
        assert "result" in self.message, self.message
        return dict(self.message["result"])

    @property
    def error(self) -> Tree:
        assert self.message is not None, f"no answer, status {self.status}"
        assert "error" in self.message, self.message
        return dict(self.message["error"])

    @property
    def text(self) -> str:
        """The first text of a tool result."""
        return str(self.result["content"][0]["text"])

    def methods(self) -> list[str]:
        return [message["method"] for message in self.heard]

    async def leave(self) -> None:
        """Give up in the way of this era and transport."""
        await self.client.give_up(self)


class Client:
    """The common face. `answers` decides what the user says to a question of the server."""

    revision = ""
    modern = False

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.news: list[Tree] = []
        self.asked: list[Tree] = []
        self.capabilities: Tree = {}
        self.answers: Callable[[str, Tree], Any] = answered
        self.moved = asyncio.Condition()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.flights: dict[Any, Flight] = {}

    async def open(self, capabilities: Tree | None = None) -> "Client":
        self.capabilities = capabilities or {}
        return self

    async def start(self, method: str, params: Tree | None = None, **more: Any) -> Flight:
        raise NotImplementedError

    async def call(self, method: str, params: Tree | None = None, **more: Any) -> Flight:
        flight = await self.start(method, params, **more)
        return await flight.answer()

    async def tool(self, name: str, arguments: Tree | None = None, **more: Any) -> Flight:
        return await self.call("tools/call", {"name": name, "arguments": arguments or {}}, **more)

    async def start_tool(self, name: str, arguments: Tree | None = None, **more: Any) -> Flight:
        return await self.start("tools/call", {"name": name, "arguments": arguments or {}}, **more)

    async def give_up(self, flight: Flight) -> None:
        await self.notify("notifications/cancelled", {"requestId": flight.id, "reason": "test"})

    async def notify(self, method: str, params: Tree | None = None) -> None:
        raise NotImplementedError

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(SECONDS_MAX), self.moved:
            await self.moved.wait_for(condition)

    async def hear(self, message: Tree) -> None:
        """Something that came outside of any answer: news, a question."""
        async with self.moved:
            if "id" in message and "method" in message:
                self.asked.append(message)
                self.own(self.reply(message))
            else:
                self.news.append(message)
            self.moved.notify_all()

    async def reply(self, question: Tree) -> None:
        """The user's answer, once there is one."""
        said = self.answers(question["method"], question.get("params", {}))
        if asyncio.iscoroutine(said):
            said = await said
        message: Tree = {"jsonrpc": "2.0", "id": question["id"]}
        if isinstance(said, Refused):
            message["error"] = {"code": said.code, "message": str(said)}
        else:
            message["result"] = said
        await self.post(message)

    async def post(self, message: Tree) -> None:
        raise NotImplementedError

    def own(self, work: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def close(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def answered(method: str, params: Tree) -> Tree:
    """What an obliging user says."""
    return {
        "elicitation/create": {"action": "accept", "content": {"name": "Ada ünï", "age": 36}, "x-client": 2**70},
        "sampling/createMessage": {
            "role": "assistant",
            "content": {"type": "text", "text": "sampled \U0001f600"},
            "model": "none",
            "x-client": 0.1,
        },
        "roots/list": {"roots": [{"uri": "file:///home/ada", "name": "home", "x-client": None}]},
    }[method]


def with_meta(params: Tree | None, meta: Tree) -> Tree:
    params = dict(params or {})
    merged = {**meta, **params.get("_meta", {})}
    return {**params, "_meta": merged} if merged else params


def mcp_name(value: str) -> str:
    plain = value.isascii() and value.isprintable() and value.strip() == value
    return value if plain else f"=?base64?{base64.b64encode(value.encode()).decode()}?="


class ModernHttp(Client):
    """2026-07-28 over HTTP."""

    revision, modern = MODERN, True

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def body(self, request_id: Any, method: str, params: Tree | None, **more: Any) -> Tree:
        meta = modern_meta(self.capabilities, **more)
        return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": with_meta(params, meta)}

    def headers(self, message: Tree, extra: dict[str, str | None]) -> dict[str, str]:
        headers: dict[str, str | None] = {
            "Accept": BOTH,
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": message["method"],
        }
        named = NAMED.get(message["method"])
        if named is not None and isinstance(message["params"].get(named), str):
            headers["Mcp-Name"] = mcp_name(message["params"][named])
        return {name: value for name, value in {**headers, **extra}.items() if value is not None}

    async def start(
        self, method: str, params: Tree | None = None, *, headers: dict[str, str | None] | None = None, **more: Any
    ) -> Flight:
        flight = Flight(self, more.pop("id", None) or next(self.ids))
        message = self.body(flight.id, method, params, **more)
        flight.task = self.own(self._fly(flight, message, self.headers(message, headers or {})))
        return flight

    async def _fly(self, flight: Flight, message: Tree, headers: dict[str, str]) -> None:
        reply = await send("POST", self.url, headers, dumped(message))
        await fly(flight, reply)

    async def give_up(self, flight: Flight) -> None:
        """Closing the connection is the cancellation."""
        assert flight.task is not None
        flight.task.cancel()
        await asyncio.gather(flight.task, return_exceptions=True)

    async def notify(self, method: str, params: Tree | None = None) -> None:
        raise AssertionError("a modern HTTP client has no notifications")

    async def listen(self, **wanted: Any) -> Flight:
        """An acknowledged subscription; `heard` grows."""
        flight = await self.start("subscriptions/listen", {"notifications": wanted})
        await flight.until(lambda: flight.heard)
        return flight


async def fly(flight: Flight, reply: Reply) -> None:
    """Read an answer to its end; the connection is closed whatever happens."""
    await flight.landed(reply)
    try:
        if not reply.streamed:
            if reply.body:
                await flight.take(parsed(reply.body))
            return
        async for event in reply.events():
            message = parsed(event.data)
            if "id" in message and "method" in message:
                await flight.client.hear(message)
            else:
                await flight.take(message)
    finally:
        await reply.close()


def modern_meta(capabilities: Tree, *, token: Any = None, level: str | None = None, caps: Tree | None = None) -> Tree:
    meta: Tree = {
        META + "protocolVersion": MODERN,
        META + "clientInfo": {"name": "story", "version": "1"},
        META + "clientCapabilities": capabilities if caps is None else caps,
    }
    if token is not None:
        meta["progressToken"] = token
    if level is not None:
        meta[META + "logLevel"] = level
    return meta


class LegacyHttp(Client):
    """2025-03-26 to 2025-11-25 over HTTP. Every message has a connection of its own."""

    def __init__(self, url: str, revision: str) -> None:
        super().__init__()
        self.url, self.revision = url, revision
        self.session: str | None = None
        self.instructions: str | None = None
        self.initialized: Tree = {}

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Accept": BOTH}
        if self.session is not None:
            headers["Mcp-Session-Id"] = self.session
        if self.revision >= "2025-06-18":
            headers["MCP-Protocol-Version"] = self.revision
        return headers

    async def open(self, capabilities: Tree | None = None) -> Client:
        self.capabilities = capabilities or {}
        message = initialize(next(self.ids), self.revision, self.capabilities)
        reply = await send("POST", self.url, {"Accept": BOTH}, dumped(message))
        self.session = reply.headers.get("mcp-session-id")
        self.initialized = parsed(reply.body)["result"]
        await self.notify("notifications/initialized")
        return self

    async def start(self, method: str, params: Tree | None = None, *, token: Any = None, **more: Any) -> Flight:
        flight = Flight(self, more.pop("id", None) or next(self.ids))
        params = with_meta(params, {} if token is None else {"progressToken": token})
        message: Tree = {"jsonrpc": "2.0", "id": flight.id, "method": method}
        if params:
            message["params"] = params
        flight.task = self.own(self._fly(flight, message, more.get("accept", BOTH)))
        return flight

    async def _fly(self, flight: Flight, message: Tree, accept: str) -> None:
        reply = await send("POST", self.url, {**self.headers, "Accept": accept}, dumped(message))
        await fly(flight, reply)
        while flight.message is None and reply.last_event_id is not None:
            reply = await send("GET", self.url, {**self.headers, "Last-Event-ID": reply.last_event_id})
            await fly(flight, reply)

    async def post(self, message: Any) -> Reply:  # type: ignore[override]
        return await send("POST", self.url, self.headers, dumped(message))

    async def notify(self, method: str, params: Tree | None = None) -> None:
        reply = await self.post(notification(method, params))
        assert reply.status == 202, reply.body

    async def stream(self) -> None:
        """Open the GET stream; what comes is `news` and `asked`."""
        reply = await send("GET", self.url, {**self.headers, "Accept": "text/event-stream"})
        assert reply.streamed, (reply.status, reply.body)
        self.own(self._read(reply))

    async def _read(self, reply: Reply) -> None:
        try:
            async for event in reply.events():
                await self.hear(parsed(event.data))
        finally:
            await reply.close()

    async def delete(self) -> int:
        return (await send("DELETE", self.url, self.headers)).status

    async def close(self) -> None:
        await super().close()
        if self.session is not None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self.delete()


class Channelled(Client):
    """A client on one channel: HTTP+SSE, stdio."""

    async def dispatch(self, message: Tree) -> None:
        flight = self.flights.get(self._owner(message))
        if flight is not None:
            await flight.take(message)
        else:
            await self.hear(message)

    def _owner(self, message: Tree) -> Any:
        """The request a message belongs to: its id, its progress token, its subscription; else nobody's."""
        if "method" not in message:
            return message.get("id")
        params = message.get("params", {})
        subscription = params.get("_meta", {}).get(META + "subscriptionId")
        if subscription is not None:
            return subscription
        token = params.get("progressToken")
        owner = next((flight.id for flight in self.flights.values() if getattr(flight, "token", None) == token), None)
        if token is not None and owner is not None:
            return owner
        if message["method"] == "notifications/message" and len(self.flights) == 1:
            return next(iter(self.flights))
        return None

    async def start(self, method: str, params: Tree | None = None, *, token: Any = None, **more: Any) -> Flight:
        flight = Flight(self, more.pop("id", None) or next(self.ids))
        flight.token = token  # type: ignore[attr-defined]
        self.flights[flight.id] = flight
        await self.post(self.request(flight.id, method, params, token=token, **more))
        return flight

    async def call(self, method: str, params: Tree | None = None, **more: Any) -> Flight:
        flight = await self.start(method, params, **more)
        try:
            return await flight.answer()
        finally:
            self.flights.pop(flight.id, None)

    def request(self, request_id: Any, method: str, params: Tree | None, *, token: Any = None, **more: Any) -> Tree:
        params = with_meta(params, {} if token is None else {"progressToken": token})
        return {"jsonrpc": "2.0", "id": request_id, "method": method, **({"params": params} if params else {})}

    async def notify(self, method: str, params: Tree | None = None) -> None:
        await self.post(notification(method, params))

    async def greet(self, capabilities: Tree | None) -> None:
        self.capabilities = capabilities or {}
        params = initialize(0, self.revision, self.capabilities)["params"]
        flight = await self.call("initialize", params)
        self.initialized = flight.result
        await self.notify("notifications/initialized")


class OldSse(Channelled):
    """HTTP+SSE of 2024-11-05."""

    def __init__(self, url: str, revision: str = "2024-11-05") -> None:
        super().__init__()
        self.url, self.revision, self.target = url, revision, ""
        self.accepted = 0

    async def open(self, capabilities: Tree | None = None) -> Client:
        reply = await send("GET", self.url, {"Accept": "text/event-stream"})
        assert reply.streamed, (reply.status, reply.body)
        named: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.own(self._read(reply, named))
        async with asyncio.timeout(SECONDS_MAX):
            path = await named
        self.target = self.url[: self.url.index("/", 8)] + path
        await self.greet(capabilities)
        return self

    async def _read(self, reply: Reply, named: "asyncio.Future[str]") -> None:
        try:
            async for event in reply.events():
                if event.name == "endpoint":
                    named.set_result(event.data)
                else:
                    await self.dispatch(parsed(event.data))
        finally:
            await reply.close()

    async def post(self, message: Tree) -> None:
        reply = await send("POST", self.target, {}, dumped(message))
        assert reply.status == 202, reply.body


class Stdio(Channelled):
    """A server as a child process."""

    def __init__(self, command: list[str], env: dict[str, str], *, modern: bool, revision: str = "2025-11-25") -> None:
        super().__init__()
        self.command, self.env, self.modern = command, env, modern
        self.revision = MODERN if modern else revision
        self.child: asyncio.subprocess.Process | None = None

    async def open(self, capabilities: Tree | None = None) -> Client:
        pipe = asyncio.subprocess.PIPE
        self.child = await asyncio.create_subprocess_exec(
            *self.command, env=self.env, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=64 << 20
        )
        self.own(self._read())
        self.capabilities = capabilities or {}
        if not self.modern:
            await self.greet(capabilities)
        return self

    def request(self, request_id: Any, method: str, params: Tree | None, *, token: Any = None, **more: Any) -> Tree:
        if not self.modern:
            return super().request(request_id, method, params, token=token)
        meta = modern_meta(self.capabilities, token=token, **more)
        return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": with_meta(params, meta)}

    async def listen(self, **wanted: Any) -> Flight:
        flight = await self.start("subscriptions/listen", {"notifications": wanted})
        await flight.until(lambda: flight.heard)
        return flight

    async def _read(self) -> None:
        assert self.child is not None
        assert self.child.stdout is not None
        while line := await self.child.stdout.readline():
            if line.startswith(b"{"):
                await self.dispatch(parsed(line))

    async def post(self, message: Tree) -> None:
        assert self.child is not None
        assert self.child.stdin is not None
        self.child.stdin.write(dumped(message) + b"\n")
        await self.child.stdin.drain()

    async def close(self) -> None:
        await super().close()
        if self.child is None:
            return
        assert self.child.stdin is not None
        self.child.stdin.close()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self.child.wait()
        except TimeoutError:
            self.child.kill()
            await self.child.wait()
        with contextlib.suppress(AttributeError):
            self.child._transport.close()  # type: ignore[attr-defined]


def notification(method: str, params: Tree | None) -> Tree:
    return {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}


def initialize(request_id: Any, revision: str, capabilities: Tree) -> Tree:
    params = {
        "protocolVersion": revision,
        "capabilities": capabilities,
        "clientInfo": {"name": "story", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": request_id, "method": "initialize", "params": params}
