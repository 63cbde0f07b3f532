"""The head of an answer, as bytes.

Knows: status lines, fixed header bytes, framing. Refuses to know: what is answered, and to whom.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Final

Extra = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"  # only HTTP/1.0 must be told

_BODILESS = frozenset({204, 304})  # these end with their head, whatever a length says (RFC 9112 6.3)


@lru_cache(maxsize=256)
def prefix(status: int, content_type: bytes) -> bytes:
    """Everything before the first header that differs from answer to answer."""
    line = b"HTTP/1.1 %d %b\r\n" % (status, _phrase(status))
    return line + b"Content-Type: %b\r\n" % content_type if content_type else line


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b"Status"


def extra_lines(headers: Extra) -> bytes:
    """Header lines for one answer. A line break in a value would write headers of its own: that is our bug."""
    for name, value in headers:
        if _breaks(name + value):
            raise ValueError(f"header {name!r} holds a line break")
    return b"".join(b"%b: %b\r\n" % field for field in headers)


def _breaks(text: bytes) -> bool:
    return b"\r" in text or b"\n" in text or b"\0" in text


def whole(status: int, lines: bytes, content_type: bytes, body: bytes, *, bodiless: bool) -> bytes:
    """One answer in one piece. `bodiless`: to HEAD, the length is told and the body is not."""
    if status in _BODILESS:
        return b"%b%b\r\n" % (prefix(status, b""), lines)
    start = prefix(status, content_type if body else b"")
    if bodiless:
        return b"%b%bContent-Length: %d\r\n\r\n" % (start, lines, len(body))
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (start, lines, len(body), body)


def stream_head(lines: bytes, *, chunked: bool) -> bytes:
    """The head of an event stream. The two cache lines and X-Accel-Buffering keep proxies from collecting events."""
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    return b"%b%b%b\r\n" % (_STREAM, lines, framing)


_STREAM: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Cache-Control: no-store, no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"
)
