"""One request while it is worked on, and the errors it may end in.

Knows: the envelope and the reserved `_meta` keys of 2026-07-28. Refuses to know: methods.
"""

from collections.abc import Callable
from typing import Any

from narthex.libraries.revisions import MODERN, known
from narthex.libraries.server import Tree

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


class Exchange:
    """One request while it is worked on: who asked for what, and the way back for news of it."""

    def __init__(self, request: Tree, revision: str, level: str | None, logger: str, send: Send) -> None:
        self.id: int | str = request["id"]
        self.method: str = request["method"]
        self.params: Tree = request.get("params") or {}
        self.meta: Tree = self.params.get("_meta") or {}
        self.revision = revision
        self.modern = revision in MODERN
        self._level, self._logger = level, logger
        self._send = send
        self._done = -1.0

    def notify(self, method: str, params: Tree) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def progress(self, done: float, total: float, message: str) -> None:
        token = self.meta.get("progressToken")
        if token is not None and done > self._done:
            self._done = done
            news = {"progressToken": token, "progress": done, "total": total, "message": message}
            self.notify("notifications/progress", known("progress", news, self.revision))

    def log(self, level: str, said: str) -> None:
        if self._level is not None and LEVELS.index(level) >= LEVELS.index(self._level):
            self.notify("notifications/message", {"level": level, "logger": self._logger, "data": said})

    def text(self, name: str) -> str:
        """A parameter that must be there, and be text."""
        value = self.params.get(name)
        if not isinstance(value, str):
            raise Fault(-32602, f"'{name}' is missing or not a string.", status=400)
        return value


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
