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
from narthex.relay.sight import sight
from narthex.relay.slot import Slot
from narthex.relay.trial import readable

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

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._listeners: set[Listener] = set()
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

    def updated(self, server: str, uri: str) -> None:
        """A resource of a server changed. `uri` may be below the one that was subscribed (P-17)."""
        for listener in self._listeners:
            endpoint = self._slot.current.endpoints.get(listener.endpoint)
            if endpoint is None or server not in endpoint.servers or not listener.uris:
                continue
            shown = public_uri(endpoint, server, uri)
            wanted = shown in listener.uris or any(shown.startswith(one) for one in listener.uris)
            if wanted and _may_hear(endpoint, server, listener.who(), shown):
                self._note(listener, "updated", shown)

    def announced(self, server: str, kinds: Iterable[str]) -> None:
        """A server said that its lists changed. Whoever sees all of them hears it, even if nothing we compare moved.

        An endpoint that shows only a part tells by its own comparison: the timing would betray what is hidden.
        """
        for listener in self._listeners:
            endpoint = self._slot.current.endpoints.get(listener.endpoint)
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
            was, sees = sight(old, listener.who()), sight(new, listener.who())
            for method, kind in _OF_LIST.items():
                if kind in listener.kinds and was.fingerprint(method) != sees.fingerprint(method):
                    self._note(listener, "list", kind)

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
        if self._closed or audience.endpoint not in self._slot.current.endpoints:
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


def _may_hear(endpoint: Endpoint, server: str, who: Principal, uri: str) -> bool:
    """Whether the resource is for this caller, now: a thousand listeners are asked at once."""
    if endpoint.judge is not None:
        return readable(endpoint, who, uri)
    return not missing(who, endpoint.reach[server].rest)


def _lost(audience: Audience, before: Snapshot, after: Snapshot) -> bool:
    """Whether what was promised there is not for this caller any more: then it must ask anew."""
    old, new = before.endpoints.get(audience.endpoint), after.endpoints.get(audience.endpoint)
    if new is None:
        return True
    if old is None or (old.needs, old.reach, old.judge) == (new.needs, new.reach, new.judge):
        return False
    who = audience.who()
    return bool(missing(who, new.needs)) or any(not readable(new, who, uri) for uri in audience.uris)
