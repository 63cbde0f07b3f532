"""A head that comes in pieces: collected until it is whole, and judged before it is.

Knows: what can be refused in an unfinished head. Refuses to know: what a whole head says (`http1_head`), clocks.
"""

import re
from typing import Final

from narthex.edge.http1_head import HEAD_END, Refused
from narthex.limits import Limits

_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)+")
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")


class PartialHead:
    """The parser is given whole heads only, so that the bytes of a head are counted before it sees any."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes, limits: Limits) -> tuple[bytes, int] | None:
        """Take bytes. Once the head is whole: all bytes, and where the head ends in them. Raises Refused."""
        buffer = self._buffer
        seen = max(len(buffer) - len(HEAD_END) + 1, 0)
        buffer += data
        if buffer.startswith(b"\r\n"):
            empty = _EMPTY_LINES.match(buffer)  # may come before a request (RFC 9112 2.2)
            del buffer[: empty.end() if empty else 0]
        found = buffer.find(HEAD_END, seen)
        stop = found + len(HEAD_END) if found >= 0 else len(buffer)
        self._judge(seen, stop, limits)
        return (bytes(buffer), stop) if found >= 0 else None

    def _judge(self, seen: int, stop: int, limits: Limits) -> None:
        buffer = self._buffer
        if stop > limits.header_bytes_max:
            line = buffer.find(b"\r\n", 0, stop)
            if line < 0 or line > limits.url_bytes_max:
                raise Refused(414, "url_too_long", f"The URL is over {limits.url_bytes_max} bytes.")
            raise Refused(431, "header_bytes", f"The header is over {limits.header_bytes_max} bytes.")
        if buffer and not 0x41 <= buffer[0] <= 0x5A and buffer != b"\r":
            raise Refused(400, "malformed_http", "This is not an HTTP/1.1 request.")
        if _BARE_LINE_FEED.search(buffer, max(seen - 1, 0), stop):
            raise Refused(400, "malformed_http", "Lines end in CR LF.")
