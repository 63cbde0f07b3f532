"""The far side over HTTP: a small HTTP/1.1 server, and the ways of speaking MCP on it, one path each.

Knows: `/modern`, `/legacy`, `/old` and their like; `/control/<place>` for tests. Refuses to know: what tools do.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from far_brain import HttpStatus, Place, RpcError, header_mismatch
from far_channel import LEGACY, Channel, Session, Spoken, failure, listens_to, tagged
from far_offers import Tree


@dataclass(eq=False)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    streaming: bool = False
    answered: bool = False
    events: int = 0

    def respond(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.answered = True
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    def json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.respond(status, dumped(value), headers)

    def event(self, value: Any, *, name: str | None = None, event_id: str | None = None, raw: bytes = b"") -> None:
        if not self.streaming:
            self.streaming = self.answered = True
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            self.writer.write(head.encode())
        text = b"" if event_id is None else f"id: {event_id}\n".encode()
        text += b"" if name is None else f"event: {name}\n".encode()
        text += b"data: " + (raw or dumped(value)) + b"\n\n"
        self.chunk(text)

    def chunk(self, text: bytes) -> None:
        self.writer.write(b"%x\r\n%b\r\n" % (len(text), text))

    def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")


Handler = Callable[[Request], Awaitable[None]]


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class Http:
    """Connections: read a request, run its handler, cancel it when the client leaves."""

    def __init__(self) -> None:
        self.routes: dict[str, Handler] = {}

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead = b""
        try:
            while (request := await self.read(reader, writer, ahead)) is not None:
                ahead = await self.serve(request, reader)
                if request.streaming and not request.answered:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead: bytes) -> Request | None:
        try:
            head = ahead + await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body, writer)

    async def serve(self, request: Request, reader: asyncio.StreamReader) -> bytes:
        route = request.path.split("/")[1]
        handler = self.routes.get(route)
        if handler is None:
            request.respond(404)
            return b""
        work: asyncio.Task[None] = asyncio.ensure_future(handler(request))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and (leaving.exception() is not None or leaving.result() == b""):  # closed, or reset
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise ConnectionResetError
        await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled() and (error := work.exception()) is not None and not request.answered:
            request.respond(500, repr(error).encode())
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await leaving
        return b""


# ---- the modern era


class ModernFace:
    """2026-07-28: one POST, one answer. `era` may be changed by a test: an upgrade at run time."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.listens: dict[Request, tuple[Any, Tree]] = {}
        self.ends: set[asyncio.Event] = set()
        place.ears.add(self.news)

    async def serve(self, request: Request) -> None:
        if request.method != "POST":
            request.respond(405)
            return
        message = json.loads(request.body)
        self.place.seen.append({"message": message, "headers": request.headers})
        if "id" not in message:
            request.respond(202)
            return
        wrong = header_mismatch(request.headers, message)
        if wrong is not None:
            request.json(failure(message["id"], RpcError(-32020, f"{wrong} does not fit")), 400)
            return
        if message["method"] == "subscriptions/listen":
            await self.listen(request, message)
            return
        await self.answer(request, message)

    async def answer(self, request: Request, message: Tree) -> None:
        params = message.get("params", {})
        try:
            result = await self.place.answer(Spoken(request.event, None, params), message["method"], params)
            answer, status = {"jsonrpc": "2.0", "id": message["id"], "result": result}, 200
        except RpcError as error:
            answer, status = failure(message["id"], error), error.status
        except HttpStatus as bare:
            request.respond(bare.status, b"secret internals", bare.headers)
            return
        if request.streaming:
            request.event(answer)
            request.end()
        else:
            request.json(answer, status)

    async def listen(self, request: Request, message: Tree) -> None:
        wanted, end = message["params"]["notifications"], asyncio.Event()
        self.listens[request] = (message["id"], wanted)
        self.ends.add(end)
        request.event(tagged("notifications/subscriptions/acknowledged", {"notifications": wanted}, message["id"]))
        try:
            await end.wait()
            request.end()
        finally:
            del self.listens[request]
            self.ends.discard(end)

    def news(self, method: str, params: Tree) -> None:
        for request, (listen_id, wanted) in self.listens.items():
            if listens_to(wanted, method, params):
                request.event(tagged(method, params, listen_id))

    def drop(self) -> None:
        for end in self.ends:
            end.set()


