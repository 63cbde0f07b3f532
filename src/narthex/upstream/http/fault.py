"""What can go wrong between us and a server, as exceptions.

Knows: whether a request may have reached the server, which decides if repeating it can do harm.
Refuses to know: what the client of the gateway is told about it.
"""

from typing import ClassVar


class HttpFault(Exception):
    """A request to a server did not bring an answer.

    `reason` is a word for metrics and tables; `sent` says that bytes of the request may have reached the
    server; `stale` that a kept connection died before the first byte of the answer, which nearly always means
    that the server closed it while our request was on its way (RFC 9112, 9.3.1).
    """

    reason: ClassVar[str] = "lost"

    def __init__(self, text: str, *, sent: bool = False, stale: bool = False) -> None:
        super().__init__(text)
        self.sent = sent
        self.stale = stale


class BlockedAddress(HttpFault):
    """The name resolves to an address this client must not speak to."""

    reason = "blocked_address"


class ConnectFailed(HttpFault):
    """No connection: unknown name, nobody listening, no route."""

    reason = "connect_failed"


class ConnectTimeout(HttpFault):
    """No connection within the time for connecting."""

    reason = "connect_timeout"


class TlsFailed(HttpFault):
    """The handshake failed: wrong certificate, wrong name, no common version."""

    reason = "tls_failed"


class PoolFull(HttpFault):
    """No connection became free in time, or too many already wait."""

    reason = "pool_full"


class TimedOut(HttpFault):
    """The deadline passed, or the reader of a stream stood still for too long."""

    reason = "timeout"


class Lost(HttpFault):
    """The connection ended before the first byte of the answer, or we closed the client."""

    reason = "lost"


class Truncated(HttpFault):
    """The connection ended in the middle of the answer."""

    reason = "truncated"


class Malformed(HttpFault):
    """The answer is not HTTP/1.1 as we accept it, or not an event stream although it says so."""

    reason = "malformed"


class TooLarge(HttpFault):
    """The answer is over a limit."""

    reason = "too_large"
