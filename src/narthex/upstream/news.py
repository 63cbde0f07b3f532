"""What a server says outside of requests, and to whom it may be told.

Knows: which conversation it was said in, and that what is said in one caller's own is for that caller alone. Refuses to
know: listeners, and what the lists hold.

Subscriptions are kept in the gateway's own conversation, which hears of changes of the world. A caller whose process is
their own alone may change what only that process knows: so it is told of their subscriptions too, while it runs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from narthex.limits import Limits
from narthex.model.client import Sitting
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Failure
from narthex.ports import Notices
from narthex.telemetry.owned import Owned
from narthex.upstream.lanes import Lanes
from narthex.upstream.link.ask import Link
from narthex.upstream.watch import CHANGED, Watch
from narthex.wire.faults import INTERNAL_ERROR

UPDATED = "notifications/resources/updated"


class Hears(NamedTuple):
    """What follows from news, and where they come from."""

    changed: Callable[[str], None]  # it says that this list is another
    unsure: Callable[[], None]  # it may be
    reach: Callable[[Deadline], Awaitable[Link]]  # opens the gateway's own conversation
    lanes: Callable[[], Lanes]


class News:
    """One per server. `own` are the subscriptions of those who have a process of their own, by its lane."""

    def __init__(
        self,
        server: str,
        limits: Limits,
        notices: Notices,
        owned: Owned,
        hears: Hears,
    ) -> None:
        self._server, self._limits, self._notices, self._owned = server, limits, notices, owned
        self._hears = hears
        self.watch = Watch(server, limits, hears.changed, self._updated, hears.unsure)
        self.own: dict[str, Watch] = {}

    # What is said.

    def heard(self, method: str, params: dict[str, Any]) -> None:
        """In the gateway's own conversation, or in one where there is one caller only."""
        kind = CHANGED.get(method)
        if kind is not None:
            self._hears.changed(kind)
        elif method == UPDATED and type(params.get("uri")) is str:
            self._updated(params["uri"])
        elif method == "notifications/subscriptions/acknowledged":
            self.watch.acknowledged()
        else:
            self._log(method, params)

    def heard_by(self, whose: str, method: str, params: dict[str, Any]) -> None:
        """In a conversation that is this caller's alone (`Principal.key`). Nobody else may hear what happens there."""
        if method in CHANGED:
            self._hears.unsure()  # the lists are the gateway's own to take: others hear of it if those differ
        elif method == UPDATED and type(params.get("uri")) is str:
            self._notices.updated(self._server, params["uri"], whose)
        else:
            self._log(method, params)

    def _log(self, method: str, params: dict[str, Any]) -> None:
        if method == "notifications/message":
            self._notices.say(self._server, "debug", f"{self._server}: {str(params.get('data'))[:500]}")

    def _updated(self, uri: str) -> None:
        self._notices.updated(self._server, uri)

    # What is wanted.

    async def subscribe(self, uri: str, sitting: Sitting | None, who: Principal) -> Failure | None:
        """Somebody wants `resources/updated` of this URI. Counted: the server is asked once, and may refuse.

        The gateway's own conversation says whether there is such a resource. Raises `UpstreamFault`, and nothing is
        counted then.
        """
        lanes = self._hears.lanes()
        if lanes.borrowed:
            return _not_for_others(self._server)
        if lanes.shared is None or not lanes.shared.alive:
            ends = asyncio.get_running_loop().time() + self._limits.call_seconds_max
            await self._hears.reach(Deadline(ends, latest=ends))
        refusal = await self.watch.subscribe(uri, lanes.shared, self._owned)
        if refusal is None and (lane := _lane(lanes, sitting, who)):
            own = _open(lanes, lane)
            await self._watch_of(lane, own).subscribe(uri, own, self._owned)
        return refusal

    def want(self, uri: str, sitting: Sitting | None, who: Principal) -> None:
        """The same, from when it can be reached on."""
        self.watch.want(uri)
        if lane := _lane(self._hears.lanes(), sitting, who):
            self._watch_of(lane, None).want(uri)

    def unsubscribe(self, uri: str, sitting: Sitting | None, who: Principal) -> None:
        lanes = self._hears.lanes()
        self.watch.unsubscribe(uri, lanes.shared, self._owned)
        lane = _lane(lanes, sitting, who)
        watch = self.own.get(lane)
        if watch is not None:
            watch.unsubscribe(uri, _open(lanes, lane), self._owned)
            if not watch.wanted:
                del self.own[lane]

    def follow(self, lanes: Lanes, link: Link) -> None:
        """This is somebody's own conversation from now on: it is told what they want of it."""
        for lane, watch in self.own.items():
            if lanes.own.get(lane) is link:
                watch.follow(link, self._owned)

    def _watch_of(self, lane: str, link: Link | None) -> Watch:
        watch = self.own.get(lane)
        if watch is None:
            # What it hears comes as notifications of its conversation (`heard_by`), and not from here.
            watch = self.own[lane] = Watch(self._server, self._limits, _nothing, _nothing, self._hears.unsure)
            if link is not None:
                watch.follow(link, self._owned)
        return watch

    def leave(self, lane: str) -> None:
        """Whoever had it to themselves is gone."""
        watch = self.own.pop(lane, None)
        if watch is not None:
            watch.stop()

    def inherit(self, before: "News") -> None:
        """What was wanted of the same server under another configuration."""
        self.watch.inherit(before.watch.wanted)
        for lane, watch in before.own.items():
            self._watch_of(lane, None).inherit(watch.wanted)

    def adopt(self, limits: Limits) -> None:
        self._limits = limits
        for watch in (self.watch, *self.own.values()):
            watch.limits = limits

    def stop(self) -> None:
        for watch in (self.watch, *self.own.values()):
            watch.stop()


def _not_for_others(server: str) -> Failure:
    """What one user may hear of is no news for another, and nobody but the server knows who may."""
    text = f"Server '{server}' shows each user their own: it cannot be subscribed to here. Read the resource again."
    return Failure(INTERNAL_ERROR, text, {"reason": "no_shared_news", "server": server})


def _lane(lanes: Lanes, sitting: Sitting | None, who: Principal) -> str:
    """Where whoever wants it may have a process of their own, whether that runs or not; "": nowhere."""
    return lanes.lane(sitting, who) if lanes.of_processes else ""


def _open(lanes: Lanes, lane: str) -> Link | None:
    link = lanes.own.get(lane)
    return link if link is not None and link.alive else None


def _nothing(_: str) -> None:
    """See `News._watch_of`."""
