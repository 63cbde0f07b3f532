"""The composition root: the only file that sees every room. build, run, drain.

Knows: who needs whom. Refuses to know: how any of them works.
"""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from narthex import limits as house
from narthex.control.address import parse_listen
from narthex.control.admin import Admin, AdminRefused
from narthex.control.load import Loaded, Overrides, load
from narthex.control.problem import ConfigError, Problem
from narthex.control.reload import Reloader
from narthex.edge.door import Door
from narthex.edge.legacy import LegacyFace
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.listener import Listener
from narthex.edge.modern import ModernFace
from narthex.edge.sse import SseFace
from narthex.edge.stdio import StdioFace, lines_of
from narthex.libraries.demo import demo_config
from narthex.model.config import Config
from narthex.model.endpoint import Snapshot
from narthex.model.identity import LOCAL
from narthex.model.outcome import UpstreamFault
from narthex.relay.bus import Bus
from narthex.relay.fleet import Fleet
from narthex.relay.relay import Relay
from narthex.relay.session import Sessions
from narthex.relay.slot import Slot
from narthex.store import offers as kept_offers
from narthex.store.eras import Eras
from narthex.store.folder import StateFault, folder_of, prepared
from narthex.store.keys import load_keys
from narthex.telemetry.event import CallEvent
from narthex.telemetry.log import Log
from narthex.telemetry.loop_delay import LoopDelay
from narthex.telemetry.metrics import Metrics
from narthex.telemetry.owned import Owned
from narthex.upstream.era import EraRecord
from narthex.upstream.server import Server, State
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.envelope import encode_error
from narthex.wire.faults import INVALID_REQUEST
from narthex.wire.seal import Sealer

Tree = dict[str, Any]
Welcome = Callable[[str, str, Tree], None]  # (data URL, admin URL, what is served)


