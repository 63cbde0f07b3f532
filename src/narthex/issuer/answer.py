"""A request, as far as this room reads it, and the answer that it gives.

Knows: the shapes, and the headers that every answer here has. Refuses to know: sockets.
"""

from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from narthex.wire.strict import encode

Lines = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
# What is answered here concerns one person: no cache keeps it, and no browser guesses what it is.
PRIVATE: Lines = ((b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff"))


class Fields(Protocol):
    """The headers of a request, names in lower case."""

    def get(self, name: bytes) -> bytes | None: ...
    def count(self, name: bytes) -> int: ...


class Asked(Protocol):
    """One request."""

    @property
    def method(self) -> bytes: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Fields: ...
    @property
    def body(self) -> bytes: ...
    @property
    def peer(self) -> str: ...


class Answer(NamedTuple):
    """One whole answer."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Lines = PRIVATE


class OauthFault(Exception):
    """A client is refused (RFC 6749, 5.2). The text is for whoever holds the client."""

    def __init__(self, error: str, text: str, status: int = 400, retry_after_seconds: int | None = None) -> None:
        super().__init__(text)
        self.error = error
        self.status = status
        self.retry_after_seconds = retry_after_seconds


def json_answer(value: Any, status: int = 200, headers: Lines = ()) -> Answer:
    return Answer(status, encode(value), JSON, (*PRIVATE, *headers))


def fault_answer(fault: OauthFault) -> Answer:
    headers: Lines = ()
    if fault.status == 401:
        headers = ((b"WWW-Authenticate", b'Basic realm="oauth"'),)
    if fault.retry_after_seconds is not None:
        headers = (*headers, (b"Retry-After", b"%d" % fault.retry_after_seconds))
    return json_answer({"error": fault.error, "error_description": described(str(fault))}, fault.status, headers)


def redirect(url: str, headers: Lines = ()) -> Answer:
    """303: whatever this was, the next request is a GET, and never carries a form on."""
    return Answer(
        303, b"", b"", (*PRIVATE, (b"Location", url.encode("ascii")), (b"Referrer-Policy", b"no-referrer"), *headers)
    )


def with_parameters(url: str, parameters: dict[str, str]) -> str:
    """`url` with further parameters behind those that it has."""
    mark = "&" if "?" in url else "?"
    return f"{url}{'' if url.endswith(('?', '&')) else mark}{urlencode(parameters)}"


def described(text: str) -> str:
    """RFC 6749, 4.1.2.1: printable ASCII without quotes and backslashes."""
    return "".join(sign for sign in text.replace('"', "'") if " " <= sign <= "~" and sign != "\\")
