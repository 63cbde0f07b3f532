"""When a server may be started again."""

from hypothesis import given
from hypothesis import strategies as st

from narthex import limits
from narthex.upstream.stdio.restart import Pause, RestartNow, Run, Wait, plan, remember


def crashes(count: int, every: float, jitter: float = 0.0) -> list[Run]:
    return [Run(number * every, (number + 1) * every, jitter) for number in range(count)]


def test_a_server_that_never_ended_starts_now() -> None:
    assert plan([], 0.0) == RestartNow()


def test_the_first_end_restarts_at_once() -> None:
    assert plan(crashes(1, 0.1), 0.1) == RestartNow()


def test_the_end_of_a_long_run_restarts_at_once_whatever_was_before() -> None:
    history = [*crashes(10, 0.1), Run(10.0, 10.0 + limits.restart_window_seconds, 0.0)]

    assert plan(history, history[-1].ended) == RestartNow()


def test_waits_double_until_there_is_a_pause() -> None:
    plans = [plan(crashes(count, 0.125), 0.125 * count) for count in range(2, 7)]

    assert plans == [Wait(1.0), Wait(2.0), Wait(4.0), Wait(8.0), Pause(limits.pause_seconds)]


def test_a_server_that_fails_slowly_waits_longest_and_is_never_paused() -> None:
    slowly = limits.restart_window_seconds - 1

    assert plan(crashes(16, slowly), 16 * slowly) == Wait(limits.restart_seconds_max)


def test_a_wait_that_is_over_is_over() -> None:
    history = crashes(4, 0.125)

    assert plan(history, 0.5 + 1.5) == Wait(2.5)
    assert plan(history, 0.5 + 4.0) == RestartNow()


def test_a_pause_that_is_over_gives_one_try() -> None:
    history = crashes(6, 0.125)

    assert plan(history, 0.75 + limits.pause_seconds) == RestartNow()


@given(st.floats(0, 1), st.integers(2, 5))
def test_jitter_shortens_a_wait_by_at_most_a_half(jitter: float, count: int) -> None:
    history = crashes(count, 0.0, jitter)

    full, actual = plan(crashes(count, 0.0), 0.0), plan(history, 0.0)

    assert isinstance(full, Wait)
    assert isinstance(actual, Wait)
    assert full.seconds / 2 <= actual.seconds <= full.seconds


def test_history_is_bounded() -> None:
    history: tuple[Run, ...] = ()
    for number in range(1_000):
        history = remember(history, Run(number, number, 0.0))

    assert len(history) == limits.runs_remembered_max
    assert history[-1].ended == 999
