"""One server behind the gateway: its conversations, its catalogue, when to ask it and when to leave it alone.

Knows: when to open, refresh, retry, stop. Refuses to know: endpoints, public names, who is asking.
"""

import asyncio
import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from narthex import limits as house
from narthex.limits import Limits
from narthex.model.caller import Caller
from narthex.model.client import Sitting
from narthex.model.config import ServerConfig
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.offer import Offer
from narthex.model.outcome import Failure, Outcome, UpstreamFault
from narthex.ports import Notices
from narthex.telemetry.owned import Owned
from narthex.upstream import other_era
from narthex.upstream.health import Health, State
from narthex.upstream.lanes import Lanes, inflight
from narthex.upstream.link.ask import SAFE, Ask, Link
from narthex.upstream.link.legacy_http import LegacyHttp, SessionEnded
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.listing import take_offer
from narthex.upstream.mask import Discreet, mask_of
from narthex.upstream.openers import Opener
from narthex.upstream.processes import Processes
from narthex.upstream.status import shown
from narthex.upstream.watch import CHANGED, Watch


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
        self._personal = opener.personal
        mask = mask_of(config, opener.hide)
        notices = Discreet(notices, mask)
        self.health = Health(mask)
        self.lanes = Lanes(config, opener, limits, self._notice, owned)
        self.processes = Processes(config, self.lanes, self.health, owned, self._process_ended)
        self.watch = Watch(self.name, limits, self._heard_change, self._heard_update, self._look_again)
        self.first_try = asyncio.Event()  # the first attempt to learn its catalogue is over, well or badly
        self._notices, self._owned, self._on_offer = notices, owned, on_offer
        self._loop = asyncio.get_running_loop()
        self.known_at = self._loop.time()
        self._refreshing: asyncio.Task[None] | None = None
        self._stale: asyncio.TimerHandle | None = None  # the next refresh, and when it is due
        self._due = 0.0
        self._announced: set[str] = set()
        self._closed = False
        if offer is not None:
            self.first_try.set()

    def __repr__(self) -> str:
        return f"<Server {self.name}: {self.health.state.name.lower()}>"

    # ---- requests ----------------------------------------------------------------------------------------------

    def ready_link(self, sitting: Sitting | None, who: Principal) -> ModernHttp | LegacyHttp | None:
        """The right conversation over HTTP, if nothing has to be waited for or found out before a call is sent."""
        link = self.lanes.ready(sitting, who)
        if link is None or self.health.doubtful or not link.alive:
            return None
        return link if isinstance(link, ModernHttp | LegacyHttp) else None

    def allow(self, deadline: Deadline) -> None:
        """Some servers are known to be slow, or expected to be quick."""
        if self.config.timeout_seconds is not None:
            deadline.allow(self._loop.time(), self.config.timeout_seconds)

    async def request(self, ask: Ask, sitting: Sitting | None = None) -> Outcome:
        """The outcome of one request, or `UpstreamFault`. Repeats only what is safe to repeat."""
        health = self.health
        if ask.begun is not None:
            link = ask.begun.link  # it was sent there already
        else:
            self.allow(ask.deadline)
            if ask.caller is not None and self._personal:
                self.lend(ask.caller)
            ready = self.lanes.ready(sitting, ask.who)
            if ready is None or sitting is not None or not ready.alive or health.doubtful:
                link = await self._reach(sitting, ask.deadline, ask.who)
            else:
                link = ready
        try:
            outcome = await link.request(ask)
        except SessionEnded:
            return await self._again(ask, sitting)
        except UpstreamFault as fault:
            if other_era.sounds_so(link, fault) and await self._era_changed(link):
                return await self._again(ask, sitting)
            if ask.method in SAFE and fault.reason == "upstream_lost":
                return await self._again(ask, sitting)
            self._failed(fault)
            raise
        if type(outcome) is Failure and other_era.says_so(link, outcome):
            if await self._era_changed(link):
                return await self._again(ask, sitting)
        elif health.doubtful:
            self._answered()
        return outcome

    async def _again(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        link = await self._reach(sitting, ask.deadline, ask.who)
        try:
            return await link.request(ask)
        except UpstreamFault as fault:
            self._failed(fault)
            raise

    async def _reach(self, sitting: Sitting | None, deadline: Deadline, who: Principal | None = None) -> Link:
        """The right conversation, opened if need be. A server known to be down fails at once."""
        while (wait := self.health.wait(self._loop.time())) > 0:
            if wait > house.restart_seconds_min or self._loop.time() + wait > deadline.at:
                raise self.health.refusal(self.name, wait)
            await asyncio.sleep(wait)  # a process is about to be started again: this call is worth the moment
        try:
            async with asyncio.timeout_at(deadline.latest):
                link = await self._open(sitting, who)
        except TimeoutError:
            raise UpstreamFault(self.name, "upstream_timeout", "it did not start in time") from None
        deadline.extend(self._loop.time())  # what the start took is not silence
        return link

    async def _open(self, sitting: Sitting | None, who: Principal | None = None) -> Link:
        """A conversation, known to whatever follows it. Raises `UpstreamFault`, and the server counts as down then."""
        was_open = self.lanes.shared
        try:
            link = await self.lanes.get(sitting, who)
        except UpstreamFault as fault:
            if who is None or fault.reason != "upstream_unauthorized":  # that is between this caller and the server
                self._fell(fault)
            raise
        self.processes.watch(link)
        if link is self.lanes.shared and not self._closed:
            self.watch.follow(link, self._owned)
            if link is not was_open and not self._is_refreshing():
                # It was started again, and may offer something else than before. The lists will tell how it is.
                self.refresh_soon(0.0)
        return link

    def _answered(self) -> None:
        """It answers after all. Whether its lists are what they were is to be looked up."""
        if self._rose():
            self.refresh_soon(0.0)

    def _rose(self) -> bool:
        """It is up. True: it was down before."""
        was_down = self.health.up()
        if was_down:
            self._notices.say(self.name, "info", f"{self.name} is up again")
        return was_down

    def _failed(self, fault: UpstreamFault) -> None:
        """A request was answered with a fault of the server."""
        if fault.reason in ("upstream_unavailable", "upstream_not_started"):
            self._fell(fault)
        elif fault.reason == "upstream_timeout":
            if self.health.doubted(fault, self._loop.time()):
                self.refresh_soon(0.0)  # one slow tool, or all of it? The lists will tell
        elif fault.reason in other_era.DOUBT:
            self.refresh_soon(house.reconnect_seconds_min)  # it may have been replaced by another

    def _fell(self, fault: UpstreamFault) -> None:
        if fault.reason in ("upstream_busy", "upstream_closed"):
            return
        if self._personal and fault.reason == "upstream_unauthorized" and self.offer is not None:
            # Its lists cannot be had anew for now; callers may be let in all the same.
            self.health.state = State.IDLE if self.health.state is State.STARTING else self.health.state
            self._plan_refresh()
            return
        if self.health.down(fault, self._loop.time()):
            self._notices.say(self.name, "warning", f"{self.name} is down: {self.health.problem}")
        self._degrade()
        self._plan_refresh()

    async def _era_changed(self, link: Link) -> bool:
        """The answer looks like one of another era: ask `server/discover` anew, and say whether it is another one."""
        before = self.opener.era
        if before is None or before.transport == "stdio":
            return False
        self.opener.doubt()
        link.alive = False
        if self.lanes.shared is not None:
            self.lanes.shared.alive = False  # this server has one era for everybody
        try:
            await self._open(None)
        except UpstreamFault:
            return False
        after = self.opener.era
        changed = after is not None and (after.era, after.transport) != (before.era, before.transport)
        if changed:
            self._notices.say(self.name, "info", f"{self.name} now speaks {after.revision if after else '?'}")
        return changed

    # ---- the catalogue -----------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Take the catalogue anew. Single-flight; a failure keeps the last good one, marked degraded."""
        if not self._is_refreshing():
            self._refreshing = self._owned.start(self._refresh(), f"{self.name}.refresh")
        assert self._refreshing is not None, "it was started above, or before"
        await asyncio.shield(self._refreshing)

    def lend(self, caller: Caller) -> bool:
        """It may be asked for its lists as this caller. True: now its first ones can be had."""
        if not self.opener.lend(caller):
            return False
        self.lanes.part_shared()
        return self.offer is None

    def _is_refreshing(self) -> bool:
        return self._refreshing is not None and not self._refreshing.done()

    async def _refresh(self) -> None:
        if self._stale is not None:
            self._stale.cancel()
            self._stale = None
        if self.health.state in (State.NEW, State.IDLE):
            self.health.state = State.STARTING
        try:
            link = await self._open(None)
        except UpstreamFault:
            self._settled(frozenset())
            return
        try:
            assert self.opener.era is not None, "an open conversation has an era"
            self.offer = await take_offer(self.name, link, self.opener.era, self.limits, self._loop.time, self.offer)
        except UpstreamFault as fault:
            self._give_up(link, fault)
            self._fell(fault)
            self._settled(frozenset())
            return
        self._rose()
        announced, self._announced = self._announced, set()
        self._settled(announced)
        self._plan_refresh()

    def _settled(self, announced: AbstractSet[str]) -> None:
        self._on_offer(self, announced)
        self.first_try.set()  # after the offer: whoever waits for this looks for it next

    def _give_up(self, link: Link, fault: UpstreamFault) -> None:
        """A conversation in which not even lists can be had is ended, unless somebody's call still runs in it."""
        theirs = self._personal and fault.reason == "upstream_unauthorized"  # callers may get on in it all the same
        if theirs or fault.reason in ("upstream_unavailable", "upstream_busy") or inflight(link):
            return
        link.alive = False
        self._owned.start(link.aclose(), f"{self.name}.give-up")

    def _plan_refresh(self) -> None:
        if self.health.state is State.DOWN:
            seconds = max(self.health.retry_seconds(), self.health.restart_wait(self._loop.time()))
        elif self.config.command is not None:
            return  # a process tells when its lists change, and is not started only to ask
        else:
            seconds = house.catalogue_refresh_seconds
        self.refresh_soon(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    def refresh_soon(self, seconds: float) -> None:
        due = self._loop.time() + seconds
        if self._closed or (self._stale is not None and self._due <= due):
            return
        if self._stale is not None:
            self._stale.cancel()
        self._stale, self._due = self._loop.call_later(seconds, self._refresh_now), due

    def _refresh_now(self) -> None:
        self._stale = None
        if self._is_refreshing():
            self.refresh_soon(house.notice_coalesce_seconds)  # changed while we were looking: look again
        else:
            self._refreshing = self._owned.start(self._refresh(), f"{self.name}.refresh")

    def _degrade(self) -> None:
        if self.offer is not None and not self.offer.degraded:
            self.offer = msgspec.structs.replace(self.offer, degraded=True)
            self._on_offer(self, frozenset())

    # ---- news --------------------------------------------------------------------------------------------------

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        """A notification of the server that belongs to no request."""
        kind = CHANGED.get(method)
        if kind is not None:
            self._heard_change(kind)
        elif method == "notifications/resources/updated" and type(params.get("uri")) is str:
            self._heard_update(params["uri"])
        elif method == "notifications/subscriptions/acknowledged":
            self.watch.acknowledged()
        elif method == "notifications/message":
            self._notices.say(self.name, "debug", f"{self.name}: {str(params.get('data'))[:500]}")

    def _heard_change(self, kind: str) -> None:
        self._announced.add(kind)
        self.refresh_soon(house.notice_coalesce_seconds / 2)

    def _look_again(self) -> None:
        """It may offer something else than before, but did not say so: that is no news unless it does."""
        self.refresh_soon(house.notice_coalesce_seconds / 2)

    def _heard_update(self, uri: str) -> None:
        self._notices.updated(self.name, uri)

    async def subscribe(self, uri: str) -> Failure | None:
        """Somebody wants `resources/updated` of this URI. Counted: the server is asked once, and may refuse.

        Raises `UpstreamFault`, and nothing is counted then.
        """
        link = self.lanes.shared
        if link is None or not link.alive:
            seconds = self.limits.call_seconds_max
            await self._reach(None, Deadline(self._loop.time() + seconds, latest=self._loop.time() + seconds))
        return await self.watch.subscribe(uri, self.lanes.shared, self._owned)

    def unsubscribe(self, uri: str) -> None:
        self.watch.unsubscribe(uri, self.lanes.shared, self._owned)

    # ---- processes ---------------------------------------------------------------------------------------------

    def _process_ended(self, link: StdioLink, reason: str) -> None:
        self._notices.say(self.name, "warning", f"{self.name}: its process {reason}")
        if link is self.lanes.shared:
            self._degrade()
            self.refresh_soon(self.health.restart_wait(self._loop.time()))

    def heard_stderr(self, line: str) -> None:
        self._notices.say(self.name, "info", f"{self.name} stderr: {line}")

    def sweep(self, now: float) -> None:
        """Once per tick: deadlines of channels, and processes nobody needed for a while."""
        for link in self.lanes.links():
            link.sweep(now)
        self.lanes.sweep(now)
        if self.config.start != "eager" and not self.watch.wanted:
            self.processes.stop_idle(now)

    # ---- the configuration and the end -------------------------------------------------------------------------

    def adopt(self, limits: Limits) -> None:
        """Other limits from now on, also for what is open."""
        self.limits = self.lanes.limits = self.watch.limits = limits
        self.opener.adopt(limits)
        for link in self.lanes.links():
            link.adopt(limits)

    async def retire(self, seconds: float) -> None:
        """It is no longer configured like this: calls in flight may end, for so long, then everything does."""
        self._closed = True
        self.watch.stop()
        if self._refreshing is not None:
            self._refreshing.cancel()
        ends = self._loop.time() + seconds
        try:
            while self.busy() and self._loop.time() < ends:
                self.sweep(self._loop.time())
                await asyncio.sleep(house.sweep_seconds)
        finally:
            await self.aclose()

    def busy(self) -> bool:
        """Somebody waits for an answer of it."""
        return self.lanes.opening or self.opener.busy() or any(map(inflight, self.lanes.links()))

    async def leave(self, key: str) -> None:
        await self.lanes.leave(key)

    async def aclose(self) -> None:
        self._closed = True
        if self._stale is not None:
            self._stale.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        self.watch.stop()
        await self.lanes.aclose()
        await self.opener.aclose()

    def status(self) -> dict[str, Any]:
        """What the admin API and the console show."""
        return shown(self)
