"""From the path of a request to the endpoint it is for.

Knows: `/mcp`, the old pair's `/sse`, and that a proxy in front may or may not have taken the path of the public URL
away. Refuses to know: which endpoints there are.
"""

from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=16)
def base_path(public_url: str | None) -> str:
    """What stands before `/mcp` where the public knows us: `/tools`, or nothing."""
    return urlsplit(public_url or "").path.rstrip("/")


@lru_cache(maxsize=256)
def route_of(path: str, base: str = "") -> str | None:
    """`/mcp` -> "", `/mcp/sales` -> "sales"; `/sse` is the old pair's usual name for the same. None: no endpoint."""
    route = _route(path)
    return _route(path.removeprefix(base)) if route is None and base else route


def inner_path(path: str, base: str) -> str:
    """The path of an endpoint without the base, whether or not something in front has taken it away."""
    return path.removeprefix(base) if base and _route(path) is None else path


def _route(path: str) -> str | None:
    for start in ("/mcp", "/sse"):
        if path == start or path == start + "/":
            return ""
        if path.startswith(start + "/"):
            name = path[len(start) + 1 :].removesuffix("/")
            return name if name and "/" not in name else None
    return None
