"""When a server that ended may be started again.

Knows: the law of backing off. Refuses to know: clocks and dice: the time is handed in, and the jitter of each run was
drawn when it ended, so asking twice gives one answer.

The first end after a healthy run restarts at once. Then waits double, from `restart_seconds_min` to
`restart_seconds_max`, each shortened by up to a half so that forty servers do not come back in one instant. After
`restarts_before_pause_max` restarts inside `restart_window_seconds` there is a pause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from narthex import limits


@dataclass(frozen=True, slots=True)
class Run:
    """One life of a server, in seconds of one clock. An attempt that could not start began and ended at once."""

    started: float
    ended: float
    jitter: float  # random, 0 to 1

    @property
    def was_healthy(self) -> bool:
        return self.ended - self.started >= limits.restart_window_seconds


@dataclass(frozen=True, slots=True)
class RestartNow:
    pass


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


def plan(history: Sequence[Run], now: float) -> RestartNow | Wait | Pause:
    """`history`: the runs that ended without having been asked to, oldest first (see `remember`)."""
    failures = _failures(history)
    if not failures:
        return RestartNow()
    last = failures[-1]
    if _restarts_in_window(failures) >= limits.restarts_before_pause_max:
        left = last.ended + limits.pause_seconds - now
        return Pause(left) if left > 0 else RestartNow()
    left = last.ended + _delay_seconds(len(failures), last.jitter) - now
    return Wait(left) if left > 0 else RestartNow()


def remember(history: Sequence[Run], run: Run) -> tuple[Run, ...]:
    return (*history, run)[-limits.runs_remembered_max :]


def _failures(history: Sequence[Run]) -> Sequence[Run]:
    """The unhealthy runs at the end. A healthy one before them is no reason to wait, and neither is its own end."""
    count = 0
    while count < len(history) and not history[-1 - count].was_healthy:
        count += 1
    return history[len(history) - count :]


def _restarts_in_window(failures: Sequence[Run]) -> int:
    since = failures[-1].ended - limits.restart_window_seconds
    return sum(run.ended > since for run in failures) - 1


def _delay_seconds(failures: int, jitter: float) -> float:
    if failures == 1:
        return 0.0
    doubled = limits.restart_seconds_min * 2.0 ** min(failures - 2, limits.runs_remembered_max)
    return min(doubled, limits.restart_seconds_max) * (1.0 - jitter / 2)
