"""A conversation with a process over its pipes, of either era.

Knows: one child process and the JSON-RPC on it. Refuses to know: when to start it, and when it has been idle too long.
"""

import asyncio
from collections import deque
from typing import Any

from narthex.libraries.pipe_host import CALLER
from narthex.limits import DEFAULTS, Limits, waiting_share
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Outcome, UpstreamFault
from narthex.upstream.link.ask import Ask, Notice, ensure_level
from narthex.upstream.link.handshake import adopt_discovered, initialize
from narthex.upstream.link.peer import STANDING, Peer
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.faults import ChildBusy, ChildGone
from narthex.upstream.stdio.process import ChildProcess
from narthex.upstream.stdio.report import ExitReport
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.revisions import LEGACY_NEWEST


class StdioLink:
    """One process. Modern or legacy is decided by which handshake it answers (`upstream.probe`)."""

    def __init__(
        self,
        server: str,
        notice: Notice,
        on_end: "asyncio.Future[ExitReport]",
        calls_max: int = DEFAULTS.calls_per_process_max,
        waiting_max: int = DEFAULTS.inflight_max // waiting_share,
    ) -> None:
        self.server = server
        self._calls_max, self._waiting_max = calls_max, waiting_max
        self._queue: deque[asyncio.Future[None]] = deque()  # calls that wait until another one has ended
        self.alive = True
        self.watched = False
        self.names_callers = False  # it was started for us alone, and is told for whom it works
        self.only: str | None = (
            ""  # the one caller who may be in it (`Principal.key`); "": the gateway alone; None: anybody
        )
        self.timeouts = 0  # requests in a row that got no answer in time
        self.revision = LEGACY_NEWEST
        self.capabilities: dict[str, Any] = {}
        self.server_info: dict[str, Any] = {}
        self.instructions: str | None = None
        self.log_level: str | None = None
        self.ended = on_end
        self.last_used = asyncio.get_running_loop().time()
        self._loop = asyncio.get_running_loop()
        self._child: ChildProcess | None = None
        self.peer = Peer(server, self._send, modern=False, notice=notice, garbage=self._garbage)

    async def start(self, spawner: Spawner, command: Command, on_stderr: Any) -> None:
        """Spawn the process (waiting for a place among the concurrent starts). Raises `SpawnFailed`."""
        self._child = await spawner.spawn(command, self.peer.feed, self._exited, on_stderr, self.peer.oversize)

    @property
    def child(self) -> ChildProcess | None:
        return self._child

    def belong_to(self, client: Client) -> None:
        self.peer.owner = client

    @property
    def modern(self) -> bool:
        return self.peer.modern

    @property
    def inflight(self) -> int:
        return self.peer.inflight

    @property
    def idle(self) -> bool:
        """Nobody waits for it, and it waits for nobody."""
        return not self.peer.inflight and not self._queue and not self.peer.asking

    async def discover(self, deadline: Deadline) -> bool:
        """`server/discover`. True: this is a modern server, and the conversation is modern from now on."""
        self.peer.modern = True
        outcome = await self.peer.request(Ask("server/discover", {}, deadline))
        self.peer.modern = adopt_discovered(self, outcome)
        return self.peer.modern

    async def initialize(self, capabilities: dict[str, Any], deadline: Deadline) -> None:
        self.peer.modern = False
        await initialize(self, capabilities, deadline)

    def _admits(self, who: Principal | None) -> bool:
        if who is None or self.only is None or who.how == "loopback":
            return True
        return self.peer.modern or who.key == self.only

    async def request(self, ask: Ask) -> Outcome:
        if not self._admits(ask.who):
            raise RuntimeError("a caller in the process of another")
        if ask.log_level is not None and not self.peer.modern:
            await ensure_level(self, ask)
        if self.names_callers and ask.who is not None and ask.who.how != "loopback":
            ask.meta = {**ask.meta, CALLER: said_of(ask.who)}
        if self.peer.inflight >= self._calls_max and ask.method != STANDING:
            await self._turn(ask)
        self.last_used = self._loop.time()
        try:
            outcome = await self.peer.request(ask)
            self.timeouts = 0
            return outcome
        finally:
            self.last_used = self._loop.time()
            if self._queue:
                self._next()

    async def _turn(self, ask: Ask) -> None:
        """A process works on so many calls at once; the others wait here, in order, until their deadline."""
        if len(self._queue) >= self._waiting_max:
            text = f"it works on {self._calls_max} calls, and {len(self._queue)} wait already"
            raise UpstreamFault(self.server, "upstream_busy", text, retry_after_ms=1_000)
        try:
            async with asyncio.timeout_at(ask.deadline.at):
                while self.peer.inflight >= self._calls_max and self.alive:
                    turn: asyncio.Future[None] = self._loop.create_future()
                    self._queue.append(turn)
                    await turn
        except TimeoutError:
            self._next()  # it may have been our turn in this very moment
            text = f"it works on {self._calls_max} calls already"
            raise UpstreamFault(self.server, "upstream_busy", text, retry_after_ms=1_000) from None
        except asyncio.CancelledError:
            self._next()
            raise

    def _next(self) -> None:
        while self._queue and (self.peer.inflight < self._calls_max or not self.alive):
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self.peer.notify(method, params)

    def sweep(self, now: float) -> None:
        self.peer.sweep(now)

    def adopt(self, limits: Limits) -> None:
        self._calls_max, self._waiting_max = limits.calls_per_process_max, limits.inflight_max // waiting_share
        if self._child is not None:
            self._child.adopt(limits)
        for _ in range(self._calls_max - self.peer.inflight):
            self._next()  # there may be room for more now

    async def aclose(self) -> None:
        self.alive = False
        await self.peer.aclose()
        if self._child is not None:
            await self._child.stop()

    def _send(self, message: bytes) -> None:
        if self._child is None:
            raise UpstreamFault(self.server, "upstream_unavailable", "its process is not running")
        try:
            self._child.send(message)
        except ChildBusy:
            raise UpstreamFault(self.server, "upstream_busy", "its process does not read what it is sent") from None
        except ChildGone:
            self.alive = False
            raise UpstreamFault(self.server, "upstream_lost", "its process has ended") from None

    def _exited(self, report: ExitReport) -> None:
        self.alive = False
        self.peer.lose(UpstreamFault(self.server, "upstream_lost", f"its process {report.reason}", sent=True))
        self._next()
        if not self.ended.done():
            self.ended.set_result(report)

    def _garbage(self, what: str) -> None:
        if self._child is not None:
            self._child.garbage(b"", what)


def said_of(who: Principal) -> dict[str, Any]:
    """A caller, as a process of our own is told of them."""
    return {"subject": who.subject, "tenant": who.tenant, "scopes": sorted(who.scopes), "claims": dict(who.claims)}
