"""One answer for calls that are the same: those at one time share a flight, those after it may have what was kept.

Knows: which flights are out, what is kept, and what was written at a server in between. Refuses to decide which calls
are the same, and which answers are good (`policy/cached`).

Never across credentials: who is asking is part of what makes a call the same, and so is what its server is shown of
that caller. What a rule declares public is shared by all, unless the server is called on behalf of each of them. Each
caller's own filters look through what it gets: kept is what the server said, not what somebody was shown of it.
"""

import asyncio
from collections.abc import Hashable
from hashlib import blake2b
from typing import Any

from narthex.model.call import Call
from narthex.model.client import Client, Gate
from narthex.model.config import Config, ServerConfig
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.policy import cached
from narthex.relay.kept import KeptAnswers
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import NOBODY, Ask
from narthex.upstream.server import Server
from narthex.wire.translate import is_complete

Mark = tuple[int, int, ServerConfig]


class Lead:
    """The client of a shared flight: whoever began it, as long as they wait. Others hear nothing of it but its end."""

    __slots__ = ("asked", "client")

    def __init__(self, client: Client) -> None:
        self.client: Client = client
        self.asked = False  # the answer may depend on what one client said

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        self.client.notify(method, params)
        return None  # others wait too: whoever reads slowly must not hold them up

    def parted(self) -> None:
        self.client.parted()

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        self.asked = True
        return await self.client.ask(method, params)


class _Flight:
    """One request that several may wait for."""

    __slots__ = ("done", "key", "lead", "mark", "task", "waiting")

    def __init__(self, key: Hashable, mark: Mark, lead: Lead, done: "asyncio.Future[Outcome | UpstreamFault]") -> None:
        self.key, self.mark, self.lead, self.done = key, mark, lead, done
        self.task: asyncio.Task[None] | None = None
        self.waiting = 0


