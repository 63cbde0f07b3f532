"""The name of a server as a protected resource (RFC 8707; 2026-07-28, basic/authorization).

Knows: how such a name is written, and when one covers another. Refuses to know: what a server says of itself.
"""

from urllib.parse import urlsplit

from narthex.upstream.http.origin import DEFAULT_PORTS


def canonical(url: str) -> str:
    """Lower-case scheme and host, no default port, no slash at the end. No query either: it may hold a key."""
    parts = urlsplit(url)
    return origin_of(url) + parts.path.rstrip("/")


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{scheme}://{host}" + (f":{port}" if port is not None and port != DEFAULT_PORTS.get(scheme) else "")


def covers(resource: str, url: str) -> bool:
    """Whether a token for this resource is one for that server: the same origin, and a path that leads there."""
    try:
        wide, narrow = canonical(resource), canonical(url)
    except ValueError:
        return False
    return narrow == wide or narrow.startswith(wide + "/")
