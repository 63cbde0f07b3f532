"""All servers behind the gateway: started, refreshed, replaced when the configuration changes.

Knows: which servers there are, and when their offers make a new snapshot. Refuses to know: how one server is spoken to.

Large catalogues take a while to compile. That is done in a thread, one compilation at a time, from what does not change
any more; the last good snapshot serves meanwhile, and the loop only swaps.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, NamedTuple

from narthex import limits as house
from narthex.catalog.compile import Compiled, compile_endpoints
from narthex.model.caller import Caller
from narthex.model.config import Config, ServerConfig
from narthex.model.endpoint import Judge, Snapshot
from narthex.model.offer import Offer
from narthex.model.pin import Watched
from narthex.policy.redaction.redactor import prepare
from narthex.ports import Notices
from narthex.relay.learnt import Learnt
from narthex.relay.rules import rules_of
from narthex.relay.same import connecting, same, same_place
from narthex.relay.slot import Slot
from narthex.relay.watching import Watching
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.era import EraRecord
from narthex.upstream.health import State
from narthex.upstream.kinds import is_inside
from narthex.upstream.local_opener import LocalOpener
from narthex.upstream.openers import HttpOpener, Opener, StdioOpener
from narthex.upstream.own_process import launched
from narthex.upstream.seats import Seats
from narthex.upstream.server import Server
from narthex.upstream.stdio.spawner import Spawner


class _Compilation(NamedTuple):
    compiled: Compiled
    offers: dict[str, Offer]  # what went in
    tried: frozenset[Server]  # whoever had been asked by then


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
        connections: Connections | None = None,
        watching: Watching | None = None,
    ) -> None:
        self.slot, self.servers = slot, dict[str, Server]()
        self.problems: tuple[str, ...] = ()
        self.on_announced: Callable[[str, AbstractSet[str]], None] = lambda _name, _kinds: None
        self._spawner, self._notices, self._owned, self._keep = spawner, notices, owned, keep
        self._seats, self._connections, self._watching = Seats(), connections, watching
        if watching is not None:
            watching.on_change = self.judged_anew
        self._offers, self._eras = dict(offers), dict(eras)
        self._learnt = Learnt()
        for offer in self._offers.values():
            self._learnt.load(offer)
        self._compiled: Compiled | None = None
        self._judge: Judge | None = None
        self._turn = asyncio.Lock()  # whoever compiles has it
        self._publishing = self._anew = False
        self._published = asyncio.Event()  # set, and replaced, by each publication
        self._announced: list[tuple[str, AbstractSet[str]]] = []
        self._unpublished: set[str] = set()  # who offered something that is not in the snapshot yet
        self._known: set[Server] = set()  # tried, and what they offer, if anything, was in a snapshot since
        self._retiring: set[Server] = set()
        self._all_tried = False  # every call asks, and nearly always the answer is this
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Take over the servers of the current snapshot's configuration and learn their catalogues."""
        await self.apply(self.slot.current.config)
        self._owned.start(self._tick(), "fleet.tick")

    # ---- the configuration -------------------------------------------------------------------------------------

    async def apply(self, config: Config) -> None:
        """The servers of this configuration from now on: same ones stay, changed ones are replaced, others end.

        Compiled first, then swapped whole, servers and snapshot in one step. Raises `ValueError` for a server that
        cannot be built; nothing has changed then.
        """
        async with self._turn:
            wanted = {server.name: launched(server) for server in config.servers if server.enabled}
            before = self.servers
            kept = {name: server for name, server in before.items() if same(server.config, wanted.get(name))}
            fresh = {
                name: self._make(server, config, before.get(name))
                for name, server in wanted.items()
                if name not in kept
            }
            servers = {name: kept.get(name) or fresh[name] for name in wanted}
            judge = await asyncio.to_thread(rules_of, config)
            made = await self._compile(config, servers, judge)
            if self._closed:
                return
            self._judge = judge
            self._exchange(config, servers)
            self._publish(config, made)
        known = [server for server in fresh.values() if server.offer is not None]
        for server in fresh.values():
            self._begin(server, known.index(server) if server.offer is not None else 0)

    def _exchange(self, config: Config, servers: dict[str, Server]) -> None:
        before, self.servers = self.servers, servers
        for server in servers.values():
            server.adopt(config.limits, config.breaker)
        self._relearn(config, before)
        for name, server in before.items():
            now = servers.get(name)
            if now is server:
                continue
            if now is not None:
                now.news.inherit(server.news)
            self._known.discard(server)
            self._retire(server)

    def _relearn(self, config: Config, before: Mapping[str, Server]) -> None:
        """What servers asked for is forgotten where it means nothing any more, or the server is another one."""
        for name, server in before.items():
            now = self.servers.get(name)
            if now is None or not same_place(server.config, now.config):
                self._learnt.forget(name)
        self._learnt.keep(config)
        for server in self.servers.values():
            if server.offer is not None and self._learnt.put(server.offer) is not server.offer:
                self._offered(server, frozenset())

    def learnt(self, name: str, tool: str, words: frozenset[str]) -> None:
        """A server refused a call for want of these scopes of its own. What the operator says they mean is required
        from now on, also after a restart."""
        config = next((one for one in self.slot.current.config.servers if one.name == name), None)
        server = self.servers.get(name)
        if config is None or server is None:
            return
        words = words.intersection(config.challenge_scopes)
        try:
            if not self._learnt.add(name, tool, words):
                return
        except OverflowError:
            self._notices.say(name, "debug", f"{name}: there is no room for what it asks for, for '{tool[:100]}'")
            return
        scopes = sorted({scope for word in words for scope in config.challenge_scopes[word]})
        self._notices.say(
            name,
            "info",
            f"{name} refused a call of '{tool[:100]}' for want of {' '.join(sorted(words))}: "
            f"callers need {' '.join(scopes)} for it from now on",
        )
        self._offered(server, frozenset())

    def _make(self, config: ServerConfig, house_config: Config, before: Server | None) -> Server:
        offer = self._offers.get(config.name)
        if before is not None:
            offer = before.offer if same_place(before.config, config) else None
        opener = self._opener(config, house_config)
        return Server(
            config, house_config.limits, opener, self._notices, self._owned, offer, self._offered, self._seats
        )

    def _opener(self, config: ServerConfig, house_config: Config) -> Opener:
        era = self._eras.get(config.name)
        if config.command is not None:
            name = config.name
            return StdioOpener(config, self._spawner, self._owned, era, lambda line: self._stderr(name, line))
        say = partial(self._notices.say, config.name)
        if is_inside(config):
            return LocalOpener(config, house_config.limits, self._owned, say, self._connections)
        return HttpOpener(config, house_config.limits, self._owned, era, say, self._connections)

    def _begin(self, server: Server, place: int) -> None:
        """Ask a new server for its catalogue; one that is started only when needed, and known, waits for that.

        Known ones are asked one after the other: the first clients after a restart should not have to wait for all.
        """
        self._offers.pop(server.name, None)
        config = server.config
        if (
            config.command is not None
            and server.offer is not None
            and config.start == "lazy"
            and not server.watch.wanted
        ):
            server.health.state = State.IDLE
        elif place:
            server.refresh_soon(place * house.first_refresh_seconds)
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
        servers, known = self.servers, self._known
        return [name for name in names if name in servers and servers[name] not in known]

    async def wait_first(self, names: Iterable[str], seconds: float) -> None:
        """Until each of these servers was tried once, but no longer than `seconds` after it became known."""
        waiting = [server for name in names if (server := self.servers.get(name))]
        ends = max((server.known_at for server in waiting), default=0.0) + seconds
        await self._wait([self._until_known(server) for server in waiting], ends, asyncio.ALL_COMPLETED)

    async def wait_next(self, names: Iterable[str], ends: float) -> None:
        """Until one more of these servers was tried, or the loop's time is `ends`."""
        waiting = [self._until_known(self.servers[name]) for name in self.untried(names)]
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

    async def _until_known(self, server: Server) -> None:
        while server not in self._known and self.servers.get(server.name) is server:
            await self._published.wait()

    async def learn(self, caller: Caller, names: Iterable[str], seconds: float) -> bool:
        """Servers that show their lists to callers only, and have shown them to none: ask them as this one.

        Waits for that, but not for long. True: there may be something new.
        """
        servers = [self.servers[name] for name in names if name in self.servers and self.servers[name].offer is None]
        learning = [
            one
            for one in servers
            if caller.principal.scopes >= set(one.config.required_scopes or ()) and one.lend(caller)
        ]
        ends = self._loop.time() + seconds
        await self._wait([self.refresh(server) for server in learning], ends, asyncio.ALL_COMPLETED)
        return bool(learning)

    def granted(self, name: str) -> None:
        """Somebody has connected to this server."""
        server = self.servers.get(name)
        if server is not None:
            server.granted()

    async def refresh(self, server: Server) -> None:
        """Take its catalogue anew; when this returns, the snapshot has it."""
        await server.refresh()
        while server.name in self._unpublished and self.servers.get(server.name) is server:
            await self._published.wait()

    # ---- publication -------------------------------------------------------------------------------------------

    def _offered(self, server: Server, announced: AbstractSet[str]) -> None:
        if self._closed or self.servers.get(server.name) is not server:
            return
        if server.offer is not None:
            server.offer = self._learnt.put(server.offer)
            if not server.offer.degraded:
                self._keep(server)
        if announced:
            self._announced.append((server.name, announced))
        self._unpublished.add(server.name)
        self._publish_soon()

    def judged_anew(self) -> None:
        """Something is known of definitions that was not, or somebody has decided about one."""
        if self.slot.current.serial and not self._closed:
            self._anew = True
            self._publish_soon()

    def _publish_soon(self) -> None:
        # Several servers answer at once after a start: one snapshot serves them all.
        if not self._publishing:
            self._publishing = True
            self._owned.start(self._publish_offers(), "publish")

    async def _publish_offers(self) -> None:
        """Until nothing is new any more."""
        try:
            while (self._unpublished or self._announced or self._anew) and not self._closed:
                async with self._turn:
                    announced, self._announced, self._anew = self._announced, [], False
                    config = self.slot.current.config
                    made = await self._compile(config, self.servers, self._judge)
                    if self._closed:
                        return
                    self._publish(config, made)
                for name, kinds in announced:
                    self.on_announced(name, kinds)
        finally:
            self._publishing = False

    async def _compile(self, config: Config, servers: Mapping[str, Server], judge: Judge | None) -> "_Compilation":
        tried = frozenset(server for server in servers.values() if server.first_try.is_set())
        offers = {name: server.offer for name, server in servers.items() if server.offer is not None}
        watched = await self._watching.watched(config, offers) if self._watching is not None else {}
        compiled = await asyncio.to_thread(_compiled, config, offers, self._compiled, judge, watched)
        return _Compilation(compiled, offers, tried)

    def _publish(self, config: Config, made: "_Compilation") -> None:
        self._compiled = compiled = made.compiled
        if compiled.problems != self.problems:
            for problem in compiled.problems:
                if problem not in self.problems:
                    self._notices.say("catalog", "warning", problem)
            self.problems = compiled.problems
        servers = self.servers
        self._unpublished = {
            name for name in self._unpublished if name in servers and servers[name].offer is not made.offers.get(name)
        }
        self._known |= made.tried
        self._all_tried = all(server in self._known for server in servers.values())
        shown = [server.credentials for server in config.servers if server.credentials is not None]
        self.slot.publish(
            Snapshot(
                self.slot.current.serial + 1,
                config,
                compiled.endpoints,
                on_behalf=any(one.on_behalf for one in shown),
                connecting=connecting(config),
                carried=frozenset(name.lower().encode() for server in config.servers for name in server.pass_headers),
            )
        )
        self._published.set()
        self._published = asyncio.Event()

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
        servers, self.servers = [*self.servers.values(), *self._retiring], {}
        self._published.set()
        await asyncio.gather(*(server.aclose() for server in servers), return_exceptions=True)


def _compiled(
    config: Config,
    offers: Mapping[str, Offer],
    previous: Compiled | None,
    judge: Judge | None,
    watched: Mapping[str, Watched],
) -> Compiled:
    """The endpoints, and what the filters make of the rules: no call has to wait for that."""
    compiled = compile_endpoints(config, offers, previous, judge, watched)
    for endpoint in compiled.endpoints.values():
        for governed in (*endpoint.governed.values(), *(tool.governed for tool in endpoint.tools.values())):
            for settled in (governed.others, *governed.tenants.values()):
                prepare(settled)
    return compiled
