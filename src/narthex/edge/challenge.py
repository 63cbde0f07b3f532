"""What a client is told when it may not come in: the `WWW-Authenticate` header (RFC 6750, 3; RFC 9728, 5.1).

Knows: the parameters of a challenge, and where the metadata of an endpoint stand. Refuses to decide.
"""

from urllib.parse import urlsplit

from narthex.edge.response import Extra
from narthex.identity.binding import INVALID_PROOF
from narthex.model.authentication import ALGORITHMS
from narthex.model.config import Config
from narthex.model.identity import Refusal

METADATA = "/.well-known/oauth-protected-resource"

_SAID = {34: "'", 92: "/"}  # inside of a quoted string neither a quote nor a backslash


class Resource:
    """One endpoint as the clients of a request know it (RFC 9728, 1.2)."""

    __slots__ = ("metadata", "route", "url")

    def __init__(self, base: str, route: str) -> None:
        self.route = route
        parts = urlsplit(base)
        path = f"{parts.path.rstrip('/')}/mcp{'/' + route if route else ''}"
        origin = f"{parts.scheme}://{parts.netloc}"
        self.url = origin + path
        self.metadata = origin + METADATA + path


def public_base(config: Config, host: str, *, secure: bool) -> str:
    """Where the outside finds us: as configured, else as this client called us. `host` was found welcome before."""
    return config.public_url or f"{'https' if secure else 'http'}://{host}"


def challenge(refusal: Refusal, resource: Resource | None) -> Extra:
    """The header that tells how to come in. `resource` None: there is no issuer to go to, a key has to be had."""
    parts = []
    if refusal.error:
        parts.append(f'error="{refusal.error}", error_description="{_quoted(refusal.message)}"')
    if refusal.scopes:
        parts.append(f'scope="{" ".join(sorted(refusal.scopes))}"')
    if resource is not None:
        parts.append(f'resource_metadata="{resource.metadata}"')
    scheme = "Bearer"
    if refusal.error == INVALID_PROOF:  # RFC 9449, 7.1
        scheme, parts = "DPoP", [*parts, f'algs="{" ".join(ALGORITHMS)}"']
    header = f"{scheme} {', '.join(parts)}" if parts else 'Bearer realm="mcp"'
    return ((b"WWW-Authenticate", header.encode("ascii", "replace")),)


def _quoted(text: str) -> str:
    return "".join(sign for sign in text.translate(_SAID) if " " <= sign <= "~")
