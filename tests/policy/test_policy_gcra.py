"""The law of the bucket: never more in any window than was allowed, and the wait that is told is exact.

Also for calls that were taken ahead of need, by several holders, and spent at any later time: what nobody holds and
what all hold together is never more than one bucket.
"""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from narthex.model.limit import Limit
from narthex.policy import gcra
from narthex.policy.tally import UNKNOWN, Bucket

INTERVALS = st.integers(1, 50)
BURSTS = st.integers(1, 12)
GAPS = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 8)), min_size=1, max_size=60)


def most_in_any_window(admitted: list[int], interval: int, burst: int) -> None:
    """At most `burst` and one for each whole interval that passed, wherever a window begins and ends."""
    for first, begin in enumerate(admitted):
        for last in range(first, len(admitted)):
            passed = admitted[last] - begin
            assert last - first + 1 <= burst + passed // interval, (begin, admitted[last], interval, burst)


@given(INTERVALS, BURSTS, GAPS)
def test_no_window_lets_through_more_than_burst_and_rate(
    interval: int, burst: int, gaps: list[tuple[int, int]]
) -> None:
    now, full, admitted = 0, 0, []
    for gap, want in gaps:
        now += gap
        taken = gcra.take(full, now, interval, burst, want)
        full = taken.full
        admitted += [now] * taken.calls

    most_in_any_window(admitted, interval, burst)


@given(INTERVALS, BURSTS, GAPS)
def test_the_wait_that_is_told_is_exact(interval: int, burst: int, gaps: list[tuple[int, int]]) -> None:
    now, full = 0, 0
    for gap, want in gaps:
        now += gap
        taken = gcra.take(full, now, interval, burst, want)
        full = taken.full
        if taken.calls < want:
            assert taken.wait > 0
            assert gcra.take(full, now + taken.wait - 1, interval, burst, 1).calls == 0
            assert gcra.take(full, now + taken.wait, interval, burst, 1).calls == 1
        else:
            assert (taken.wait == 0) == (gcra.take(full, now, interval, burst, 1).calls == 1)


@given(INTERVALS, BURSTS)
def test_a_full_bucket_lets_its_burst_through_at_once_and_no_more(interval: int, burst: int) -> None:
    assert gcra.take(0, 1_000, interval, burst, burst + 5).calls == burst
    assert gcra.take(0, 1_000, interval, burst, 0).calls == 0


LEASES = st.lists(
    st.tuples(
        st.integers(0, 60),  # ticks that pass
        st.integers(0, 2),  # who
        st.sampled_from(["lease", "spend", "spend", "spend", "back"]),
        st.integers(1, 6),  # how many
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=300)
@given(INTERVALS, BURSTS, LEASES)
def test_leases_of_several_holders_spent_at_any_time_never_let_through_more(
    interval: int, burst: int, steps: list[tuple[int, int, str, int]]
) -> None:
    limit = Limit("rate", "x", "x", "", "", "server", False, interval=interval, burst=burst)
    holders = [Bucket(limit, b"") for _ in range(3)]
    now, full, admitted = 10_000, 0, []
    for gap, who, what, count in steps:
        now += gap
        holder = holders[who]
        if what == "lease":
            taken = gcra.take(full, now, interval, burst, count)
            full = taken.full
            holder.leased(now, taken.first, taken.calls)
        elif what == "back":
            full = gcra.given_back(full, now, holder.left(now))
        else:
            for _ in range(count):
                if holder.look(now, 1) == 0:
                    holder.spend(1)
                    admitted.append(now)

    most_in_any_window(admitted, interval, burst)


@settings(max_examples=300)
@given(INTERVALS, BURSTS, st.lists(st.integers(0, 120), min_size=1, max_size=80), st.integers(1, 6))
def test_alone_a_holder_of_leases_is_never_more_than_one_call_behind_the_bucket_itself(
    interval: int, burst: int, gaps: list[int], size: int
) -> None:
    """A slot that begins unspent is the bucket's again bit by bit, over one interval: no more than that is lost."""
    limit = Limit("rate", "x", "x", "", "", "server", False, interval=interval, burst=burst)
    holder = Bucket(limit, b"")
    now, full, ideal, behind = 10_000, 0, 0, 0
    for gap in gaps:
        now += gap
        judged = gcra.take(ideal, now, interval, burst, 1)
        ideal = judged.full
        if holder.look(now, 1) == UNKNOWN:
            taken = gcra.take(full, now, interval, burst, size)
            full = taken.full
            holder.leased(now, taken.first, taken.calls)
        passes = holder.look(now, 1) == 0
        if passes:
            holder.spend(1)
        behind += judged.calls - passes

        assert behind <= 1


def test_slots_in_hand_are_good_until_they_begin_and_not_a_tick_longer() -> None:
    limit = Limit("rate", "x", "x", "", "", "server", False, interval=10, burst=5)
    bucket = Bucket(limit, b"")
    bucket.leased(100, 100, 3)  # slots at 100, 110, 120

    assert bucket.look(100, 1) == 0
    assert (bucket.look(110, 1), bucket.held) == (0, 2)
    assert (bucket.look(120, 1), bucket.held) == (0, 1)
    assert bucket.look(121, 1) == UNKNOWN


def test_what_somebody_waited_for_is_good_although_it_has_begun_once() -> None:
    limit = Limit("rate", "x", "x", "", "", "server", False, interval=10, burst=5)
    bucket = Bucket(limit, b"")
    bucket.leased(105, 100, 1)
    bucket.promised = 1

    assert bucket.look(105, 1) == 0
    bucket.spend(1)
    assert bucket.look(105, 1) == UNKNOWN


def test_a_spent_slot_can_be_taken_back_in_the_same_turn() -> None:
    limit = Limit("rate", "x", "x", "", "", "server", False, interval=10, burst=5)
    bucket = Bucket(limit, b"")
    bucket.leased(100, 100, 1)
    bucket.leased(100, 500, 1)
    bucket.spend(1)
    bucket.unspend(1)

    assert bisect_left([bucket.next], 100) == 0
    assert (bucket.next, bucket.end, bucket.later) == (100, 110, [(500, 510)])
