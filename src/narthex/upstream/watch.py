"""Hearing of a server's changes: `subscriptions/listen` of the modern era, GET stream and `resources/subscribe` before.

Knows: which URIs somebody wants, counted. Refuses to know: who wants them.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from narthex.limits import Limits, reconnect_seconds_max, reconnect_seconds_min
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Ask, Link
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.modern_http import ModernHttp

_LIST_FILTERS = {"tools": "toolsListChanged", "prompts": "promptsListChanged", "resources": "resourcesListChanged"}
CHANGED = {
    "notifications/tools/list_changed": "tools",
    "notifications/prompts/list_changed": "prompts",
    "notifications/resources/list_changed": "resources",
}


class Watch:
    """One per server. Follows the shared conversation; when that is replaced, everything wanted is asked for again."""

    def __init__(
        self,
        server: str,
        limits: Limits,
        changed: Callable[[str], None],
        updated: Callable[[str], None],
        unsure: Callable[[], None],
    ) -> None:
        self.wanted: dict[str, int] = {}
        self.limits = limits  # may be replaced
        self._server, self._changed, self._updated, self._unsure = server, changed, updated, unsure
        self._link: Link | None = None
        self._listening: asyncio.Task[None] | None = None
        self._before: asyncio.Task[None] | None = None  # the listen that the present one replaces, until that stands

    def follow(self, link: Link, owned: Owned) -> None:
        """This is the conversation to hear changes on."""
        if link is self._link:
            return
        self.stop()
        self._link = link
        if isinstance(link, LegacyHttp):
            if _changes(link) or self.wanted or "logging" in link.capabilities:
                link.listen(self._missed)
        elif link.modern:
            self._relisten(link, owned)
            return
        for uri in self.wanted:
            owned.start(self._tell(link, "resources/subscribe", uri), "resubscribe")

    def want(self, uri: str) -> None:
        """Somebody wants news of this URI, from the next conversation on."""
        self.wanted[uri] = self.wanted.get(uri, 0) + 1

    def inherit(self, wanted: Mapping[str, int]) -> None:
        """What was wanted of the same server under another configuration."""
        self.wanted = dict(wanted)

    async def subscribe(self, uri: str, link: Link | None, owned: Owned) -> Failure | None:
        """Hear of changes of this URI from now on; or the server's refusal, and everything is as before."""
        self.want(uri)
        if link is None or self.wanted[uri] > 1:
            return None
        if link.modern:
            self._relisten(link, owned)
            return None
        if isinstance(link, LegacyHttp):
            link.listen(self._missed)
        try:
            refusal = await self._tell(link, "resources/subscribe", uri)
        except asyncio.CancelledError:
            self.unsubscribe(uri, link, owned)
            raise
        if refusal is not None:
            self.wanted.pop(uri, None)
        return refusal

    def unsubscribe(self, uri: str, link: Link | None, owned: Owned) -> None:
        """One fewer wants it. Nobody waits until the server knows: it may be slow, and nothing depends on it."""
        left = self.wanted.get(uri, 0) - 1
        if left > 0:
            self.wanted[uri] = left
            return
        if self.wanted.pop(uri, None) is None or link is None or not link.alive:
            return
        if link.modern:
            self._relisten(link, owned)
        else:
            owned.start(self._tell(link, "resources/unsubscribe", uri), "unsubscribe")

    def acknowledged(self) -> None:
        """The present listen stands: the one before it may go, and nothing was missed between the two."""
        if self._before is not None:
            self._before.cancel()
            self._before = None

    def stop(self) -> None:
        self._link = None
        self.acknowledged()
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

    def _relisten(self, link: Link, owned: Owned) -> None:
        # The filter is fixed when a listen opens. The old one is closed when the new one stands, so nothing is missed.
        wanted = self._filter(link)
        if self._before is None:
            self._before = self._listening
        elif self._listening is not None:
            self._listening.cancel()  # it does not stand yet: the one before it stays, until its successor does
        self._listening = None
        if wanted:
            self._listening = owned.start(self._listen(link, wanted), f"{self._server}.listen")
        else:
            self.acknowledged()

    def _filter(self, link: Link) -> dict[str, Any]:
        wanted: dict[str, Any] = {_LIST_FILTERS[kind]: True for kind in _changes(link)}
        if self.wanted:
            wanted["resourceSubscriptions"] = sorted(self.wanted)
        return wanted

    async def _listen(self, link: Link, wanted: dict[str, Any]) -> None:
        wait, missed = reconnect_seconds_min, False

        def notice(method: str, params: dict[str, Any]) -> None:
            nonlocal wait, missed
            wait = reconnect_seconds_min
            if asyncio.current_task() is self._listening:
                self.acknowledged()  # and not when the one before it still hears something
            if missed:
                missed = False
                self._missed()
            self._heard(method, params)

        while link.alive:
            try:
                await self._listen_once(link, wanted, notice)
            except UpstreamFault as fault:
                if fault.reason == "upstream_no_listen":
                    return
            missed = True
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, reconnect_seconds_max)

    async def _listen_once(
        self, link: Link, wanted: dict[str, Any], notice: Callable[[str, dict[str, Any]], None]
    ) -> None:
        if isinstance(link, ModernHttp):
            await link.listen(wanted, notice, self.limits)
        else:
            forever = Deadline(float("inf"))
            outcome = await link.request(Ask("subscriptions/listen", {"notifications": wanted}, forever))
            if isinstance(outcome, Failure):
                raise UpstreamFault(self._server, "upstream_no_listen", f"it keeps no subscription: {outcome.message}")

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        kind = CHANGED.get(method)
        if kind is not None:
            self._changed(kind)
        elif method == "notifications/resources/updated" and type(params.get("uri")) is str:
            self._updated(params["uri"])

    def _missed(self) -> None:
        """The stream was away for a while: what changed meanwhile is not known.

        Lists are taken anew, and whoever listens hears of them if they differ. Contents of resources are not, so each
        that somebody wants counts as updated.
        """
        self._unsure()
        for uri in self.wanted:
            self._updated(uri)

    async def _tell(self, link: Link, method: str, uri: str) -> Failure | None:
        deadline = Deadline(asyncio.get_running_loop().time() + self.limits.call_seconds_max)
        try:
            outcome = await link.request(Ask(method, {"uri": uri}, deadline))
        except UpstreamFault:
            return None  # the next conversation subscribes anew
        return outcome if isinstance(outcome, Failure) else None


def _changes(link: Link) -> list[str]:
    """The lists whose changes this server announces."""
    declared = link.capabilities
    return [kind for kind in _LIST_FILTERS if type(declared.get(kind)) is dict and declared[kind].get("listChanged")]
