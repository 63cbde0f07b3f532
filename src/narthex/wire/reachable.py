"""Which addresses a request of ours may reach: the guard against server-side request forgery.

Knows: the special-purpose registries of IANA (RFC 6890 and what followed), and where clouds keep their secrets.
Refuses to know: names. A name proves nothing; only the address we are about to connect to counts.

The table is written out instead of asking `ipaddress.is_private`: its meaning has changed between patch
releases of Python (CVE-2024-4032), and a security rule must not depend on those.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

V4 = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),  # reaches this host on Linux
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared (carrier NAT)"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "reserved"),
        ("192.52.193.0/24", "reserved"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)

# Only 2000::/3 is given out as global unicast; everything beside it is refused without being listed.
GLOBAL_V6 = IPv6Network("2000::/3")
V6 = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),  # Teredo, ORCHID and other protocol assignments
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),  # hides an IPv4 address, and nobody honest is left on it
        ("3fff::/20", "documentation"),
    )
)
NAT64 = IPv6Network("64:ff9b::/96")  # how a host without IPv4 reaches one that has nothing else

# Reached by a plain GET from any machine of a cloud, answered with credentials.
METADATA = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254",  # nearly everybody
        "169.254.170.2",  # Amazon's containers
        "169.254.170.23",
        "fd00:ec2::254",  # Amazon over IPv6
        "fd00:ec2::23",
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure, in the middle of the public space
    )
)
# What an operator's own URL may reach by name: companies run tools on private networks and on localhost.
OPERATOR_MAY_REACH = frozenset({"private", "loopback", "unspecified", "shared (carrier NAT)", "benchmarking"})

Address = IPv4Address | IPv6Address


def blocked(address: Address | str) -> str | None:
    """Why an address that nobody in the company wrote down must not be reached; None when it may be."""
    address = _innermost(_parsed(address))
    if address in METADATA:
        return "cloud metadata"
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in V4 if address in network), None)
    reason = next((reason for network, reason in V6 if address in network), None)
    return reason or (None if address in GLOBAL_V6 else "not global unicast")


def refusal(address: Address | str, *, allow_private: bool, literal: bool) -> str | None:
    """As `blocked`, with what the operator wrote taken into account.

    `allow_private`: the URL stands in the configuration. Then private networks are fine, but link-local and
    metadata addresses only when the URL names them literally: a name that leads there is an attack on DNS.
    """
    reason = blocked(address)
    if reason is None or not allow_private:
        return reason
    return None if literal or reason in OPERATOR_MAY_REACH else reason


def _parsed(address: Address | str) -> Address:
    return ip_address(address) if isinstance(address, str) else address


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where the system or a gateway would unwrap it."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.scope_id is not None:
        return IPv6Address(int(address))  # the zone says which wire, not who
    return address
