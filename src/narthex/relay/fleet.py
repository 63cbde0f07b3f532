"""All servers behind the gateway: started, refreshed, replaced when the configuration changes.

Knows: which servers there are, and when their offers make a new snapshot. Refuses to know: how one server is spoken to.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from narthex import limits as house
from narthex.catalog.compile import compile_endpoints
from narthex.model.config import Config, ServerConfig
from narthex.model.endpoint import Snapshot
from narthex.model.offer import Offer
from narthex.ports import Notices
from narthex.relay.slot import Slot
from narthex.telemetry.owned import Owned
from narthex.upstream.era import EraRecord
from narthex.upstream.openers import HttpOpener, Opener, StdioOpener
from narthex.upstream.server import Server, State
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
        self._spawner, self._notices, self._owned, self._keep = spawner, notices, owned, keep
        self._offers, self._eras = dict(offers), dict(eras)
        self._places = asyncio.Semaphore(house.refresh_concurrent_max)
        self._publishing: asyncio.Handle | None = None
        self._ticker: asyncio.Task[Any] | None = None
        self._closed = False
        self._announced: list[tuple[str, AbstractSet[str]]] = []
        self.on_announced: Callable[[str, AbstractSet[str]], None] = lambda _name, _kinds: None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Take over the servers of the current snapshot's configuration and learn their catalogues."""
        self.apply(self.slot.current.config)
        self._ticker = self._owned.start(self._tick(), "fleet.tick")

    def apply(self, config: Config) -> None:
        """The servers of this configuration from now on: same ones stay, changed ones are replaced, others end."""
        wanted = {server.name: server for server in config.servers if server.enabled}
        replaced = [
            name
            for name, server in self.servers.items()
            if wanted.get(name) != server.config or server.limits != config.limits
        ]
        for name in replaced:
            gone = self.servers.pop(name)
            if gone.offer is not None and name in wanted and _same_place(gone.config, wanted[name]):
                self._offers[name] = gone.offer
            self._owned.start(gone.aclose(), f"{name}.close")
        fresh = [self._add(server, config) for name, server in wanted.items() if name not in self.servers]
        self._publish(config)
        for server in fresh:
            if server.config.command is None or server.offer is None or server.config.start == "eager":
                self._owned.start(self._first_refresh(server), f"{server.name}.first")
            else:
                server.state = State.IDLE

    def _add(self, config: ServerConfig, house_config: Config) -> Server:
        server_owned = self._owned
        opener = self._opener(config, house_config)
        server = Server(
            config,
            house_config.limits,
            opener,
            self._notices,
            server_owned,
            self._offers.pop(config.name, None),
            self._offered,
        )
        self.servers[config.name] = server
        return server

    def _opener(self, config: ServerConfig, house_config: Config) -> Opener:
        era = self._eras.get(config.name)
        if config.command is not None:
            name = config.name
            return StdioOpener(config, self._spawner, self._owned, era, lambda line: self._stderr(name, line))
        return HttpOpener(config, house_config.limits, self._owned, era)

    def _stderr(self, name: str, line: str) -> None:
        server = self.servers.get(name)
        if server is not None:
            server.heard_stderr(line)

    async def _first_refresh(self, server: Server) -> None:
        async with self._places:
            await server.refresh()

    async def wait_first(self, names: Iterable[str], seconds: float) -> None:
        """Until each of these servers was tried once, but no longer than `seconds`."""
        waiting = [server.first_try.wait() for name in names if (server := self.servers.get(name))]
        if waiting:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.gather(*waiting)
            except TimeoutError:
                return  # they will announce themselves by list_changed

    def untried(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.servers and not self.servers[name].first_try.is_set()]

    # ---- publication -------------------------------------------------------------------------------------------

    def _offered(self, server: Server, announced: AbstractSet[str]) -> None:
        if self._closed or self.servers.get(server.name) is not server:
            return
        if server.offer is not None and not server.offer.degraded:
            self._keep(server)
        if announced:
            self._announced.append((server.name, announced))
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
        compiled = compile_endpoints(config, offers, previous=getattr(self, "_compiled", None))
        self._compiled = compiled
        if compiled.problems != self.problems:
            for problem in compiled.problems:
                if problem not in self.problems:
                    self._notices.say("catalog", "warning", problem)
            self.problems = compiled.problems
        self.slot.publish(Snapshot(self.slot.current.serial + 1, config, compiled.endpoints))

    # ---- time --------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(house.sweep_seconds * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret
            now = self._loop.time()
            for server in self.servers.values():
                server.sweep(now)

    async def leave(self, key: str) -> None:
        """A legacy session ended: whatever was its own at the servers ends too."""
        await asyncio.gather(*(server.leave(key) for server in self.servers.values()))

    async def aclose(self) -> None:
        self._closed = True
        if self._publishing is not None:
            self._publishing.cancel()
        servers, self.servers = list(self.servers.values()), {}
        await asyncio.gather(*(server.aclose() for server in servers), return_exceptions=True)


def _same_place(one: ServerConfig, other: ServerConfig) -> bool:
    return (one.upstream, one.command) == (other.upstream, other.command)
