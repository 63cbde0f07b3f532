"""Addresses an operator writes: where to listen, and where a server is.

Knows: the grammar of `http(s)://host:port`, and which hosts are the machine itself. Refuses to know: DNS; a name
that is not `localhost` is never taken for the loopback.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_WHOLE_URL_CHARS = re.compile(r"[\x21-\x7e]+")


class AddressError(ValueError):
    """What is wrong with an address, as half a sentence. It never repeats user information or a query."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `port` 0 lets the system choose."""

    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


def parse_listen(text: str) -> Address:
    """`http://127.0.0.1:8080` as an Address. Path, query and user information have no place in it."""
    parts = _split(text, "http://127.0.0.1:8080")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise AddressError("an address to listen on is a scheme, a host and a port, nothing else")
    port = parts.port
    return Address(
        parts.scheme, parts.hostname or "", (443 if parts.scheme == "https" else 80) if port is None else port
    )


def parse_url(text: str) -> SplitResult:
    """The parts of an absolute http or https URL, or AddressError."""
    parts = _split(text, "https://host/mcp")
    if parts.fragment:
        raise AddressError("a URL of a server has no '#…' part")
    return parts


def is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_secrets(text: str) -> str:
    """A URL as it may be shown: user information and query are left out, for both may hold a secret."""
    scheme, mark, rest = text.partition("://")
    authority = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = authority.partition("/")
    return scheme + mark + host.rpartition("@")[2] + slash + path


def _split(text: str, example: str) -> SplitResult:
    if not _WHOLE_URL_CHARS.fullmatch(text):
        raise AddressError(
            f"it is empty or holds a blank or a character outside ASCII; an address looks like {example}"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError(f"this is not an address; one looks like {example}") from None
    if parts.scheme not in ("http", "https") or not text[len(parts.scheme) :].startswith("://"):
        raise AddressError(f"it must begin with http:// or https://, like {example}")
    host = parts.hostname or ""
    if not host:
        raise AddressError(f"there is no host in it; an address looks like {example}")
    if not (_is_ip(host) or _HOST.fullmatch(host)):
        raise AddressError("the host is neither a name nor an IP address")
    if port is None and parts.netloc.endswith(":"):
        raise AddressError("there is a ':' without a port after it")
    return parts


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
