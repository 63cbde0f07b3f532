"""Failed credentials: counted by address, in bounded memory, and never against who has a good one."""

from narthex.identity.attempts import Attempts
from narthex.model.identity import Refusal

WRONG = Refusal(401, "invalid_token", "no")


def statuses(attempts: Attempts, peer: str, count: int, now: float) -> list[int]:
    return [attempts.failed(peer, WRONG, now).status for _ in range(count)]


def test_ten_a_minute_and_then_wait() -> None:
    attempts = Attempts(lambda: 10)

    assert statuses(attempts, "192.0.2.1", 12, 100.0) == [401] * 10 + [429] * 2
    late = attempts.failed("192.0.2.1", WRONG, 101.0)
    assert (late.status, late.retry_after_seconds) == (429, 5)
    assert "try again in 5 seconds" in late.message
    assert statuses(attempts, "192.0.2.1", 2, 106.0) == [401, 429]
    assert statuses(attempts, "192.0.2.1", 11, 1000.0) == [401] * 10 + [429]


def test_each_address_counts_for_itself_and_an_ipv6_network_is_one() -> None:
    attempts = Attempts(lambda: 1)

    assert statuses(attempts, "192.0.2.1", 2, 0.0) == [401, 429]
    assert statuses(attempts, "192.0.2.2", 1, 0.0) == [401]
    assert [attempts.failed(f"2001:db8::{n}", WRONG, 0.0).status for n in (1, 2)] == [401, 429]
    assert statuses(attempts, "2001:db8:0:1::1", 1, 0.0) == [401]


def test_a_changed_limit_counts_at_once() -> None:
    limit = [2]
    attempts = Attempts(lambda: limit[0])

    assert statuses(attempts, "a", 3, 0.0) == [401, 401, 429]
    limit[0] = 600
    assert statuses(attempts, "a", 3, 1.0) == [401] * 3
    limit[0] = 0  # nobody can want that; it is one
    assert statuses(attempts, "b", 2, 1.0) == [401, 429]


def test_memory_is_bounded_and_the_most_silent_is_forgotten() -> None:
    attempts = Attempts(lambda: 1, addresses_max=3)
    for n in range(3):
        attempts.failed(f"192.0.2.{n}", WRONG, 0.0)
    attempts.failed("192.0.2.0", WRONG, 0.0)  # speaks again, so it is not the most silent
    for n in range(10, 12):
        attempts.failed(f"192.0.2.{n}", WRONG, 0.0)

    assert len(attempts) == 3
    assert attempts.failed("192.0.2.0", WRONG, 0.0).status == 429
    assert attempts.failed("192.0.2.1", WRONG, 0.0).status == 401


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    attempts = Attempts(lambda: 1)
    attempts.failed("a", WRONG, 100.0)

    assert attempts.failed("a", WRONG, 50.0).status == 429
