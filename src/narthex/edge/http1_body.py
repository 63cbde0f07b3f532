"""The body of a request: raw bytes in, decoded bytes and an exact end out.

Knows: where a body ends, to the byte (RFC 9112 6.2, 7.1), and what one may weigh.
Refuses to know: sockets, what time it is; trailers, which are parsed for their framing and thrown away.
"""

from typing import Final

import httptools

from narthex.edge.http1_head import HEAD_END, Refused
from narthex.limits import Limits, chunked_splits_max

# The parser wants a request before the chunks; the real head was read, and judged, by a parser of its own.
_PRELUDE: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class LengthBody:
    """Collects a body whose length was announced, and judged, in the head."""

    __slots__ = ("_needed", "body")

    exact = True

    def __init__(self, length: int) -> None:
        self.body = bytearray()
        self._needed = length

    @property
    def complete(self) -> bool:
        return not self._needed

    def feed(self, data: bytes, limits: Limits) -> bytes:
        """Take raw bytes; give back those that follow the end of the body."""
        taken = data if len(data) <= self._needed else data[: self._needed]
        self.body += taken
        self._needed -= len(taken)
        return data[len(taken) :]


class ChunkedBody:
    """Collects one chunked body. `complete` is True once its last byte was fed."""

    __slots__ = ("_parser", "_quiet", "_splits", "_tail", "body", "complete", "exact")

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False
        self.exact = True  # False: what follows the body may have been swallowed with it, so close the connection
        self._tail = b""  # the last bytes fed, where an end may have begun
        self._quiet = 0  # bytes of framing since the last byte of body
        self._splits = 0
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_PRELUDE)

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True

    def feed(self, data: bytes, limits: Limits) -> bytes:
        """Take raw bytes; give back those that follow the end of the body. Raises Refused.

        The parser cannot say where in its input a message ended. But a chunked body always ends in an
        empty line: so it is fed up to and including each empty line, and an end is always the end of a feed.
        A body made of empty lines would cost a feed for each; after `chunked_splits_max` we stop being exact.
        """
        window = self._tail + data
        shift = len(self._tail)
        start = at = 0
        while self.exact:
            found = window.find(HEAD_END, at)
            if found < 0:
                break
            at = found + 1
            stop = found + len(HEAD_END) - shift
            self._take(data[start:stop], limits)
            start = stop
            if self.complete:
                return data[stop:]
            self._splits += 1
            self.exact = self._splits < chunked_splits_max
        self._take(data[start:], limits)
        self._tail = window[-3:]
        return b""

    def _take(self, piece: bytes, limits: Limits) -> None:
        before = len(self.body)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserError as error:
            if self.complete:
                return  # not exact any more: what follows the body is not ours to judge, the connection closes
            raise Refused(400, "malformed_chunks", f"The chunked body is not well-formed: {error}.") from None
        if len(self.body) > limits.body_bytes_max:
            raise Refused(413, "body_too_large", f"The body is over {limits.body_bytes_max} bytes.")
        # Extensions and trailers carry nothing we want, and must not be a way to send without limit.
        self._quiet = 0 if len(self.body) > before else self._quiet + len(piece)
        if self._quiet > limits.header_bytes_max:
            raise Refused(431, "trailers_too_large", f"More than {limits.header_bytes_max} bytes of trailers.")


def judge_pace(received: int, elapsed: float, now: float, limits: Limits) -> float:
    """Is an unfinished body coming fast enough? The time to ask again. Raises Refused."""
    left = limits.body_seconds_max - elapsed
    if left <= 0:
        raise Refused(408, "body_timeout", f"The body took over {limits.body_seconds_max:g} s.")
    if received < limits.body_bytes_per_second_min * elapsed:
        raise Refused(408, "body_too_slow", "The body came too slowly.")
    return now + min(left, 1.0)
