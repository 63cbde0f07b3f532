"""Who we are at an issuer to which users' browsers are sent (2026-07-28, client registration; C-AUTH-07).

Knows: the order: as the operator registered us; by a document of ours that the issuer reads; registered by ourselves
(RFC 7591), once, and kept bound to that issuer. Refuses to know: users.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from narthex.limits import client_id_chars_max, connect_unanswered_max
from narthex.model.credentials import CredentialsConfig, OAuthClientConfig
from narthex.ports import Vault
from narthex.telemetry.scrub import scrubbed_text
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.granting import Granting
from narthex.upstream.credentials.issuer_endpoints import IssuerEndpoints
from narthex.upstream.credentials.user_grant import OurClient
from narthex.upstream.fetch import FetchFault, post_json, shown
from narthex.upstream.http.tls import Tls

NAME = "Narthex"
_GRANTS = ["authorization_code", "refresh_token"]
_METHODS = (("client_secret_basic", "basic"), ("client_secret_post", "post"), ("none", "none"))
_REFUSED = "it does not let this gateway in"


class OurClients:
    """Of one server. Registering is done once for all who ask."""

    def __init__(self, config: CredentialsConfig, vault: Vault, granting: Granting, tls: Tls) -> None:
        self._config, self._vault, self._granting, self._tls = config, vault, granting, tls
        self._turn = asyncio.Lock()

    async def at(self, issuer: IssuerEndpoints, redirect_uri: str) -> OurClient:
        """Raises CredentialFault, VaultFault."""
        config = self._config
        if config.client_id is not None:
            return OurClient(kind="configured", id=config.client_id)
        document = document_url(config, redirect_uri)
        if issuer.takes_documents and document is not None:
            return OurClient(kind="document", id=document, method="none")
        if not issuer.registration_endpoint:
            note = f"the issuer {shown(issuer.issuer)} registers nobody: register this gateway there, with the "
            note += f"redirect URI {redirect_uri}, and write `issuer` and `client_id` into `credentials`"
            raise CredentialFault(_REFUSED, note)
        async with self._turn:
            return await self._kept(issuer, redirect_uri) or await self._registered(issuer, redirect_uri)

    def as_config(self, client: OurClient) -> OAuthClientConfig:
        """As whoever asks for tokens wants to know it."""
        config = self._config
        if client.kind == "configured":
            return config
        return OAuthClientConfig(
            client_id=client.id,
            client_secret=client.secret or None,
            method="post" if client.method == "post" else "basic" if client.method == "basic" else None,
            parameters=config.parameters,
            allow_private=config.allow_private,
        )

    def is_ours_still(self, client: OurClient) -> bool:
        """What was granted to a client that the operator has replaced since is of no use."""
        return client.kind != "configured" or client.id == self._config.client_id

    async def _kept(self, issuer: IssuerEndpoints, redirect_uri: str) -> OurClient | None:
        found = await self._vault.client(issuer.issuer, redirect_uri)
        if found is None:
            return None
        content, sent = found
        try:
            client = msgspec.msgpack.decode(content, type=OurClient)
        except msgspec.MsgspecError:
            return None  # another version of this program wrote it
        if client.expires is not None and client.expires <= time.time():
            return None
        # An issuer that has forgotten us shows an error page, and never tells us: then nobody comes back.
        return client if sent < connect_unanswered_max else None

    async def _registered(self, issuer: IssuerEndpoints, redirect_uri: str) -> OurClient:
        method = next((pair for pair in _METHODS if pair[0] in issuer.methods), _METHODS[-1])
        kind = "native" if _is_local(redirect_uri) else "web"
        wanted = {
            "client_name": NAME,
            "redirect_uris": [redirect_uri],
            "grant_types": _GRANTS,
            "response_types": ["code"],
            "token_endpoint_auth_method": method[0],
            "application_type": kind,
        }
        url = issuer.registration_endpoint
        try:
            answer = await post_json(url, self._granting.reach(url), wanted, tls=self._tls)
        except FetchFault as fault:
            raise CredentialFault(_REFUSED, f"it could not be registered at: {fault}", retry_seconds=1.0) from None
        if not 200 <= answer.status < 300:
            raise _refusal(answer.status, answer.value, issuer.issuer, redirect_uri)
        client = _client(answer.value, method[0], issuer.issuer)
        await self._vault.keep_client(issuer.issuer, redirect_uri, msgspec.msgpack.encode(client), time.time())
        return client


def document_url(config: CredentialsConfig, redirect_uri: str) -> str | None:
    """The client ID metadata document: the operator's, or the one we serve for this redirect URI."""
    if config.client_document is not None:
        return None if config.client_document == "none" else config.client_document
    parts = urlsplit(redirect_uri)
    if parts.scheme != "https" or _is_local(redirect_uri):
        return None  # no issuer could read it
    return _document_of(redirect_uri)


def document(redirect_uri: str) -> dict[str, Any]:
    """What stands at `document_url` where it is ours."""
    return {
        "client_id": _document_of(redirect_uri),
        "client_name": NAME,
        "client_uri": f"{urlsplit(redirect_uri).scheme}://{urlsplit(redirect_uri).netloc}",
        "redirect_uris": [redirect_uri],
        "grant_types": _GRANTS,
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    }


def _document_of(redirect_uri: str) -> str:
    """One for each: an issuer that knew all addresses under one name would send a browser to that of another server."""
    base, _, server = redirect_uri.rpartition("/callback/")
    return f"{base}/client/{server}.json"


def _client(value: Any, asked: str, issuer: str) -> OurClient:
    found: Mapping[str, Any] = value if isinstance(value, dict) else {}
    name, secret = found.get("client_id"), found.get("client_secret")
    if not isinstance(name, str) or not 0 < len(name) <= client_id_chars_max or not name.isprintable():
        raise CredentialFault(_REFUSED, f"the issuer {shown(issuer)} registered us without a client_id of use")
    if not isinstance(secret, str) or not secret.isascii() or not secret.isprintable():
        secret = ""
    said = found.get("token_endpoint_auth_method", asked)
    method = dict(_METHODS).get(said) if isinstance(said, str) else None
    if method is None or (method != "none" and not secret):
        method = "none"
    expires = found.get("client_secret_expires_at")
    ends = float(expires) if isinstance(expires, int | float) and expires > 0 else None
    return OurClient(
        kind="registered",
        id=name,
        secret=secret if method != "none" else "",
        method="post" if method == "post" else "basic" if method == "basic" else "none",
        expires=ends,
    )


def _refusal(status: int, value: Any, issuer: str, redirect_uri: str) -> CredentialFault:
    """Most often an issuer that does not take such a redirect URI (OpenID Connect registration, 2)."""
    found: Mapping[str, Any] = value if isinstance(value, dict) else {}
    said = " ".join(one for one in (found.get("error"), found.get("error_description")) if isinstance(one, str))
    note = f"the issuer {shown(issuer)} refuses to register this gateway (HTTP {status}: "
    note += f"{scrubbed_text(said)[:200] or 'no reason given'}) with the redirect URI {redirect_uri}"
    return CredentialFault(_REFUSED, f"{note}. Register it there by hand, and write `issuer` and `client_id`")


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")
