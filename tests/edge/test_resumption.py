"""What is kept of broken streams: the newest of each, and over all sessions no more than one bound allows."""

import asyncio

import pytest

from narthex.edge.resumption import Replay, Replays
from narthex.edge.stream import Stream
from narthex.limits import (
    DEFAULTS,
    MIB,
    Limits,
    resumption_all_bytes_max,
    resumption_bytes_max,
    resumption_seconds_max,
    resumption_streams_max,
)
from narthex.model.config import Config
from narthex.model.endpoint import Snapshot
from narthex.model.identity import LOCAL
from narthex.relay.bus import Bus
from narthex.relay.session import Sessions
from narthex.relay.shelf import Shelf
from narthex.relay.slot import Slot
from narthex.telemetry.owned import Owned
from narthex.wire.seal import Sealer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Reader:
    """A connection that takes everything."""

    write_paused = False

    def __init__(self) -> None:
        self.said = b""

    def write(self, data: bytes) -> None:
        self.said += data

    def stream_ended(self) -> None:
        """What was to be said was said."""

    def stream_overflowed(self) -> None:
        raise AssertionError("it takes everything")

    def now(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(clock: Clock) -> Shelf:
    return Shelf(clock)


def resumed(replay: Replay, after: int = -1) -> bytes:
    reader = Reader()
    replay.resume(after, Stream(reader, chunked=False, queue_bytes_max=MIB))
    return reader.said


def test_the_streams_of_all_sessions_together_stay_below_one_bound(shelf: Shelf) -> None:
    sessions = [Replays(shelf) for _ in range(40)]
    streams = [replays.new() for replays in sessions for _ in range(resumption_streams_max)]
    for replay in streams:
        replay.send(b"x" * (resumption_bytes_max - 1_000))
        assert shelf.bytes <= resumption_all_bytes_max

    kept = [replay for replay in streams if not replay.lost]
    assert kept == streams[-len(kept) :], "the newest"
    assert len(kept) == resumption_all_bytes_max // resumption_bytes_max
    assert shelf.dropped == len(streams) - len(kept)
    assert len(shelf) == len(kept)


def test_a_stream_that_goes_on_is_not_the_oldest(shelf: Shelf) -> None:
    early, *others = (Replays(shelf).new() for _ in range(200))
    early.send(b"first")
    for replay in others:
        replay.send(b"x" * resumption_bytes_max)
        early.send(b"more")

    assert not early.lost
    assert b"more" in resumed(early)


def test_one_event_of_any_size_is_kept(shelf: Shelf) -> None:
    replay = Replays(shelf).new()
    replay.send(b"x" * DEFAULTS.result_bytes_max, last=True)
    replay.ended_at = 1.0

    assert len(resumed(replay)) > DEFAULTS.result_bytes_max


def test_a_stream_that_ended_and_was_lost_is_not_taken_up_again_and_one_that_goes_on_is(shelf: Shelf) -> None:
    replays = Replays(shelf)
    over, open_still = replays.new(), replays.new()
    for replay in (over, open_still):
        replay.send(b"old")
    over.ended_at = 1.0
    for _ in range(2 * resumption_all_bytes_max // resumption_bytes_max):
        Replays(shelf).new().send(b"x" * resumption_bytes_max)
    open_still.send(b"new")

    assert replays.find("1-0", 2.0) is None
    found = replays.find("2-0", 2.0)
    assert found is not None
    assert b"new" in resumed(*found)
    assert b"old" not in resumed(*found)


def test_what_nobody_came_for_in_time_is_kept_no_longer(shelf: Shelf, clock: Clock) -> None:
    replays = Replays(shelf)
    early, late = replays.new(), replays.new()
    early.send(b"early")
    clock.now = resumption_seconds_max / 2
    late.send(b"late")
    clock.now = resumption_seconds_max + 1.0
    shelf.expire()

    assert (early.lost, late.lost) == (True, False)
    assert shelf.bytes < 1_000
    clock.now *= 2
    shelf.expire()
    assert (shelf.bytes, len(shelf), shelf.dropped) == (0, 0, 0)


def test_what_a_session_lets_go_of_is_not_counted_any_more(shelf: Shelf) -> None:
    replays = Replays(shelf)
    for _ in range(3 * resumption_streams_max):
        replays.new().send(b"x" * 1_000)
    assert len(shelf) == resumption_streams_max
    replays.release()

    assert (shelf.bytes, len(shelf)) == (0, 0)


async def test_a_session_that_ends_takes_what_was_kept_for_it_along() -> None:
    slot = Slot(Snapshot(1, Config(), {}))
    sessions = Sessions(
        Sealer((b"k" * 32,)), Bus(slot, Owned("test", lambda _where, _fault: None)), Limits(sessions_max=2)
    )
    opened = [sessions.open("2025-11-25", {}, "", LOCAL) for _ in range(2)]
    for session in opened:
        session.replays = replays = Replays(session.shelf)
        replays.new().send(b"x" * 1_000)
    both = sessions.shelf.bytes
    sessions.end(opened[0])
    one = sessions.shelf.bytes
    sessions.open("2025-11-25", {}, "", LOCAL)
    sessions.open("2025-11-25", {}, "", LOCAL)  # the second of those above had to make room

    assert (both, one, sessions.shelf.bytes) == (2 * one, one, 0)
    assert sessions.idle(asyncio.get_running_loop().time()) == [opened[1]]
