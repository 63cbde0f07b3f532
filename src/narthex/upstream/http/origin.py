"""Where a server lives: a URL, taken apart once.

Knows: which URLs we accept and how they are written on the wire.
Refuses to know: what the name resolves to.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
TARGET_SAFE = "/?#[]@!$&'()*+,;=:%~"  # RFC 3986: reserved characters stay, and so does what is escaped already


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host, port and request target of a server. `host` is ASCII, without brackets."""

    scheme: str
    host: str
    port: int
    target: bytes

    @property
    def authority(self) -> bytes:
        """The value of the Host header: the server's own name, never another one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}").encode()

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The address, when the URL names one instead of a name."""
        return literal_address(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority.decode()}"


def parse(url: str) -> Origin:
    """Raises ValueError, with a reason fit for a configuration error, for every URL we do not speak to."""
    if any(character <= " " or character == "\x7f" or character == "\\" for character in url):
        raise ValueError("a URL holds no spaces, control characters or backslashes")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"the scheme must be http or https, not {parts.scheme!r}")
    if "@" in parts.netloc:
        raise ValueError("a user name or password in a URL is refused; put it into a header")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    if parts.fragment:
        raise ValueError("a fragment (#) is never sent to a server; remove it")
    port = parts.port  # raises ValueError itself when out of range
    if port == 0:
        raise ValueError("port 0 is no port")
    query = f"?{parts.query}" if parts.query else ""
    return Origin(
        scheme=scheme,
        host=_ascii_host(parts.hostname),
        port=port or DEFAULT_PORTS[scheme],
        target=encode_target((parts.path or "/") + query),
    )


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """None for anything but the canonical spelling: what else `getaddrinfo` takes for an address is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def encode_target(target: str) -> bytes:
    """A request target (path and query) as bytes for the request line. Raises ValueError."""
    if not target.startswith("/"):
        raise ValueError("a path starts with a slash")
    if any(character <= " " or character == "\x7f" for character in target):
        raise ValueError("a path holds no spaces or control characters")
    return quote(target, safe=TARGET_SAFE).encode("ascii")


def _ascii_host(host: str) -> str:
    if "%" in host:
        raise ValueError("an escaped host name or an IPv6 zone is refused")
    if ":" in host:
        return str(IPv6Address(host))  # its ValueError is the reason
    try:
        ascii_host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"not a host name: {host!r}") from None
    if not all(character.isalnum() or character in "-._" for character in ascii_host):
        raise ValueError(f"not a host name: {host!r}")
    return ascii_host