# ---- sessions


class HttpSession(Session):
    """A session over HTTP: its GET stream, and streams that can be taken up again."""

    def __init__(self, place: Place, revision: str, params: Tree) -> None:
        super().__init__(place, revision, params)
        self.shared = False
        self.streams: list[Request] = []
        self.waiting: dict[str, asyncio.Future[Tree]] = {}  # event id of a parted stream -> its response

    def say(self, message: Tree) -> None:
        """On the first open GET stream: a message goes to exactly one. Where nobody has a session, to everybody's."""
        for stream in self.streams[: None if self.shared else 1]:
            stream.event(message)


class Posted(Spoken):
    """A request of a session: notifications go on its own stream, questions there or on the GET stream."""

    def __init__(self, face: "LegacyFace", request: Request, session: HttpSession, message: Tree) -> None:
        super().__init__(request.event, session, message.get("params", {}))
        self.modern = False
        self.face, self.request, self.own_session, self.message = face, request, session, message
        self.parted: asyncio.Future[Tree] | None = None

    async def ask(self, method: str, params: Tree) -> Tree:
        where = self.own_session.say if self.face.asks == "get" else self.request.event
        return await self.own_session.ask(where, method, params)

    async def part(self) -> None:
        if self.own_session.revision < "2025-11-25":
            return
        event_id = f"parted-{self.message['id']}"
        self.parted = asyncio.get_running_loop().create_future()
        self.own_session.waiting[event_id] = self.parted
        self.request.event(None, event_id=event_id, raw=b"\nretry: 50")
        self.request.end()


@dataclass
class LegacyFace:
    """2025-03-26 to 2025-11-25."""

    place: Place
    revision: str
    sessions_kept: bool = True
    stream: bool = True  # answer by an event stream; else by JSON, unless something is said before
    asks: str = "post"
    sessions: dict[str, HttpSession] = field(default_factory=dict)
    initialized: int = 0
    deleted: int = 0
    occupied: int = 0  # so many more GETs find the stream before them still held
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.place.ears.add(self.news)

    async def serve(self, request: Request) -> None:
        message = json.loads(request.body) if request.body else None
        if isinstance(message, dict):
            self.place.seen.append({"message": message, "headers": request.headers})
            if message.get("method") == "server/discover":
                request.json(failure(message["id"], RpcError(-32601, "no such method")), 200)
                return
            if message.get("method") == "initialize":
                self.initialize(request, message)
                return
        session = self.session(request)
        if session is None:
            request.respond(404 if "mcp-session-id" in request.headers else 400)
        elif request.method == "GET":
            await self.get(request, session)
        elif request.method == "DELETE":
            self.deleted += 1
            self.place.seen.append({"message": {"method": "(DELETE)"}})
            self.sessions.pop(request.headers.get("mcp-session-id", ""), None)
            for work in list(session.inflight.values()):
                work.cancel()
            request.respond(200)
        else:
            await self.post(request, session, message)

    def initialize(self, request: Request, message: Tree) -> None:
        self.initialized += 1
        # Without a session nobody is remembered, nor what he can be asked.
        key = f"far-session-{next(self.numbers)}" if self.sessions_kept else ""
        params = message["params"] if self.sessions_kept else {}
        session = self.sessions.setdefault(key, HttpSession(self.place, self.revision, params))
        session.shared = not self.sessions_kept
        headers = {"Mcp-Session-Id": key} if key else {}
        request.json({"jsonrpc": "2.0", "id": message["id"], "result": session.initialized()}, 200, headers)

    def session(self, request: Request) -> HttpSession | None:
        return self.sessions.get(request.headers.get("mcp-session-id", ""))

    async def post(self, request: Request, session: HttpSession, message: Any) -> None:
        if "id" not in message or "method" not in message:
            session.note(message)
            request.respond(202)
            return
        # The work outlives the connection: on these revisions leaving is no cancellation.
        work = asyncio.create_task(self.answer(request, session, message))
        session.inflight[message["id"]] = work
        work.add_done_callback(lambda _: session.inflight.pop(message["id"], None))
        await asyncio.wait({work})

    async def answer(self, request: Request, session: HttpSession, message: Tree) -> None:
        talk = Posted(self, request, session, message)
        try:
            result = await session.own(talk, message["method"], message.get("params", {}))
            answer: Tree = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        except RpcError as error:
            answer = failure(message["id"], error)
        except HttpStatus as bare:
            request.respond(bare.status, b"secret internals", bare.headers)
            return
        except asyncio.CancelledError:
            request.end() if request.streaming else request.respond(202)
            return
        if talk.parted is not None:
            talk.parted.set_result(answer)
        elif self.stream or request.streaming:
            request.event(answer)
            request.end()
        else:
            request.json(answer)

    async def get(self, request: Request, session: HttpSession) -> None:
        last = request.headers.get("last-event-id")
        if last in session.waiting:
            request.event(await session.waiting.pop(last))
            request.end()
            return
        if self.occupied:
            self.occupied -= 1
            request.respond(409)
            return
        request.event(None, raw=b"\n: hello")
        session.streams.append(request)
        try:
            await asyncio.Event().wait()
        finally:
            session.streams.remove(request)

    def news(self, method: str, params: Tree) -> None:
        for session in self.sessions.values():
            if session.wants(method, params):
                session.say({"jsonrpc": "2.0", "method": method, "params": params})

    def drop(self) -> None:
        for stream in [one for session in self.sessions.values() for one in session.streams]:
            stream.writer.close()


