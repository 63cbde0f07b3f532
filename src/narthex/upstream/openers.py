"""How a conversation with a server begins: the probe that finds out its era and transport (R1).

Knows: what to try, in which order, and what each answer means. Refuses to know: who will use the conversation.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from narthex.limits import (
    Limits,
    probe_http_seconds_max,
    probe_stdio_seconds_max,
    start_seconds_max,
    sweep_seconds,
    waiting_share,
)
from narthex.model.caller import Caller
from narthex.model.config import ServerConfig
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.about_caller import speaks_of_caller
from narthex.upstream.credentials.client import BearingClient
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.wallet import credentials_of
from narthex.upstream.era import EraRecord
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.tls import Tls
from narthex.upstream.link.ask import Ask, Link, Notice
from narthex.upstream.link.handshake import adopt_discovered
from narthex.upstream.link.http_sse import HttpSse
from narthex.upstream.link.legacy_http import LegacyHttp, NotLegacy
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.own_process import is_launched
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.faults import SpawnFailed
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.faults import UNSUPPORTED_PROTOCOL_VERSION
from narthex.wire.revisions import MODERN

NoCapabilities: dict[str, Any] = {}
_ANOTHER_SHAPE = ("upstream_status", "upstream_malformed", "upstream_stream_truncated", "upstream_revision")


class Opener(Protocol):
    """Opens conversations with one server. `era` is what the last one turned out to be."""

    era: EraRecord | None

    @property
    def era_is_modern(self) -> bool: ...

    @property
    def personal(self) -> bool:
        """Each caller shows the server something else, so no two may share a conversation that remembers."""
        ...

    @property
    def borrows(self) -> bool:
        """The gateway's own conversation is led as one of the callers."""
        ...

    async def open(self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None) -> Link:
        """`caller`: whose the conversation is to be; None: the gateway's own."""
        ...

    async def open_legacy(
        self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None
    ) -> Link | None:
        """A conversation in an older revision with a server that speaks the modern one; None: it has no older one."""
        ...

    def lend(self, caller: Caller) -> bool:
        """The server is asked for its lists as this caller from now on, if it has to be as one. False: it need not."""
        ...

    def hide(self, text: str) -> str:
        """The text without what the server is shown of us."""
        ...

    def doubt(self) -> None: ...
    def adopt(self, limits: Limits) -> None:
        """Other limits from now on."""
        ...

    def busy(self) -> bool:
        """Something is on its way that no conversation counts."""
        ...

    async def aclose(self) -> None: ...


