"""Tokens bound to a key: whoever shows one must also show that they hold the key (RFC 9449, RFC 8705).

Knows: proofs of possession, what each must say, and that none is shown twice. Refuses to know: whether the token
itself is good.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import msgspec

from narthex.identity.credential import Credential
from narthex.identity.signature import key_of
from narthex.identity.tokens import BadToken, Token, read
from narthex.limits import (
    proof_id_chars_max,
    proof_seconds_max,
    proofs_remembered_max,
    token_clock_leeway_seconds,
)
from narthex.model.authentication import ALGORITHMS
from narthex.model.identity import Refusal

PROOF_KIND = "dpop+jwt"
INVALID_PROOF = "invalid_dpop_proof"


class Binding(msgspec.Struct, frozen=True):
    """To which key a token is bound: the thumbprint of a DPoP key, of a certificate, or of both."""

    key: str = ""
    certificate: str = ""


def binding_of(claims: Mapping[str, Any]) -> Binding | None:
    """What the claim `cnf` binds the token to (RFC 7800). Raises BadToken for a binding nobody here can check."""
    confirmation = claims.get("cnf")
    if confirmation is None:
        return None
    if not isinstance(confirmation, dict) or not confirmation:
        raise BadToken("The token is bound to a key in a way that is not known here.")
    if not confirmation.keys() <= {"jkt", "x5t#S256"} or not all(
        isinstance(value, str) and value for value in confirmation.values()
    ):
        raise BadToken("The token is bound to a key in a way that is not known here.")
    return Binding(confirmation.get("jkt", ""), confirmation.get("x5t#S256", ""))


class Proofs:
    """Judges proofs, and remembers each until it is too old to be shown again."""

    __slots__ = ("_older", "_seen", "_turned_at")

    def __init__(self) -> None:
        # Two generations: a proof is forgotten after one to two times the longest it could have been shown.
        self._seen: set[bytes] = set()
        self._older: set[bytes] = set()
        self._turned_at = 0.0

    def judge(self, binding: Binding | None, credential: Credential, now: float) -> Refusal | None:
        """Why this credential does not show what its token is bound to; None when it does."""
        if binding is None or not binding.key:
            if credential.scheme == "dpop":
                return Refusal(401, "invalid_token", "The token is not bound to a key: send it as Bearer.")
        elif credential.scheme != "dpop" or not credential.proof:
            return Refusal(401, "invalid_token", "The token is bound to a key: send it as DPoP, with a DPoP proof.")
        if binding is None:
            return None
        if binding.certificate and not compare_digest(binding.certificate.encode(), credential.thumbprint.encode()):
            return Refusal(401, "invalid_token", "The token is bound to a certificate, and this is not it.")
        if not binding.key:
            return None
        try:
            mark = _mark(credential, binding.key, now)
        except BadToken as bad:
            return Refusal(401, INVALID_PROOF, str(bad).replace("The token", "The DPoP proof"))
        return self._remember(mark, now)

    def _remember(self, mark: bytes, now: float) -> Refusal | None:
        if not 0 <= now - self._turned_at < proof_seconds_max + 2 * token_clock_leeway_seconds:
            far = abs(now - self._turned_at) >= 2 * (proof_seconds_max + 2 * token_clock_leeway_seconds)
            self._seen, self._older, self._turned_at = set(), set() if far else self._seen, now
        if mark in self._seen or mark in self._older:
            return Refusal(401, INVALID_PROOF, "The DPoP proof was shown before.")
        if len(self._seen) >= proofs_remembered_max:
            return Refusal(503, "", "Too many DPoP proofs in a short time.", retry_after_seconds=1)
        self._seen.add(mark)
        return None


def _mark(credential: Credential, thumbprint: str, now: float) -> bytes:
    """What a good proof is remembered by (RFC 9449, 4.3). Raises BadToken."""
    proof = read(credential.proof, brings_key=True)
    if proof is None or proof.kind != PROOF_KIND:
        raise BadToken("The DPoP proof is none: its type must be dpop+jwt.")
    key = key_of(proof.header.get("jwk"))
    if key is None or proof.algorithm not in ALGORITHMS:
        raise BadToken("The DPoP proof shows no public key, or is signed in a way that is not taken.")
    if not key.verifies(proof.algorithm, proof.signed, proof.signature):
        raise BadToken("The DPoP proof is not signed by the key it shows.")
    if not compare_digest(key.thumbprint().encode(), thumbprint.encode()):
        raise BadToken("The DPoP proof is made with another key than the one the token is bound to.")
    _check_claims(proof, credential, now)
    jti = proof.claims["jti"]
    return sha256(f"{thumbprint} {jti}".encode("utf-8", "surrogatepass")).digest()


def _check_claims(proof: Token, credential: Credential, now: float) -> None:
    claims = proof.claims
    if claims.get("htm") != credential.method:
        raise BadToken("The DPoP proof is for another method.")
    if not _same_place(claims.get("htu"), credential.uri):
        raise BadToken("The DPoP proof is for another address.")
    hashed = _base64url(credential.digest)
    if not isinstance(claims.get("ath"), str) or not compare_digest(claims["ath"].encode(), hashed.encode()):
        raise BadToken("The DPoP proof is for another token.")
    jti, issued = claims.get("jti"), claims.get("iat")
    if not isinstance(jti, str) or not 0 < len(jti) <= proof_id_chars_max:
        raise BadToken("The DPoP proof has no usable id (jti).")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise BadToken("The DPoP proof does not say when it was made (iat).")
    if not now - proof_seconds_max - token_clock_leeway_seconds < issued < now + token_clock_leeway_seconds:
        raise BadToken("The DPoP proof is too old, or from the future: compare the clocks.")


def _same_place(said: Any, uri: str) -> bool:
    """Equal addresses after normalising what may be spelled in several ways (RFC 9449, 4.3; RFC 3986, 6.2)."""
    if not isinstance(said, str) or not uri:
        return False
    try:
        return _place(said) == _place(uri)
    except ValueError:
        return False


def _place(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(scheme), parts.path or "/"


def _base64url(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