class OldFace:
    """HTTP+SSE of 2024-11-05, whatever revision is spoken on it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.channels: dict[str, Channel] = {}
        self.requests: dict[str, Request] = {}
        self.numbers = itertools.count(1)

    async def serve(self, request: Request) -> None:
        if request.method == "GET":
            await self.get(request)
        elif request.method == "POST" and "key=" in request.query:
            channel = self.channels.get(request.query.partition("key=")[2])
            if channel is None:
                request.respond(404)
            else:
                request.respond(202)
                channel.take(json.loads(request.body))
        else:
            request.respond(405)

    async def get(self, request: Request) -> None:
        key = str(next(self.numbers))
        channel = Channel(self.place, lambda message: request.event(message, name="message"), ("legacy",))
        self.channels[key], self.requests[key] = channel, request
        request.event(None, name="endpoint", raw=f"{request.path}/messages?key={key}".encode())
        try:
            await asyncio.Event().wait()
        finally:
            channel.close()
            del self.channels[key], self.requests[key]

    def drop(self) -> None:
        for request in list(self.requests.values()):
            request.writer.close()


class Turncoat:
    """One URL whose era a test changes: a server that is upgraded, and taken back."""

    def __init__(self, place: Place) -> None:
        self.modern, self.legacy = ModernFace(place), LegacyFace(place, LEGACY[-1])
        self.face: ModernFace | LegacyFace = self.legacy

    async def serve(self, request: Request) -> None:
        if self.face is self.modern and b'"initialize"' in request.body[:4096]:
            request.json({"jsonrpc": "2.0", "error": {"code": -32600, "message": "only 2026-07-28 here"}}, 400)
        elif self.face is self.modern and request.method != "POST":
            request.respond(405)
        else:
            await self.face.serve(request)

    def turn(self, era: str) -> None:
        self.drop()
        self.legacy.sessions.clear()
        self.face = self.modern if era == "modern" else self.legacy

    def drop(self) -> None:
        self.modern.drop()
        self.legacy.drop()
