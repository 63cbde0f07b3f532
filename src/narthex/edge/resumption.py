"""Streams of older revisions that can be taken up again: events kept for `Last-Event-ID` (2025-11-25, transports).

Knows: one buffer per stream, bounded in events, bytes and time, and all of them together by the shelf. Refuses to know:
what the events say.
"""

from collections import deque

from narthex.edge.stream import Stream
from narthex.limits import (
    resumption_bytes_max,
    resumption_events_max,
    resumption_retry_ms,
    resumption_seconds_max,
    resumption_streams_max,
)
from narthex.relay.shelf import Shelf

_EVENT_BYTES = 128  # what CPython adds to the bytes of one event


class Replay:
    """One stream of a session: its last events, and the connection that reads it now."""

    __slots__ = ("_bytes", "_events", "_next", "_shelf", "ended_at", "lost", "number", "primed", "stream")

    def __init__(self, number: int, shelf: Shelf) -> None:
        self.number, self._shelf = number, shelf
        self.stream: Stream | None = None
        self.ended_at: float | None = None
        self.primed = False
        self.lost = False  # what it kept had to make room, or nobody came in time
        self._events: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._next = 0

    @property
    def listening(self) -> bool:
        return self.stream is not None and not self.stream.closed

    def prime(self) -> bytes:
        """The first event: an id without data, so that a client can come back before anything was said."""
        number, self._next = self._next, self._next + 1
        self.primed = True
        return b"id: %d-%d\nretry: %d\ndata: \n\n" % (self.number, number, resumption_retry_ms)

    def send(self, message: bytes, *, last: bool = False) -> Stream | None:
        """One message, kept and sent: on the stream that is returned, if somebody reads. `last` ends it."""
        event = b"id: %d-%d\ndata: %b\n\n" % (self.number, self._next, message)
        self._events.append((self._next, event))
        self._next += 1
        self._bytes += len(event) + _EVENT_BYTES
        while len(self._events) > resumption_events_max or (
            self._bytes > resumption_bytes_max and len(self._events) > 1
        ):
            self._bytes -= len(self._events.popleft()[1]) + _EVENT_BYTES
        self._shelf.hold(self, self._bytes)
        if self.stream is not None:
            if last:
                self.stream.end(event)
            else:
                self.stream.send(event)
        return self.stream

    def drop(self) -> None:
        """Nothing of what was said so far can be had any more."""
        self._events.clear()
        self._bytes = 0
        self.lost = True

    def part(self) -> None:
        """Free the connection; what follows waits for the client."""
        if self.stream is not None:
            self.stream.end()
            self.stream = None

    def resume(self, after: int, stream: Stream) -> None:
        """The client is back: what it missed first, then what comes."""
        if self.stream is not None:
            self.stream.end()
        self.stream = stream
        # At once: a queue takes one event of any size, but of many no more than its limit.
        stream.send(b"".join(event for number, event in self._events if number > after))
        if self.ended_at is not None:
            stream.end()


class Replays:
    """The streams of one session that may be taken up again."""

    __slots__ = ("_count", "_kept", "_shelf")

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._kept: dict[int, Replay] = {}
        self._count = 0

    def new(self) -> Replay:
        self._count += 1
        while len(self._kept) >= resumption_streams_max:
            self._shelf.release(self._kept.pop(next(iter(self._kept))))
        replay = self._kept[self._count] = Replay(self._count, self._shelf)
        return replay

    def release(self) -> None:
        """The session is over."""
        for replay in self._kept.values():
            self._shelf.release(replay)
        self._kept.clear()

    def find(self, last_event_id: str, now: float) -> tuple[Replay, int] | None:
        """The stream and the position of an event id, if both are still known."""
        number, dash, position = last_event_id.partition("-")
        if not (dash and number.isdigit() and position.isdigit() and len(last_event_id) < 32):
            return None
        replay = self._kept.get(int(number))
        if replay is None:
            return None
        if replay.ended_at is not None and (replay.lost or now - replay.ended_at > resumption_seconds_max):
            return None  # nothing will come on it, and what came is gone
        return replay, int(position)
