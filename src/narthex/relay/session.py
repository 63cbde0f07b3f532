"""A legacy session downstream: what `initialize` agreed on, and whatever is tied to an open stream.

Knows: revision, capabilities, log level, subscriptions, open questions. Refuses to know: HTTP, SSE, stdio: it speaks
through outlets. Its id is a sealed token, so a restarted gateway, or another worker, knows the session again (H9).
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping
from itertools import islice, takewhile
from typing import Any, Protocol

from narthex.limits import (
    Limits,
    questions_open_max,
    session_token_seconds,
    sessions_compared_max,
    sessions_ended_max,
)
from narthex.model.client import Sitting
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome, Result
from narthex.relay.bus import Bus, Listener
from narthex.relay.naming import Naming
from narthex.relay.overheard import Overheard
from narthex.relay.shelf import Shelf
from narthex.relay.slot import Slot
from narthex.wire.envelope import Reply, RequestId, encode_notification, encode_request
from narthex.wire.revisions import LEGACY, QUESTIONS
from narthex.wire.seal import SESSION, Sealer, Unsealed


class Outlet(Protocol):
    """Somewhere a message to the client can go."""

    def send(self, message: bytes) -> bool:
        """False: nobody is there to read it."""
        ...


class InFlight(Protocol):
    """A request being served: a task, or what does without one."""

    def cancel(self) -> Any: ...


class Resumable(Protocol):
    def release(self) -> None:
        """The session is over: keep nothing."""
        ...


class Session:
    """One client of an older revision. Small while idle: its dictionaries appear when they are needed."""

    __slots__ = (
        "_questions",
        "_withdrawn",
        "capabilities",
        "endpoint",
        "inflight",
        "key",
        "last_used",
        "listener",
        "log_level",
        "mute",
        "outlet",
        "principal",
        "replays",
        "revision",
        "shelf",
        "sitting",
        "token",
    )

    def __init__(
        self,
        key: str,
        token: str,
        revision: str,
        capabilities: Mapping[str, Any],
        endpoint: str,
        principal: Principal,
        shelf: Shelf,
        slot: Slot,
        naming: Naming | None,
    ) -> None:
        self.key, self.token, self.revision = key, token, revision
        self.capabilities, self.endpoint, self.principal = capabilities, endpoint, principal
        self.log_level: str | None = None
        self.outlet: Outlet | None = None  # the GET stream, or the one channel of HTTP+SSE and stdio
        self.listener: Listener | None = None
        self.inflight: dict[RequestId, InFlight] | None = None
        self.replays: Resumable | None = None  # resumption buffers, kept by the edge, counted by the shelf
        self.shelf = shelf
        self.last_used = 0.0
        self.mute = False  # the client says no more: it cannot answer either
        client = SessionClient(self)
        self.sitting = Sitting(
            key,
            capabilities,
            client,
            lambda server: Overheard(slot, endpoint, lambda: self.principal, server, client, naming),
        )
        self._questions: dict[RequestId, asyncio.Future[Outcome]] | None = None
        self._withdrawn: set[RequestId] | None = None

    @property
    def busy(self) -> bool:
        """Somebody waits for an answer, or listens."""
        return bool(self.inflight) or self.outlet is not None

    def __repr__(self) -> str:
        return f"<Session {self.key} {self.revision} of {self.principal}>"

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """A notification that belongs to no call. Dropped when no stream is open."""
        if self.outlet is not None:
            self.outlet.send(encode_notification(method, params or None))

    async def ask(self, outlet: Outlet | None, method: str, params: dict[str, Any]) -> Outcome:
        """A question of a server, put to this client on `outlet`, else on the stream of the session."""
        capability = QUESTIONS.get(method)
        outlet = outlet or self.outlet
        if capability is None or capability not in self.capabilities or outlet is None or self.mute:
            return Failure(-32601, f"This client cannot be asked {method}.")
        if self._questions is None:
            self._questions = {}
        if len(self._questions) >= questions_open_max:
            return Failure(-32603, "Too many questions to this client are open.")
        question_id = f"nx-{secrets.token_hex(8)}"
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._questions[question_id] = future
        try:
            if not outlet.send(encode_request(question_id, method, params)):
                return Failure(-32603, "The client is not listening.")
            return await future
        except asyncio.CancelledError:
            gone = {"requestId": question_id, "reason": "no longer needed"}
            outlet.send(encode_notification("notifications/cancelled", gone))
            raise
        finally:
            self._questions.pop(question_id, None)

    def fall_mute(self) -> None:
        """The client has closed its side: nobody waits for an answer of it any more."""
        self.mute = True
        for future in (self._questions or {}).values():
            if not future.done():
                future.set_result(Failure(-32603, "The client has gone."))

    def answered(self, reply: Reply) -> None:
        """The client's answer to a question, whichever connection it came on. Unknown ids are ignored."""
        future = self._questions.get(reply.id) if self._questions else None
        if future is None or future.done():
            return
        if reply.result is not None:
            future.set_result(Result(reply.result))
        else:
            error = reply.error or {}
            code, message = error.get("code"), error.get("message")
            future.set_result(
                Failure(
                    code if type(code) is int else -32603,
                    message if type(message) is str else "The client gave an error without a message.",
                    error.get("data"),
                    has_data="data" in error,
                )
            )

    def cancel(self, params: Mapping[str, Any]) -> None:
        """`notifications/cancelled` of the client. Late, unknown and malformed ones are ignored."""
        wanted: Any = params.get("requestId")
        if type(wanted) in (int, str):
            self._withdraw(wanted)

    def cancel_all(self) -> None:
        """The session is over, and with it everything that was asked in it."""
        for request_id in list(self.inflight or ()):
            self._withdraw(request_id)

    def _withdraw(self, request_id: RequestId) -> None:
        task = self.inflight.get(request_id) if self.inflight else None
        if task is not None:
            if self._withdrawn is None:
                self._withdrawn = set()
            self._withdrawn.add(request_id)
            task.cancel()

    def was_withdrawn(self, request_id: RequestId) -> bool:
        """Whether its client took this request back, or ended the session, when its task was cancelled."""
        return self._withdrawn is not None and request_id in self._withdrawn

    def landed(self, request_id: RequestId) -> None:
        """This request has its end."""
        if self.inflight is not None:
            self.inflight.pop(request_id, None)
        if self._withdrawn is not None:
            self._withdrawn.discard(request_id)


