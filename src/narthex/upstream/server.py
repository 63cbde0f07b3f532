"""One server behind the gateway: its conversations, its catalogue, when to ask it and when to leave it alone.

Knows: when to open, refresh, retry, stop. Refuses to know: endpoints, public names, who is asking.
"""

import asyncio
import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial
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
from narthex.model.rules.resilience import AS_USUAL, BreakerRule
from narthex.model.settled import Sending
from narthex.ports import Notices
from narthex.telemetry.owned import Owned
from narthex.upstream import other_era
from narthex.upstream.credentials.face import GRANT_NEEDED
from narthex.upstream.health import Health, State
from narthex.upstream.lanes import Lanes, inflight
from narthex.upstream.link.ask import Ask, Link
from narthex.upstream.link.legacy_http import LegacyHttp, SessionEnded
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.listing import take_offer
from narthex.upstream.manner import Manner
from narthex.upstream.mask import Discreet, mask_of
from narthex.upstream.news import Hears, News
from narthex.upstream.openers import Opener
from narthex.upstream.processes import Processes
from narthex.upstream.renewal import Renewal
from narthex.upstream.seats import Seats
from narthex.upstream.status import shown

_BROKEN = ("upstream_lost", "upstream_stream_truncated")  # what is no answer, though somebody was there
_SERVER_ERROR = 500  # HTTP
_BETWEEN_THEM = ("upstream_unauthorized", GRANT_NEEDED)  # a caller and a server; others may be let in


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
        seats: Seats | None = None,
    ) -> None:
        self.config, self.name, self.limits, self.opener = config, config.name, limits, opener
        self.offer = offer
        self._personal = opener.personal
        mask = mask_of(config, opener.hide)
        notices = Discreet(notices, mask)
        self.health = Health(mask)
        self.manner = Manner(self.name, owned, self._attempt)
        hears = Hears(self._heard_change, self._look_again, partial(self._reach, None), lambda: self.lanes)
        self.news = News(self.name, limits, notices, owned, hears)
        self.watch = self.news.watch
        self.lanes = Lanes(config, opener, limits, self.news.heard, self.news.heard_by, owned, seats or Seats())
        self.processes = Processes(config, self.lanes, self.health, owned, self._process_ended)
        self.first_try = asyncio.Event()  # the first attempt to learn its catalogue is over, well or badly
        self._notices, self._owned, self._on_offer = notices, owned, on_offer
        self._loop = asyncio.get_running_loop()
        self.known_at = self._loop.time()
        self._renewal = Renewal(self._refresh, owned, f"{self.name}.refresh")
        self.refresh_soon = self._renewal.soon  # in so many seconds
        self._announced: set[str] = set()
        self._has_taken = False  # its lists, since we are here
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

    def allow(self, deadline: Deadline, sending: Sending | None = None) -> None:
        """One more call. Some servers and tools are known to be slow, or expected to be quick."""
        self.manner.calls += 1
        seconds = sending.timeout_seconds if sending is not None else self.config.timeout_seconds
        if seconds is not None:
            deadline.allow(self._loop.time(), seconds)

    async def request(self, ask: Ask, sitting: Sitting | None = None) -> Outcome:
        """The outcome of one request, or `UpstreamFault`. Repeats only what is safe to repeat (`manner`)."""
        try:
            if ask.sending is None or ask.begun is not None:
                return await self._attempt(ask, sitting)
            return await self.manner.send(ask, sitting)
        finally:
            self.health.breaker.gave_up(ask.deadline)  # if it was the one to try, and nothing came of it

    async def _attempt(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        health = self.health
        was_well = not health.doubtful
        if ask.begun is not None:
            link = ask.begun.link  # it was sent there already
        else:
            self.allow(ask.deadline, ask.sending)
            if ask.caller is not None and self._personal:
                self.lend(ask.caller)
            ready = self.lanes.ready(sitting, ask.who)
            if (
                ready is None
                or not ready.alive
                or ((sitting or health.doubtful) and not self.processes.is_apart(ready))
            ):
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
            if (again := await self.manner.again(ask, sitting, fault, self._again, was_well=was_well)) is not None:
                return again
            self._failed(fault, link)
            raise
        if type(outcome) is Failure and other_era.says_so(link, outcome):
            if await self._era_changed(link):
                return await self._again(ask, sitting)
        elif health.doubtful and not self.processes.is_apart(link):
            self._answered()
        return outcome

    async def _again(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        link = await self._reach(sitting, ask.deadline, ask.who)
        try:
            return await link.request(ask)
        except UpstreamFault as fault:
            self._failed(fault, link)
            raise

    async def _reach(self, sitting: Sitting | None, deadline: Deadline, who: Principal | None = None) -> Link:
        """The right conversation, opened if need be. A server known to be down fails at once."""
        while (wait := max(self.health.wait(self._loop.time(), deadline), self.processes.wait(who))) > 0:
            if self.health.breaker.tripped or wait > min(house.restart_seconds_min, deadline.at - self._loop.time()):
                raise self.health.refusal(self.name, wait, self.processes.said(who))
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
            if who is None or fault.reason not in _BETWEEN_THEM:  # that is between this caller and the server
                self._fell(fault)
            raise
        shared = self.lanes.shared
        if self.processes.watch(link, who) and link is not shared:
            self._began_apart(link)
        if shared is not None and shared.alive and not self._closed:
            self.processes.watch(shared)
            self.watch.follow(shared, self._owned)
            if shared is not was_open and not self._renewal.running:
                # It was started again, and may offer something else than before. The lists will tell how it is.
                self._renewal.soon(0.0)
        return link

    def _began_apart(self, link: Link) -> None:
        """A process of somebody's own was started."""
        self.news.follow(self.lanes, link)
        if self.health.state is State.IDLE:
            self.health.state = State.UP
        shared, offer = self.lanes.shared, self.offer
        if shared is None or not shared.alive:
            same = offer is not None and (offer.server_info, offer.capabilities) == (
                link.server_info,
                link.capabilities,
            )
            if not self._has_taken or not same:
                self._renewal.soon(0.0)  # it may be another release by now than the one whose lists we have

    def _answered(self) -> None:
        """It answers after all. Whether its lists are what they were is to be looked up."""
        if self._rose():
            self._renewal.soon(0.0)

    def _rose(self, *, lists: bool = False) -> bool:
        """It is up. `lists`: it has answered what the gateway asks by itself. True: it was down before."""
        was_down = self.health.up(lists=lists)
        if was_down:
            self._notices.say(self.name, "info", f"{self.name} is up again")
        return was_down

    def _failed(self, fault: UpstreamFault, link: Link) -> None:
        """A request was answered with a fault of the server."""
        if self.processes.is_apart(link):
            self.processes.failed(link, fault)
        elif fault.reason in ("upstream_unavailable", "upstream_not_started"):
            self._fell(fault)
        elif fault.reason == "upstream_timeout":
            self._doubted(fault)
            if self.health.breaker.tripped:
                self._renewal.soon(0.0)  # one slow tool, or all of it? The lists will tell
        elif not isinstance(link, StdioLink) and (fault.reason in _BROKEN or (fault.status or 0) >= _SERVER_ERROR):
            self._doubted(fault, by_call=True)
            if fault.reason in other_era.DOUBT:
                self._renewal.soon(house.reconnect_seconds_min)
        elif fault.reason in other_era.DOUBT:
            self._renewal.soon(house.reconnect_seconds_min)  # it may have been replaced by another

    def _doubted(self, fault: UpstreamFault, *, by_call: bool = False) -> None:
        if self.health.doubted(fault, self._loop.time(), by_call=by_call):
            self._notices.say(self.name, "warning", self.health.breaker.said(self.name, fault.detail))

    def _fell(self, fault: UpstreamFault) -> None:
        if fault.reason in ("upstream_busy", "upstream_closed"):
            return
        needed = fault.reason == GRANT_NEEDED
        if needed or (self._personal and fault.reason in _BETWEEN_THEM and self.offer is not None):
            # Its lists cannot be had anew for now; callers may be let in all the same.
            self.health.aside(fault if needed else None)
            self._plan_refresh()
            return
        if self.health.down(fault, self._loop.time()):
            self._notices.say(self.name, "warning", f"{self.name} is down: {self.health.problem}")
        self._degrade()
        self._plan_refresh()

    async def _era_changed(self, link: Link) -> bool:
        """The answer looks like one of another era: find out, and say whether it is another one."""
        if changed := await other_era.found_out(self.opener, self.lanes, link, lambda: self._open(None)):
            self._notices.say(self.name, "info", f"{self.name} now speaks {changed}")
        return bool(changed)

    # ---- the catalogue -----------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Take the catalogue anew. Single-flight; a failure keeps the last good one, marked degraded."""
        await self._renewal.now()

    def lend(self, caller: Caller) -> bool:
        """It may be asked for its lists as this caller. True: now its first ones can be had."""
        if not self.opener.lend(caller):
            return False
        self.lanes.part_shared()
        return self.offer is None

    def granted(self) -> None:
        """Somebody has connected to it. Its lists may be had now, if they could not before."""
        if self.health.state is not State.UP or self.offer is None or self.offer.degraded:
            self.lanes.part_shared()
            self._renewal.soon(0.0)

    async def _refresh(self) -> None:
        self._renewal.put_off()
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
        self._rose(lists=True)
        self._has_taken = True
        announced, self._announced = self._announced, set()
        self._settled(announced)
        self._plan_refresh()

    def _settled(self, announced: AbstractSet[str]) -> None:
        self._on_offer(self, announced)
        self.first_try.set()  # after the offer: whoever waits for this looks for it next

    def _give_up(self, link: Link, fault: UpstreamFault) -> None:
        """A conversation in which not even lists can be had is ended, unless somebody's call still runs in it."""
        theirs = self._personal and fault.reason in _BETWEEN_THEM  # callers may get on in it all the same
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
        self._renewal.soon(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    def _degrade(self) -> None:
        if self.offer is not None and not self.offer.degraded:
            self.offer = msgspec.structs.replace(self.offer, degraded=True)
            self._on_offer(self, frozenset())

    # ---- news --------------------------------------------------------------------------------------------------

    def _heard_change(self, kind: str) -> None:
        self._announced.add(kind)
        self._renewal.soon(house.notice_coalesce_seconds / 2)

    def _look_again(self) -> None:
        """It may offer something else than before, but did not say so: that is no news unless it does."""
        self._renewal.soon(house.notice_coalesce_seconds / 2)

    # ---- processes ---------------------------------------------------------------------------------------------

    def _process_ended(self, link: StdioLink, reason: str) -> None:
        self._notices.say(self.name, "warning", f"{self.name}: its process {reason}")
        if link is self.lanes.shared:
            self._degrade()
            self._renewal.soon(self.health.restart_wait(self._loop.time()))

    def heard_stderr(self, line: str) -> None:
        self._notices.say(self.name, "info", f"{self.name} stderr: {line}")

    def sweep(self, now: float) -> None:
        """Once per tick: deadlines of channels, and processes nobody needed for a while."""
        for link in self.lanes.links():
            link.sweep(now)
        self.health.breaker.tick(now, self.manner.calls)
        self.lanes.sweep(now)
        self.processes.stop_idle(now, stays=self.config.start == "eager" or bool(self.watch.wanted))

    # ---- the configuration and the end -------------------------------------------------------------------------

    def adopt(self, limits: Limits, breaker: BreakerRule | None = None) -> None:
        """Other limits from now on, also for what is open. `breaker`: the gateway's; the server's own goes before."""
        self.health.breaker.rule = self.config.breaker or breaker or AS_USUAL
        self.limits = self.lanes.limits = limits
        self.news.adopt(limits)
        self.opener.adopt(limits)
        for link in self.lanes.links():
            link.adopt(limits)

    async def retire(self, seconds: float) -> None:
        """It is no longer configured like this: calls in flight may end, for so long, then everything does."""
        self._closed = True
        self.news.stop()
        self._renewal.stop()
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
        self.news.leave(key)
        await self.lanes.leave(key)

    async def aclose(self) -> None:
        self._closed = True
        self._renewal.stop()
        self.news.stop()
        await self.lanes.aclose()
        await self.opener.aclose()

    def status(self) -> dict[str, Any]:
        """What the admin address shows."""
        return shown(self, self._loop.time())
