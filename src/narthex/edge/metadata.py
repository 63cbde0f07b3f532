"""Where clients learn which issuers an endpoint trusts (RFC 9728; 2026-07-28, basic/authorization).

Knows: the two well-known forms, with the endpoint's path inserted and without. Refuses to know: tokens.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from narthex.edge.challenge import METADATA, Resource
from narthex.model.config import Config
from narthex.model.endpoint import Endpoint
from narthex.wire.strict import encode


def is_metadata(path: str) -> bool:
    return path == METADATA or path.startswith(METADATA + "/")


def described(path: str, config: Config) -> str:
    """The path of the endpoint that a well-known path is about; the root form is about `/mcp`.

    A proxy in front may or may not have taken the base path of the public URL away.
    """
    rest = path.removeprefix(METADATA)
    base = urlsplit(config.public_url or "").path.rstrip("/")
    if base and rest.startswith(base + "/"):
        rest = rest[len(base) :]
    return rest.rstrip("/") or "/mcp"


def document(resource: Resource, endpoint: Endpoint, issuers: Iterable[str], *, proof: bool) -> bytes:
    """The metadata of one endpoint. `proof`: tokens that are bound to a key are taken (RFC 9449)."""
    found: dict[str, Any] = {
        "resource": resource.url,
        "authorization_servers": list(issuers),
        "bearer_methods_supported": ["header"],
        "resource_name": endpoint.server_info.get("title") or endpoint.server_info["name"],
    }
    if endpoint.scopes:
        found["scopes_supported"] = sorted(endpoint.scopes)
    if proof:
        found["dpop_signing_alg_values_supported"] = ["ES256", "RS256", "PS256", "EdDSA"]
    return encode(found)
