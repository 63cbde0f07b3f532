"""How we prove to an authorization server that we are the client it knows (RFC 6749, 2.3; RFC 7523, 2.2).

Knows: secrets, private keys, assertions. Refuses to know: what is asked for with them.
"""

import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from narthex.limits import assertion_seconds
from narthex.model.credentials import Method, OAuthClientConfig
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.secret_of import secret_of

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_METHODS: Mapping[str, Method] = {"client_secret_basic": "basic", "client_secret_post": "post"}


class Proof(NamedTuple):
    """What a request for a token carries besides what it asks for."""

    headers: bytes
    fields: dict[str, str]
    secret: str = ""  # which it was made with


class ClientAuthentication:
    """Secrets and keys are read anew each time: they are asked for seldom, and may have been rotated."""

    def __init__(self, config: OAuthClientConfig) -> None:
        self._id = config.client_id or ""
        self._method = config.method
        self._secret = secret_of(config, "client_secret")
        self._key = secret_of(config, "private_key")
        self._key_id, self._algorithm = config.key_id, config.algorithm

    def __repr__(self) -> str:
        return f"<ClientAuthentication {self._id}>"

    async def proof(self, issuer: str, methods: tuple[str, ...] | None) -> Proof:
        """`methods`: what the issuer says it takes; None: it does not say. Raises CredentialFault."""
        if self._key is not None:
            key = await self._key.read()
            assertion = _assertion(key, self._id, issuer, self._key_id, self._algorithm)
            return Proof(b"", {"client_assertion_type": ASSERTION, "client_assertion": assertion}, key)
        if self._secret is None:
            return Proof(b"", {"client_id": self._id})
        secret = await self._secret.read()
        if (self._method or _preferred(methods)) == "post":
            return Proof(b"", {"client_id": self._id, "client_secret": secret}, secret)
        pair = f"{quote_plus(self._id)}:{quote_plus(secret)}".encode("ascii")
        return Proof(b"authorization: Basic " + b64encode(pair) + b"\r\n", {}, secret)

    async def replaced(self, proof: Proof) -> bool:
        """The issuer does not know us by this: whether there is something else to prove it with by now."""
        secret = self._key or self._secret
        if secret is None:
            return False
        secret.doubt()
        return await secret.read() != proof.secret

    def hide(self, text: str) -> str:
        for secret in (self._secret, self._key):
            text = secret.hide(text) if secret is not None else text
        return text


def _preferred(methods: tuple[str, ...] | None) -> Method:
    """RFC 8414, 2: an issuer that says nothing takes Basic."""
    for one in methods or ():
        if one in _METHODS:
            return _METHODS[one]
    return "basic"


def _assertion(key_text: str, client: str, issuer: str, key_id: str | None, algorithm: str | None) -> str:
    key = _key(key_text)
    algorithm = algorithm or ("ES256" if isinstance(key, ECKey) else "RS256")
    now = int(time.time())
    header = {"alg": algorithm, **({"kid": key_id or key.kid} if key_id or key.kid else {})}
    claims = {
        "iss": client,
        "sub": client,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + int(assertion_seconds),
    }
    try:
        return jwt.encode(header, claims, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        raise _bad_key(f"it cannot sign by {algorithm}") from None


def _key(text: str) -> RSAKey | ECKey:
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(text if text.startswith("-") else _jwk(text))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key.is_private:
            return key
    raise _bad_key("it is no private RSA or EC key, as PEM or JWK")


def _jwk(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


def _bad_key(what: str) -> CredentialFault:
    return CredentialFault("its credentials are not available", f"the private key cannot be used: {what}")
