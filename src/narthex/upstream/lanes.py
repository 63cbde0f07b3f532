"""Which conversation with a server a call uses: the shared one, one of its legacy session, or one of its caller (H3).

Knows: who may share. Refuses to know: how a conversation is opened (`openers`) and what is asked on it.
"""

import asyncio
from collections.abc import Callable
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

_OF_CALLER = "\x00"  # how the key of a caller's own conversation begins; no session's does


class Lanes:
    """The open conversations with one server. Opening is single-flight per lane."""

    def __init__(self, config: ServerConfig, opener: Opener, limits: Limits, notice: Notice, owned: Owned) -> None:
        self.limits = limits  # may be replaced
        self._config, self._opener, self._notice, self._owned = config, opener, notice, owned
        self.shared: Link | None = None
        self.own: dict[str, Link] = {}
        self._opening: dict[str, asyncio.Task[Link]] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._speaks_legacy = True  # of a modern server: until it refuses
        self._personal = opener.personal
        self._used: dict[str, float] = {}  # by key, for those of callers: nobody says when one is not needed any more

    @property
    def opening(self) -> bool:
        """Somebody may be waiting for a conversation that is not open yet."""
        return bool(self._opening)

    def links(self) -> list[Link]:
        return [*([self.shared] if self.shared is not None else []), *self.own.values()]

    async def get(self, sitting: Sitting | None, who: Principal | None = None) -> Link:
        """The conversation for a call of this legacy session, or of a caller without one.

        `who` None: the gateway asks for itself.
        """
        link = self.shared
        if key := self._key(sitting, who):
            return await self._own(key, sitting, who)
        return link if link is not None and link.alive else await self._share()

    def ready(self, sitting: Sitting | None, who: Principal | None = None) -> Link | None:
        """What `get` would give, if it would not have to wait for it."""
        key = self._key(sitting, who)
        if not key:
            return self.shared
        if key in self._used:
            self._used[key] = self._loop.time()
        return self.own.get(key)

    def _key(self, sitting: Sitting | None, who: Principal | None) -> str:
        """Of the conversation that is theirs alone; "": they share."""
        if sitting is not None:
            return "" if self._may_share(sitting) else sitting.key
        if who is None or not self._is_apart(who):
            return ""
        return _OF_CALLER + who.key

    def _is_apart(self, who: Principal) -> bool:
        """Two callers never meet in a conversation that remembers, unless the server is said to keep nothing in it.

        And where each shows the server something else, not even then.
        """
        if not self._personal and (who.how == "loopback" or self._config.stateless):
            return False  # without authentication everybody is one and the same
        link = self.shared
        if self._config.command is not None or (link is not None and link.alive and self._opener.era_is_modern):
            return False
        return self._personal or link is None or not link.alive or getattr(link, "session_id", b"") is not None

    def _may_share(self, sitting: Sitting) -> bool:
        link = self.shared
        if self._config.stateless and not self._personal:
            return True
        if link is not None and link.alive and self._opener.era_is_modern:
            # Both ends may know an older revision: then questions in mid-call need no bridge.
            return not sitting.interactive or not self._speaks_legacy
        if self._config.command is not None:
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
        if self.shared is None or not self.shared.alive:
            if self._personal and who is not None:
                return await self._first(key, sitting, who)
            await self._share()  # it tells the era first: a modern server needs no conversation of its own
            if not self._key(sitting, who):
                return await self.get(None)
        leaving: Link | None = None
        if sitting is None:
            leaving = self._longest_unused() if key not in self._opening else None
            self._used[key] = self._loop.time()
        elif self._config.command is not None and key not in self._opening and self._full():
            leaving = self._longest_idle()
            if leaving is None:
                return await self.get(None)  # all are at work: this one shares, and is not asked
            leaving.alive = False
        if leaving is not None:
            self.forget(leaving)

        def keep(link: Link) -> None:
            self._part(self.own.get(key))
            self.own[key] = link

        caller = Known(who) if who is not None else None
        return await self._single(key, _able(sitting), keep, sitting, leaving, caller)

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
        """Conversations of callers that nobody used for long end."""
        for key in [key for key, used in self._used.items() if now - used > conversation_idle_seconds_max]:
            link = self.own.get(key)
            if key in self._opening or (link is not None and inflight(link)):
                continue
            del self._used[key]
            if link is not None:
                del self.own[key]
                self._part(link)

    def _full(self) -> bool:
        """No room for one process more. The shared one keeps its place also while it is down."""
        begun = self._opening.keys() | {key for key, link in self.own.items() if link.alive}
        return len(begun - {""}) >= self.limits.processes_per_server_max - 1

    def _longest_idle(self) -> StdioLink | None:
        """The process that makes room: one session's own, not at work, not used for longest, and not just now."""
        since = self._loop.time() - self.limits.process_idle_seconds_min
        idle = [one for one in self.own.values() if isinstance(one, StdioLink) and one.alive and one.idle]
        found = min(idle, key=lambda link: link.last_used, default=None)
        return found if found is not None and found.last_used <= since else None

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
        if leaving is not None:
            await leaving.aclose()  # first, so that there are never more than allowed
        if sitting is not None and self._opener.era_is_modern:
            found = await self._opener.open_legacy(capabilities, self._notice, caller)
            if found is None:
                self._speaks_legacy = False
                return await self._share_again()
            link = found
        else:
            link = await self._opener.open(capabilities, self._notice, caller)
        if sitting is not None:
            link.belong_to(sitting.client)
            if isinstance(link, LegacyHttp):
                link.listen()
                await link.standing()
        keep(link)
        return link

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
        return link if link is not None and link.alive else await self._share()

    def part_shared(self) -> None:
        """What it was opened as is somebody else now: the next to need it opens another one."""
        link = self.shared
        if link is not None and not self._opener.era_is_modern:
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
