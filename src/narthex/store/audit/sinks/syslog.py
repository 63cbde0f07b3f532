"""Syslog as RFC 5424 has it: over UDP (RFC 5426), TCP with octet counting (RFC 6587, 3.4.1), or a local socket.

Knows: messages and sockets. Refuses to know: more of a record than its time, kind and decision.

None of the three is ever answered, so what was in the buffers of a receiver that died is lost there. The folder
has it.
"""

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from narthex.limits import audit_datagram_bytes_max, audit_sink_seconds_max
from narthex.store.audit.follow import Item
from narthex.store.audit.sinks.sink import SinkFault

_ERROR, _WARNING, _NOTICE, _INFO = 3, 4, 5, 6


class Brief(msgspec.Struct, gc=False):
    """What a syslog message says outside of its text."""

    kind: str
    at: int = 0
    chain: str = ""
    decision: str = ""
    outcome: str = ""
    seq: int = 0


_read = msgspec.json.Decoder(Brief).decode


def severity(brief: Brief) -> int:
    if brief.kind == "gap":
        return _ERROR
    if brief.outcome in ("error", "unknown"):
        return _WARNING
    return _NOTICE if brief.decision == "deny" or brief.kind == "act" else _INFO


def message(item: Item, facility: int, host: str, bytes_max: int | None = None) -> bytes:
    """One message. Where it would be too long, its text is the record's place alone."""
    try:
        brief = _read(item.line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        brief = Brief(kind="damaged", chain=item.chain)
    at = datetime.fromtimestamp(brief.at / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = f"<{facility * 8 + severity(brief)}>1 {at} {host} narthex - {brief.kind} - ".encode()
    if bytes_max is not None and len(head) + len(item.line) > bytes_max:
        return head + msgspec.json.encode({"chain": brief.chain, "seq": brief.seq, "too_long": len(item.line)})
    return head + item.line


class SyslogSink:
    """`address`: `udp://HOST:PORT`, `tcp://HOST:PORT`, `unix:///PATH`."""

    def __init__(self, address: str, facility: int, timeout_seconds: float | None = None) -> None:
        parts = urlsplit(address)
        self._kind = parts.scheme
        self._place = parts.path if parts.scheme == "unix" else (parts.hostname or "", parts.port or 514)
        self._name = address
        self._facility = facility
        self._seconds = timeout_seconds or audit_sink_seconds_max
        self._host = _host()
        self._socket: socket.socket | None = None
        self._stream = parts.scheme == "tcp"

    def send(self, items: Sequence[Item]) -> None:
        try:
            connection = self._connected()
            if self._stream:
                framed = [message(item, self._facility, self._host) for item in items]
                connection.sendall(b"".join(b"%d %b" % (len(one), one) for one in framed))
            else:
                for item in items:
                    connection.send(message(item, self._facility, self._host, audit_datagram_bytes_max))
        except OSError as error:
            self.close()
            raise SinkFault(f"{self._name}: {error.strerror or error}") from None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and self._stream and _closed_by_peer(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        if self._kind == "tcp":
            assert isinstance(self._place, tuple), "host and port"
            return socket.create_connection(self._place, self._seconds)
        if self._kind == "udp":
            assert isinstance(self._place, tuple), "host and port"
            family, kind, protocol, _name, address = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
            return self._opened(family, kind, protocol, address)
        try:
            self._stream = False
            return self._opened(socket.AF_UNIX, socket.SOCK_DGRAM, 0, self._place)
        except OSError:  # a local socket of the other type
            self._stream = True
            return self._opened(socket.AF_UNIX, socket.SOCK_STREAM, 0, self._place)

    def _opened(self, family: int, kind: int, protocol: int, address: object) -> socket.socket:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(self._seconds)
            # Connected also where that means nothing: then the system tells of a port that nobody listens on.
            made.connect(address)  # type: ignore[arg-type]
        except OSError:
            made.close()
            raise
        return made


def _closed_by_peer(connection: socket.socket) -> bool:
    """A receiver that went away is noticed here, and not after a batch was thrown into its grave."""
    seconds = connection.gettimeout()
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(seconds)


def _host() -> str:
    name = socket.gethostname()
    return name if name and name.isascii() and name.isprintable() and " " not in name else "-"
