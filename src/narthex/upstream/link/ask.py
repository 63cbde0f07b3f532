"""One request to a server in modern shape, and the face every conversation with a server has.

Knows: what is asked, until when, who hears progress and answers questions. Refuses to know: the transport.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from narthex import __version__
from narthex.limits import Limits, answer_depth_max
from narthex.model.caller import Caller
from narthex.model.client import Client, Gate
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Denial, Failure, Outcome, Result
from narthex.model.settled import Sending
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.progress import ProgressGate
from narthex.wire.envelope import ABSENT, Incoming
from narthex.wire.mirror import Mirror
from narthex.wire.revisions import (
    LISTS,
    LOG_LEVELS,
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_LOG_LEVEL,
    META_VERSION,
    MODERN,
)
from narthex.wire.strict import flaw
from narthex.wire.translate import opened

CLIENT_INFO = {"name": "narthex", "title": "Narthex MCP gateway", "version": __version__}

# Repeating these does no harm, so a lost connection is tried once more (R6).
SAFE = frozenset({*LISTS, "server/discover", "resources/read", "prompts/get", "completion/complete"})

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


class Ask(msgspec.Struct, eq=False):
    """One request to a server. `params` are the server's own names and URIs, without this hop's `_meta` keys."""

    method: str
    params: dict[str, Any]
    deadline: Deadline
    client: Client = NOBODY
    meta: Mapping[str, Any] = {}
    capabilities: Mapping[str, Any] = {}
    progress_token: int | str | None = None
    log_level: str | None = None
    mirrors: tuple[Mirror, ...] = ()
    level_said: bool = True  # the client named the level itself; False: it takes whatever the server sends
    speaker: str = ""  # the server's name, where the client sees several: its log lines are marked with it
    gate: ProgressGate | None = None  # made for the first progress that comes
    begun: "Begun | None" = None  # it was sent already, and this is how to wait for its answer; once
    caller: Caller | None = None  # for whom it is; None: the gateway asks for itself
    sending: Sending | None = None  # what is laid down about how it is sent
    repeatable: bool = False  # sending it twice does no harm
    reads: bool = False  # it changes nothing
    still: Callable[[], Denial | None] | None = None  # asked once it has waited: may it be sent even now?
    trace: Mapping[str, str] = {}  # the fields of its trace context, which stand in `meta` too

    @property
    def who(self) -> Principal | None:
        return self.caller.principal if self.caller is not None else None

    def hear(self, method: str, params: dict[str, Any], now: float) -> Gate | None:
        """A notification that belongs to this request: to the client, if it wanted that kind."""
        self.deadline.extend(now)
        if method == "notifications/progress":
            if self.progress_token is None:
                return None
            if self.gate is None:
                self.gate = ProgressGate()
            if self.gate.passes(params, now):
                return self.client.notify(method, {**params, "progressToken": self.progress_token})
        elif method == "notifications/message":
            if self.log_level is not None and _loud_enough(params.get("level"), self.log_level):
                return self.client.notify(method, marked(params, self.speaker))
        elif method != "notifications/cancelled":
            return self.client.notify(method, params)
        return None

    def settle(self) -> None:
        """The end is known: what the progress gate still holds goes first."""
        if self.gate is None:
            return
        held, self.gate.held = self.gate.held, None
        if held is not None:
            self.client.notify("notifications/progress", {**held, "progressToken": self.progress_token})


class Flying(Protocol):
    """A request on the express way (`relay.express`)."""

    request_id: int
    message: bytes | None  # as long as it is not sent
    shown: Pass

    def divert(self) -> Any:
        """Make an ordinary one of it."""


class Begun(msgspec.Struct, eq=False):
    """A request that is out already, sent on the express way: whoever does the rest waits for `reply`."""

    ask: Ask
    link: "Link"
    request_id: int
    reader: Any  # of the link's own kind: what hears the events of its answer
    reply: "asyncio.Future[Any]"  # an HttpReply; what it is in process, the link knows
    withdraw: Callable[[], None]  # nobody waits any more: cancelling a request is closing its connection
    shown: Pass = NO_PASS  # what it carried of whom it is from

    async def wait(self) -> HttpReply:
        """Raises HttpFault."""
        try:
            reply: HttpReply = await self.reply
            return reply
        except BaseException:
            self.withdraw()
            raise


class Link(Protocol):
    """One conversation with a server. `alive` turns False once and for ever."""

    alive: bool
    revision: str
    capabilities: dict[str, Any]
    server_info: dict[str, Any]
    instructions: str | None

    @property
    def modern(self) -> bool:
        """Requests in it stand alone: it keeps nothing from one to the next."""
        ...

    def belong_to(self, client: Client) -> None:
        """This conversation is one legacy session's alone: its client hears and answers what belongs to no call."""

    def sweep(self, now: float) -> None:
        """Once per tick: give up what is past its deadline, where the transport does not do so itself."""

    def adopt(self, limits: Limits) -> None:
        """Other limits from now on, also for what is open."""

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
    meta: dict[str, Any] = {
        META_VERSION: MODERN,
        META_CLIENT_INFO: CLIENT_INFO,
        META_CLIENT_CAPABILITIES: ask.capabilities,
    }
    if ask.meta:
        meta = {**ask.meta, **meta}
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


def trace_lines(ask: Ask) -> bytes:
    """The header lines of its trace context, each ending with CRLF."""
    return "".join(f"{name}: {value}\r\n" for name, value in ask.trace.items()).encode() if ask.trace else b""


_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def result_of(raw: msgspec.Raw) -> Result:
    """The members of a result, their values unread. Raises `msgspec.DecodeError` if it is no object."""
    return Result(_read_members(raw))


def failure_of(raw: msgspec.Raw) -> Failure:
    """A JSON-RPC error as it came. Raises `msgspec.DecodeError` if it is no object."""
    error = _read_members(raw)
    code, message, data = (opened(error.get(name)) for name in ("code", "message", "data"))
    if "data" in error and flaw(bytes(error["data"]), answer_depth_max) is not None:
        data = None
    return Failure(
        code if type(code) is int else -32603,
        message if type(message) is str else "The server gave an error without a message.",
        data,
        has_data="data" in error,
    )


def response_of(incoming: Incoming) -> Outcome:
    """A result or an error. Raises `msgspec.DecodeError` for neither, for both, and for one that is no object.

    Some servers write `"error": null` beside a result, as JSON-RPC 1.0 wanted it: that is no error.
    """
    if incoming.result is not ABSENT and incoming.error is not ABSENT:
        if bytes(incoming.error) == b"null":
            return result_of(incoming.result)
        if bytes(incoming.result) != b"null":
            raise msgspec.DecodeError("a result and an error at once")
    elif incoming.result is not ABSENT:
        return result_of(incoming.result)
    return failure_of(incoming.error)


def marked(params: dict[str, Any], speaker: str) -> dict[str, Any]:
    """A log line whose `logger` says which server it is from (R9)."""
    if not speaker:
        return params
    logger = params.get("logger")
    return {**params, "logger": f"{speaker}/{logger}" if type(logger) is str and logger else speaker}


def _loud_enough(level: Any, wanted: str) -> bool:
    return level in LOG_LEVELS and LOG_LEVELS.index(level) >= LOG_LEVELS.index(wanted)
