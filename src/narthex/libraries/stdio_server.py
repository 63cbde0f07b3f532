"""A library as a process: MCP over stdin and stdout, one JSON message a line, in both eras; or over HTTP, when asked.

Knows: lines, the pipes they come through, when to end. Refuses to know: what the messages ask for.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from typing import IO, Any

import msgspec

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import Fault, envelope_problem, failure, id_of
from narthex.libraries.pipe_host import Asking
from narthex.libraries.pipes import Lines, Output, open_output
from narthex.libraries.revisions import BATCHES
from narthex.libraries.server import Server, Tree

requests_open_max = 256
batch_size_max = 50
finish_seconds_max = 1.5  # after stdin ended, for answers on their way; whoever started us waits about two seconds

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def run(server: Server) -> None:
    """The whole program of a library: `if __name__ == "__main__": run(server)`."""
    parser = argparse.ArgumentParser(description=f"{server.title}: a small MCP server.")
    parser.add_argument("--http", type=int, metavar="PORT", help="serve Streamable HTTP on 127.0.0.1:PORT, not stdio")
    port = parser.parse_args().http
    if port is None:
        asyncio.run(serve(server))
    else:
        from narthex.libraries.http_server import serve_http

        asyncio.run(serve_http(server, port))


async def serve(server: Server, stdout: IO[str] | None = None, *, behind: bool = False) -> None:
    """Until stdin ends, nobody reads stdout any more, or SIGTERM or SIGINT arrives. `behind`: see `pipe_host`."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, server.closing.set)
    peer = _Peer(server, await open_output(stdout or sys.stdout, server.closing.set), behind=behind)
    with contextlib.closing(Lines(sys.stdin)) as lines:
        await lines.open()
        ending = asyncio.create_task(server.closing.wait(), name="ending")
        reading = asyncio.create_task(peer.read(lines), name="reading")
        await asyncio.wait((ending, reading), return_when=asyncio.FIRST_COMPLETED)
        server.closing.set()
        reading.cancel()
        await asyncio.wait((ending, reading))
        await peer.aclose()
    await server.aclose()


class _Peer:
    """Whoever holds the other ends of our pipes."""

    def __init__(self, server: Server, output: Output, *, behind: bool) -> None:
        self._output = output
        self._conversation = Conversation(server, self._send)
        self._working: dict[int | str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(requests_open_max)
        self._asking = Asking(self._conversation, self._send, behind=behind)

    async def read(self, lines: Lines) -> None:
        async for line in lines:
            if line.strip():
                await self._take(line)

    async def aclose(self) -> None:
        """Give answers on their way a moment, then end them. Every task is awaited here."""
        self._conversation.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=finish_seconds_max)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._output.aclose(finish_seconds_max)

    async def _take(self, line: bytes) -> None:
        try:
            message = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._send(failure(None, Fault(-32700, "This line is not JSON.")))
            return
        if isinstance(message, list):
            await self._take_batch(message)
        elif self._asking.takes(message):
            return
        elif (wrong := envelope_problem(message)) is not None:
            self._send(failure(id_of(message), Fault(-32600, wrong)))
        elif "id" in message:
            await self._begin(message)
        else:
            self._note(message)

    async def _begin(self, request: Tree) -> None:
        if request["id"] in self._working:
            self._send(failure(request["id"], Fault(-32600, "A request with this id is still being answered.")))
            return
        await self._room.acquire()
        task = asyncio.create_task(self._work(request), name=request["method"])
        self._working[request["id"]] = task
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _work(self, request: Tree) -> None:
        try:
            response, _ = await self._conversation.answer(request, self._send, self._asking.host(request))
            self._send(response)
            await self._output.drained()
        finally:
            self._room.release()
            del self._working[request["id"]]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            print(f"{task.get_name()} broke: {fault!r}", file=sys.stderr, flush=True)

    def _note(self, notification: Tree) -> None:
        method, params = notification["method"], notification.get("params") or {}
        if method == "notifications/cancelled" and isinstance(params, dict):
            request_id = params.get("requestId")
            task = self._working.get(request_id) if isinstance(request_id, int | str) else None
            if task is not None and task.get_name() != "initialize":
                task.cancel()  # late or unknown ids are nobody's fault: the answer may have crossed the cancellation
        else:
            self._conversation.note(method)

    async def _take_batch(self, messages: list[Any]) -> None:
        wrong = self._conversation.revision != BATCHES or not 0 < len(messages) <= batch_size_max
        if wrong or any(envelope_problem(message) for message in messages):
            self._send(failure(None, Fault(-32600, "This array of messages is not a message here.")))
            return
        responses: list[Tree] = []
        for message in messages:
            if "id" in message:
                response, _ = await self._conversation.answer(message, self._send)
                responses.append(response)
            else:
                self._note(message)
        if responses:
            self._output.write(_encode(responses) + b"\n")

    def _send(self, message: Tree) -> None:
        self._output.write(_encode(message) + b"\n")
