"""Servers that are reached by HTTP: the client, its pool, and the guard on addresses.

Knows: HTTP/1.1, TLS, event streams. Refuses to know: the protocol spoken over them.
"""

from narthex.upstream.http.client import HttpClient, PoolStats
from narthex.upstream.http.events import StopStream
from narthex.upstream.http.fault import (
    BlockedAddress,
    ConnectFailed,
    ConnectTimeout,
    HttpFault,
    Lost,
    Malformed,
    PoolFull,
    TimedOut,
    TlsFailed,
    TooLarge,
    Truncated,
)
from narthex.upstream.http.head import header_lines
from narthex.upstream.http.origin import Origin
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.stream import HttpStream
from narthex.upstream.http.tls import Tls

__all__ = [
    "BlockedAddress",
    "ConnectFailed",
    "ConnectTimeout",
    "HttpClient",
    "HttpFault",
    "HttpReply",
    "HttpStream",
    "Lost",
    "Malformed",
    "Origin",
    "PoolFull",
    "PoolStats",
    "StopStream",
    "TimedOut",
    "Tls",
    "TlsFailed",
    "TooLarge",
    "Truncated",
    "header_lines",
]
