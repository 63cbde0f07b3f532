"""How a server is: whether it can be asked now, and if not, why and from when on.

Knows: failures in a row, processes that ended, the words for both. Refuses to know: clocks (the time is handed in),
and how a server is asked.
"""

import random
from enum import Enum, auto

from narthex import limits as house
from narthex.model.deadline import Deadline
from narthex.model.outcome import UpstreamFault
from narthex.upstream.breaker import Breaker
from narthex.upstream.mask import Mask
from narthex.upstream.stdio.restart import RestartNow, Run, plan, remember


class State(Enum):
    NEW = auto()  # nothing is known yet
    STARTING = auto()
    UP = auto()
    IDLE = auto()  # its process was stopped, or never needed; the next call starts it
    DOWN = auto()  # it did not answer lately; its last catalogue is shown as degraded


class Health:
    """One per server. `problem` is for the operator; what clients are told is in the fault of `refusal`."""

    __slots__ = ("_history", "_mask", "_said", "breaker", "doubtful", "problem", "restarts", "state")

    def __init__(self, mask: Mask = Mask()) -> None:
        self._mask = mask
        self.state = State.NEW
        self.doubtful = False  # the last attempt failed: whoever asks now has to look at `wait` first
        self.problem: str | None = None
        self.restarts = 0
        self.breaker = Breaker()
        self._said = ""
        self._history: tuple[Run, ...] = ()

    def wait(self, now: float, deadline: Deadline | None = None) -> float:
        """Seconds until it may be asked; 0.0: now. `deadline`: of whoever asks, and may be the one to try."""
        return self.restart_wait(now) or self.breaker.wait(now, deadline)

    def restart_wait(self, now: float) -> float:
        """Seconds until its process may be started again (see `stdio.restart`)."""
        if self.state is not State.DOWN or not self._history:
            return 0.0
        step = plan(self._history, now)
        return 0.0 if isinstance(step, RestartNow) else step.seconds

    def refusal(self, server: str, wait: float, apart: str = "") -> UpstreamFault:
        """The answer to a call that comes too early. `apart`: why, where that is its caller's own process."""
        why, seconds = apart or self._said or "it did not answer", max(1, round(wait))
        if self.state is State.UP and self.breaker.tripped and not apart:
            text = f"it is left alone after {self.breaker.failures} failures ({why}); retry in {seconds} seconds"
        else:
            text = f"it is down ({why}); retry in {seconds} seconds"
        return UpstreamFault(server, "upstream_unavailable", text, retry_after_ms=int(wait * 1000))

    def up(self, *, lists: bool = False) -> bool:
        """It answered. `lists`: what the gateway asks it by itself. True: that is news."""
        was_down, self.state, self.problem = self.state is State.DOWN, State.UP, None
        closed = self.breaker.succeeded(lists=lists)
        self.doubtful = self.breaker.failures > 0  # calls failed, and lists say nothing about them
        return was_down or closed

    def down(self, fault: UpstreamFault, now: float) -> bool:
        """It could not be reached, or said nothing of use. True: that is news."""
        self.breaker.failed(now)
        return self._fell(fault.note or fault.detail, fault.detail)

    def aside(self, fault: UpstreamFault | None = None) -> None:
        """It may well be up: it only lets nobody in with what we have. `fault` says to the operator what is lacking."""
        self.state = State.IDLE if self.state is State.STARTING else self.state
        if fault is not None:
            self.problem = self._mask(fault.note or fault.detail)

    def doubted(self, fault: UpstreamFault, now: float, *, by_call: bool = False) -> bool:
        """It left one request without an answer. True: as many as one looks on at, and the breaker is open."""
        opened = self.breaker.failed(now, by_call=by_call)
        self.doubtful = True
        self._said = self._mask(fault.detail)
        return opened

    def process_ended(self, started: float, now: float, reason: str) -> None:
        """Its process ended without having been asked to."""
        jitter = random.random()  # noqa: S311 - spreads restarts, guards nothing
        self._history = remember(self._history, Run(started, now, jitter))
        self.restarts += 1
        self._fell(f"its process {reason}", f"its process {reason}")

    def retry_seconds(self) -> float:
        """How long to leave a server alone that is down, before it is looked at again."""
        failures = min(self.breaker.failures, 8)
        return min(house.reconnect_seconds_min * 2.0**failures, house.restart_seconds_max)

    def _fell(self, problem: str, said: str) -> bool:
        problem, said = self._mask(problem), self._mask(said)
        news = self.state is not State.DOWN or self.problem != problem
        self.state, self.problem, self._said, self.doubtful = State.DOWN, problem, said, True
        return news
