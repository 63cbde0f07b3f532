"""One request while it is worked on, and the errors it may end in.

Knows: the envelope and the reserved `_meta` keys of 2026-07-28. Refuses to know: methods.
"""

import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol

from narthex.libraries.revisions import MODERN, known
from narthex.libraries.server import Principal, Tree

Send = Callable[[Tree], None]

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class Fault(Exception):
    """A JSON-RPC error. `status` is what a modern peer gets over HTTP."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.data, self.status = code, message, data, status


class CannotAsk(Exception):
    """There is nobody behind this request who could be asked."""


class Host(Protocol):
    """Whoever serves a request: what is known there of its caller, and where faults of ours are told."""

    @property
    def principal(self) -> Principal | None: ...

    def report(self, sentence: str) -> None:
        """For the operator alone."""

    def ask(self, method: str, params: Tree) -> Awaitable[Tree]:
        """A question to the client in mid-call, in the manner of the older revisions. Raises CannotAsk."""
        ...


class Alone:
    """Nobody stands in front, and nobody can be asked."""

    principal: Principal | None = None

    def report(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    async def ask(self, method: str, params: Tree) -> Tree:
        raise CannotAsk(f"{method}: this client cannot be asked")


ALONE = Alone()


class Exchange:
    """One request while it is worked on: who asked for what, and the way back for news of it."""

    def __init__(
        self, request: Tree, revision: str, level: str | None, logger: str, send: Send, host: Host = ALONE
    ) -> None:
        self.id: int | str = request["id"]
        self.method: str = request["method"]
        self.params: Tree = request.get("params") or {}
        self.meta: Tree = self.params.get("_meta") or {}
        self.revision = revision
        self.modern = revision in MODERN
        self._level, self._logger = level, logger
        self._send = send
        self._done = -1.0
        self.host = host
        self.kept: Any = None  # of `asking`: how a modern client is asked

    def follow(self, other: "Exchange") -> None:
        """The client came back with another request: from now on it is that one which hears of it."""
        self.meta, self._level, self._send, self.host = other.meta, other._level, other._send, other.host
        self._done = -1.0

    async def ask(self, method: str, params: Tree) -> Tree:
        """A question to the client. Raises CannotAsk."""
        if self.kept is not None:
            answer: Tree = await self.kept.put(method, params)
            return answer
        return await self.host.ask(method, params)

    @property
    def principal(self) -> Principal | None:
        return self.host.principal

    def notify(self, method: str, params: Tree) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def progress(self, done: float, total: float | None, message: str) -> None:
        token = self.meta.get("progressToken")
        if token is not None and done > self._done:
            self._done = done
            news = {"progressToken": token, "progress": done}
            if total is not None:
                news["total"] = total
            if message:
                news["message"] = message
            self.notify("notifications/progress", known("progress", news, self.revision))

    def log(self, level: str, said: Any) -> None:
        if self._level is not None and LEVELS.index(level) >= LEVELS.index(self._level):
            self.notify("notifications/message", {"level": level, "logger": self._logger, "data": said})

    def text(self, name: str) -> str:
        """A parameter that must be there, and be text."""
        value = self.params.get(name)
        if not isinstance(value, str):
            raise Fault(-32602, f"'{name}' is missing or not a string.", status=400)
        return value


NOW: ContextVar[Exchange] = ContextVar("NOW")  # the request in whose answer a resource, prompt or completion is made


def failure(request_id: int | str | None, fault: Fault) -> Tree:
    """An error response; without an id when the request's could not be read."""
    error: Tree = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = fault.data
    response: Tree = {"jsonrpc": "2.0", "error": error}
    return response if request_id is None else {"jsonrpc": "2.0", "id": request_id, "error": error}


def envelope_problem(message: Any) -> str | None:
    """What keeps `message` from being a request or a notification, or None."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return "A message is an object with 'jsonrpc': '2.0'."
    if not isinstance(message.get("method"), str):
        return "A message to this server has a 'method'."
    if "id" in message and id_of(message) is None:
        return "An 'id' is a string or an integer."
    return None


def id_of(message: Any) -> int | str | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None
