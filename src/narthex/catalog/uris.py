"""Resource URIs of several servers on one endpoint: `gw+<server>:<original>`, and back (R16, T-03).

Knows: the prefix of each server, who owns a URI, what URI libraries do to one on its way. Refuses to know: what is
behind a URI. `http` and `https` stay as they are, because a client may fetch them itself; `ui` keeps its scheme,
because the hosts of MCP Apps look at it. An endpoint with one server changes nothing.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from narthex.catalog.names import tag
from narthex.model.endpoint import Endpoint

_WEB = re.compile(r"https?:", re.IGNORECASE)
_UI = "ui://"
_UI_OURS = re.compile(r"ui://gw\.([a-z0-9-]+)/(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_EMPTY_PATH = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*")
_RESERVED = "%:/?#[]@!$&'()*+,;=-._~"


def public_uri(endpoint: Endpoint, server: str, uri: str) -> str:
    """A server's URI as this endpoint shows it."""
    prefix = endpoint.prefixes.get(server)
    return uri if prefix is None else shown(prefix, uri)


def shown(prefix: str, uri: str) -> str:
    """A URI, or a template of one, under a server's prefix. Put before, never parsed: so every URI comes back whole."""
    if _WEB.match(uri):
        return uri
    if uri.startswith(_UI):
        return f"ui://gw.{prefix}/{uri[len(_UI) :]}"
    return f"gw+{prefix}:{uri}"


def private_uri(endpoint: Endpoint, uri: str) -> tuple[str, str] | None:
    """The server and its own URI behind a public one, or None. A listed URI wins, exact before normalised."""
    owner = endpoint.owners.get(uri)
    if owner is not None:
        return owner
    plain = normal(uri)
    owner = endpoint.owners.get(endpoint.normal_uris.get(plain, plain))
    if owner is not None:
        return owner
    if not endpoint.prefixes:
        return (endpoint.servers[0], uri) if endpoint.servers else None
    return _by_prefix(endpoint, uri)


def _by_prefix(endpoint: Endpoint, uri: str) -> tuple[str, str] | None:
    scheme, _, rest = uri.partition(":")
    server = endpoint.schemes.get(scheme.lower())
    if server is not None:
        return (server, rest) if rest else None
    ours = _UI_OURS.fullmatch(uri)
    if ours is not None:
        server = endpoint.schemes.get(f"gw+{ours[1].lower()}")
        return None if server is None else (server, _UI + ours[2])
    for start, owner in endpoint.template_prefixes:
        if uri.startswith(start):
            return owner, uri
    return None


def normal(uri: str) -> str:
    """The form two spellings share that URI libraries make of each other: scheme in lower case (of the web also the
    host), what no URI may hold percent-encoded, escapes in upper case, an empty path as `/`. Nothing is decoded."""
    scheme, colon, rest = uri.partition(":")
    if not colon:
        return uri  # no URI at all, but some server's name for a thing
    uri = f"{scheme.lower()}:{quote(rest, safe=_RESERVED, errors='replace')}"
    uri = _ESCAPE.sub(lambda escape: escape[0].upper(), uri)
    whole = _EMPTY_PATH.match(uri)
    if whole is None:
        return uri
    start = whole[0].lower() if _WEB.match(uri) else whole[0]
    rest = uri[whole.end() :]
    return f"{start}{rest}" if rest.startswith("/") else f"{start}/{rest}"


def template_start(template: str) -> str:
    """What every expansion of a URI template begins with (RFC 6570)."""
    return template.partition("{")[0]


def prefixes(servers: Iterable[str]) -> dict[str, str]:
    """A prefix for each server name, in lower case and without `_`, as URI schemes want it. No two are equal.

    A name that already looks like its prefix keeps it whatever others do; one that shares it gets a tag.
    """
    names = sorted(set(servers))
    found: dict[str, str] = {name: name for name in names if name == _slug(name)}
    slugs = [_slug(name) for name in names]
    for name in names:
        if name not in found:
            slug = _slug(name)
            found[name] = slug if slugs.count(slug) == 1 else f"{slug}-{tag(name)}"
    return found


def _slug(server: str) -> str:
    return server.lower().replace("_", "-")