class HttpOpener:
    """A server under a URL: modern, legacy, or HTTP+SSE. `server/discover` first: it has no side effect (C-VER-04)."""

    def __init__(
        self,
        config: ServerConfig,
        limits: Limits,
        owned: Owned,
        era: EraRecord | None,
        say: Callable[[str, str], None] = lambda _level, _sentence: None,
        connections: Connections | None = None,
    ) -> None:
        assert config.upstream is not None, "a server under a URL has one"
        self.era = era
        self._name, self._url, self._limits, self._owned = config.name, config.upstream, limits, owned
        headers = tuple(
            (name.encode(), value.encode()) for name, value in config.headers.items() if not speaks_of_caller(value)
        )
        self._credentials = credentials_of(config, owned, say, Tls(), connections)
        self.http: HttpClient
        if self._credentials is None:
            self.http = HttpClient(config.upstream, limits, allow_private=True, headers=headers)
        else:
            self.http = BearingClient(config.upstream, limits, headers=headers, credentials=self._credentials)

    @property
    def era_is_modern(self) -> bool:
        return self.era is not None and self.era.era == "modern"

    @property
    def personal(self) -> bool:
        return self._credentials is not None and self._credentials.personal

    @property
    def borrows(self) -> bool:
        return self._credentials is not None and self._credentials.borrows

    def lend(self, caller: Caller) -> bool:
        return self._credentials is not None and self._credentials.lend(caller)

    def hide(self, text: str) -> str:
        return text if self._credentials is None else self._credentials.hide(text)

    async def open(self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None) -> Link:
        era = self.era if self.era is not None and self.era.fresh(time.time()) else None
        try:
            return await self._open(era, capabilities, notice, caller)
        except UpstreamFault as fault:
            if era is None or fault.reason not in _ANOTHER_SHAPE:
                raise
        # It is no longer what it was: find out anew, as with a stranger.
        return await self._open(None, capabilities, notice, caller)

    async def _open(
        self, era: EraRecord | None, capabilities: dict[str, Any], notice: Notice, caller: Caller | None
    ) -> Link:
        if era is None or era.era == "modern":
            modern = await self.modern(caller)
            if modern is not None:
                return self._remember(modern, "modern", "http")
        if era is None or era.transport != "http+sse":
            legacy = await self._legacy(capabilities, notice, caller)
            if legacy is not None:
                return legacy
        old = HttpSse(self._name, self._url, self.http, self._limits, notice, self._owned, caller)
        try:
            # Nobody looks at its deadlines yet: a conversation is swept from the moment on at which it is one.
            async with asyncio.timeout(probe_http_seconds_max * 2):
                await old.open(capabilities, self._deadline(probe_http_seconds_max))
        except (UpstreamFault, TimeoutError) as error:
            await old.aclose()
            self.doubt()
            if isinstance(error, UpstreamFault):
                raise
            raise UpstreamFault(self._name, "upstream_timeout", "it did not greet us in time") from None
        return self._remember(old, "legacy", "http+sse")

    async def open_legacy(
        self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None
    ) -> Link | None:
        link = LegacyHttp(self._name, self.http, self._limits, notice, self._owned, caller)
        try:
            await link.open(capabilities, self._deadline(probe_http_seconds_max * 2))
        except NotLegacy:
            return None
        return link

    def doubt(self) -> None:
        """The server answered like one of another era: probe anew next time."""
        self.era = None

    def adopt(self, limits: Limits) -> None:
        self._limits = limits
        self.http.adopt(limits)

    def busy(self) -> bool:
        # Modern requests stand alone; their connections are what counts them. (Older ones keep streams open for hours.)
        return self.era_is_modern and self.http.stats.busy > 0

    async def aclose(self) -> None:
        await self.http.aclose()

    async def modern(self, caller: Caller | None) -> ModernHttp | None:
        """What it answers to `server/discover`, if it does. Raises `UpstreamFault` where that cannot be told."""
        link = ModernHttp(self._name, self.http)
        try:
            outcome = await self._discover(link, caller)
        except UpstreamFault as fault:
            # Refused, busy, broken, silent: no verdict about the era. Only an answer of another shape is one.
            if fault.reason in _ANOTHER_SHAPE:
                return None
            raise
        return link if adopt_discovered(link, outcome) else None

    async def _discover(self, link: ModernHttp, caller: Caller | None) -> Outcome:
        ask = Ask("server/discover", {}, self._deadline(probe_http_seconds_max), caller=caller)
        outcome = await link.request(ask)
        if isinstance(outcome, Failure) and outcome.code == UNSUPPORTED_PROTOCOL_VERSION:
            # It names what it serves. If that holds our revision after all, the refusal deserves a second question.
            served = outcome.data.get("supported") if type(outcome.data) is dict else None
            if type(served) is list and MODERN in served:
                ask.deadline = self._deadline(probe_http_seconds_max)
                return await link.request(ask)
        return outcome

    async def _legacy(self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None) -> Link | None:
        link = LegacyHttp(self._name, self.http, self._limits, notice, self._owned, caller)
        try:
            await link.open(capabilities, self._deadline(probe_http_seconds_max * 2))
        except NotLegacy as refusal:
            if refusal.failure is not None and refusal.failure.code == UNSUPPORTED_PROTOCOL_VERSION:
                modern = await self.modern(caller)
                if modern is not None:
                    return self._remember(modern, "modern", "http")
            if refusal.failure is None and refusal.status in (400, 404, 405, 406, 415):
                return None
            self.doubt()
            said = f": {refusal.failure.message[:200]}" if refusal.failure else ""
            text = f"it speaks no revision we know (initialize got HTTP {refusal.status}{said})"
            raise UpstreamFault(self._name, "upstream_revision", text) from None
        return self._remember(link, "legacy", "http")

    def _remember(self, link: Link, era: Any, transport: str) -> Link:
        self.era = EraRecord(era, transport, link.revision, time.time())
        return link

    def _deadline(self, seconds: float) -> Deadline:
        return Deadline(asyncio.get_running_loop().time() + seconds)


