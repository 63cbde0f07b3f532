"""The head of one HTTP/1.1 request: bytes in, a `Head` or a `Refused` out.

Knows: the grammar we accept (a strict subset of RFC 9112) and the limits that a head can break.
Refuses to know: sockets, clocks, bodies, what a path means.

Every head gets a parser of its own (0.2 us): no state of the parser can outlive the request it was made for,
so there is nothing for a smuggled request to hide in.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import httptools
import msgspec

from narthex.limits import Limits

CHUNKED: Final = -1  # the length of a body that says itself where it ends
HEAD_END: Final = b"\r\n\r\n"

# Said twice, each of these lets two readers of one request believe two different things.
BROKEN_MCP = "mcp_header"
ONCE = (
    b"host",
    b"authorization",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"origin",
    b"mcp-session-id",
)

# The names that clients send, in the two spellings they use: a look-up is cheaper than folding them each time.
_USUAL = (
    b"Host Connection User-Agent Accept Accept-Encoding Accept-Language Content-Type Content-Length Content-Encoding "
    b"Transfer-Encoding Authorization Origin Referer Cookie Expect Date Cache-Control Last-Event-ID "
    b"Mcp-Method Mcp-Name MCP-Protocol-Version Mcp-Protocol-Version Mcp-Session-Id Traceparent Tracestate Baggage "
    b"X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Real-IP X-Request-Id Forwarded "
    b"Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-Dest"
).split()
_FOLDED: Final = {spelling: name.lower() for name in _USUAL for spelling in (name, name.lower(), name.title())}
_DROPPED: Final = b""

# Path bytes after decoding. No `%`: who decodes twice would see another path than we matched.
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")
_BROKEN_MCP = re.compile(
    rb"\r\nmcp-(?:method|name|param-[^:\r\n]*|protocol-version):[^\r\n]*[^\t\r\n -~]", re.IGNORECASE
)
_DOT_SEGMENT = re.compile(r"/\.\.?(?:/|$)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPED_SEPARATOR = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)


class Refused(Exception):
    """The client broke a rule of HTTP or one of our limits: an HTTP status, a stable reason, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class Headers(msgspec.Struct, eq=False):
    """The header fields of one request, names in lower case, frozen before the first byte of the body.

    Two places for whoever reads them: `notes` for what was worked out from everything but the credential, shared by
    all headers that differ in nothing else; `caller` for whose credential it is. `token` is the credential, where it
    was looked for already.
    """

    _first: dict[bytes, bytes]
    _again: list[tuple[bytes, bytes]]  # fields whose name was there before; nearly always none
    notes: Any = None
    caller: Any = None
    token: bytes = b""

    def get(self, name: bytes) -> bytes | None:
        """The first value of this name."""
        return self._first.get(name)

    def __contains__(self, name: bytes) -> bool:
        return name in self._first

    def count(self, name: bytes) -> int:
        if name not in self._first:
            return 0
        return 1 + sum(1 for again, _ in self._again if again == name)

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """Each first field in its order, then those that came again."""
        return (*self._first.items(), *self._again)

    def __repr__(self) -> str:  # values may be credentials
        return f"<Headers {b', '.join(self._first).decode('ascii', 'replace')}>"


class Head(msgspec.Struct, eq=False):
    """What is known of a request before its body. `length` is in bytes, or CHUNKED."""

    method: bytes
    path: str
    query: str
    headers: Headers
    length: int = 0
    keep_alive: bool = True
    http_1_1: bool = True  # False: HTTP/1.0, which knows neither chunks nor 100 Continue

    def sized(self, length: int) -> "Head":
        """The same before a body of another length."""
        return Head(self.method, self.path, self.query, self.headers, length, self.keep_alive, self.http_1_1)

    def showing(self, name: bytes, value: bytes, token: bytes) -> "Head":
        """The same with another credential: `token`, in the field `name`, whose whole value is `value`."""
        ours = self.headers
        first = ours._first.copy()
        first[name] = value
        headers = Headers(first, ours._again, ours.notes, None, token)
        return Head(self.method, self.path, self.query, headers, self.length, self.keep_alive, self.http_1_1)


class _Collector:
    """Where the parser leaves what it finds. One call per field: it must stay this small."""

    __slots__ = ("again", "complete", "first", "target")

    def __init__(self) -> None:
        self.target = b""
        self.first: dict[bytes, bytes] = {}
        self.again: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, target: bytes) -> None:
        self.target = target

    def on_header(self, name: bytes, value: bytes) -> None:
        name = _FOLDED.get(name) or _fold(name)
        if name in self.first:
            self.again.append((name, value.rstrip()))
        else:
            self.first[name] = value.rstrip()  # the parser leaves the space behind a value (RFC 9112 5.1)

    def on_headers_complete(self) -> None:
        self.complete = True


