"""From an origin to an open connection: resolve, look at each address, connect to exactly that address.

Knows: the one order in which a name cannot be swapped between the check and the connection (DNS rebinding).
Refuses to know: who waits for the connection and what will be asked over it.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from narthex.limits import upstream_addresses_tried_max
from narthex.upstream.http.fault import BlockedAddress, ConnectFailed, ConnectTimeout, HttpFault, TlsFailed
from narthex.upstream.http.origin import Origin
from narthex.upstream.http.tls import Tls
from narthex.wire.reachable import refusal

P = TypeVar("P", bound=asyncio.Protocol)


async def dial(origin: Origin, tls: Tls, make: Callable[[], P], *, allow_private: bool, until: float) -> P:
    """A connected protocol. `until` is loop time. Raises one of the connection faults, `sent` always false.

    Each address gets an equal share of the time that is left, so that one which swallows packets does not use
    up the time of the next.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(until):
            addresses = await resolve(origin, allow_private=allow_private)
            context = await tls.context() if origin.scheme == "https" else None
    except TimeoutError:
        raise ConnectTimeout(f"{origin}: the name did not resolve in time") from None
    except OSError as error:  # no such name, or certificate files that cannot be read
        raise ConnectFailed(f"{origin}: {error}") from error
    fault: HttpFault = ConnectFailed(f"{origin}: the name has no address")
    for index, address in enumerate(addresses):
        now = loop.time()
        share = now + (until - now) / (len(addresses) - index)
        try:
            async with asyncio.timeout_at(share):
                return await _connect(origin, address, context, make)
        except TimeoutError:
            fault = ConnectTimeout(f"{origin}: no connection to {address} in time")
        except (ssl.SSLError, ssl.CertificateError) as error:
            fault = TlsFailed(f"{origin}: {error}")
        except OSError as error:
            fault = ConnectFailed(f"{origin}: {error}")
    raise fault


async def resolve(origin: Origin, *, allow_private: bool) -> list[str]:
    """The addresses of the origin, each one looked at. Raises BlockedAddress, OSError.

    One refused address refuses the name: an honest name does not lead outside and inside at once.
    """
    literal = origin.literal
    if literal is not None:
        addresses = [str(literal)]
    else:
        found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        reason = refusal(address, allow_private=allow_private, literal=literal is not None)
        if reason is not None:
            raise BlockedAddress(f"{origin}: {address} is a {reason} address")
    return addresses[:upstream_addresses_tried_max]


async def _connect(origin: Origin, address: str, context: ssl.SSLContext | None, make: Callable[[], P]) -> P:
    loop = asyncio.get_running_loop()
    if context is None:
        _, protocol = await loop.create_connection(make, address, origin.port)
    else:
        _, protocol = await loop.create_connection(make, address, origin.port, ssl=context, server_hostname=origin.host)
    return protocol
