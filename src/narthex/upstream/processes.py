"""The processes of one server: noticed when they end, stopped when nobody needs them, counted.

Knows: which conversations are processes, and since when they are idle. Refuses to know: why one is started, and what
follows from its end.
"""

import asyncio
import random
from collections.abc import Callable

from narthex.limits import breaker_failures_max, idle_stop_seconds, pause_seconds, restart_window_seconds
from narthex.model.config import ServerConfig
from narthex.model.identity import Principal
from narthex.model.outcome import UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.health import Health, State
from narthex.upstream.lanes import Lanes
from narthex.upstream.link.ask import Link
from narthex.upstream.link.stdio import StdioLink
from narthex.upstream.stdio.report import ExitReport
from narthex.upstream.stdio.restart import RestartNow, Run, plan, remember

Ended = Callable[[StdioLink, str], None]


class Processes:
    """`on_end(link, reason)` hears of each end that nobody asked for; `reason` completes "its process …"."""

    def __init__(self, config: ServerConfig, lanes: Lanes, health: Health, owned: Owned, on_end: Ended) -> None:
        self._config, self._lanes, self._health, self._owned, self._on_end = config, lanes, health, owned, on_end
        self._loop = asyncio.get_running_loop()
        self._runs: dict[str, tuple[Run, ...]] = {}  # by caller, of their own processes that ended by themselves

    def watch(self, link: Link, who: Principal | None = None) -> bool:
        """Hear of its end. `who`: whose own it is, if it is. False: that is so already, or it is no process."""
        if not isinstance(link, StdioLink) or link.watched:
            return False
        link.watched = True
        started = self._loop.time()

        def ended(future: "asyncio.Future[ExitReport]") -> None:
            report = future.result()
            if report.asked:
                return
            if link is self._lanes.shared:
                self._health.process_ended(started, self._loop.time(), report.reason)
            else:
                self._health.restarts += 1  # somebody's own; the others have theirs
                self._ended(who, started)
            self._on_end(link, report.reason)

        link.ended.add_done_callback(ended)
        return True

    def stop_idle(self, now: float, *, stays: bool) -> None:
        """Stop what was not used for as long as the configuration says. It is started again by the next call.

        `stays`: all but those of callers, who may never come back.
        """
        patience = self._config.idle_stop_seconds or idle_stop_seconds
        for link in self._links():
            if link.idle and now - link.last_used > patience and not (stays and not self._lanes.is_of_caller(link)):
                self._stop(link)

    def _ended(self, who: Principal | None, started: float) -> None:
        if who is None or who.how == "loopback":
            return
        run = Run(started, self._loop.time(), random.random())  # noqa: S311 - spreads restarts, guards nothing
        recent = run.ended - max(restart_window_seconds, pause_seconds)
        self._runs = {key: runs for key, runs in self._runs.items() if runs[-1].ended > recent}
        self._runs[who.key] = remember(self._runs.get(who.key, ()), run)

    def wait(self, who: Principal | None) -> float:
        """Seconds until a process may be started for this caller, whose own have ended by themselves; 0.0: now."""
        runs = self._runs.get(who.key) if self._runs and who is not None else None
        step = plan(runs, self._loop.time()) if runs else None
        return 0.0 if step is None or isinstance(step, RestartNow) else step.seconds

    def said(self, who: Principal | None) -> str:
        return "the process of this caller has ended again and again" if self.wait(who) else ""

    def failed(self, link: Link, fault: UpstreamFault) -> None:
        """Somebody's own process did not answer in time. Again and again: it hangs, and is stopped."""
        if not isinstance(link, StdioLink) or fault.reason != "upstream_timeout":
            return
        link.timeouts += 1
        if link.timeouts >= breaker_failures_max and link.idle and link.alive:
            self._stop(link)

    def _stop(self, link: StdioLink) -> None:
        link.alive = False
        if not self._links() and (link is self._lanes.shared or self._health.state is State.UP):
            self._health.state = State.IDLE
        self._lanes.forget(link)
        self._owned.start(link.aclose(), f"{self._config.name}.idle-stop")

    def is_apart(self, link: Link) -> bool:
        """It is somebody's own: how it does says nothing about those of the others."""
        return isinstance(link, StdioLink) and link is not self._lanes.shared

    def apart(self) -> int:
        """How many are."""
        return sum(map(self.is_apart, self._links()))

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
