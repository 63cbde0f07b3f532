"""The keys that sign our tokens, in memory, and the tokens that they sign (RFC 9068).

Knows: which key signs now, and which are published. Refuses to know: who gets a token, and where keys are kept.
"""

from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from narthex.identity.signature import Key, key_of
from narthex.limits import credential_bytes_max
from narthex.store.oauth_keys import SigningKey

ALGORITHM = "ES256"


class Signing:
    """The keys as they are now. `adopt` replaces them whole."""

    def __init__(self) -> None:
        self._keys: tuple[tuple[float, ECKey], ...] = ()  # the newest first
        self._public: tuple[Key, ...] = ()
        self.document: dict[str, Any] = {"keys": []}

    def __repr__(self) -> str:
        return f"<Signing {len(self._keys)} keys>"

    def adopt(self, keys: Sequence[SigningKey]) -> None:
        found = [(one.signs_from, ECKey.import_key(one.private, {"kid": one.kid})) for one in keys]
        self._keys = tuple(found)
        published = [
            {**key.as_dict(private=False), "kid": one.kid, "use": "sig", "alg": ALGORITHM}
            for one, (_, key) in zip(keys, found, strict=True)
        ]
        self.document = {"keys": published}
        self._public = tuple(key for jwk in published if (key := key_of(jwk)) is not None)

    def sign(self, claims: dict[str, Any], now: float) -> str:
        """An access token with these claims."""
        key = next((key for signs_from, key in self._keys if signs_from <= now), self._keys[-1][1])
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def grant_of(self, token: str) -> str | None:
        """The grant behind a token of ours, even an expired one; None for every other text."""
        if len(token) > credential_bytes_max:
            return None
        try:
            found = jwt.decode(token, KeySet([key for _, key in self._keys]), algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        grant_id = found.claims.get("grant")
        return grant_id if isinstance(grant_id, str) else None

    # For whoever verifies: `identity.issuers.Keys`.

    async def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have made such a signature."""
        return tuple(key for key in self._public if kid in (None, key.kid) and key.serves(algorithm))

    def warm(self) -> None:
        """They are here already."""


def new_key() -> tuple[str, str]:
    """A key id and a private key as PEM. The id is the key's own print (RFC 7638)."""
    key = ECKey.generate_key("P-256")
    return key.thumbprint(), key.as_pem(private=True).decode("ascii")
