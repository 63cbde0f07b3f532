"""Where a gateway listens: its port, and the names by which it may be called there.

Knows: what the configuration says of addresses. Refuses to know: what is behind the door.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from narthex.control.address import Address, parse_listen
from narthex.edge.http1_doors import LOOPBACK
from narthex.edge.http1_head import BROKEN_MCP
from narthex.edge.listener import Listener
from narthex.model.config import Config
from narthex.wire.envelope import encode_error
from narthex.wire.faults import HEADER_MISMATCH, INVALID_REQUEST


async def first_free(listener: Listener, own: Address) -> int:
    """At the address of the configuration, or, where somebody has that already, at any port. Raises `OSError`."""
    if own.loopback and own.scheme == "http":
        try:
            return await listener.start("127.0.0.1", own.port)
        except OSError:
            pass  # a service with the same configuration, or another client's gateway
    return await listener.start("127.0.0.1", 0)


@contextmanager
def naming(address: str) -> Iterator[None]:
    """An address that cannot be used, by the name it has in the configuration."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{address} cannot be used: {error.strerror or error}") from None


def hosts_of(config: Config) -> frozenset[str] | None:
    """The names clients may call us by: the machine's own, and those of whatever stands in front. None: only those."""
    public = urlsplit(config.public_url).hostname if config.public_url else None
    own = parse_listen(config.listen)
    further = {*config.allowed_hosts, *([public] if public else ()), *([] if own.loopback else [own.host])}
    further = {
        f"[{host}]" if host.count(":") > 1 and host[0] != "[" else host for host in further
    }  # as in a Host header
    return frozenset(further) | LOOPBACK if further else None


def refusal_of(status: int, reason: str, message: str) -> bytes:
    code = HEADER_MISMATCH if reason == BROKEN_MCP else INVALID_REQUEST
    return encode_error(None, code, message, {"reason": reason, "status": status})
