"""Which names of ours a client may use, and from which web pages: the answer to DNS rebinding.

Knows: the allow-lists for Host (421) and Origin (403), RFC 9110 7.2 and 7.4, and the paths that any Host may ask for.
Refuses to know: bodies, connections, who is asking.
"""

import re
from typing import Final

from narthex.edge.http1_head import Head, Refused
from narthex.limits import door_memory_max

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY: Final = "*"
# Whoever looks whether we live calls us by our bare address (a kubelet by the pod's, a load balancer by the target's),
# which no list can hold. There is nothing in these answers that a rebinding page could want.
PROBES: Final = frozenset({"/healthz", "/readyz"})

_NO_SUCH_HOST = (
    "This Host is not served here. If it is a name of this gateway, its operator puts it into `allowed_hosts`."
)
_NO_SUCH_ORIGIN = (
    "Requests from this Origin are not allowed. If its pages may call this gateway, "
    "its operator puts it into `allowed_origins`."
)

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)(?::([0-9]{1,5}))?")


class Doors:
    """Names are host names without a port (any port) or with one. `*` among the hosts allows every Host.

    An Origin passes when it is listed, or when its host is listed by name: `*` opens no page's way in,
    since a page of evil.example that rebinds its own name has that name as Host and as Origin.
    """

    def __init__(self, hosts: frozenset[str], origins: frozenset[str] = frozenset()) -> None:
        self._hosts = frozenset(name.lower() for name in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._welcome: set[tuple[bytes | None, bytes | None]] = set()

    def check(self, head: Head) -> None:
        """Raise Refused unless both the Host and the Origin are ours to answer."""
        pair = (head.headers.get(b"host"), head.headers.get(b"origin"))
        if pair in self._welcome:
            return
        host, origin = pair
        probe = head.path in PROBES
        self._check_host(host or b"", probe=probe)
        if origin is not None:
            self._check_origin(origin)
        if not probe and len(self._welcome) < door_memory_max:
            self._welcome.add(pair)

    def _check_host(self, host: bytes, *, probe: bool) -> None:
        match = _HOST.fullmatch(host.decode("latin-1").lower())
        if match is None:
            raise Refused(400, "host_malformed", "The Host is not a host name with an optional port.")
        if ANY not in self._hosts and not probe and not self._named(match):
            raise Refused(421, "host_not_allowed", _NO_SUCH_HOST)

    def _check_origin(self, origin: bytes) -> None:
        text = origin.decode("latin-1").lower()
        if text in self._origins:
            return
        scheme, _, authority = text.partition("://")
        match = _HOST.fullmatch(authority)
        if scheme not in {"http", "https"} or match is None or not self._named(match):
            raise Refused(403, "origin_not_allowed", _NO_SUCH_ORIGIN)

    def _named(self, match: re.Match[str]) -> bool:
        return match[1] in self._hosts or match[0] in self._hosts
