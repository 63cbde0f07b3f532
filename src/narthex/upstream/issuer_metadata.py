"""What an authorization server says about itself, and where it says so (RFC 8414, 3; OpenID Connect Discovery, 4).

Knows: the addresses to ask, in the order of the specification, and that the answer must speak of that very issuer.
Refuses to know: which parts of it matter to whom.
"""

from typing import Any
from urllib.parse import urlsplit

from narthex.upstream.fetch import FetchFault, Reach, fetch, shown
from narthex.upstream.http.tls import Tls


async def issuer_metadata(issuer: str, reach: Reach, tls: Tls) -> dict[str, Any]:
    """Raises FetchFault. Another issuer's metadata would lead us to another issuer's endpoints (RFC 8414, 3.3)."""
    first: FetchFault | None = None
    for url in addresses(issuer):
        try:
            return about(await fetch(url, reach, tls=tls), issuer, url)
        except FetchFault as fault:
            # That somebody else is spoken of is worth more to whoever reads it than that something was not there.
            first = fault if first is None or (fault.reason == "issuer" != first.reason) else first
            if fault.status == 0 and fault.reason != "issuer":
                break  # nobody answers there: the other addresses are of the same host
    assert first is not None
    raise first


def addresses(issuer: str) -> tuple[str, ...]:
    """Between host and path, then behind the path (C-AUTH-02). Raises FetchFault."""
    try:
        parts = urlsplit(issuer)
    except ValueError as error:  # a bracket without its other one
        raise FetchFault("url", f"{shown(issuer)} cannot be fetched: {error}") from None
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    first = (
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}/.well-known/openid-configuration{path}",
    )
    return (*first, f"{base}{path}/.well-known/openid-configuration") if path else first


def about(found: Any, issuer: str, url: str) -> dict[str, Any]:
    """Raises FetchFault."""
    value = found.value
    if not isinstance(value, dict):
        raise FetchFault("json", f"{shown(url)} holds no JSON object")
    if value.get("issuer") != issuer:
        said = value.get("issuer")
        whom = f"'{shown(said)}'" if isinstance(said, str) else "nobody"
        raise FetchFault("issuer", f"{shown(url)} speaks of the issuer {whom}, not of '{shown(issuer)}'")
    return value