class Gateway:
    """One gateway: everything it is made of, and the order in which it starts and ends."""

    def __init__(self, config: Config, log: Log) -> None:
        folder = prepared(folder_of(config, os.environ))
        self.log, self.metrics = log, Metrics()
        self.owned = Owned("gateway", self._fault)
        self._folder, self._eras = folder, Eras(folder, EraRecord)
        loaded = kept_offers.load_all(folder, config)
        for ignored in loaded.ignored:
            log.warning(ignored)
        sealer = Sealer(load_keys(folder))
        self.slot = Slot(Snapshot(0, config, {}))
        self.bus = Bus(self.slot)
        self.spawner = Spawner(config.limits)
        self.fleet = Fleet(
            self.slot,
            self.spawner,
            self,
            self.owned,
            offers=loaded.offers,
            eras=self._eras.load(config.servers),
            keep=self._keep,
        )
        self.fleet.on_announced = self.bus.announced
        self.sessions = Sessions(sealer, self.bus, config.limits)
        self.relay = Relay(self.slot, self.fleet, sealer, self._record)
        self.calls = LegacyCalls(self.relay, self.bus, self.sessions)
        self.modern = ModernFace(self.relay, self.bus)
        self.legacy = LegacyFace(self.calls, self.owned)
        self.door = Door(self.relay, self.modern, self.legacy, SseFace(self.calls, self.owned), self.is_ready)
        self.loop_delay = LoopDelay(self.metrics.loop_delay)
        self.listener: Listener | None = None
        self.admin: Admin | None = None
        self.draining = False
        self._saving: dict[str, Server] = {}

    # ---- starting and ending -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the inside: the log, the servers, the clock."""
        await self.log.start()
        await self.loop_delay.start()
        self.fleet.start()
        self.owned.start(self._tick(), "tick")

    async def listen(self) -> str:
        """Open the door to clients, and the admin address. Returns the URL clients use. Raises `OSError`."""
        config: Config = self.slot.current.config
        address = parse_listen(config.listen)
        listener = Listener(
            self.door.serve,
            lambda: self.slot.current.config.limits,
            hosts=frozenset(config.allowed_hosts) | _LOOPBACK if config.allowed_hosts else None,
            origins=frozenset(config.allowed_origins),
            ssl=_tls(config),
            refuse=_refuse,
            on_fault=lambda error: self._fault("a request", error),
            on_refusal=lambda _, reason: self.metrics.refused(reason),
        )
        try:
            port = await listener.start(address.host, address.port)
        except OSError as error:
            raise OSError(error.errno, f"{config.listen} cannot be used: {error.strerror or error}") from None
        self.listener = listener
        self.admin = Admin(config.admin.listen, self, self.metrics, self.log)
        try:
            await self.admin.start()
        except OSError as error:
            text = f"{config.admin.listen} (admin.listen) cannot be used: {error.strerror or error}"
            raise OSError(error.errno, text) from None
        self._measure(listener)
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"{'https' if config.tls else 'http'}://{host}:{port}"

    async def drain(self, hurry: asyncio.Event) -> None:
        """Let calls in flight end, end streams properly, then stop everything. `hurry` ends the patience."""
        self.draining = True
        self.bus.close()
        if self.listener is not None:
            draining = asyncio.ensure_future(self.listener.drain(house.drain_seconds_max))
            hurried = asyncio.ensure_future(hurry.wait())
            await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
            if not draining.done():
                await self.listener.abort()
            hurried.cancel()
            await asyncio.gather(draining, hurried, return_exceptions=True)
        await self.aclose()

    async def aclose(self) -> None:
        if self.admin is not None:
            await self.admin.aclose()
        await self.fleet.aclose()
        await self.owned.aclose()
        await self.spawner.aclose()
        await self.loop_delay.aclose()
        await self.log.aclose()

    async def _tick(self) -> None:
        """One clock for the faces: answers that become streams, sessions that were forgotten."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(house.sweep_seconds)
            now = loop.time()
            self.modern.sweep(now, house.lazy_stream_seconds)
            self.legacy.sweep(now, house.lazy_stream_seconds)
            for session in self.sessions.idle(now):
                await self.calls.drop(session)

    # ---- configuration -----------------------------------------------------------------------------------------

    async def apply(self, loaded: Loaded) -> None:
        """A new configuration: compiled and swapped whole. What a running process cannot change is said."""
        config, before = loaded.config, self.slot.current.config
        for name in ("listen", "tls", "state"):
            if getattr(config, name) != getattr(before, name):
                self.log.warning(f"'{name}' changed in the configuration; it takes effect at the next start")
        if config.admin != before.admin:
            self.log.warning("'admin' changed in the configuration; it takes effect at the next start")
        self.log.configure(config.log)
        self.sessions.limits = config.limits
        self.spawner.bounds = config.limits
        self.fleet.apply(config)
        self.metrics.reloaded("ok")
        self.log.info(f"Configuration taken over: {_count(config)}", serial=self.slot.current.serial)

    def refused(self, error: ConfigError) -> None:
        self.metrics.reloaded("refused")
        for problem in error.problems:
            self.log.error(f"Configuration refused, nothing changed: {problem}")

    # ---- what the rooms tell us --------------------------------------------------------------------------------

    def updated(self, server: str, uri: str) -> None:
        self.bus.updated(server, uri)

    def say(self, server: str, level: str, sentence: str) -> None:
        getattr(self.log, level)(sentence, server=server)

    def _record(self, event: CallEvent) -> None:
        self.metrics.call(event)
        self.log.call(event)

    def _fault(self, where: str, error: BaseException) -> None:
        if isinstance(error, UpstreamFault):
            self.log.debug(f"{where}: {error}")
        else:
            self.log.error(f"A fault of ours in {where}: {type(error).__name__}: {error}", trace=_trace(error))

    def _keep(self, server: Server) -> None:
        """Save a catalogue, beside the event loop, one writer at a time per server."""
        if server.name not in self._saving:
            self.owned.start(self._save(server), f"{server.name}.save")
        self._saving[server.name] = server

    async def _save(self, first: Server) -> None:
        while (server := self._saving.get(first.name)) is not None:
            offer, era = server.offer, server.opener.era
            try:
                if offer is not None:
                    await asyncio.to_thread(kept_offers.save, self._folder, server.config, offer)
                if era is not None:
                    await asyncio.to_thread(self._eras.remember, server.config, era)
            except OSError as error:
                self.log.warning(f"The catalogue of {server.name} could not be kept: {error}", server=server.name)
            if self._saving.get(first.name) is server and server.offer is offer:
                del self._saving[first.name]

    # ---- what can be seen --------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        return not self.draining and self.slot.current.serial > 0

    def servers(self) -> list[Tree]:
        found = []
        for server in self.fleet.servers.values():
            status = server.status()
            status["last_error"] = status.pop("problem")
            status["processes"] = len(status["processes"])
            found.append(status)
        return found

    def snapshot(self) -> Tree:
        current = self.slot.current
        return {
            "serial": current.serial,
            "problems": list(self.fleet.problems),
            "endpoints": [
                {
                    "name": name,
                    "tools": len(endpoint.tools),
                    "resources": len(endpoint.lists["resources/list"].keys),
                    "resource_templates": len(endpoint.lists["resources/templates/list"].keys),
                    "prompts": len(endpoint.prompts),
                }
                for name, endpoint in current.endpoints.items()
            ],
        }

    def _measure(self, listener: Listener) -> None:
        read, servers = self.metrics.read, self.fleet.servers

        def each(value: Any) -> Iterable[tuple[tuple[str, ...], float]]:
            return [((name,), float(value(server))) for name, server in self.fleet.servers.items()]

        assert servers is not None
        read("narthex_upstream_up", lambda: each(lambda one: one.state in (State.UP, State.IDLE)))
        read("narthex_upstream_degraded", lambda: each(lambda one: bool(one.offer and one.offer.degraded)))
        read("narthex_upstream_restarts_total", lambda: each(lambda one: one.restarts))
        read("narthex_processes", lambda: each(lambda one: len(one.tree())))
        read("narthex_process_resident_bytes", lambda: each(lambda one: one.resident_bytes()))
        read("narthex_connections", lambda: [((), float(listener.stats.connections))])
        read("narthex_inflight", lambda: [((), float(listener.stats.inflight))])
        read("narthex_sessions", lambda: [((), float(len(self.sessions)))])
        read("narthex_listeners", lambda: [((), float(len(self.bus)))])
        read("narthex_log_lines_dropped_total", lambda: [((), float(self.log.dropped))])
        read("narthex_snapshot_serial", lambda: [((), float(self.slot.current.serial))])


# ---- the three ways to run ---------------------------------------------------------------------------------------


def serve(path: Path, overrides: Overrides) -> int:
    """`narthex serve`: until SIGTERM or SIGINT. Raises `ConfigError` and `OSError` before anything is served."""
    loaded = load(path, os.environ, overrides)
    loaded.require_ready()
    return _run(_serve(loaded, path, overrides))


def demo(overrides: Overrides, welcome: Welcome) -> int:
    """`narthex demo`: the servers that ship, behind a gateway, without any configuration."""
    config = overrides.over(msgspec.convert(demo_config(), Config))
    return _run(_serve(Loaded(config), None, overrides, welcome))


def stdio(path: Path, overrides: Overrides, endpoint: str | None) -> int:
    """`narthex stdio`: one client on stdin and stdout, until its end."""
    loaded = load(path, os.environ, overrides)
    loaded.require_ready()
    return _run(_stdio(loaded, path, overrides, endpoint or ""))


def _run(work: Coroutine[Any, Any, int]) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _serve(loaded: Loaded, path: Path | None, overrides: Overrides, welcome: "Welcome | None" = None) -> int:
    stop, hurry = _signals()
    gateway = _build(loaded)
    await gateway.start()
    try:
        url = await gateway.listen()
    except BaseException:
        await gateway.aclose()
        raise
    _follow(gateway, loaded, path, overrides)
    admin = gateway.admin.url if gateway.admin else None
    gateway.log.info(f"Ready: {url}/mcp in front of {_count(loaded.config)}", url=f"{url}/mcp", admin=admin)
    if welcome is not None:
        await gateway.fleet.wait_first(list(gateway.fleet.servers), house.first_list_seconds_max)
        welcome(url, admin or "", gateway.snapshot())
    await stop.wait()
    gateway.log.info("Draining: calls in flight may end; a second signal ends at once")
    await gateway.drain(hurry)
    return 0


async def _stdio(loaded: Loaded, path: Path, overrides: Overrides, endpoint: str) -> int:
    if endpoint and endpoint not in loaded.config.endpoints:
        names = ", ".join(loaded.config.endpoints) or "none"
        raise ConfigError(
            [Problem(str(path), 0, 0, "endpoints", f"there is no endpoint '{endpoint}'", f"Configured: {names}.")]
        )
    stop, _ = _signals()
    gateway = _build(loaded)
    await gateway.start()
    _follow(gateway, loaded, path, overrides)
    bounds = loaded.config.limits
    out = await _stdout()
    face = StdioFace(gateway.calls, gateway.owned, endpoint, LOCAL, bounds, out)

    def too_long() -> None:
        gateway.log.warning(f"A line of more than {bounds.line_bytes_max} bytes on stdin was skipped")

    reading = asyncio.ensure_future(lines_of(0, bounds.line_bytes_max, face.take, too_long))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (reading, stopping):
        task.cancel()
    await asyncio.gather(reading, stopping, return_exceptions=True)
    gateway.bus.close()
    await gateway.aclose()
    return 0


def _build(loaded: Loaded) -> Gateway:
    log = Log(loaded.config.log)
    try:
        return Gateway(loaded.config, log)
    except (StateFault, AdminRefused) as error:
        raise ConfigError([Problem("", 0, 0, "", str(error), "")]) from None


def _follow(gateway: Gateway, loaded: Loaded, path: Path | None, overrides: Overrides) -> None:
    if path is not None:
        reloader = Reloader(path, loaded, gateway.apply, gateway.refused, overrides=overrides)
        gateway.owned.start(reloader.run(), "reload")
    for warning in loaded.warnings:
        gateway.log.warning(str(warning))


async def _stdout() -> Any:
    """Messages to our stdout, one per line; the pipe's own buffer is the only queue."""
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    sys.stdout = sys.stderr  # whatever prints must not reach the client
    transport, _ = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)

    def write(message: bytes) -> bool:
        transport.write(message + b"\n")
        return not transport.is_closing()

    return write


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """The first SIGTERM or SIGINT asks for an end, the second one for an end at once."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def caught() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, caught)
    return stop, hurry


def _tls(config: Config) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tls["certificate"], config.tls["key"])
    return context


def _refuse(status: int, reason: str, message: str) -> bytes:
    return encode_error(None, INVALID_REQUEST, message, {"reason": reason, "status": status})


def _count(config: Config) -> str:
    servers = sum(server.enabled for server in config.servers)
    named = f", {len(config.endpoints)} endpoint{'s' * (len(config.endpoints) != 1)}" if config.endpoints else ""
    return f"{servers} server{'s' * (servers != 1)}{named}"


def _trace(error: BaseException) -> str:
    """Where a fault of ours happened: for the log only, never for a client."""
    import traceback

    return "".join(traceback.format_exception(error))[-house.error_text_chars_max :]


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