class StdioOpener:
    """A server that is a command: each conversation is a process of its own."""

    def __init__(
        self,
        config: ServerConfig,
        spawner: Spawner,
        owned: Owned,
        era: EraRecord | None,
        on_stderr: Callable[[str], None],
    ) -> None:
        assert config.command is not None, "a server that is a command has one"
        self.era = era
        self._config, self._spawner, self._owned, self._on_stderr = config, spawner, owned, on_stderr
        resources = config.resources
        self._command = Command(
            name=config.name,
            argv=config.command,
            env=config.env,
            cwd=config.cwd,
            inherit=config.inherit_env,
            cpu_seconds_max=resources.cpu_seconds,
            memory_bytes_max=resources.memory_mb * 1024 * 1024 if resources.memory_mb else None,
            files_max=resources.open_files,
        )

    @property
    def era_is_modern(self) -> bool:
        return self.era is not None and self.era.era == "modern"

    @property
    def personal(self) -> bool:
        return False

    @property
    def borrows(self) -> bool:
        return False

    def lend(self, caller: Caller) -> bool:
        return False

    def hide(self, text: str) -> str:
        return text

    async def open(self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None) -> Link:
        known = self.era if self.era is not None and self.era.fresh(time.time()) else None
        try:
            if known is not None and known.era == "legacy":
                return await self._attempt(capabilities, notice, self._initialize)
            return await self._attempt(capabilities, notice, self._probe)
        except EndedOnProbe:
            # A few servers exit on a request they do not know: start again and greet them as they expect.
            return await self._attempt(capabilities, notice, self._initialize)
        except UpstreamFault:
            self.doubt()
            raise

    async def open_legacy(
        self, capabilities: dict[str, Any], notice: Notice, caller: Caller | None = None
    ) -> Link | None:
        era = self.era
        try:
            return await self._attempt(capabilities, notice, self._initialize)
        except UpstreamFault as fault:
            if fault.reason in ("upstream_refused", "upstream_revision", "upstream_timeout"):
                return None
            raise
        finally:
            self.era = era  # what it speaks by preference has not changed

    def doubt(self) -> None:
        self.era = None

    def adopt(self, limits: Limits) -> None:
        """The next process is started under the spawner's limits."""

    def busy(self) -> bool:
        return False

    async def aclose(self) -> None:
        """The processes belong to the conversations; nothing is left here."""

    async def _attempt(self, capabilities: dict[str, Any], notice: Notice, greet: Any) -> Link:
        loop = asyncio.get_running_loop()
        bounds = self._spawner.bounds
        waiting_max = bounds.inflight_max // waiting_share
        link = StdioLink(self._config.name, notice, loop.create_future(), bounds.calls_per_process_max, waiting_max)
        link.names_callers = is_launched(self._config)
        try:
            await link.start(self._spawner, self._command, self._on_stderr)
        except SpawnFailed as error:
            text = "its process could not be started"
            raise UpstreamFault(self._config.name, "upstream_not_started", text, note=str(error)) from None
        limit = self._config.start_seconds or start_seconds_max
        ticker = self._owned.start(_sweeping(link), "start-sweep")
        try:
            await greet(link, capabilities, Deadline(loop.time() + limit))
        except BaseException:
            await link.aclose()
            raise
        finally:
            ticker.cancel()
        if link.child is not None:
            link.child.ready()
        self.era = EraRecord("modern" if link.peer.modern else "legacy", "stdio", link.revision, time.time())
        return link

    async def _initialize(self, link: StdioLink, capabilities: dict[str, Any], deadline: Deadline) -> None:
        await link.initialize(capabilities, deadline)

    async def _probe(self, link: StdioLink, capabilities: dict[str, Any], deadline: Deadline) -> None:
        """Ask `server/discover`; a server that stays silent gets `initialize` too, and the first good answer counts."""
        discover = self._owned.start(link.discover(deadline), "discover")
        try:
            done, _ = await asyncio.wait({discover}, timeout=probe_stdio_seconds_max)
            if done and await _quietly(discover, link):
                return
            if not done:
                await self._initialize_beside(link, capabilities, deadline, discover)
            else:
                await link.initialize(capabilities, deadline)
        finally:
            discover.cancel()

    async def _initialize_beside(
        self, link: StdioLink, capabilities: dict[str, Any], deadline: Deadline, discover: "asyncio.Task[bool]"
    ) -> None:
        try:
            await link.initialize(capabilities, deadline)
        except UpstreamFault:
            # It was slow, not old: the late answer to the probe tells (R1).
            if discover.done() and await _quietly(discover, link):
                return
            raise


class EndedOnProbe(Exception):
    """The process ended when it was asked `server/discover`."""


async def _quietly(discover: "asyncio.Task[bool]", link: StdioLink) -> bool:
    try:
        return await discover
    except UpstreamFault as fault:
        if fault.reason == "upstream_lost" or not link.alive:
            raise EndedOnProbe from None
        return False


async def _sweeping(link: StdioLink) -> None:
    loop = asyncio.get_running_loop()
    while link.alive:
        link.sweep(loop.time())
        await asyncio.sleep(sweep_seconds)
