"""The breaker, with given times: closed, open, half open with one who tries, closed again."""

from narthex.model.deadline import Deadline
from narthex.model.rules.resilience import BreakerRule
from narthex.upstream.breaker import Breaker

RULE = BreakerRule(failures=3, open_seconds=10.0)


def tripped(rule: BreakerRule = RULE, now: float = 100.0, *, by_call: bool = False) -> Breaker:
    breaker = Breaker(rule)
    assert [breaker.failed(now, by_call=by_call) for _ in range(3)] == [False, False, True]
    return breaker


def test_it_opens_with_one_failure_too_many_in_a_row() -> None:
    breaker = Breaker(RULE)
    for _ in range(2):
        breaker.failed(1.0)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(2.0)

    assert (breaker.tripped, breaker.wait(2.0), breaker.state(2.0)) == (False, 0.0, "closed")
    assert breaker.failed(3.0)
    assert (breaker.wait(3.0), breaker.wait(7.0), breaker.state(7.0), breaker.opened) == (10.0, 6.0, "open", 1)


def test_half_open_one_tries_and_all_others_wait_until_it_is_known_how_it_went() -> None:
    breaker, one, other = tripped(), Deadline(160.0), Deadline(160.0)

    assert breaker.state(110.0) == "half_open"
    assert breaker.wait(110.0, one) == 0.0
    assert [breaker.wait(110.1, other), breaker.wait(150.0, other)] == [10.0, 10.0]  # as long as the first one tries
    assert breaker.wait(111.0, one) == 0.0  # the same one, once more
    assert breaker.failed(155.0) is False  # open already: that is no news
    assert breaker.wait(155.0, other) == 10.0
    assert breaker.wait(165.0, other) == 0.0
    assert breaker.succeeded() is True
    assert (breaker.wait(165.0, one), breaker.state(165.0), breaker.opened) == (0.0, "closed", 1)


def test_who_gives_up_while_trying_makes_way_for_the_next() -> None:
    breaker, one, other = tripped(), Deadline(160.0), Deadline(160.0)
    breaker.wait(110.0, one)
    breaker.gave_up(other)

    assert breaker.wait(110.1, other) > 0
    breaker.gave_up(one)
    assert breaker.wait(110.2, other) == 0.0


def test_who_never_tells_holds_it_no_longer_than_its_deadline() -> None:
    breaker, one, other = tripped(), Deadline(112.0), Deadline(160.0)
    breaker.wait(110.0, one)

    assert 1.9 < breaker.wait(110.1, other) < 2.0
    assert breaker.wait(112.0, other) == 0.0


def test_lists_close_what_lists_could_have_opened_and_not_what_calls_did() -> None:
    assert tripped().succeeded(lists=True) is True
    breaker = tripped(by_call=True)

    assert breaker.succeeded(lists=True) is False
    assert breaker.tripped
    assert breaker.succeeded() is True


def test_a_server_that_is_gone_altogether_counts_as_such_although_calls_failed_before() -> None:
    breaker = tripped(by_call=True)
    breaker.failed(101.0)

    assert breaker.succeeded(lists=True) is True


def test_a_share_of_failures_opens_it_once_there_were_calls_enough() -> None:
    breaker, opened = Breaker(BreakerRule(failures=1_000, share=0.5, calls=20, window_seconds=10.0)), []
    for tick in range(40):  # two calls in each, of which one fails and the next goes well
        breaker.tick(tick * 0.25, tick * 2)
        opened.append(breaker.failed(tick * 0.25 + 0.1))
        breaker.succeeded()

    assert opened.index(True) == 10
    assert breaker.opened >= 1


def test_failures_outside_of_the_window_count_no_more() -> None:
    breaker = Breaker(BreakerRule(failures=1_000, share=0.1, calls=20, window_seconds=10.0))
    for second in range(100):
        breaker.tick(float(second), second * 5)
        if second % 20 == 0:
            assert breaker.failed(float(second)) is False
