"""What an authorization server says that matters to a user's grant: where browsers and codes go, and what it can do.

Knows: RFC 8414, RFC 9207, the client ID metadata documents, and the default endpoints of revision 2025-03-26. Refuses
to know: which server asks.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from narthex.upstream.fetch import FetchFault, Reach, open_client, shown
from narthex.upstream.http.tls import Tls
from narthex.upstream.issuer_metadata import issuer_metadata

_URL = re.compile(r"[\x21-\x7e]+")  # RFC 3986, 2: whatever else is in one is encoded
OFFLINE = "offline_access"


class IssuerEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """`metadata` goes to whoever asks for tokens there; the rest is what is read of them here."""

    issuer: str
    metadata: Mapping[str, Any]
    authorization_endpoint: str
    registration_endpoint: str = ""
    says_iss: bool = False  # answers without `iss` are none of its own (RFC 9207, 2.4)
    takes_documents: bool = False
    methods: tuple[str, ...] = ("client_secret_basic",)  # RFC 8414, 2: the default
    offline: bool = False  # it lists `offline_access`

    def __repr__(self) -> str:
        return f"<IssuerEndpoints of {shown(self.issuer)}>"


async def endpoints_of(issuer: str, reaches: Callable[[str], Reach], tls: Tls) -> IssuerEndpoints:
    """Raises FetchFault, also for an issuer that does not say that it takes PKCE: it must be refused (C-AUTH-03)."""
    metadata = await issuer_metadata(issuer, reaches(issuer), tls)
    challenges = _texts(metadata, "code_challenge_methods_supported")
    if "S256" not in challenges:
        said = "another kind of PKCE than S256" if challenges else "no PKCE"
        raise FetchFault("pkce", f"the issuer {shown(issuer)} offers {said}, without which codes can be stolen")
    found = IssuerEndpoints(
        issuer=issuer,
        metadata=metadata,
        authorization_endpoint=_text(metadata, "authorization_endpoint"),
        registration_endpoint=_text(metadata, "registration_endpoint"),
        says_iss=metadata.get("authorization_response_iss_parameter_supported") is True,
        takes_documents=metadata.get("client_id_metadata_document_supported") is True,
        methods=_texts(metadata, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        offline=OFFLINE in _texts(metadata, "scopes_supported"),
    )
    if not found.authorization_endpoint or not _text(metadata, "token_endpoint"):
        raise FetchFault("endpoint", f"the issuer {shown(issuer)} does not name its endpoints")
    await _browsers_may_go(found.authorization_endpoint, reaches, tls)
    return found


def assumed(base: str) -> IssuerEndpoints:
    """Where a server of revision 2025-03-26 without any metadata has them (its basic/authorization, 2.3.3)."""
    metadata = {"issuer": base, "token_endpoint": f"{base}/token"}
    return IssuerEndpoints(
        issuer=base,
        metadata=metadata,
        authorization_endpoint=f"{base}/authorize",
        registration_endpoint=f"{base}/register",
        methods=("client_secret_basic", "client_secret_post", "none"),
    )


async def _browsers_may_go(url: str, reaches: Callable[[str], Reach], tls: Tls) -> None:
    """A browser is sent only where we would go ourselves: by http or https, and by http only near (C-AUTH-11)."""
    if not _URL.fullmatch(url):
        raise FetchFault("url", f"{shown(url)} is no address as it stands in a header")
    client = open_client(url, reaches(url), tls)
    await client.aclose()


def _text(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name)
    return value if isinstance(value, str) else ""


def _texts(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = metadata.get(name)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
