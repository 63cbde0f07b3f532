"""A library as a small HTTP server: Streamable HTTP in both eras, on the loopback, under /mcp.

Knows: requests, sessions of legacy peers, event streams. Refuses to know: what the messages ask for.
"""

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
from collections.abc import Generator
from typing import Any

import msgspec
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import Fault, envelope_problem, failure, id_of
from narthex.libraries.http_headers import check, is_local, is_modern
from narthex.libraries.http_stream import END, HttpExchange, Stream, end, gone_away, json_response, next_message
from narthex.libraries.revisions import BATCHES, LEGACY
from narthex.libraries.server import Server, Tree

PATH = "/mcp"
body_bytes_max = 4 * 1024 * 1024
batch_size_max = 50
sessions_max = 1_000
news_waiting_max = 1_000
stop_seconds_max = 2


async def serve_http(server: Server, port: int) -> None:
    """Until SIGTERM or SIGINT. Says its address on stderr once it listens; port 0 takes any free one."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    config = uvicorn.Config(
        HttpServer(server), lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=stop_seconds_max
    )
    http = _Uvicorn(config)

    def stop() -> None:
        server.closing.set()
        http.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
    print(f"{server.title} listens on {url}", file=sys.stderr, flush=True)
    await http.serve(sockets=[listener])
    await server.aclose()


class _Uvicorn(uvicorn.Server):
    """uvicorn without its hands on the signals: streams must be told to end first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Session:
    """One legacy peer: what it agreed on, what runs for it, what it was not told yet."""

    def __init__(self, server: Server) -> None:
        self.news: asyncio.Queue[Tree | None] = asyncio.Queue(news_waiting_max)
        self.working: dict[int | str, asyncio.Task[tuple[Tree, int]]] = {}
        self.streaming = False
        self.conversation = Conversation(server, self._unasked)

    def note(self, message: Tree) -> None:
        params = message.get("params")
        if message["method"] == "notifications/cancelled" and isinstance(params, dict):
            task = self.working.get(id_of({"id": params.get("requestId")}) or "")
            if task is not None:
                task.cancel()
        else:
            self.conversation.note(message["method"])

    def close(self) -> None:
        self.conversation.close()
        for task in self.working.values():
            task.cancel()
        self._unasked(END)

    def _unasked(self, message: Tree | None) -> None:
        if self.news.full():  # nobody collects it: the oldest news is the least useful
            self.news.get_nowait()
        self.news.put_nowait(message)


class HttpServer:
    """The ASGI application."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sessions: dict[str, _Session] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request, send)
        except Fault as fault:
            answer = json_response(failure(None, fault), fault.status)
        except ClientDisconnect:
            return
        if answer is not None:
            await answer(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        """A response still to be sent, or None when the exchange has written its own."""
        origins = request.headers.getlist("origin")
        if not is_local(f"http://{request.headers.get('host', '')}") or not all(map(is_local, origins)):
            return Response(status_code=403)
        if request.url.path != PATH:
            return Response(status_code=404)
        if request.method == "POST":
            return await self._post(request, send)
        if request.method in ("GET", "DELETE"):
            session = self._session(request)
            if request.method == "GET":
                return await self._listen(request, send, session)
            session.close()
            del self._sessions[request.headers["mcp-session-id"]]
            return Response(status_code=200)
        return Response(status_code=405, headers={"allow": "GET, POST, DELETE"})

    async def _post(self, request: Request, send: Send) -> Response | None:
        message = await _message(request)
        if isinstance(message, list):
            return await self._batch(request, message)
        if "method" not in message and "id" in message:
            return Response(status_code=202)  # the answer to a question; we ask none
        if (wrong := envelope_problem(message)) is not None:
            return json_response(failure(id_of(message), Fault(-32600, wrong)), 400)
        if is_modern(request.headers, message):
            return await self._modern(request, message, send)
        return await self._legacy(request, message, send)

    async def _modern(self, request: Request, message: Tree, send: Send) -> Response | None:
        if "id" not in message:
            return Response(status_code=202)
        try:
            check(request.headers, message)
        except Fault as fault:
            return json_response(failure(message["id"], fault), fault.status)
        conversation = Conversation(self._server, lambda _: None)
        return await HttpExchange(conversation, message, modern=True).run(request, send)

    async def _legacy(self, request: Request, message: Tree, send: Send) -> Response | None:
        if message["method"] == "initialize" and "id" in message:
            return await self._open(message)
        session = self._session(request)
        if "id" not in message:
            session.note(message)
            return Response(status_code=202)
        exchange = HttpExchange(session.conversation, message, modern=False)
        session.working[message["id"]] = exchange.work
        try:
            return await exchange.run(request, send)
        finally:
            session.working.pop(message["id"], None)

    async def _open(self, message: Tree) -> Response:
        session = _Session(self._server)
        response, _ = await session.conversation.answer(message, lambda _: None)
        if "error" in response:
            return json_response(response)
        if len(self._sessions) >= sessions_max:
            self._sessions.pop(next(iter(self._sessions))).close()
        session_id = secrets.token_urlsafe(24)
        self._sessions[session_id] = session
        return json_response(response, headers={"mcp-session-id": session_id})

    async def _batch(self, request: Request, messages: list[Any]) -> Response:
        wrong = not 0 < len(messages) <= batch_size_max or any(envelope_problem(message) for message in messages)
        session = self._session(request) if "mcp-session-id" in request.headers else None
        if wrong or session is None or session.conversation.revision != BATCHES:
            raise Fault(-32600, "This array of messages is not a message here.", status=400)
        responses: list[Tree] = []
        for message in messages:
            if "id" in message:
                response, _ = await session.conversation.answer(message, session.news.put_nowait)
                responses.append(response)
            else:
                session.note(message)
        return json_response(responses) if responses else Response(status_code=202)

    async def _listen(self, request: Request, send: Send, session: _Session) -> Response | None:
        """The stream of what a legacy peer is told unasked. One at a time: a message goes to one stream only."""
        if session.streaming:
            return Response(status_code=409)
        session.streaming = True
        stream = Stream(send)
        gone = asyncio.create_task(gone_away(request.receive), name="gone")
        closing = asyncio.create_task(self._server.closing.wait(), name="closing")
        try:
            await stream.open()
            while (message := await next_message(session.news, stream, gone, closing)) is not None:
                await stream.send(message)
            await stream.close()
        finally:
            session.streaming = False
            await end(gone, closing)
        return None

    def _session(self, request: Request) -> _Session:
        session_id = request.headers.get("mcp-session-id")
        if session_id is None:
            raise Fault(-32600, "Initialize first, and send the Mcp-Session-Id that you get.", status=400)
        if session_id not in self._sessions:
            raise Fault(-32600, "There is no such session; initialize again.", status=404)
        version = request.headers.get("mcp-protocol-version")
        if version is not None and version not in LEGACY:
            raise Fault(-32600, f"Unsupported protocol version: {version}", status=400)
        return self._sessions[session_id]


async def _message(request: Request) -> Any:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > body_bytes_max:
            raise Fault(-32600, f"A message has at most {body_bytes_max} bytes.", status=413)
    try:
        message = msgspec.json.decode(bytes(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(-32700, "The body is not JSON.", status=400) from None
    if not isinstance(message, dict | list):
        raise Fault(-32600, "A message is an object.", status=400)
    return message
