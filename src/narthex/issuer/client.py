"""One client, however we know of it.

Knows: what a client may do here, and how it proves that it is the one. Refuses to know: where clients are kept.
"""

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Literal

import msgspec

from narthex.limits import client_name_chars_max, redirect_uris_max
from narthex.model.issuer import ClientConfig
from narthex.store.oauth_clients import Registered
from narthex.wire.redirects import BadRedirect, check

CODE_GRANT, REFRESH_GRANT, OWN_GRANT = "authorization_code", "refresh_token", "client_credentials"
METHODS: Final = ("none", "client_secret_basic", "client_secret_post")
_NOBODY: Final = bytes(32)

Kind = Literal["configured", "document", "registered"]


class BadClient(ValueError):
    """A client cannot be taken as it describes itself. `error` is the word of RFC 7591, 3.2.2."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client that may ask us for something."""

    id: str
    name: str  # what it calls itself: proven only for those that are configured
    kind: Kind
    redirect_uris: tuple[str, ...]
    grant_types: frozenset[str]
    method: str
    secret: bytes | None = None  # its digest
    scopes: tuple[str, ...] = ()  # what it has when it acts for itself

    def __repr__(self) -> str:
        return f"<Client {self.id}>"

    def proves(self, secret: str) -> bool:
        """Whether this is its secret. A client without one has none to show."""
        is_it = compare_digest(digest(secret), self.secret or _NOBODY)
        return is_it and self.secret is not None


def digest(text: str) -> bytes:
    """What is kept of a secret with 256 random bits, or compared of one that the operator chose."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def configured(config: ClientConfig) -> Client:
    grants = {CODE_GRANT, REFRESH_GRANT} if config.redirect_uris else set()
    if config.client_secret is not None and (config.scopes or not config.redirect_uris):
        grants.add(OWN_GRANT)
    return Client(
        id=config.client_id,
        name=config.name or config.client_id,
        kind="configured",
        redirect_uris=config.redirect_uris,
        grant_types=frozenset(grants),
        method="none" if config.client_secret is None else "client_secret_basic",
        secret=None if config.client_secret is None else digest(config.client_secret),
        scopes=config.scopes,
    )


def registered(record: Registered) -> Client:
    return Client(
        id=record.id,
        name=record.name,
        kind="registered",
        redirect_uris=record.redirect_uris,
        grant_types=frozenset(record.grant_types),
        method=record.method,
        secret=record.secret,
    )


def holder(url: str) -> Client:
    """A client with a document, as far as it holds what was granted to it."""
    grants = frozenset({CODE_GRANT, REFRESH_GRANT})
    return Client(id=url, name="", kind="document", redirect_uris=(), grant_types=grants, method="none")


class Described(msgspec.Struct, frozen=True):
    """What a client says about itself, in a registration or in its document; as much of it as means anything here."""

    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    method: str


def described(tree: Any, further_schemes: tuple[str, ...], default_method: str) -> Described:
    """Reads RFC 7591, 2. What is not known is left out, as the standard says. Raises BadClient."""
    if not isinstance(tree, Mapping):
        raise BadClient("invalid_client_metadata", "The metadata must be a JSON object.")
    grants = _words(tree, "grant_types", (CODE_GRANT,))
    taken = tuple(one for one in (CODE_GRANT, REFRESH_GRANT) if one in grants)
    if CODE_GRANT not in taken:
        text = "A client that registers itself needs the grant type 'authorization_code'."
        raise BadClient("invalid_client_metadata", text)
    if "code" not in _words(tree, "response_types", ("code",)):
        raise BadClient("invalid_client_metadata", "The only response type is 'code'.")
    method = tree.get("token_endpoint_auth_method", default_method)
    if method not in METHODS:
        text = f"'token_endpoint_auth_method' must be one of: {', '.join(METHODS)}."
        raise BadClient("invalid_client_metadata", text)
    return Described(_name(tree), _redirect_uris(tree, further_schemes), taken, str(method))


def _redirect_uris(tree: Mapping[str, Any], further_schemes: tuple[str, ...]) -> tuple[str, ...]:
    uris = tree.get("redirect_uris")
    if not isinstance(uris, list) or not uris:
        raise BadClient("invalid_redirect_uri", "'redirect_uris' must list where the client may be answered.")
    if len(uris) > redirect_uris_max:
        raise BadClient("invalid_redirect_uri", f"There are more than {redirect_uris_max} redirect URIs.")
    for place, uri in enumerate(uris):
        try:
            check(uri if isinstance(uri, str) else "", further_schemes)
        except BadRedirect as bad:
            raise BadClient("invalid_redirect_uri", f"Redirect URI number {place + 1} {bad}.") from None
    return tuple(dict.fromkeys(uris))


def _name(tree: Mapping[str, Any]) -> str:
    """A name as a page may show it: one line, and not at any length."""
    said = tree.get("client_name")
    if not isinstance(said, str):
        return ""
    plain = "".join(sign if sign.isprintable() else " " for sign in said[: 4 * client_name_chars_max])
    return " ".join(plain.split())[:client_name_chars_max]


def _words(tree: Mapping[str, Any], name: str, absent: tuple[str, ...]) -> tuple[str, ...]:
    said = tree.get(name)
    if said is None:
        return absent
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise BadClient("invalid_client_metadata", f"'{name}' must be a list of words.")
    return tuple(said)
