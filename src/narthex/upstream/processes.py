"""The processes of one server: noticed when they end, stopped when nobody needs them, counted.

Knows: which conversations are processes, and since when they are idle. Refuses to know: why one is started, and what
follows from its end.
"""

import asyncio
from collections.abc import Callable

from narthex.limits import idle_stop_seconds
from narthex.model.config import ServerConfig
from narthex.telemetry.owned import Owned
from narthex.upstream.health import Health, State
from narthex.upstream.lanes import Lanes
from narthex.upstream.link.ask import Link
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.stdio.report import ExitReport

Ended = Callable[[StdioLink, str], None]


class Processes:
    """`on_end(link, reason)` hears of each end that nobody asked for; `reason` completes "its process …"."""

    def __init__(self, config: ServerConfig, lanes: Lanes, health: Health, owned: Owned, on_end: Ended) -> None:
        self._config, self._lanes, self._health, self._owned, self._on_end = config, lanes, health, owned, on_end
        self._loop = asyncio.get_running_loop()

    def watch(self, link: Link) -> None:
        """Hear of its end. Asked again, nothing more happens."""
        if not isinstance(link, StdioLink) or link.watched:
            return
        link.watched = True
        started = self._loop.time()

        def ended(future: "asyncio.Future[ExitReport]") -> None:
            report = future.result()
            if report.asked:
                return
            if link is self._lanes.shared:
                self._health.process_ended(started, self._loop.time(), report.reason)
            else:
                self._health.restarts += 1  # one session's own; the others have theirs
            self._on_end(link, report.reason)

        link.ended.add_done_callback(ended)

    def stop_idle(self, now: float) -> None:
        """Stop what was not used for as long as the configuration says. It is started again by the next call."""
        patience = self._config.idle_stop_seconds or idle_stop_seconds
        for link in self._links():
            if link.idle and now - link.last_used > patience:
                self._stop(link)

    def _stop(self, link: StdioLink) -> None:
        link.alive = False
        if link is self._lanes.shared:
            self._health.state = State.IDLE
        self._lanes.forget(link)
        self._owned.start(link.aclose(), f"{self._config.name}.idle-stop")

    def roots(self) -> list[int]:
        """The processes that were started, without what those started."""
        return [link.child.pid for link in self._links() if link.child is not None]

    def tree(self) -> list[int]:
        """All of them, descendants included."""
        return [pid for link in self._links() if link.child for pid in link.child.descendants()]

    def resident_bytes(self) -> int:
        return sum(link.child.rss_bytes() or 0 for link in self._links() if link.child)

    def _links(self) -> list[StdioLink]:
        return [link for link in self._lanes.links() if isinstance(link, StdioLink) and link.alive]
