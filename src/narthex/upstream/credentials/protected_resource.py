"""What a server says of whom to ask for a token (RFC 9728; 2026-07-28, basic/authorization, C-AUTH-01).

Knows: where its metadata stand, and that they must speak of this server. Refuses to know: what an issuer does.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from narthex.upstream.credentials.canonical import covers, origin_of
from narthex.upstream.credentials.challenge import NO_CHALLENGE, Challenge, scopes_in
from narthex.upstream.fetch import Fetched, FetchFault, Reach, fetch, shown
from narthex.upstream.http.tls import Tls

WELL_KNOWN = "/.well-known/oauth-protected-resource"


class ProtectedResource(msgspec.Struct, frozen=True):
    issuers: tuple[str, ...]
    scopes: frozenset[str] = frozenset()  # all there are, as far as it says
    resource: str = ""  # how it names the server; a request for a token has to name it exactly so


async def protected_resource(
    upstream: str, challenge: Challenge, reaches: Callable[[str], Reach], tls: Tls
) -> ProtectedResource:
    """The first of its metadata that can be had. Raises FetchFault."""
    first: FetchFault | None = None
    for url in addresses(upstream, challenge):
        try:
            return _read(await fetch(url, reaches(url), tls=tls), upstream, url)
        except FetchFault as fault:
            first = first or fault
    assert first is not None
    raise first


def addresses(upstream: str, challenge: Challenge = NO_CHALLENGE) -> tuple[str, ...]:
    """Where the challenge says, and nowhere else; without one, in between host and path, then at the root."""
    if challenge.resource_metadata:
        return (challenge.resource_metadata,)
    base, path = origin_of(upstream), urlsplit(upstream).path.rstrip("/")
    root = f"{base}{WELL_KNOWN}"
    return (root + path, root) if path else (root,)


def _read(found: Fetched, upstream: str, url: str) -> ProtectedResource:
    value = found.value
    if not isinstance(value, dict):
        raise FetchFault("json", f"{shown(url)} holds no JSON object")
    resource, issuers, scopes = (value.get(name) for name in ("resource", "authorization_servers", "scopes_supported"))
    if not isinstance(resource, str) or not covers(resource, upstream):
        said = f"'{shown(resource)}'" if isinstance(resource, str) else "nothing"
        raise FetchFault("resource", f"{shown(url)} speaks of {said}, not of this server")
    named = tuple(one for one in issuers if isinstance(one, str)) if isinstance(issuers, list) else ()
    if not named:
        raise FetchFault("issuer", f"{shown(url)} names no authorization server")
    listed = [one for one in scopes if isinstance(one, str)] if isinstance(scopes, list) else []
    return ProtectedResource(named, scopes_in(" ".join(listed)), resource)
