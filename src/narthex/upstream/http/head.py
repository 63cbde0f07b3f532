"""The head of a request, as bytes.

Knows: which headers are this client's own business, and which bytes may stand in a header.
Refuses to know: what the headers of a call mean.
"""

import re
from collections.abc import Iterable

from narthex.upstream.http.origin import Origin

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.1: a token
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5, with obs-text
METHOD = re.compile(r"[A-Z]+")

# Framing and routing are decided here alone; a second opinion in a header is how requests are smuggled.
OURS = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"upgrade",
        b"expect",
        b"accept-encoding",
    }
)


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Encode headers, each line with its CRLF. Raises ValueError for a header that must not be sent."""
    lines = bytearray()
    for name, value in headers:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a header name: {name!r}")
        if name.lower() in OURS:
            raise ValueError(f"the header {name.decode()} is set by the client itself")
        if not VALUE.fullmatch(value):
            # The value may be a secret, so it is not shown.
            raise ValueError(f"the value of the header {name.decode()} holds a control character")
        lines += b"%b: %b\r\n" % (name, value)
    return bytes(lines)


def request_head(method: str, origin: Origin, target: bytes, fixed: bytes) -> bytes:
    """Request line and the headers every request carries; the caller adds its own, the length and the end.

    We ask for no compression: a gateway that looks into answers would have to unpack them, and a small
    compressed body can hold a very large one.
    """
    if not METHOD.fullmatch(method) or method in ("HEAD", "CONNECT"):
        raise ValueError(f"the method {method!r} is not spoken here")
    return b"%b %b HTTP/1.1\r\nhost: %b\r\naccept-encoding: identity\r\n%b" % (
        method.encode(),
        target,
        origin.authority,
        fixed,
    )
