"""All servers behind the gateway: started, refreshed, replaced when the configuration changes.

Knows: which servers there are, and when their offers make a new snapshot. Refuses to know: how one server is spoken to.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from narthex import limits as house
from narthex.catalog.compile import Compiled, compile_endpoints
from narthex.model.config import Config, ServerConfig
from narthex.model.endpoint import Snapshot
from narthex.model.offer import Offer
from narthex.ports import Notices
from narthex.relay.slot import Slot
from narthex.telemetry.owned import Owned
from narthex.upstream.era import EraRecord
from narthex.upstream.health import State
from narthex.upstream.openers import HttpOpener, Opener, StdioOpener
from narthex.upstream.server import Server
from narthex.upstream.stdio.spawner import Spawner


class Fleet:
    """Owns the servers. Every publication of the slot comes from here."""

    def __init__(
        self,
        slot: Slot,
        spawner: Spawner,
        notices: Notices,
        owned: Owned,
        *,
        offers: Mapping[str, Offer],
        eras: Mapping[str, EraRecord],
        keep: Callable[[Server], None],
    ) -> None:
        self.slot, self.servers = slot, dict[str, Server]()
        self.problems: tuple[str, ...] = ()
        self.on_announced: Callable[[str, AbstractSet[str]], None] = lambda _name, _kinds: None
        self._spawner, self._notices, self._owned, self._keep = spawner, notices, owned, keep
        self._offers, self._eras = dict(offers), dict(eras)
        self._compiled: Compiled | None = None
        self._publishing: asyncio.Handle | None = None
        self._announced: list[tuple[str, AbstractSet[str]]] = []
        self._unpublished: set[str] = set()  # tried, but what they offer is not in the snapshot yet
        self._retiring: set[Server] = set()
        self._all_tried = False  # every call asks, and nearly always the answer is this
        self._closed = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Take over the servers of the current snapshot's configuration and learn their catalogues."""
        self.apply(self.slot.current.config)
        self._owned.start(self._tick(), "fleet.tick")

    # ---- the configuration -------------------------------------------------------------------------------------

    def apply(self, config: Config) -> None:
        """The servers of this configuration from now on: same ones stay, changed ones are replaced, others end.

        Raises `ValueError` for a server that cannot be built; nothing has changed then.
        """
        wanted = {server.name: server for server in config.servers if server.enabled}
        before = self.servers
        kept = {name: server for name, server in before.items() if server.config == wanted.get(name)}
        fresh = {
            name: self._make(server, config, before.get(name)) for name, server in wanted.items() if name not in kept
        }
        self.servers = {name: kept.get(name) or fresh[name] for name in wanted}
        for server in kept.values():
            server.adopt(config.limits)
        for name, server in before.items():
            if name not in kept:
                self._retire(server)
        self._publish(config)
        for server in fresh.values():
            self._begin(server)

    def _make(self, config: ServerConfig, house_config: Config, before: Server | None) -> Server:
        offer = self._offers.get(config.name)
        if before is not None:
            offer = before.offer if _same_place(before.config, config) else None
        opener = self._opener(config, house_config)
        server = Server(config, house_config.limits, opener, self._notices, self._owned, offer, self._offered)
        if before is not None:
            server.watch.inherit(before.watch.wanted)
        return server

    def _opener(self, config: ServerConfig, house_config: Config) -> Opener:
        era = self._eras.get(config.name)
        if config.command is not None:
            name = config.name
            return StdioOpener(config, self._spawner, self._owned, era, lambda line: self._stderr(name, line))
        return HttpOpener(config, house_config.limits, self._owned, era)

    def _begin(self, server: Server) -> None:
        """Ask a new server for its catalogue; one that is started only when needed, and known, waits for that."""
        self._offers.pop(server.name, None)
        config = server.config
        if (
            config.command is not None
            and server.offer is not None
            and config.start == "lazy"
            and not server.watch.wanted
        ):
            server.health.state = State.IDLE
        else:
            self._owned.start(server.refresh(), f"{server.name}.first")

    def _retire(self, server: Server) -> None:
        """Calls in flight end in the world in which they began; their server stays until then."""
        self._retiring.add(server)
        task = self._owned.start(server.retire(house.drain_seconds_max), f"{server.name}.retire")
        task.add_done_callback(lambda _: self._retiring.discard(server))

    def _stderr(self, name: str, line: str) -> None:
        server = self.servers.get(name)
        if server is not None:
            server.heard_stderr(line)

    # ---- servers that are not known yet ------------------------------------------------------------------------

    def untried(self, names: Iterable[str]) -> list[str]:
        if self._all_tried:
            return []
        servers, late = self.servers, self._unpublished
        return [name for name in names if name in servers and (name in late or not servers[name].first_try.is_set())]

    async def wait_first(self, names: Iterable[str], seconds: float) -> None:
        """Until each of these servers was tried once, but no longer than `seconds` after it became known."""
        waiting = [server for name in names if (server := self.servers.get(name))]
        ends = max((server.known_at for server in waiting), default=0.0) + seconds
        await self._wait([server.first_try.wait() for server in waiting], ends, asyncio.ALL_COMPLETED)

    async def wait_next(self, names: Iterable[str], ends: float) -> None:
        """Until one more of these servers was tried, or the loop's time is `ends`."""
        waiting = [self.servers[name].first_try.wait() for name in self.untried(names)]
        await self._wait(waiting, ends, asyncio.FIRST_COMPLETED)

    async def _wait(self, waiting: "Sequence[Coroutine[Any, Any, Any]]", ends: float, until: str) -> None:
        if not waiting:
            return
        tasks = [self._owned.start(one, "first-try") for one in waiting]
        try:
            await asyncio.wait(tasks, timeout=max(0.0, ends - self._loop.time()), return_when=until)
        finally:
            for task in tasks:
                task.cancel()

    # ---- publication -------------------------------------------------------------------------------------------

    def _offered(self, server: Server, announced: AbstractSet[str]) -> None:
        if self._closed or self.servers.get(server.name) is not server:
            return
        if server.offer is not None and not server.offer.degraded:
            self._keep(server)
        if announced:
            self._announced.append((server.name, announced))
        self._unpublished.add(server.name)
        # Several servers answer at once after a start: one snapshot serves them all.
        if self._publishing is None:
            self._publishing = self._loop.call_soon(self._publish_offers)

    def _publish_offers(self) -> None:
        self._publishing = None
        self._publish(self.slot.current.config)
        announced, self._announced = self._announced, []
        for name, kinds in announced:
            self.on_announced(name, kinds)

    def _publish(self, config: Config) -> None:
        offers = {name: server.offer for name, server in self.servers.items() if server.offer is not None}
        compiled = compile_endpoints(config, offers, previous=self._compiled)
        self._compiled = compiled
        if compiled.problems != self.problems:
            for problem in compiled.problems:
                if problem not in self.problems:
                    self._notices.say("catalog", "warning", problem)
            self.problems = compiled.problems
        self._unpublished.clear()
        self._all_tried = all(server.first_try.is_set() for server in self.servers.values())
        self.slot.publish(Snapshot(self.slot.current.serial + 1, config, compiled.endpoints))

    # ---- time --------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(house.sweep_seconds * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret
            now = self._loop.time()
            for server in self.servers.values():
                try:
                    server.sweep(now)
                except Exception as fault:  # noqa: BLE001 - one broken server must not end the clock of all others
                    self._notices.say(server.name, "error", f"A fault of ours in the sweep of {server.name}: {fault!r}")

    async def leave(self, key: str) -> None:
        """A legacy session ended: whatever was its own at the servers ends too."""
        await asyncio.gather(*(server.leave(key) for server in self.servers.values()))

    async def aclose(self) -> None:
        self._closed = True
        if self._publishing is not None:
            self._publishing.cancel()
        servers, self.servers = [*self.servers.values(), *self._retiring], {}
        await asyncio.gather(*(server.aclose() for server in servers), return_exceptions=True)


def _same_place(one: ServerConfig, other: ServerConfig) -> bool:
    return (one.upstream, one.command) == (other.upstream, other.command)
