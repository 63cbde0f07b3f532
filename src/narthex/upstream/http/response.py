"""One connection's responses: bytes in, a status, headers and a body out.

Knows: which answers of HTTP/1.1 we accept and how large they may be. The parsing itself is llhttp's.
Refuses to know: sockets, clocks, and who waits.
"""

import re

from httptools import HttpParserError, HttpResponseParser

from narthex.limits import Limits
from narthex.upstream.http.fault import HttpFault, Malformed, TooLarge
from narthex.upstream.http.known import KnownAnswers
from narthex.upstream.http.reply import HttpReply, media_type

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
KEEP_ALIVE = re.compile(rb"timeout\s*=\s*([0-9]{1,9})(?![0-9])", re.IGNORECASE)
NO_BODY = frozenset({204, 304})


class Response:
    """The present response of a connection; `begin` makes room for the next.

    Trailers are dropped: merged into the headers they could overwrite what was already decided upon.
    """

    __slots__ = (
        "_arriving",
        "_duplicates",
        "_fault",
        "_feed",
        "_interim",
        "_known",
        "_overhead",
        "_parser",
        "body",
        "complete",
        "content_type",
        "head_complete",
        "headers",
        "keep_alive",
        "keep_alive_seconds",
        "limits",
        "status",
        "until_close",
    )

    def __init__(self, limits: Limits, known: KnownAnswers) -> None:
        self.limits = limits  # may be replaced
        self.keep_alive_seconds = float("inf")  # how long the server says it keeps an idle connection
        self._parser = HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._known = known
        self.begin()

    def begin(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.content_type = b""
        self.body: bytes | bytearray = b""
        self.head_complete = False
        self.complete = False
        self.keep_alive = True
        self.until_close = False
        self._interim = False
        self._arriving = 0
        self._overhead = 0
        self._duplicates = 0
        self._fault: HttpFault | None = None

    def feed(self, data: bytes) -> None:
        """Raises Malformed or TooLarge; then the connection is of no further use."""
        if self.status == 0 and self._arriving == 0 and self._known_whole(data):
            return
        had = len(self.body)
        self._arriving = len(data)
        try:
            self._feed(data)
        except HttpParserError as error:
            if self._fault is not None:
                raise self._fault from None
            if not self.complete:
                raise Malformed(f"not an HTTP response: {error}", sent=True) from None
            self.keep_alive = False  # the answer is whole; what follows it is not our business
        if not self.complete:
            self._check_unfinished(had)
        elif len(self.body) > self.limits.result_bytes_max:
            raise self._too_large()
        elif had == 0 and self.keep_alive and not self._duplicates:
            self._known.remember(data, self.status, self.headers, self.content_type, len(self.body))

    def _known_whole(self, data: bytes) -> bool:
        """A whole answer whose head was parsed before, here or on another connection: taken without parsing."""
        found = self._known.find(data)
        if found is None:
            return False
        known, stop = found
        if known.length > self.limits.result_bytes_max:
            return False
        self._arriving = len(data)
        self.status, self.headers, self.content_type, _ = known
        self.head_complete = self.complete = True
        self.body = data[stop:]
        return True

    @property
    def started(self) -> bool:
        """Whether any byte of it has arrived."""
        return self._arriving > 0

    def reply(self, *, streamed: bool) -> HttpReply:
        body = self.body
        return HttpReply(
            self.status, self.headers, self.content_type, body if type(body) is bytes else bytes(body), streamed
        )

    def take_body(self) -> bytes:
        """What has arrived of the body since the last time, for those who read it in pieces."""
        body, self.body = self.body, b""
        return bytes(body)

    # The parser's callbacks, in the order in which it calls them.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False  # a second answer to one request: believe the first, trust none after it

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_complete:
            return
        name = name.lower()
        headers = self.headers
        if name in headers:
            # Joining is quadratic in the number of repetitions, so these are counted.
            self._duplicates += 1
            if self._duplicates > self.limits.header_count_max:
                self._refuse(TooLarge("too many repeated headers", sent=True))
            value = b"%b, %b" % (headers[name], value)
        headers[name] = value

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.status = status = self._parser.get_status_code()
        headers = self.headers
        if status < 200:
            if status == 101:
                self._refuse(Malformed("the server switched protocols unasked", sent=True))
            self._interim = True
            return
        self.head_complete = True
        if self._overhead + self._arriving > self.limits.upstream_header_bytes_max:
            self._check_head_size()  # counted header by header only where it can matter at all
        if b"content-encoding" in headers:
            self._check_encoding(headers[b"content-encoding"])
        content_type = headers.get(b"content-type", b"")
        self.content_type = content_type if content_type == JSON else media_type(content_type)
        # False as well for a body that only the end of the connection ends.
        self.keep_alive = self._parser.should_keep_alive()
        if b"keep-alive" in headers:
            self._read_keep_alive(headers[b"keep-alive"])
        if b"transfer-encoding" in headers:
            if headers[b"transfer-encoding"].lower() != b"chunked":
                self._refuse(Malformed("a transfer encoding other than chunked", sent=True))
        elif b"content-length" not in headers:
            self.until_close = status not in NO_BODY
        elif int(headers[b"content-length"]) > self.limits.result_bytes_max:
            self._check_length()

    def on_body(self, piece: bytes) -> None:
        if self.complete:
            return
        if not self.body:
            self.body = piece
            return
        # A bytearray, not a list of pieces: chunks of two bytes each would cost twenty times their size.
        if type(self.body) is bytes:
            self.body = bytearray(self.body)
        self.body += piece

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self.headers = {}
            return
        self.complete = True

    # Everything below is off the path of an ordinary answer.

    def _check_unfinished(self, had: int) -> None:
        limits = self.limits
        if len(self.body) > had:
            self._overhead = 0
            if len(self.body) > limits.result_bytes_max:
                raise self._too_large()
            return
        # Bytes that bring neither body nor end: a head, trailers, chunk extensions, interim responses.
        self._overhead += self._arriving
        if self._overhead > limits.upstream_header_bytes_max:
            raise TooLarge(f"more than {limits.upstream_header_bytes_max} bytes of headers", sent=True)

    def _check_head_size(self) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in self.headers.items())
        if size > self.limits.upstream_header_bytes_max:
            self._refuse(TooLarge(f"more than {self.limits.upstream_header_bytes_max} bytes of headers", sent=True))

    def _check_length(self) -> None:
        """Refuse at once what would be refused in the end. Event streams have limits of their own."""
        if self.content_type != EVENT_STREAM:
            self._refuse(self._too_large())

    def _read_keep_alive(self, value: bytes) -> None:
        """`timeout=5, max=100`: not in any current RFC, but what Node.js and nginx announce and hold to."""
        found = KEEP_ALIVE.search(value)
        if found is not None:
            self.keep_alive_seconds = float(found[1])

    def _check_encoding(self, encoding: bytes) -> None:
        if encoding.strip().lower() not in (b"", b"identity"):
            self._refuse(Malformed("a compressed answer, although we asked for none", sent=True))

    def _refuse(self, fault: HttpFault) -> None:
        """Stop the parser; it wraps what a callback raises, so the fault is kept beside."""
        self._fault = fault
        raise fault

    def _too_large(self) -> TooLarge:
        return TooLarge(f"an answer of more than {self.limits.result_bytes_max} bytes", sent=True)
