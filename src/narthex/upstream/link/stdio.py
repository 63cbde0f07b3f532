"""A conversation with a process over its pipes, of either era.

Knows: one child process and the JSON-RPC on it. Refuses to know: when to start it, and when it has been idle too long.
"""

import asyncio
from typing import Any

from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Outcome, UpstreamFault
from narthex.upstream.link.ask import Ask, Notice, ensure_level
from narthex.upstream.link.handshake import adopt_discovered, initialize
from narthex.upstream.link.peer import Peer
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.faults import ChildBusy, ChildGone
from narthex.upstream.stdio.process import ChildProcess
from narthex.upstream.stdio.report import ExitReport
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.revisions import LEGACY_NEWEST


class StdioLink:
    """One process. Modern or legacy is decided by which handshake it answers (`upstream.probe`)."""

    def __init__(self, server: str, notice: Notice, on_end: "asyncio.Future[ExitReport]") -> None:
        self.server = server
        self.alive = True
        self.watched = False
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
        self._child = await spawner.spawn(command, self.peer.feed, self._exited, on_stderr)

    @property
    def child(self) -> ChildProcess | None:
        return self._child

    @property
    def owner(self) -> Client | None:
        return self.peer.owner

    @owner.setter
    def owner(self, client: Client | None) -> None:
        self.peer.owner = client

    @property
    def inflight(self) -> int:
        return self.peer.inflight

    async def discover(self, deadline: Deadline) -> bool:
        """`server/discover`. True: this is a modern server, and the conversation is modern from now on."""
        self.peer.modern = True
        outcome = await self.peer.request(Ask("server/discover", {}, deadline))
        self.peer.modern = adopt_discovered(self, outcome)
        return self.peer.modern

    async def initialize(self, capabilities: dict[str, Any], deadline: Deadline) -> None:
        self.peer.modern = False
        await initialize(self, capabilities, deadline)

    async def request(self, ask: Ask) -> Outcome:
        if ask.log_level is not None and not self.peer.modern:
            await ensure_level(self, ask)
        self.last_used = self._loop.time()
        try:
            return await self.peer.request(ask)
        finally:
            self.last_used = self._loop.time()

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self.peer.notify(method, params)

    def sweep(self, now: float) -> None:
        self.peer.sweep(now)

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
        if not self.ended.done():
            self.ended.set_result(report)

    def _garbage(self, what: str) -> None:
        if self._child is not None:
            self._child.garbage(b"", what)
