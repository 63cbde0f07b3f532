"""The events of one answer, counted.

Knows: how long one stream may be. Refuses to know: what to do with an event.
"""

from collections.abc import Iterator

from narthex.limits import Limits
from narthex.upstream.http.fault import Malformed, TooLarge
from narthex.wire.sse import SseEvent, SseFault, SseParser, SseTooLarge


class StopStream(Exception):
    """Raised by a reader of events that has what it wanted."""


class EventReader:
    """Parses one stream under the limits of the operator."""

    __slots__ = ("_bytes_left", "_events_left", "_parser")

    def __init__(self, limits: Limits) -> None:
        self._parser = SseParser(limits.sse_event_bytes_max)
        self._bytes_left = limits.sse_stream_bytes_max
        self._events_left = limits.sse_stream_events_max

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """Raises TooLarge and Malformed, after the events that were still within the limits."""
        if not chunk:
            return
        self._bytes_left -= len(chunk)
        if self._bytes_left < 0:
            raise TooLarge("the stream is over its limit of bytes", sent=True)
        try:
            events = self._parser.feed(chunk)
        except SseTooLarge as fault:
            raise TooLarge(str(fault), sent=True) from None
        except SseFault as fault:
            raise Malformed(str(fault), sent=True) from None
        for event in events:
            self._events_left -= 1
            if self._events_left < 0:
                raise TooLarge("the stream is over its limit of events", sent=True)
            yield event