class Sharing:
    """One for the gateway."""

    def __init__(self, owned: Owned, config: Config) -> None:
        self.servers = servers_of(config)  # of which some tool has a rule
        self.kept = KeptAnswers()
        self._owned = owned
        self._loop = asyncio.get_running_loop()
        self._flights: dict[Hashable, _Flight] = {}
        self._worlds = 0  # configurations so far
        self._writes: dict[str, int] = {}  # by server: goes up when something may have changed there

    def adopt(self, config: Config) -> None:
        """Another configuration: nothing that was kept under the old one is given out."""
        self.servers = servers_of(config)
        self._worlds += 1
        self.kept.clear()

    def sweep(self) -> None:
        self.kept.sweep(self._loop.time())

    async def send(self, call: Call, ask: Ask, server: Server) -> Outcome:
        """The outcome of a call to one of `servers`. Raises `UpstreamFault`."""
        if call.tool is not None and not call.tool.read_only:
            return await self._written(call, ask, server)
        key = self._key(call, ask, server) if cached.may(call) else None
        if key is None:
            return await server.request(ask, call.sitting)
        mark, now = self._mark(server), self._loop.time()
        kept = self.kept.find(key, mark, now)
        if kept is not None:
            call.cached, call.cached_seconds = "kept", now - kept.since
            return Result(dict(kept.members))
        flight = self._flights.get(key)
        if flight is not None and flight.mark == mark:
            return await self._follow(flight, call, ask, server)
        return await self._lead(key, mark, call, ask, server)

    # ---- flights

    async def _lead(self, key: Hashable, mark: Mark, call: Call, ask: Ask, server: Server) -> Outcome:
        lead = Lead(ask.client)
        ask.client = lead
        flight = self._flights[key] = _Flight(key, mark, lead, self._loop.create_future())
        flight.task = self._owned.start(self._fly(flight, call, ask, server), f"{server.name}.shared")
        try:
            outcome = await self._landed(flight)
        finally:
            lead.client = NOBODY
        if isinstance(outcome, UpstreamFault):
            raise outcome
        return outcome

    async def _follow(self, flight: _Flight, call: Call, ask: Ask, server: Server) -> Outcome:
        outcome = await self._landed(flight)
        # What somebody else was asked, and what broke off, is no answer to this call.
        if isinstance(outcome, UpstreamFault) or flight.lead.asked or not _is_whole(outcome):
            return await server.request(ask, call.sitting)
        call.cached = "shared"
        return outcome

    async def _landed(self, flight: _Flight) -> Outcome | UpstreamFault:
        """The end of a flight, for one of those who wait. Whoever leaves last ends it."""
        flight.waiting += 1
        try:
            outcome = await asyncio.shield(flight.done)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.done.done():
                self._part(flight)
                assert flight.task is not None
                flight.task.cancel()
        return Result(dict(outcome.members)) if type(outcome) is Result else outcome

    async def _fly(self, flight: _Flight, call: Call, ask: Ask, server: Server) -> None:
        """The request itself: a task of its own, so that it ends with the last who waits, not with the first."""
        try:
            outcome: Outcome | UpstreamFault = await server.request(ask, call.sitting)
        except UpstreamFault as fault:
            outcome = fault
        except BaseException as fault:
            if not flight.done.done():
                flight.done.cancel() if isinstance(fault, asyncio.CancelledError) else flight.done.set_exception(fault)
            raise
        finally:
            self._part(flight)
        self._keep(flight, call, outcome, server)
        if not flight.done.done():
            flight.done.set_result(outcome)

    def _part(self, flight: _Flight) -> None:
        """Nobody else joins it."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def _keep(self, flight: _Flight, call: Call, outcome: Outcome | UpstreamFault, server: Server) -> None:
        rule = call.settled.rules.cache
        if rule is None or not rule.seconds or flight.lead.asked or type(outcome) is not Result:
            return
        if flight.mark != self._mark(server):
            return
        if is_complete(outcome.members) and cached.is_good(outcome.members):
            self.kept.keep(flight.key, outcome.members, flight.mark, self._loop.time(), rule.seconds)

    # ---- writes

    async def _written(self, call: Call, ask: Ask, server: Server) -> Outcome:
        """A call that may change something: what was read before it, or while it was under way, is not given out."""
        self._touch(server.name)
        try:
            return await server.request(ask, call.sitting)
        finally:
            self._touch(server.name)

    def _mark(self, server: Server) -> Mark:
        """Of the world as it is: what was read under another mark may be true no more."""
        return self._worlds, self._writes.get(server.name, 0), server.config

    def _touch(self, server: str) -> None:
        self._writes[server] = self._writes.get(server, 0) + 1

    # ---- who is asking

    def _key(self, call: Call, ask: Ask, server: Server) -> Hashable | None:
        """What makes a call the same. None: nobody can tell at the moment what its server would be shown."""
        rule = call.settled.rules.cache
        assert rule is not None
        said = cached.digest(call, ask.params, ask.meta, ask.capabilities)
        personal = server.opener.personal
        if rule.public and not personal:
            return said
        shown = b""
        if personal:
            link = server.ready_link(call.sitting, call.principal)
            lines = link.http.shows(call) if link is not None else None
            if lines is None:
                return None
            shown = blake2b(lines.lines, digest_size=16).digest()
        # One object per credential, and equal to itself alone; one conversation where a server keeps something in it.
        return said, call.principal, shown, server.lanes.key(call.sitting, call.principal)


def servers_of(config: Config) -> frozenset[str]:
    """The servers of which some tool's answers may be given again."""
    broad = (config, *config.tenants.values(), *config.endpoints.values())
    chosen = (rules for endpoint in config.endpoints.values() for rules in endpoint.rules.values())
    if any(rules.cache is not None for rules in (*broad, *chosen)):
        return frozenset(server.name for server in config.servers)
    return frozenset(
        server.name
        for server in config.servers
        if any(rules.cache is not None for rules in (server, *server.rules.values()))
    )


def _is_whole(outcome: Outcome) -> bool:
    return type(outcome) is Failure or (type(outcome) is Result and is_complete(outcome.members))
