"""Where a browser may be sent back to: which addresses a client may register, and which one it may ask for.

Knows: RFC 8252, RFC 9700 4.1: exact comparison, but for the port of a loopback address. Refuses to know: clients.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from narthex.limits import redirect_uri_chars_max

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# Programs that open links of their own scheme. A scheme with a dot in it is somebody's domain (RFC 8252, 7.1); any
# other one may belong to a part of the system that does more than to wait for a code.
KNOWN_SCHEMES: Final = frozenset(
    {"cursor", "cursor-nightly", "vscode", "vscode-insiders", "vscodium", "windsurf", "windsurf-next", "zed", "claude",
     "goose", "warp", "raycast", "kiro", "trae", "lmstudio", "jan", "antigravity", "insomnia", "postman"}
)  # fmt: skip
_VISIBLE = re.compile(r"[!#-\[\]^_a-z{}|~]+", re.IGNORECASE)  # printable ASCII but quotes, backslashes, backticks
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)


class BadRedirect(ValueError):
    """No browser is ever sent there. The text says why."""


def check(uri: str, further_schemes: Collection[str] = ()) -> None:
    """Whether a client may register this. Raises BadRedirect."""
    if not uri or len(uri) > redirect_uri_chars_max or not _VISIBLE.fullmatch(uri):
        raise BadRedirect("is not made of visible ASCII characters, or is too long")
    if "#" in uri:
        raise BadRedirect("has a fragment")
    parts = _parts(uri)
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise BadRedirect("names a user")
    if parts.scheme in ("https", "http"):
        _check_web(parts)
    elif "." not in parts.scheme and parts.scheme not in KNOWN_SCHEMES and parts.scheme not in further_schemes:
        raise BadRedirect(f"is of the scheme '{parts.scheme[:32]}', which is not allowed here")


def matches(asked: str, registered: Iterable[str]) -> bool:
    """Whether a client may ask for this one: the very same, or on the loopback the same but for its port."""
    known = tuple(registered)
    if asked in known:
        return True
    if not asked or len(asked) > redirect_uri_chars_max or not _VISIBLE.fullmatch(asked):
        return False
    wanted = _without_port(asked)
    return wanted is not None and any(wanted == _without_port(one) for one in known)


def is_loopback(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "http" and (parts.hostname or "") in LOOPBACK


def place(uri: str) -> str:
    """Where it leads, for a person: a host, or a scheme."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def form_action(uri: str) -> str:
    """It as a source in a policy: a browser also holds the redirect after a form against `form-action`."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or "[" in parts.netloc:  # the grammar knows no IPv6 addresses
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def _check_web(parts: SplitResult) -> None:
    host = parts.hostname or ""
    if host not in LOOPBACK and not _HOST.fullmatch(host):
        raise BadRedirect("has no usable host")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise BadRedirect("is http, and leads to another machine")


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise BadRedirect("is no URL") from None
    if not parts.scheme or not re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme):
        raise BadRedirect("has no scheme")
    return parts


def _without_port(uri: str) -> tuple[str, str, str] | None:
    """A loopback address without its port (RFC 8252, 7.3); None for every other address."""
    try:
        parts = _parts(uri)
    except BadRedirect:
        return None
    host = parts.hostname or ""
    if parts.scheme != "http" or host not in LOOPBACK or "@" in parts.netloc or "#" in uri:
        return None
    return host, parts.path, parts.query
