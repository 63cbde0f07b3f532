"""Which conversation with a server a call uses: the shared one, one of its legacy session, or one of its caller (H3).

Knows: who may share. Refuses to know: how a conversation is opened (`openers`) and what is asked on it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from narthex.limits import Limits, conversation_idle_seconds_max, conversations_of_callers_max
from narthex.model.caller import Known
from narthex.model.client import Sitting
from narthex.model.config import ServerConfig
from narthex.model.identity import Principal
from narthex.model.outcome import UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Link, Notice
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.openers import Opener
from narthex.upstream.seats import Leaving, NoRoom, Seat, Seats

Told = Callable[[str, str, dict[str, Any]], None]  # (whose, method, params)
_OF_CALLER = "\x00"  # how the key of a caller's own conversation begins; no session's does


class Lanes:
    """The open conversations with one server. Opening is single-flight per lane."""

    def __init__(
        self,
        config: ServerConfig,
        opener: Opener,
        limits: Limits,
        notice: Notice,
        told: Told,
        owned: Owned,
        seats: Seats,
    ) -> None:
        """`notice` hears what belongs to no request, `told` the same where a conversation is one caller's alone."""
        self.limits = limits  # may be replaced
        self._config, self._opener, self._notice, self._owned = config, opener, notice, owned
        self._told, self._seats = told, seats
        self.shared: Link | None = None
        self.own: dict[str, Link] = {}
        self._opening: dict[str, asyncio.Task[Link]] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._speaks_legacy = True  # of a modern server: until it refuses
        self._personal = opener.personal
        self.borrowed = opener.borrows  # `shared` is led as one of the callers
        self._used: dict[str, float] = {}  # by key, for those of callers: nobody says when one is not needed any more
        self._holders: dict[str, str] = {}  # by key, of processes that are somebody's own: whose
        self.evictions = 0
        self.of_processes = config.command is not None
        if self.of_processes:
            seats.add(self)

    @property
    def opening(self) -> bool:
        """Somebody may be waiting for a conversation that is not open yet."""
        return bool(self._opening)

    def is_of_caller(self, link: Link) -> bool:
        """It is a caller's own, and not a session's: nobody says when it is not needed any more."""
        return any(own is link and key.startswith(_OF_CALLER) for key, own in self.own.items())

    def links(self) -> list[Link]:
        return [*([self.shared] if self.shared is not None else []), *self.own.values()]

    async def get(self, sitting: Sitting | None, who: Principal | None = None) -> Link:
        """The conversation for a call of this legacy session, or of a caller without one.

        `who` None: the gateway asks for itself.
        """
        link = self.shared
        if key := self.key(sitting, who):
            return await self._own(key, sitting if sitting is not None and key == sitting.key else None, who)
        return link if link is not None and link.alive else await self._share()

    def ready(self, sitting: Sitting | None, who: Principal | None = None) -> Link | None:
        """What `get` would give, if it would not have to wait for it."""
        key = self.key(sitting, who)
        if not key:
            return self.shared
        if key in self._used:
            self._used[key] = self._loop.time()
        return self.own.get(key)

    def key(self, sitting: Sitting | None, who: Principal | None) -> str:
        """Of the conversation that is theirs alone; "": they share."""
        if sitting is not None and not self._may_share(sitting):
            return sitting.key
        if who is None or not self._is_apart(who):
            return ""
        return _OF_CALLER + who.key

    def lane(self, sitting: Sitting | None, who: Principal) -> str:
        """The same, if they should ever need one at a server that is a command; "": they never do."""
        if sitting is not None and sitting.interactive:
            return sitting.key
        return "" if who.how == "loopback" or self._config.stateless else _OF_CALLER + who.key

    def _is_apart(self, who: Principal) -> bool:
        """Two callers never meet in a conversation that remembers, unless the server is said to keep nothing in it.

        And where each shows the server something else, not even then.
        """
        if not self._personal and (who.how == "loopback" or self._config.stateless):
            return False  # without authentication everybody is one and the same
        link = self.shared
        if link is None or not link.alive:
            return True
        # What counts is how this very conversation turned out: the next process, or machine, may be another release.
        if link.modern:
            return False
        return self._personal or getattr(link, "session_id", b"") is not None

    def _may_share(self, sitting: Sitting) -> bool:
        """Whether a session need not have one to itself. (Its caller may have to: see `_is_apart`.)"""
        link = self.shared
        if not self.of_processes and self._config.stateless and not self._personal:
            return True
        if link is not None and link.alive and link.modern:
            # Both ends may know an older revision: then questions in mid-call need no bridge.
            return not sitting.interactive or not self._speaks_legacy
        if self.of_processes:
            # One process serves all of one principal, unless the client can be asked things: a question must
            # find its way back to the one session it belongs to.
            return not sitting.interactive
        if self._personal:
            return False
        # A server that gave no session id cannot tell callers with the same credential apart.
        return link is not None and link.alive and getattr(link, "session_id", b"") is None and not sitting.interactive

    async def _share(self) -> Link:
        def keep(link: Link) -> None:
            self._part(self.shared)
            self.shared = link

        return await self._single("", {}, keep, None)

    async def _own(self, key: str, sitting: Sitting | None, who: Principal | None) -> Link:
        link = self.own.get(key)
        if link is not None and link.alive:
            return link
        if (self.shared is None or not self.shared.alive) and not self._is_known(who):
            if self._personal and who is not None:
                return await self._first(key, sitting, who)
            await self._share()  # it tells the era first: a modern server needs no conversation of its own
            if self.key(sitting, who) != key:
                return await self.get(sitting, who)
        leaving: Link | None = None
        if self.of_processes:
            try:
                leaving = self._seated(key, sitting, who)
            except NoRoom as full:
                if sitting is None:
                    raise self._refusal(full) from None
                return await self.get(None, who)  # this session shares, if only with its caller's, and is not asked
        elif sitting is None:
            leaving = self._longest_unused() if key not in self._opening else None
            self._used[key] = self._loop.time()
            if leaving is not None:
                self.forget(leaving)

        def keep(link: Link) -> None:
            self._part(self.own.get(key))
            self.own[key] = link

        caller = Known(who) if who is not None else None
        return await self._single(key, _able(sitting), keep, sitting, leaving, caller)

    def _is_known(self, who: Principal | None) -> bool:
        """It needs no conversation of the gateway's own to tell that callers are to have processes of theirs."""
        era = self._opener.era
        legacy = self.of_processes and era is not None and era.era == "legacy"
        return legacy and who is not None and who.how != "loopback"

    def _seated(self, key: str, sitting: Sitting | None, who: Principal | None) -> Link | None:
        """A seat for a process of their own, and the process that has to leave for it. Raises `NoRoom`."""
        if key in self._opening:
            return None
        holder = who.key if who is not None else ""
        fair = sitting is not None and who is not None and who.how != "loopback"
        found = self._seats.make(self, holder, self._loop.time(), fair=fair)
        self._holders = {old: whose for old, whose in self._holders.items() if old in self.own or old in self._opening}
        self._holders[key] = holder
        return self._evict(found) if found is not None else None

    def _evict(self, leaving: Leaving) -> Link:
        leaving.link.alive = False
        assert isinstance(leaving.row, Lanes), "seats are given out by lanes"
        leaving.row.evictions += 1
        leaving.row.forget(leaving.link)
        return leaving.link

    def _refusal(self, full: NoRoom) -> UpstreamFault:
        are = f"there are {full.places} at most, all in use" if full.places > 0 else "there is none for callers"
        text = f"each caller needs a process of their own, and {are} (`{full.limit}`)"
        return UpstreamFault(self._config.name, "upstream_busy", text, retry_after_ms=int(full.wait_seconds * 1000) + 1)

    def seats(self) -> list[Seat]:
        """The processes that are somebody's own, those that are being started among them."""
        begun = dict.fromkeys(key for key in self._opening if key)
        taken = {key: link for key, link in self.own.items() if isinstance(link, StdioLink) and link.alive}
        return [Seat(self._holders.get(key, ""), taken.get(key)) for key in {**begun, **taken}]

    async def _first(self, key: str, sitting: Sitting | None, who: Principal) -> Link:
        """Opened as this caller, who may be let in where the gateway itself is not.

        It tells the era, too: if it is a modern one, nothing of this caller is in the conversation, and all share it.
        """

        def keep(link: Link) -> None:
            if isinstance(link, ModernHttp):
                self._part(self.shared)
                self.shared = link
            else:
                self._part(self.own.get(key))
                self.own[key] = link
                if sitting is None:
                    self._used[key] = self._loop.time()

        return await self._single(key, _able(sitting), keep, sitting, None, Known(who))

    def _longest_unused(self) -> Link | None:
        """The caller's own conversation that makes room for another caller's; None: there is room. Raises
        `UpstreamFault` where all are at work."""
        if len(self._used) < conversations_of_callers_max:
            return None
        for key in sorted(self._used, key=self._used.__getitem__):
            link = self.own.get(key)
            if key not in self._opening and (link is None or not inflight(link)):
                del self._used[key]
                return link
        raise UpstreamFault(self._config.name, "upstream_busy", "too many callers are at work there")

    def sweep(self, now: float) -> None:
        """Conversations of callers that nobody used for long end, and what has ended by itself is let go."""
        for key in [key for key, used in self._used.items() if now - used > conversation_idle_seconds_max]:
            link = self.own.get(key)
            if key in self._opening or (link is not None and inflight(link)):
                continue
            del self._used[key]
            if link is not None:
                del self.own[key]
                self._part(link)
        if self.of_processes:
            for key in [key for key, link in self.own.items() if not link.alive and key not in self._opening]:
                self._part(self.own.pop(key))

    async def _single(
        self,
        key: str,
        capabilities: dict[str, Any],
        keep: Callable[[Link], None],
        sitting: Sitting | None,
        leaving: Link | None = None,
        caller: Known | None = None,
    ) -> Link:
        if self._closed:
            raise UpstreamFault(self._config.name, "upstream_closed", "it is no longer configured")
        task = self._opening.get(key)
        if task is None:
            work = self._open(capabilities, keep, sitting, leaving, caller)
            task = self._loop.create_task(work, name=f"{self._config.name}.open")
            self._opening[key] = task
            task.add_done_callback(lambda _: self._opening.pop(key, None))
        # One waiter leaving must not cancel the start for the others.
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if task.cancelled() and waiter is not None and not waiter.cancelling():
                raise UpstreamFault(self._config.name, "upstream_closed", "it is no longer configured") from None
            raise

    async def _open(
        self,
        capabilities: dict[str, Any],
        keep: Callable[[Link], None],
        sitting: Sitting | None,
        leaving: Link | None,
        caller: Known | None,
    ) -> Link:
        if (
            leaving is not None
        ):  # first, so that there are never more than allowed, and to its end whatever becomes of us
            await asyncio.shield(self._owned.start(leaving.aclose(), f"{self._config.name}.leaving"))
        notice = self._notice_of(caller)
        if sitting is not None and self._opener.era_is_modern:
            found = await self._opener.open_legacy(capabilities, notice, caller)
            if found is None:
                self._speaks_legacy = False
                return await self._share_again()
            link = found
        else:
            link = await self._opener.open(capabilities, notice, caller)
        if sitting is not None:
            link.belong_to(sitting.hears(self._config.name))
            if isinstance(link, LegacyHttp):
                link.listen()
                await link.standing()
        if isinstance(link, StdioLink):
            link.last_used = self._loop.time()  # its start may have taken long, and nobody could use it then
            link.only = None if self._config.stateless else caller.principal.key if caller is not None else ""
        keep(link)
        return link

    def _notice_of(self, caller: Known | None) -> Notice:
        """Who hears what is said in a conversation outside of requests: where callers differ, its own caller alone."""
        if caller is None or caller.principal.how == "loopback":
            return self._notice
        return partial(self._told, caller.principal.key)

    def _part(self, link: Link | None) -> None:
        """Another conversation takes the place of this one. It has ended, but may still hold a stream or a process."""
        if link is not None:
            self._owned.start(link.aclose(), f"{self._config.name}.part")

    def forget(self, link: Link) -> None:
        """This conversation is being ended by somebody else."""
        if link is self.shared:
            self.shared = None
        else:
            self.own = {key: own for key, own in self.own.items() if own is not link}
            self._used = {key: used for key, used in self._used.items() if key in self.own or key in self._opening}

    async def _share_again(self) -> Link:
        link = self.shared
        return link if link is not None and link.alive and link.modern else await self._share()

    def part_shared(self) -> None:
        """What it was opened as is somebody else now: the next to need it opens another one."""
        link = self.shared
        if link is not None and not link.modern:
            link.alive, self.shared = False, None
            self._part(link)

    async def leave(self, key: str) -> None:
        """A legacy session ended: so does the conversation that was its own, open or not yet."""
        opening = self._opening.get(key)
        if opening is not None:
            opening.cancel()
            await asyncio.wait({opening})
        link = self.own.pop(key, None)
        if link is not None:
            await link.aclose()

    async def aclose(self) -> None:
        self._closed = True
        self._seats.remove(self)
        for task in self._opening.values():
            task.cancel()
        if self._opening:
            await asyncio.gather(*self._opening.values(), return_exceptions=True)
        links, self.shared, self.own = self.links(), None, {}
        if links:
            await asyncio.gather(*(link.aclose() for link in links), return_exceptions=True)


def _able(sitting: Sitting | None) -> dict[str, Any]:
    able = sitting.capabilities if sitting is not None else {}
    return {name: able[name] for name in _ASKABLE if name in able}


_ASKABLE = ("elicitation", "sampling", "roots")


def inflight(link: Link) -> int:
    """Calls in this conversation; modern ones over HTTP stand alone, and are nobody's."""
    counted: int = getattr(link, "inflight", 0)
    return counted
