"""What clients read first: where everything is, and what is understood (RFC 8414; OpenID Connect Discovery).

Knows: the document and its addresses. Refuses to know: what stands behind them.
"""

from typing import Any

from narthex.issuer.client import CODE_GRANT, METHODS, OWN_GRANT, REFRESH_GRANT
from narthex.issuer.office import Office
from narthex.issuer.signing import ALGORITHM

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def addresses(base: str) -> frozenset[str]:
    """Between host and path, and behind the path; a proxy in front may have taken the path away."""
    return frozenset({OAUTH, OPENID, OAUTH + base, OPENID + base, base + OPENID, base + OAUTH})


def document(office: Office) -> dict[str, Any]:
    settings = office.settings
    root = settings.issuer.rstrip("/")
    found: dict[str, Any] = {
        "issuer": settings.issuer,
        "authorization_endpoint": f"{root}/oauth/authorize",
        "token_endpoint": f"{root}/oauth/token",
        "revocation_endpoint": f"{root}/oauth/revoke",
        "jwks_uri": f"{root}/oauth/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [CODE_GRANT, REFRESH_GRANT, OWN_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": settings.server.client_documents,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        # Who reads the OpenID form expects these two. We give out no ID tokens.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    if settings.server.registration:
        found["registration_endpoint"] = f"{root}/oauth/register"
    offered = settings.offered(office.gateway.scopes())
    if offered:
        found["scopes_supported"] = list(offered)
    return found