def read_head(head: bytes, limits: Limits) -> Head:
    """Parse one whole head, its final empty line included. Raises Refused."""
    if not head.isascii():
        raise _broken_mcp(head) or Refused(400, "non_ascii", "Header fields must be ASCII.")
    found = _Collector()
    parser = httptools.HttpRequestParser(found)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # an offer of another protocol (Java's client offers h2c): declined by being ignored, RFC 9110 7.8
    except httptools.HttpParserError as error:
        broken = Refused(400, "malformed_http", f"The request is not well-formed HTTP/1.1: {error}.")
        raise _broken_mcp(head) or broken from None
    if not found.complete:
        raise Refused(400, "malformed_http", "The head of the request is not well-formed HTTP/1.1.")
    method, target, first = parser.get_method(), found.target, found.first
    http_1_1 = _is_http_1_1(head, method, target)
    if len(target) > limits.url_bytes_max:
        raise Refused(414, "url_too_long", f"The URL is over {limits.url_bytes_max} bytes.")
    if len(first) + len(found.again) > limits.header_count_max:
        raise Refused(431, "header_count", f"More than {limits.header_count_max} header fields.")
    if len(head) > limits.header_field_bytes_max:
        _check_field_sizes(head, limits.header_field_bytes_max)
    if found.again or _DROPPED in first:
        _check_repeated(found)
    if b"host" not in first:
        raise Refused(400, "host_missing", "The request has no Host.")
    path, query = read_target(target)
    read = Head(method, path, query, Headers(first, found.again))
    read.http_1_1 = http_1_1
    read.keep_alive = _keep_alive(read.headers, http_1_1=http_1_1) if b"connection" in first else http_1_1
    read.length = _length(first, limits)
    if b"content-encoding" in first and first[b"content-encoding"].lower() != b"identity":
        raise Refused(415, "content_encoding", "Bodies are taken without content coding only.")
    if b"expect" in first and first[b"expect"].lower() != b"100-continue":
        raise Refused(417, "expectation", "The only expectation met here is 100-continue.")
    return read


def _broken_mcp(head: bytes) -> Refused | None:
    """MCP has a code of its own for its headers (S-HDR-06); whoever answers looks at the reason."""
    if not _BROKEN_MCP.search(head):
        return None
    return Refused(400, BROKEN_MCP, "An Mcp- header holds a character that no header can carry. Encode its value.")


def _fold(name: bytes) -> bytes:
    """`mcp_name` and `mcp-name` become one name in CGI-like systems behind us: dropped, as nginx does."""
    return _DROPPED if b"_" in name else name.lower()


def _is_http_1_1(head: bytes, method: bytes, target: bytes) -> bool:
    """True for HTTP/1.1, False for 1.0. The line must be rebuilt exactly: the parser forgives spaces, and HTTP/0.9."""
    if head.startswith(b"%b %b HTTP/1.1\r\n" % (method, target)):
        return True
    if head.startswith(b"%b %b HTTP/1.0\r\n" % (method, target)):
        return False
    raise Refused(505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")


def _check_field_sizes(head: bytes, bytes_max: int) -> None:
    lines = iter(head.split(b"\r\n"))
    next(lines)  # the request line has a limit of its own
    if any(len(line) > bytes_max for line in lines):
        raise Refused(431, "header_field_too_large", f"A header field is over {bytes_max} bytes.")


def _check_repeated(found: _Collector) -> None:
    found.first.pop(_DROPPED, None)
    found.again = [field for field in found.again if field[0] != _DROPPED]
    for name, _ in found.again:
        if name in ONCE:
            raise Refused(400, "duplicate_header", f"The header {name.decode()} was sent more than once.")


def _length(first: dict[bytes, bytes], limits: Limits) -> int:
    """The parser has refused both at once, signs, lists and overflow; what it lets pass besides is refused here."""
    if b"transfer-encoding" in first:
        if first[b"transfer-encoding"].lower() != b"chunked":
            raise Refused(501, "transfer_encoding", "The only transfer coding spoken here is chunked.")
        return CHUNKED
    length = int(first.get(b"content-length", b"0"))
    if length > limits.body_bytes_max:
        raise Refused(413, "body_too_large", f"The body is over {limits.body_bytes_max} bytes.")
    return length


def _keep_alive(headers: Headers, *, http_1_1: bool) -> bool:
    """RFC 9112 9.3. The parser knows it too, but has forgotten it when a request without a body is complete."""
    said = b",".join(value for name, value in headers.items() if name == b"connection").lower()
    options = {option.strip() for option in said.split(b",")}
    return b"close" not in options and (http_1_1 or b"keep-alive" in options)


@lru_cache(maxsize=256)
def read_target(target: bytes) -> tuple[str, str]:
    """Split an origin-form target into a decoded path and a raw query. Raises Refused.

    Only what can be read in one way passes: no absolute form, no hidden separators, no dot segments.
    """
    raw_path, _, query = target.partition(b"?")
    if not raw_path.startswith(b"/"):
        raise Refused(400, "target_form", "The request target must be a path, starting with '/'.")
    if _ESCAPED_SEPARATOR.search(raw_path):
        raise Refused(400, "target_path", "The path hides a separator behind an escape.")
    path = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw_path).decode("latin-1")
    if not _PATH.fullmatch(path) or _DOT_SEGMENT.search(path):
        raise Refused(400, "target_path", "The path holds dot segments or characters that are not allowed.")
    if b"#" in query:
        raise Refused(400, "target_form", "A request target has no fragment.")
    return path, query.decode("ascii")
