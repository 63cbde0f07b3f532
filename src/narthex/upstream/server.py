"""One server behind the gateway: its conversations, its catalogue, its health.

Knows: when to open, refresh, retry, stop. Refuses to know: endpoints, public names, who is asking.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import Any

import msgspec

from narthex import limits as house
from narthex.limits import Limits
from narthex.model.client import Sitting
from narthex.model.config import ServerConfig
from narthex.model.offer import Offer
from narthex.model.outcome import Failure, Outcome, UpstreamFault
from narthex.ports import Notices
from narthex.telemetry.owned import Owned
from narthex.upstream.breaker import Breaker
from narthex.upstream.era import EraRecord
from narthex.upstream.lanes import Lanes
from narthex.upstream.link.ask import Ask, Link
from narthex.upstream.link.legacy_http import SessionEnded
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.listing import take_offer
from narthex.upstream.openers import Opener
from narthex.upstream.stdio.restart import RestartNow, Run, plan, remember
from narthex.upstream.watch import Watch
from narthex.wire.faults import UNSUPPORTED_PROTOCOL_VERSION
from narthex.wire.revisions import LISTS

# Repeating these does no harm, so a lost connection is tried once more (PROTOCOL.md R6).
SAFE = frozenset({*LISTS, "server/discover", "resources/read", "prompts/get", "completion/complete"})
_CHANGED = {
    "notifications/tools/list_changed": "tools",
    "notifications/prompts/list_changed": "prompts",
    "notifications/resources/list_changed": "resources",
}
_OTHER_ERA = (UNSUPPORTED_PROTOCOL_VERSION,)
_DOUBT = ("upstream_status", "upstream_malformed")


class State(Enum):
    NEW = auto()  # nothing is known yet
    STARTING = auto()
    UP = auto()
    IDLE = auto()  # its process was stopped, or never needed; the next call starts it
    DOWN = auto()  # it did not answer lately; its last catalogue is shown as degraded


class Server:
    """The face of one server to the relay. `offer` is its last known good catalogue."""

    def __init__(
        self,
        config: ServerConfig,
        limits: Limits,
        opener: Opener,
        notices: Notices,
        owned: Owned,
        offer: Offer | None,
        on_offer: Callable[["Server", AbstractSet[str]], None],
    ) -> None:
        self.config, self.name, self.limits, self.opener = config, config.name, limits, opener
        self.offer = offer
        self.state = State.NEW
        self.problem: str | None = None
        self.restarts = 0
        self.first_try = asyncio.Event()  # the first attempt to learn its catalogue is over, well or badly
        self.lanes = Lanes(config, opener, limits, self._notice)
        self._notices, self._owned, self._on_offer = notices, owned, on_offer
        self._loop = asyncio.get_running_loop()
        self._breaker = Breaker()
        self._history: tuple[Run, ...] = ()
        self._refreshing: asyncio.Task[None] | None = None
        self._stale: asyncio.TimerHandle | None = None
        self._announced: set[str] = set()
        self._watch = Watch(self.name, limits, self._heard_change, self._heard_update)
        self._stderr: deque[str] = deque(maxlen=20)
        if offer is not None:
            self.first_try.set()

    def __repr__(self) -> str:
        return f"<Server {self.name}: {self.state.name.lower()}>"

    # ---- requests ----------------------------------------------------------------------------------------------

    async def request(self, ask: Ask, sitting: Sitting | None = None) -> Outcome:
        """The outcome of one request, or `UpstreamFault`. Repeats only what is safe to repeat."""
        link = self.lanes.shared
        if link is None or sitting is not None or not link.alive:
            link = await self._reach(sitting, ask)
        try:
            outcome = await link.request(ask)
        except SessionEnded:
            return await self._again(ask, sitting)
        except UpstreamFault as fault:
            if fault.reason in _DOUBT and type(link) is ModernHttp and await self._era_changed(link):
                return await self._again(ask, sitting)
            if ask.method in SAFE and fault.reason == "upstream_lost":
                return await self._again(ask, sitting)
            self._failed(fault)
            raise
        if type(outcome) is Failure and outcome.code in _OTHER_ERA:
            if await self._era_changed(link):
                return await self._again(ask, sitting)
        elif self._breaker.failures:
            self._breaker.succeeded()
        return outcome

    async def _again(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        link = await self._reach(sitting, ask)
        return await link.request(ask)

    async def _reach(self, sitting: Sitting | None, ask: Ask) -> Link:
        """The right conversation, opened if need be. A server known to be down fails at once."""
        wait = self._breaker.wait(self._loop.time())
        if wait > 0:
            text = f"it is down ({self.problem or 'it did not answer'}); retry in {wait:.0f} seconds"
            raise UpstreamFault(self.name, "upstream_unavailable", text, retry_after_ms=int(wait * 1000))
        try:
            async with asyncio.timeout_at(ask.deadline.latest):
                link = await self.lanes.get(sitting)
        except TimeoutError:
            raise UpstreamFault(self.name, "upstream_timeout", "it did not start in time") from None
        except UpstreamFault as fault:
            self._failed(fault, reached=False)
            raise
        self._opened(link)
        return link

    def _opened(self, link: Link) -> None:
        self._breaker.succeeded()
        if self.state is not State.UP and link is self.lanes.shared:
            self.state, self.problem = State.UP, None
        if isinstance(link, StdioLink) and not link.ended.done() and link.child is not None:
            self._watch_process(link)
        if link is self.lanes.shared:
            self._watch.follow(link, self._owned)

    def _failed(self, fault: UpstreamFault, *, reached: bool = True) -> None:
        if fault.reason in ("upstream_busy", "upstream_too_large"):
            return
        self.problem = fault.detail
        if not reached or fault.reason in ("upstream_unavailable", "upstream_not_started"):
            self._breaker.failed(self._loop.time())
            if self.state is not State.DOWN:
                self.state = State.DOWN
                self._degrade()

    async def _era_changed(self, link: Link) -> bool:
        """The answer looks like one of another era: ask `server/discover` anew, and say whether it is another one."""
        before = self.opener.era
        if before is None or before.transport == "stdio":
            return False
        self.opener.doubt()
        link.alive = False
        try:
            await self.lanes.get(None)
        except UpstreamFault as fault:
            self._failed(fault, reached=False)
            return False
        after = self.opener.era
        changed = after is not None and (after.era, after.transport) != (before.era, before.transport)
        if changed:
            self._notices.say(self.name, "info", f"{self.name} now speaks {after.revision if after else '?'}")
            self.refresh_soon(0.0)
        return changed

    # ---- the catalogue -----------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Take the catalogue anew. Single-flight; a failure keeps the last good one, marked degraded."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self._owned.start(self._refresh(), f"{self.name}.refresh")
        await asyncio.shield(self._refreshing)

    async def _refresh(self) -> None:
        if self._stale is not None:
            self._stale.cancel()
            self._stale = None
        if self.state in (State.NEW, State.IDLE, State.DOWN):
            self.state = State.STARTING
        try:
            link = await self.lanes.get(None)
            self._opened(link)
            assert self.opener.era is not None, "an open conversation has an era"
            offer = await take_offer(self.name, link, self.opener.era, self.limits, self._loop.time)
        except UpstreamFault as fault:
            self.problem = fault.detail
            self.state = State.DOWN
            self._breaker.failed(self._loop.time())
            self._degrade()
            self._notices.say(self.name, "warning", f"{self.name} is down: {fault.detail}")
        else:
            self.state, self.problem = State.UP, None
            self._breaker.succeeded()
            self.offer = offer
        self.first_try.set()
        announced, self._announced = self._announced, set()
        self._on_offer(self, announced)
        self._plan_refresh()

    def _plan_refresh(self) -> None:
        if self.state is State.DOWN:
            failures = min(self._breaker.failures, 8)
            seconds = min(house.reconnect_seconds_min * 2.0**failures, house.restart_seconds_max)
        elif self.config.command is not None:
            return  # a process tells when its lists change, and is not started only to ask
        else:
            seconds = house.catalogue_refresh_seconds
        self.refresh_soon(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    def refresh_soon(self, seconds: float) -> None:
        if self._stale is None or self._stale.when() > self._loop.time() + seconds:
            if self._stale is not None:
                self._stale.cancel()
            self._stale = self._loop.call_later(seconds, self._refresh_now)

    def _refresh_now(self) -> None:
        self._stale = None
        if self._refreshing is not None and not self._refreshing.done():
            self.refresh_soon(house.notice_coalesce_seconds)  # changed while we were looking: look again
        else:
            self._refreshing = self._owned.start(self._refresh(), f"{self.name}.refresh")

    def _degrade(self) -> None:
        if self.offer is not None and not self.offer.degraded:
            self.offer = _degraded(self.offer)
            self._on_offer(self, frozenset())

    # ---- news --------------------------------------------------------------------------------------------------

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        """A notification of the server that belongs to no request."""
        kind = _CHANGED.get(method)
        if kind is not None:
            self._heard_change(kind)
        elif method == "notifications/resources/updated" and type(params.get("uri")) is str:
            self._heard_update(params["uri"])
        elif method == "notifications/message":
            self._notices.say(self.name, "debug", f"{self.name}: {str(params.get('data'))[:500]}")

    def _heard_change(self, kind: str) -> None:
        self._announced.add(kind)
        self.refresh_soon(house.notice_coalesce_seconds / 2)

    def _heard_update(self, uri: str) -> None:
        self._notices.updated(self.name, uri)

    async def subscribe(self, uri: str) -> Failure | None:
        """Somebody wants `resources/updated` of this URI. Counted: the server is asked once, and may refuse."""
        await self.lanes.get(None)
        return await self._watch.subscribe(uri, self.lanes.shared, self._owned)

    async def unsubscribe(self, uri: str) -> None:
        await self._watch.unsubscribe(uri, self.lanes.shared, self._owned)

    # ---- processes ---------------------------------------------------------------------------------------------

    def _watch_process(self, link: StdioLink) -> None:
        if getattr(link, "watched", False):
            return
        link.watched = True
        started = self._loop.time()

        def ended(future: Any) -> None:
            report = future.result()
            if report.asked or (not link.alive and self.state is State.IDLE):
                return
            self._history = remember(self._history, Run(started, self._loop.time(), random.random()))  # noqa: S311 - jitter
            self.restarts += 1
            self.problem = f"its process {report.reason}"
            self._notices.say(self.name, "warning", f"{self.name}: its process {report.reason}")
            if link is not self.lanes.shared:
                return
            self.state = State.DOWN
            self._degrade()
            step = plan(self._history, self._loop.time())
            self.refresh_soon(0.0 if isinstance(step, RestartNow) else step.seconds)

        link.ended.add_done_callback(ended)

    def heard_stderr(self, line: str) -> None:
        self._stderr.append(line)
        self._notices.say(self.name, "info", f"{self.name} stderr: {line}")

    def processes(self) -> list[int]:
        """Process ids of its conversations, without what those started."""
        return [link.child.pid for link in self._stdio_links() if link.child is not None]

    def tree(self) -> list[int]:
        """All processes it runs, descendants included."""
        return [pid for link in self._stdio_links() if link.child for pid in link.child.descendants()]

    def resident_bytes(self) -> int:
        return sum(link.child.rss_bytes() or 0 for link in self._stdio_links() if link.child)

    def _stdio_links(self) -> list[StdioLink]:
        return [link for link in self.lanes.links() if isinstance(link, StdioLink) and link.alive]

    def sweep(self, now: float) -> None:
        """Once per tick: deadlines of channels, and processes nobody needed for a while."""
        for link in self.lanes.links():
            if hasattr(link, "sweep"):
                link.sweep(now)
        idle = self.config.idle_stop_seconds or house.idle_stop_seconds
        if self.config.command is not None and self.config.start != "eager" and not self._watch.wanted:
            for link in self.lanes.links():
                if isinstance(link, StdioLink) and link.alive and not link.inflight and now - link.last_used > idle:
                    self._stop_idle(link)

    def _stop_idle(self, link: StdioLink) -> None:
        link.alive = False
        if link is self.lanes.shared:
            self.state = State.IDLE
            self.lanes.shared = None
        else:
            self.lanes.own = {key: own for key, own in self.lanes.own.items() if own is not link}
        self._owned.start(link.aclose(), f"{self.name}.idle-stop")

    async def leave(self, key: str) -> None:
        await self.lanes.leave(key)

    async def aclose(self) -> None:
        if self._stale is not None:
            self._stale.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._watch.stop()
        await self.lanes.aclose()
        await self.opener.aclose()

    def status(self) -> dict[str, Any]:
        """What the admin API and the console show."""
        era: EraRecord | None = self.opener.era
        return {
            "name": self.name,
            "kind": "stdio" if self.config.command else "http",
            "state": self.state.name.lower(),
            "era": era.era if era else None,
            "revision": era.revision if era else None,
            "transport": era.transport if era else None,
            "tools": len(self.offer.tools) if self.offer else 0,
            "degraded": bool(self.offer and self.offer.degraded),
            "problem": self.problem,
            "processes": self.processes(),
            "restarts": self.restarts,
        }


def _degraded(offer: Offer) -> Offer:
    return msgspec.structs.replace(offer, degraded=True)
