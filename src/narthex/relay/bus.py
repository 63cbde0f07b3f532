"""News on their way to those who listen: changed lists, updated resources (H7).

Knows: listeners and what each wants. Refuses to queue: what a listener has not been told yet is a set, so a slow one
costs no more than a quick one.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from narthex.catalog.uris import public_uri
from narthex.limits import notice_coalesce_seconds
from narthex.model.endpoint import Endpoint, Snapshot
from narthex.model.identity import Principal
from narthex.policy.scopes import missing
from narthex.relay.comparing import Comparing, changed, decides
from narthex.relay.sight import sight
from narthex.relay.slot import Slot
from narthex.relay.trial import readable
from narthex.telemetry.owned import Owned

Deliver = Callable[[str, dict[str, Any]], None]
_OF_LIST = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}


class Listener:
    """Somebody who wants news of one endpoint. `kinds`: lists by name; `uris`: public URIs.

    `who` tells who it is now: the rights of a session's client may change while it listens.
    """

    __slots__ = ("deliver", "endpoint", "held", "kinds", "pending", "uris", "who")

    def __init__(
        self,
        endpoint: str,
        kinds: Iterable[str],
        uris: Iterable[str],
        deliver: Deliver,
        who: Callable[[], Principal],
    ) -> None:
        self.endpoint, self.who = endpoint, who
        self.kinds = set(kinds)
        self.uris = set(uris)
        self.held: dict[str, tuple[str, str]] = {}  # public URI -> (server, its own): to be released, once for each
        self.deliver = deliver
        self.pending: dict[tuple[str, str], None] = {}  # in order, each once


class Audience(NamedTuple):
    """Who has a stream open, and the URIs of which it was promised news on it."""

    endpoint: str
    who: Callable[[], Principal]
    uris: Iterable[str] = ()


class Bus:
    """Hears what servers say, and tells each listener what changed for it."""

    def __init__(self, slot: Slot, owned: Owned) -> None:
        self.slot = slot
        self._listeners: set[Listener] = set()
        self._comparing = Comparing(owned, lambda one: one.who(), self._present, self._lists_changed)
        self._timer: asyncio.TimerHandle | None = None
        self._streams: dict[asyncio.Future[None], Audience] = {}  # what ends each open stream, and who is there
        self._closed = False
        slot.on_move(self._moved)

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        self._listeners.add(listener)

    def remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def updated(self, server: str, uri: str, whose: str | None = None) -> None:
        """A resource of a server changed. `uri` may be below the one that was subscribed (P-17).

        `whose`: in a conversation that is this caller's alone (`Principal.key`).
        """
        needs: dict[str, frozenset[str]] = {}  # by endpoint: a thousand listeners are asked at once
        for listener in self._listeners:
            if whose is not None and listener.who().key != whose:
                continue
            endpoint = self.slot.current.endpoints.get(listener.endpoint)
            if endpoint is None or server not in endpoint.servers or not listener.uris:
                continue
            shown = public_uri(endpoint, server, uri)
            wanted = shown in listener.uris or any(shown.startswith(one) for one in listener.uris)
            if not wanted:
                continue
            if endpoint.name not in needs:
                needs[endpoint.name] = endpoint.reach[server].needs_of(uri)
            if _may_hear(endpoint, listener.who(), shown, needs[endpoint.name]):
                self._note(listener, "updated", shown)

    def announced(self, server: str, kinds: Iterable[str]) -> None:
        """A server said that its lists changed. Whoever sees all of them hears it, even if nothing we compare moved.

        An endpoint that shows only a part tells by its own comparison: the timing would betray what is hidden.
        """
        for listener in self._listeners:
            endpoint = self.slot.current.endpoints.get(listener.endpoint)
            if endpoint is not None and server in endpoint.whole and sight(endpoint, listener.who()).has_whole(server):
                for kind in kinds:
                    if kind in listener.kinds:
                        self._note(listener, "list", kind)

    def _moved(self, before: Snapshot, after: Snapshot) -> None:
        # Nobody would ever tell them anything again, and a silent stream looks like one without news.
        self._end([ended for ended, audience in self._streams.items() if _lost(audience, before, after)])
        for listener in self._listeners:
            old, new = before.endpoints.get(listener.endpoint), after.endpoints.get(listener.endpoint)
            if old is None or new is None or old is new:
                continue
            if decides(old, new):
                self._comparing.moved(listener, old)
            else:
                self._lists_changed(listener, changed(old, new, listener.who()))

    def _present(self, listener: Listener) -> Endpoint | None:
        return self.slot.current.endpoints.get(listener.endpoint) if listener in self._listeners else None

    def _lists_changed(self, listener: Listener, methods: Iterable[str]) -> None:
        for method in methods:
            if _OF_LIST[method] in listener.kinds:
                self._note(listener, "list", _OF_LIST[method])

    def _note(self, listener: Listener, what: str, name: str) -> None:
        listener.pending[what, name] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(notice_coalesce_seconds, self._flush)

    def _flush(self) -> None:
        self._timer = None
        for listener in list(self._listeners):
            pending, listener.pending = listener.pending, {}
            for what, name in pending:
                if what == "list":
                    listener.deliver(f"notifications/{name}/list_changed", {})
                else:
                    listener.deliver("notifications/resources/updated", {"uri": name})

    async def until_over(self, ended: "asyncio.Future[None]", audience: "Audience") -> None:
        """Until it is gone (`ended`), its endpoint or its right is, or the house closes and streams end properly."""
        endpoint = self.slot.current.endpoints.get(audience.endpoint)
        if self._closed or endpoint is None or endpoint.stops.of_caller(audience.who()) is not None:
            return
        self._streams[ended] = audience
        try:
            await ended
        finally:
            del self._streams[ended]

    def close(self) -> None:
        """End every subscription gracefully."""
        self._closed = True
        self._end(list(self._streams))
        if self._timer is not None:
            self._timer.cancel()

    def dismiss(self, gone: Callable[[Principal], bool]) -> None:
        """End the streams of those who may not listen any more: a token that has expired, a key that was revoked."""
        self._end([ended for ended, audience in self._streams.items() if gone(audience.who())])

    def _end(self, streams: Iterable["asyncio.Future[None]"]) -> None:
        for ended in streams:
            if not ended.done():
                ended.set_result(None)


def _may_hear(endpoint: Endpoint, who: Principal, uri: str, needs: frozenset[str]) -> bool:
    """Whether the resource is for this caller, now. `needs`: what it requires."""
    asks = endpoint.judge is not None or endpoint.stops
    return not missing(who, needs) and (not asks or readable(endpoint, who, uri))


def _lost(audience: Audience, before: Snapshot, after: Snapshot) -> bool:
    """Whether what was promised there is not for this caller any more: then it must ask anew."""
    old, new = before.endpoints.get(audience.endpoint), after.endpoints.get(audience.endpoint)
    if new is None:
        return True
    if old is None or (old.needs, old.reach, old.judge, old.stops) == (new.needs, new.reach, new.judge, new.stops):
        return False
    who = audience.who()
    if new.stops.of_caller(who) is not None:
        return True
    return bool(missing(who, new.needs)) or any(not readable(new, who, uri) for uri in audience.uris)
