"""News on their way to those who listen: changed lists, updated resources (PROTOCOL.md H7).

Knows: listeners and what each wants. Refuses to queue: what a listener has not been told yet is a set, so a slow one
costs no more than a quick one.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from narthex.catalog.uris import public_uri
from narthex.limits import notice_coalesce_seconds
from narthex.model.endpoint import Snapshot
from narthex.relay.slot import Slot

Deliver = Callable[[str, dict[str, Any]], None]
_OF_LIST = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}


class Listener:
    """Somebody who wants news of one endpoint. `kinds`: lists by name; `uris`: public URIs."""

    __slots__ = ("deliver", "endpoint", "kinds", "pending", "uris")

    def __init__(self, endpoint: str, kinds: Iterable[str], uris: Iterable[str], deliver: Deliver) -> None:
        self.endpoint = endpoint
        self.kinds = set(kinds)
        self.uris = set(uris)
        self.deliver = deliver
        self.pending: dict[tuple[str, str], None] = {}  # in order, each once


class Bus:
    """Hears what servers say, and tells each listener what changed for it."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._listeners: set[Listener] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = asyncio.Event()
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
            if shown in listener.uris or any(shown.startswith(wanted) for wanted in listener.uris):
                self._note(listener, "updated", shown)

    def announced(self, server: str, kinds: Iterable[str]) -> None:
        """A server said that its lists changed. Whoever sees all of them hears it, even if nothing we compare moved.

        An endpoint that shows only a part tells by its own comparison: the timing would betray what is hidden.
        """
        for listener in self._listeners:
            endpoint = self._slot.current.endpoints.get(listener.endpoint)
            if endpoint is not None and server in endpoint.whole:
                for kind in kinds:
                    if kind in listener.kinds:
                        self._note(listener, "list", kind)

    def _moved(self, before: Snapshot, after: Snapshot) -> None:
        for listener in self._listeners:
            old, new = before.endpoints.get(listener.endpoint), after.endpoints.get(listener.endpoint)
            if old is None or new is None or old is new:
                continue
            for method, kind in _OF_LIST.items():
                if kind in listener.kinds and old.fingerprints.get(method) != new.fingerprints.get(method):
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

    async def until_closing(self, ended: "asyncio.Future[Any]") -> None:
        """Until the listener is gone (`ended`), or the house closes and streams have to end properly."""
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({closing, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()

    def close(self) -> None:
        """End every subscription gracefully."""
        self._closing.set()
        if self._timer is not None:
            self._timer.cancel()