class SessionClient:
    """The client of a session, outside of any call."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._session.tell(method, params)

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        return await self._session.ask(None, method, params)


class Sessions:
    """All sessions of this process. Forgetting one is harmless: its token brings it back."""

    def __init__(self, sealer: Sealer, bus: Bus, limits: Limits, naming: Naming | None = None) -> None:
        self.limits, self._naming = limits, naming
        self._sealer, self._bus = sealer, bus
        self._by_token: dict[str, Session] = {}  # in order of use, the one not used for longest first
        self._evicted: list[Session] = []  # made room for others; whoever sweeps releases what they hold at servers
        self._ended: dict[str, float] = {}  # keys of sessions that were deleted, until their tokens expire, in order
        self._loop = asyncio.get_running_loop()
        self.shelf = Shelf(self._loop.time)

    def __len__(self) -> int:
        return len(self._by_token)

    def all(self) -> list[Session]:
        return list(self._by_token.values())

    def open(self, revision: str, capabilities: Any, endpoint: str, principal: Principal) -> Session:
        """A new session, as `initialize` agreed."""
        kept = _kept(capabilities)
        key = secrets.token_hex(8)
        claims = [key, _holder(principal), LEGACY.index(revision), _to_bits(kept), endpoint]
        token = self._sealer.seal(SESSION, claims, time.time() + session_token_seconds)
        return self._keep(self._session(key, token, revision, _from_bits(_to_bits(kept)), endpoint, principal))

    def find(self, token: str, endpoint: str, principal: Principal) -> Session | None:
        """The session of a token. A foreign principal's, another endpoint's, an ended one does not exist."""
        session = self._by_token.get(token)
        if session is None:
            session = self._revive(token, principal)
        if session is None or session.endpoint != endpoint or session.principal.key != principal.key:
            return None
        session.principal = principal  # the same caller, who may have been granted more since, or less
        session.last_used = self._loop.time()
        session.principal = principal  # the same caller, but perhaps with other rights than a moment ago
        self._by_token[token] = self._by_token.pop(token)
        return session

    def _revive(self, token: str, principal: Principal) -> Session | None:
        try:
            key, holder, revision, bits, endpoint = self._sealer.open(SESSION, token, time.time())
        except (Unsealed, ValueError, TypeError):
            return None
        if key in self._ended or holder != _holder(principal):
            return None
        return self._keep(self._session(key, token, LEGACY[revision], _from_bits(bits), endpoint, principal))

    def _session(
        self, key: str, token: str, revision: str, capabilities: Mapping[str, Any], endpoint: str, principal: Principal
    ) -> Session:
        slot, naming = self._bus.slot, self._naming
        return Session(key, token, revision, capabilities, endpoint, principal, self.shelf, slot, naming)

    def _keep(self, session: Session) -> Session:
        session.last_used = self._loop.time()
        if len(self._by_token) >= self.limits.sessions_max:
            self._evict()
        self._by_token[session.token] = session
        return session

    def _evict(self) -> None:
        """Room for one more: the session not used for longest goes, if possible one that nobody waits on."""
        oldest = list(islice(self._by_token.values(), sessions_compared_max))
        evicted = next((one for one in oldest if not one.busy), oldest[0])
        self.forget(evicted)
        self._evicted.append(evicted)

    def end(self, session: Session) -> None:
        """DELETE, or the end of its one stream: the token is void from now on."""
        if len(self._ended) >= sessions_ended_max:
            del self._ended[next(iter(self._ended))]
        self._ended[session.key] = time.time() + session_token_seconds
        self.forget(session)

    def forget(self, session: Session) -> None:
        self._by_token.pop(session.token, None)
        if session.listener is not None:
            self._bus.remove(session.listener)
        session.cancel_all()
        if session.replays is not None:
            session.replays.release()

    def idle(self, now: float) -> list[Session]:
        """Sessions to let go of: those that had to make room, and those nobody used for long and nothing is tied to."""
        self.shelf.expire()
        limit, wall = self.limits.session_idle_seconds_max, time.time()
        for key in list(takewhile(lambda key: self._ended[key] <= wall, self._ended)):
            del self._ended[key]
        evicted, self._evicted = self._evicted, []
        unused = takewhile(lambda one: now - one.last_used > limit, self._by_token.values())
        return [*evicted, *(one for one in unused if not one.busy)]


# Which capabilities of a client matter to servers, one bit each: a token holds no more than that.
_BITS: tuple[tuple[str, ...], ...] = (
    ("elicitation",),
    ("elicitation", "form"),
    ("elicitation", "url"),
    ("sampling",),
    ("sampling", "tools"),
    ("sampling", "context"),
    ("roots",),
    ("roots", "listChanged"),
)


def _kept(capabilities: Any) -> dict[str, Any]:
    return capabilities if type(capabilities) is dict else {}


def _to_bits(capabilities: Mapping[str, Any]) -> int:
    bits = 0
    for place, (name, *rest) in enumerate(_BITS):
        value = capabilities.get(name)
        if type(value) is dict and (not rest or value.get(rest[0]) not in (None, False)):
            bits |= 1 << place
    return bits


def _from_bits(bits: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, (name, *rest) in enumerate(_BITS):
        if bits >> place & 1:
            inside = found.setdefault(name, {})
            if rest:
                inside[rest[0]] = True if rest[0] == "listChanged" else {}
    return found


def _holder(principal: Principal) -> bytes:
    return hashlib.sha256(principal.key.encode()).digest()[:8]
