"""The composition root: the only file that sees every room. build, run, drain.

Knows: who needs whom, and in which order they start and end. Refuses to know: how any of them works.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from narthex import limits as house
from narthex.callers import Callers, known_otherwise
from narthex.control.address import parse_listen
from narthex.control.admin import Admin
from narthex.control.certificate import server_context
from narthex.control.explaining import Explaining
from narthex.control.load import Loaded, Overrides
from narthex.control.problem import ConfigError, Problem
from narthex.control.reload import Reloader
from narthex.control.shown import Shown, count
from narthex.edge.door import Door
from narthex.edge.http1_doors import LOOPBACK
from narthex.edge.legacy import LegacyFace
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.listener import Listener
from narthex.edge.modern import ModernFace
from narthex.edge.sse import SseFace
from narthex.governance import Governance
from narthex.listening import first_free, hosts_of, naming, refusal_of
from narthex.model.config import Config
from narthex.model.endpoint import Snapshot
from narthex.model.outcome import UpstreamFault
from narthex.relay.asking import Asking
from narthex.relay.bus import Bus
from narthex.relay.express import Express
from narthex.relay.fleet import Fleet
from narthex.relay.keeping import Keeping
from narthex.relay.relay import Relay
from narthex.relay.session import Sessions
from narthex.relay.slot import Slot
from narthex.relay.tracing import Traces
from narthex.store import offers as kept_offers
from narthex.store.eras import Eras
from narthex.store.folder import StateFault, folder_of, prepared
from narthex.store.keys import load_keys
from narthex.store.vault_desk import VaultDesk
from narthex.telemetry.event import CallEvent
from narthex.telemetry.log import Log
from narthex.telemetry.loop_delay import LoopDelay
from narthex.telemetry.metrics import Metrics
from narthex.telemetry.otel.export import Export, NotInstalled
from narthex.telemetry.owned import Owned
from narthex.telemetry.told import Told
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.era import EraRecord
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.seal import Sealer

# What is read once, when the process starts.
_FIXED = (
    "listen",
    "admin",
    "tls",
    "state",
    "shared",
    "public_url",
    "allowed_hosts",
    "allowed_origins",
    "vault",
    "opentelemetry",
    "audit",
)


# ---- build -------------------------------------------------------------------------------------------------------


def build(loaded: Loaded) -> "Gateway":
    """The gateway of this configuration, not started yet. Raises `ConfigError`."""
    loaded.require_ready()
    try:
        return Gateway(loaded.config, Log(loaded.config.log))
    except StateFault as error:
        raise ConfigError([Problem("", 0, 0, "", str(error), "")]) from None
    except NotInstalled as error:
        raise ConfigError([Problem("", 0, 0, "opentelemetry", "needs its SDK", str(error))]) from None


class Gateway:
    """One gateway: everything it is made of, and the order in which it starts and ends."""

    def __init__(self, config: Config, log: Log) -> None:
        folder = prepared(folder_of(config, os.environ))
        kept, eras, sealer = kept_offers.load_all(folder, config), Eras(folder, EraRecord), Sealer(load_keys(folder))
        for ignored in kept.ignored:
            log.warning(ignored)
        # outwards
        self.log, self.metrics = log, Metrics(shown=config.metering.metrics)
        self.loop_delay = LoopDelay(self.metrics.loop_delay)
        self.owned = Owned("gateway", self._fault)
        self.told = Told(house.warnings_told_seconds)
        self.export = Export(config.opentelemetry, self.tell) if config.opentelemetry is not None else None
        # the world, and the servers that make it
        self.slot = Slot(Snapshot(0, config, {}))
        self.bus = Bus(self.slot, self.owned)
        self.spawner = Spawner(config.limits)
        self.vault = VaultDesk(folder, config.vault, self.tell)
        self.connections = Connections(
            self.vault, lambda: self.slot.current.config.servers, say=self.tell, on_fault=self._fault
        )
        self.governance = Governance(config, folder, sealer, self.owned, self.tell, self.spawner)
        self.keeping = Keeping(folder, eras, self.owned, self)
        self.fleet = Fleet(
            self.slot,
            self.spawner,
            self,
            self.owned,
            offers=kept.offers,
            eras=eras.load(config.servers),
            keep=self.keeping.keep,
            connections=self.connections,
            watching=self.governance.watching,
        )
        self.connections.on_granted = self.fleet.granted
        self.fleet.on_announced = self.bus.announced
        # the way of a call
        self.sessions = Sessions(sealer, self.bus, config.limits, self.governance.facts.naming)
        self.asking = Asking(self.connections, sealer, self.owned)
        self.governance.stopping.on_change = self.slot.halt
        held, record = self.governance, self._record
        self.relay = Relay(self.slot, self.fleet, sealer, held.facts, held.ledger, record, self.asking)
        if self.export is not None:
            self.relay.traces = Traces(self.export.tracing, self.export.config.sample)
        self.calls = LegacyCalls(self.relay, self.bus, self.sessions)
        # who is asking
        self.callers = Callers(self.slot, folder, sealer, self.owned, self.tell, self._fault, self.metrics.refused)
        gate = self.callers.gate
        gate.on_refused = self.relay.recorder.refused
        # the faces
        express = Express(self.relay)
        self.modern = ModernFace(self.relay, self.bus, express, gate.more_scopes)
        self.legacy = LegacyFace(self.calls, self.owned, express, gate.more_scopes)
        self.door = Door(self.relay, self.modern, self.legacy, SseFace(self.calls, self.owned), self.is_ready, gate)
        self.listener: Listener | None = None
        explaining = Explaining(self.slot, self.callers.authority, self.governance.facts.look)
        keys, facts = self.callers.keys, self.governance.facts
        self.shown = Shown(self.fleet, self.bus, self.sessions, log, keys, explaining, self.connections, facts)
        self.admin: Admin | None = None
        self.draining = False
        self._told: frozenset[str] = frozenset()  # of servers that wait for somebody

    # ---- run ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the inside: the log, the servers, the clock. Raises `ConfigError`."""
        asyncio.get_running_loop().set_exception_handler(self._loop_fault)
        await self.log.start()
        await self.loop_delay.start()
        try:
            await self.callers.start()
            await self.governance.start()
            await self.fleet.start()
            self.owned.start(self.connections.follow(), "connections")
            if self.export is not None:
                self.owned.start(self.export.push(self.metrics), "opentelemetry")
        except StateFault as error:
            raise ConfigError([Problem("", 0, 0, "", str(error), "")]) from None
        except ValueError as error:
            raise _unusable(error) from None
        self.owned.start(self._tick(), "tick")

    async def listen(self) -> tuple[str, str]:
        """Open the door to clients, and the admin address: the URLs of both. Raises `OSError`."""
        config = self.slot.current.config
        address, context = parse_listen(config.listen), server_context(config)
        self.listener = Listener(
            self.door.serve,
            self.limits,
            hosts=hosts_of(config),
            origins=frozenset(config.allowed_origins),
            ssl=context,
            refuse=refusal_of,
            on_fault=lambda error: self._fault("a request", error),
            on_refusal=lambda _, reason: self.metrics.refused(reason),
            express=self.door.express,
        )
        with naming(config.listen):
            port = await self.listener.start(address.host, address.port)
        wings = self.governance.wings(self.slot, self.metrics)
        admin = Admin(config.admin.listen, self.shown, self.metrics, self.log, wings)
        with naming(f"{config.admin.listen} (admin.listen)"):
            await admin.start()
        self.admin = admin
        host = f"[{address.host}]" if ":" in address.host else address.host
        url = f"{address.scheme}://{host}:{port}"
        await self.callers.admit(self.door, url, port)
        self._open_page(url, config.public_url)
        listener = self.listener
        self.shown.measure(self.metrics, lambda: listener.stats.connections, lambda: listener.stats.inflight)
        self.governance.measure(self.metrics)
        return url, admin.url

    async def listen_for_browsers(self) -> None:
        """Where there is no door for clients: one for people who connect their accounts, if some server wants that."""
        if not self.connections.names():
            return
        listener = Listener(
            self.door.serve_page,
            self.limits,
            hosts=LOOPBACK,
            refuse=refusal_of,
            on_fault=lambda error: self._fault("a page", error),
        )
        port = await first_free(listener, parse_listen(self.slot.current.config.listen))
        self.listener = listener
        self._open_page(f"http://127.0.0.1:{port}", None)

    def _open_page(self, url: str, public: str | None) -> None:
        page = self.callers.open_page(self.door, self.connections, url, public=public)
        self.asking.page = page.url

    async def tell_waiting(self) -> None:
        """Which servers wait until somebody connects them, and where. What was told before is not told again."""
        lines = await self.callers.page.waited_for() if self.callers.page is not None else []
        for line in lines:
            if line not in self._told:
                self.log.info(line)
        self._told = frozenset(lines)

    def follow(self, loaded: Loaded, path: Path | None, overrides: Overrides) -> None:
        """Say what is odd about the configuration, and follow its changes."""
        for warning in loaded.warnings:
            self.log.warning(str(warning))
        if path is not None:
            reloader = Reloader(path, loaded, self.apply, self.refused, overrides=overrides)
            self.owned.start(reloader.run(), "reload")

    def limits(self) -> house.Limits:
        config: Config = self.slot.current.config
        return config.limits

    def is_ready(self) -> bool:
        return not self.draining and self.slot.current.serial > 0

    async def _tick(self) -> None:
        """One clock for the faces: answers that become streams, sessions that were forgotten."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(house.sweep_seconds)
            try:
                self._sweep(loop.time())
            except Exception as error:  # noqa: BLE001 - one broken stream must not end the clock of all others
                self._fault("the clock", error)

    def _sweep(self, now: float) -> None:
        self.modern.sweep(now, house.lazy_stream_seconds)
        self.legacy.sweep(now, house.lazy_stream_seconds)
        wall = time.time()
        self.bus.dismiss(lambda who: not self.callers.authority.stands(who, wall))
        self.governance.sweep()
        for session in self.sessions.idle(now):
            self.sessions.forget(session)
            self.owned.start(self.calls.drop(session), "session")

    # ---- another configuration ---------------------------------------------------------------------------------

    async def apply(self, loaded: Loaded) -> None:
        """A new configuration: compiled and swapped whole, or refused whole. What cannot change is said."""
        config, before = loaded.config, self.slot.current.config
        self.callers.expect(config)
        try:
            await self.fleet.apply(config)
        except ValueError as error:
            self.callers.expect(before)
            raise _unusable(error) from None
        self.log.configure(config.log)
        self.callers.adopt(config)
        if known_otherwise(before, config):
            self.bus.dismiss(lambda _who: True)  # whoever may still listen does so again, with what they have now
        self.metrics.show(config.metering.metrics)
        self.sessions.limits = config.limits
        self.spawner.adopt(config.limits)
        self.governance.adopt(config)
        for name in _FIXED:
            if getattr(config, name) != getattr(before, name):
                self.log.warning(f"'{name}' changed in the configuration; it takes effect at the next start")
        for warning in loaded.warnings:
            self.log.warning(str(warning))
        await self.tell_waiting()
        self.metrics.reloaded("ok")
        self.governance.act("configuration.changed", f"serial {self.slot.current.serial}", count(config))
        self.log.info(f"Configuration taken over: {count(config)}", serial=self.slot.current.serial)

    def refused(self, error: ConfigError) -> None:
        self.metrics.reloaded("refused")
        self.governance.act("configuration.refused", note=f"problems: {len(error.problems)}")
        for problem in error.problems:
            self.log.error(f"Configuration refused, nothing changed: {problem}")

    # ---- drain -------------------------------------------------------------------------------------------------

    async def drain(self, hurry: asyncio.Event) -> None:
        """Let calls in flight end, end streams properly, then stop everything. `hurry` ends the patience."""
        self.log.info("Draining: calls in flight may end; a second signal ends at once")
        self.draining = True
        self.bus.close()
        ending = asyncio.ensure_future(self._end())
        await first_of(ending, hurry)
        if not ending.done():
            self.log.warning("Ending at once: what is still in flight is lost")
            if self.listener is not None:
                await self.listener.abort()
            self.spawner.hasten()
            await asyncio.wait({ending}, timeout=house.stop_seconds_max)
            ending.cancel()
        await asyncio.wait({ending})
        if not ending.cancelled():
            ending.result()

    async def _end(self) -> None:
        if self.listener is not None:
            await self.listener.drain(house.drain_seconds_max)
        await self.aclose()

    async def aclose(self) -> None:
        if self.listener is not None:
            await self.listener.abort()
        if self.admin is not None:
            await self.admin.aclose()
        await self.fleet.aclose()
        await self.callers.aclose()
        await self.connections.aclose()
        await self.governance.aclose()
        await self.owned.aclose()
        await self.vault.aclose()
        await self.callers.keys.aclose()
        await self.spawner.aclose()
        await self.loop_delay.aclose()
        await self.governance.close_log()
        if self.export is not None:
            await self.export.aclose(self.metrics)
        await self.log.aclose()

    # ---- what the rooms tell us --------------------------------------------------------------------------------

    def updated(self, server: str, uri: str, whose: str | None = None) -> None:
        self.bus.updated(server, uri, whose)

    def say(self, server: str, level: str, sentence: str) -> None:
        getattr(self.log, level)(sentence, server=server)

    def tell(self, level: str, sentence: str) -> None:
        """A line for the operator."""
        getattr(self.log, level)(sentence)

    def _record(self, event: CallEvent) -> None:
        self.metrics.call(event)
        self.log.call(event)
        if event.warned_by and self.told.anew(f"{event.warned_by} {event.server} {event.tool}", event.at):
            self.log.warning(f"A call would have been refused: {event.warning}", filter=event.warned_by)

    def _fault(self, where: str, error: BaseException) -> None:
        if isinstance(error, UpstreamFault):
            self.log.debug(f"{where}: {error}")
        else:
            self.log.error(f"A fault of ours in {where}: {type(error).__name__}: {error}", trace=_trace(error))

    def _loop_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        self._fault("a callback", error)


# ---- helpers -----------------------------------------------------------------------------------------------------


async def first_of(work: "asyncio.Future[Any]", event: asyncio.Event) -> None:
    """Until the work is done or the event has come. The work goes on if it was the event."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _unusable(error: ValueError) -> ConfigError:
    return ConfigError([Problem("", 0, 0, "servers", str(error), "")])


def _trace(error: BaseException) -> str:
    """Where a fault of ours happened: for the log only, never for a client."""
    import traceback

    return "".join(traceback.format_exception(error))[-house.error_text_chars_max :]
