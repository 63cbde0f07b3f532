"""One request to a server in modern shape, and the face every conversation with a server has.

Knows: what is asked, until when, who hears progress and answers questions. Refuses to know: the transport.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, Result
from narthex.upstream.link.progress import ProgressGate
from narthex.version import VERSION
from narthex.wire.mirror import Mirror
from narthex.wire.revisions import (
    LOG_LEVELS,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_LOG_LEVEL,
    META_VERSION,
    MODERN,
)

CLIENT_INFO = {"name": "narthex", "title": "Narthex MCP gateway", "version": VERSION}

Notice = Callable[[str, dict[str, Any]], None]  # (method, params) of a notification that belongs to no request


class Silent:
    """Nobody to tell and nobody to ask: the client of the gateway's own requests."""

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Dropped: nobody listens."""

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        return Failure(-1, f"{method} cannot be answered here: no client stands behind this request.")


NOBODY = Silent()


@dataclass(slots=True)
class Ask:
    """One request to a server. `params` are the server's own names and URIs, without this hop's `_meta` keys."""

    method: str
    params: dict[str, Any]
    deadline: Deadline
    client: Client = NOBODY
    meta: dict[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    progress_token: int | str | None = None
    log_level: str | None = None
    mirrors: tuple[Mirror, ...] = ()
    level_said: bool = True  # the client named the level itself; False: it takes whatever the server sends
    gate: ProgressGate = field(default_factory=ProgressGate)

    def hear(self, method: str, params: dict[str, Any], now: float) -> None:
        """A notification that belongs to this request: to the client, if it wanted that kind."""
        self.deadline.extend(now)
        if method == "notifications/progress":
            if self.progress_token is not None and self.gate.passes(params, now):
                self.client.notify(method, {**params, "progressToken": self.progress_token})
        elif method == "notifications/message":
            if self.log_level is not None and _loud_enough(params.get("level"), self.log_level):
                self.client.notify(method, params)
        elif method != "notifications/cancelled":
            self.client.notify(method, params)

    def settle(self) -> None:
        """The end is known: what the progress gate still holds goes first."""
        held = self.gate.held
        if held is not None and self.progress_token is not None:
            self.gate.held = None
            self.client.notify("notifications/progress", {**held, "progressToken": self.progress_token})


class Link(Protocol):
    """One conversation with a server. `alive` turns False once and for ever."""

    alive: bool
    revision: str
    capabilities: dict[str, Any]
    server_info: dict[str, Any]
    instructions: str | None

    async def request(self, ask: Ask) -> Outcome:
        """The outcome, or `UpstreamFault`. Cancelling the awaiting task cancels the request at the server."""
        ...

    async def aclose(self) -> None: ...


async def ensure_level(link: Any, ask: Ask) -> None:
    """Log levels are session-wide on older revisions: the loudest one that was asked for is set (R9)."""
    wanted = ask.log_level
    if wanted is None or not ask.level_said or "logging" not in link.capabilities:
        return
    if link.log_level is None or LOG_LEVELS.index(wanted) < LOG_LEVELS.index(link.log_level):
        link.log_level = wanted
        await link.request(Ask("logging/setLevel", {"level": wanted}, ask.deadline))


def modern_params(ask: Ask, token: int | str) -> dict[str, Any]:
    """The params of a modern request, with the `_meta` every one must carry (basic/index)."""
    meta = {
        **ask.meta,
        META_VERSION: MODERN,
        META_CLIENT_INFO: CLIENT_INFO,
        META_CLIENT_CAPABILITIES: ask.capabilities,
    }
    if ask.progress_token is not None:
        meta["progressToken"] = token
    if ask.log_level is not None:
        meta[META_LOG_LEVEL] = ask.log_level
    return {**ask.params, "_meta": meta}


def legacy_params(ask: Ask, token: int | str) -> dict[str, Any]:
    """The params of a legacy request: vendor `_meta` only, and our own progress token."""
    if ask.progress_token is None:
        return {**ask.params, "_meta": ask.meta} if ask.meta else ask.params
    return {**ask.params, "_meta": {**ask.meta, "progressToken": token}}


_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_object = msgspec.json.Decoder(dict[str, Any]).decode


def result_of(raw: msgspec.Raw) -> Result:
    """The members of a result, their values unread. Raises `msgspec.DecodeError` if it is no object."""
    return Result(_read_members(raw))


def failure_of(raw: msgspec.Raw) -> Failure:
    """A JSON-RPC error as it came. Raises `msgspec.DecodeError` if it is no object."""
    error = _read_object(raw)
    code, message = error.get("code"), error.get("message")
    return Failure(
        code if type(code) is int else -32603,
        message if type(message) is str else "The server gave an error without a message.",
        error.get("data"),
        has_data="data" in error,
    )


def _loud_enough(level: Any, wanted: str) -> bool:
    return level in LOG_LEVELS and LOG_LEVELS.index(level) >= LOG_LEVELS.index(wanted)
