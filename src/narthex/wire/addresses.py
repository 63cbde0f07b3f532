"""Addresses of the other end of a connection.

Knows: what counts as one client, and which networks an operator wrote. Refuses to know: names, and headers that claim
an address: whoever sends them chooses what they say.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def address_key(peer: str) -> str:
    """Who counts as one client. Whoever has one IPv6 address has 2^64 of them: the network counts."""
    if ":" not in peer:
        return peer
    address = plain(peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


@lru_cache(maxsize=1_024)
def plain(peer: str) -> Address | None:
    """The address without the zone of an interface; an IPv4 address that came mapped into IPv6 is IPv4. None: none."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that are written as 10.0.0.0/8, or as one address. ValueError says which is none, and why."""
    return tuple(_network(text.strip()) for text in texts)


def _network(text: str) -> Network:
    try:
        found = ip_network(text)
    except ValueError:
        raise ValueError(_why(text)) from None
    if found.prefixlen == 0:
        raise ValueError(f"'{text}' is everybody: name the addresses that are meant.")
    if isinstance(found, IPv6Network) and (mapped := found.network_address.ipv4_mapped) is not None:
        raise ValueError(f"'{text}' is an IPv4 network in the clothes of IPv6: write it like {mapped}.")
    return found


def _why(text: str) -> str:
    try:
        wider = ip_network(text, strict=False)
    except ValueError:
        return f"'{text}' is no address or network: write 10.1.2.3, 10.0.0.0/8 or fd00::/8."
    return f"'{text}' is an address inside a network: write {wider}, or the address alone."
