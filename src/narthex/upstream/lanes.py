"""Which conversation with a server a call uses: the shared one, or one of its own legacy session (PROTOCOL.md H3).

Knows: who may share. Refuses to know: how a conversation is opened (`openers`) and what is asked on it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from narthex.limits import Limits
from narthex.model.client import Sitting
from narthex.model.config import ServerConfig
from narthex.model.outcome import UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Link, Notice
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.openers import Opener


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

    @property
    def opening(self) -> bool:
        """Somebody may be waiting for a conversation that is not open yet."""
        return bool(self._opening)

    def links(self) -> list[Link]:
        return [*([self.shared] if self.shared is not None else []), *self.own.values()]

    async def get(self, sitting: Sitting | None) -> Link:
        """The conversation for a call of this legacy session, or of a caller without one."""
        link = self.shared
        if sitting is not None and not self._may_share(sitting):
            return await self._own(sitting)
        return link if link is not None and link.alive else await self._share()

    def _may_share(self, sitting: Sitting) -> bool:
        link = self.shared
        if self._config.stateless:
            return True
        if link is not None and link.alive and self._opener.era_is_modern:
            # Both ends may know an older revision: then questions in mid-call need no bridge.
            return not sitting.interactive or not self._speaks_legacy
        if self._config.command is not None:
            # One process serves all of one principal, unless the client can be asked things: a question must
            # find its way back to the one session it belongs to.
            return not sitting.interactive or len(self.own) >= self.limits.processes_per_server_max - 1
        # A server that gave no session id cannot tell callers with the same credential apart.
        return link is not None and link.alive and getattr(link, "session_id", b"") is None and not sitting.interactive

    async def _share(self) -> Link:
        def keep(link: Link) -> None:
            self._part(self.shared)
            self.shared = link

        return await self._single("", {}, keep, None)

    async def _own(self, sitting: Sitting) -> Link:
        link = self.own.get(sitting.key)
        if link is not None and link.alive:
            return link
        if self.shared is None or not self.shared.alive:
            await self._share()  # it tells the era first: a modern server needs no conversation of its own
            if self._may_share(sitting):
                return await self.get(None)

        def keep(link: Link) -> None:
            self._part(self.own.get(sitting.key))
            self.own[sitting.key] = link

        capabilities = {name: sitting.capabilities[name] for name in _ASKABLE if name in sitting.capabilities}
        return await self._single(sitting.key, capabilities, keep, sitting)

    async def _single(
        self, key: str, capabilities: dict[str, Any], keep: Callable[[Link], None], sitting: Sitting | None
    ) -> Link:
        if self._closed:
            raise UpstreamFault(self._config.name, "upstream_closed", "it is no longer configured")
        task = self._opening.get(key)
        if task is None:
            task = self._loop.create_task(self._open(capabilities, keep, sitting), name=f"{self._config.name}.open")
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

    async def _open(self, capabilities: dict[str, Any], keep: Callable[[Link], None], sitting: Sitting | None) -> Link:
        if sitting is not None and self._opener.era_is_modern:
            found = await self._opener.open_legacy(capabilities, self._notice)
            if found is None:
                self._speaks_legacy = False
                return await self._share_again()
            link = found
        else:
            link = await self._opener.open(capabilities, self._notice)
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

    async def _share_again(self) -> Link:
        link = self.shared
        return link if link is not None and link.alive else await self._share()

    async def leave(self, key: str) -> None:
        """A legacy session ended: so does the conversation that was its own."""
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


_ASKABLE = ("elicitation", "sampling", "roots")
