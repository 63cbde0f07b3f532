"""Streams of older revisions that can be taken up again: events kept for `Last-Event-ID` (2025-11-25, transports).

Knows: one buffer per stream, bounded in events, bytes and time. Refuses to know: what the events say.
"""

from collections import deque

from narthex.edge.stream import Stream
from narthex.limits import resumption_bytes_max, resumption_events_max, resumption_retry_ms, resumption_seconds_max

streams_kept_max = 16


class Replay:
    """One stream of a session: its last events, and the connection that reads it now."""

    __slots__ = ("_bytes", "_events", "_next", "ended_at", "number", "primed", "stream")

    def __init__(self, number: int) -> None:
        self.number = number
        self.stream: Stream | None = None
        self.ended_at: float | None = None
        self.primed = False
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

    def send(self, message: bytes, *, last: bool = False) -> None:
        """One message, kept and sent. `last` ends the stream."""
        event = b"id: %d-%d\ndata: %b\n\n" % (self.number, self._next, message)
        self._events.append((self._next, event))
        self._next += 1
        self._bytes += len(event)
        while len(self._events) > resumption_events_max or (
            self._bytes > resumption_bytes_max and len(self._events) > 1
        ):
            self._bytes -= len(self._events.popleft()[1])
        if self.stream is not None:
            if last:
                self.stream.end(event)
            else:
                self.stream.send(event)

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
        for number, event in self._events:
            if number > after:
                stream.send(event)
        if self.ended_at is not None:
            stream.end()


class Replays:
    """The streams of one session that may be taken up again."""

    __slots__ = ("_count", "_kept")

    def __init__(self) -> None:
        self._kept: dict[int, Replay] = {}
        self._count = 0

    def new(self) -> Replay:
        self._count += 1
        while len(self._kept) >= streams_kept_max:
            self._kept.pop(next(iter(self._kept)))
        replay = self._kept[self._count] = Replay(self._count)
        return replay

    def find(self, last_event_id: str, now: float) -> tuple[Replay, int] | None:
        """The stream and the position of an event id, if both are still known."""
        number, dash, position = last_event_id.partition("-")
        if not (dash and number.isdigit() and position.isdigit() and len(last_event_id) < 32):
            return None
        replay = self._kept.get(int(number))
        if replay is None or (replay.ended_at is not None and now - replay.ended_at > resumption_seconds_max):
            return None
        return replay, int(position)
