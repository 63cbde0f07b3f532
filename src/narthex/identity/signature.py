"""Signatures and the keys that made them: which algorithm takes which key, and whether one fits.

Knows: RS256, PS256, ES256, EdDSA (RFC 7518, RFC 8037, RFC 9864) and JSON Web Keys (RFC 7517).
Refuses to know: where a key comes from. Keys of the symmetric kind and `none` do not exist here, so no header can ask
for them.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwa import JWS_ALGORITHMS, JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey

from narthex.limits import rsa_bits_max, rsa_bits_min, token_kid_chars_max
from narthex.model.authentication import ALGORITHMS

_MODELS: Final[dict[str, JWSAlgModel]] = {model.name: model for model in JWS_ALGORITHMS if model.name in ALGORITHMS}
_CURVES: Final = {"ES256": "P-256", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_KINDS: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
_PUBLIC: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_TYPES: Final[dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_MODULUS_CHARS_MAX: Final = rsa_bits_max // 6 + 2
_EXPONENT_CHARS_MAX: Final = 11  # 64 bits; everybody uses 17
_SAME_KIND: Final = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}  # RFC 9864 gave the same algorithm another name

Usable = RSAKey | ECKey | OKPKey

assert set(_MODELS) == set(ALGORITHMS) == set(_KINDS)


class Material(NamedTuple):
    """The public part of a key, as it was written: what makes two keys the same."""

    kind: str
    values: tuple[str, ...]


class Key:
    """One public key of an issuer. It is read when it is first needed: a set may hold many that never are."""

    __slots__ = ("_algorithm", "_key", "_unread", "kid", "material")

    def __init__(self, kid: str | None, algorithm: str | None, material: Material) -> None:
        self.kid = kid
        self.material = material
        self._algorithm = algorithm
        self._key: Usable | None = None
        self._unread = True

    def __repr__(self) -> str:
        return f"<Key {self.material.kind} {self.kid!r}>"

    def serves(self, algorithm: str) -> bool:
        """Whether a signature by this algorithm can be one of this key."""
        if self.material.kind != _KINDS.get(algorithm):
            return False
        return self._algorithm in (None, algorithm, _SAME_KIND.get(algorithm))

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether this key made this signature. False for everything that is no signature at all."""
        if not self.serves(algorithm):
            return False
        key = self._usable()
        if key is None or _CURVES.get(algorithm) not in (None, getattr(key, "curve_name", None)):
            return False
        return _MODELS[algorithm].verify(signed, signature, key)

    def thumbprint(self) -> str:
        """RFC 7638, with SHA-256; empty for what is no usable key."""
        key = self._usable()
        return "" if key is None else key.thumbprint()

    def _usable(self) -> Usable | None:
        if self._unread:
            self._key, self._unread = _read(self.material), False
        return self._key


def key_of(jwk: Any) -> Key | None:
    """The key that a JSON Web Key describes, or None for one that signs nothing we would believe.

    A private key is none: whoever publishes it has lost it.
    """
    if not isinstance(jwk, Mapping) or jwk.get("use", "sig") != "sig" or any(name in jwk for name in _PRIVATE):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= token_kid_chars_max):
        return None
    if algorithm is not None and not isinstance(algorithm, str):
        return None
    kind = jwk.get("kty")
    names = _PUBLIC.get(kind, ()) if isinstance(kind, str) else ()
    values = tuple(value for name in names if isinstance(value := jwk.get(name), str))
    if not names or len(values) != len(names):
        return None
    return Key(kid, algorithm, Material(str(kind), values))


def _read(material: Material) -> Usable | None:
    """The key itself; None for one that is broken, too weak or too slow."""
    values = dict(zip(_PUBLIC[material.kind], material.values, strict=True))
    fields: Any = {"kty": material.kind, **values}
    try:
        if material.kind == "RSA" and not _fits(values["n"], values["e"]):
            return None
        key = _TYPES[material.kind].import_key(fields)
        return key if isinstance(key, RSAKey) or key.curve_name in _CURVES.values() else None
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None  # whatever is wrong with it: it will never have signed anything


def _fits(modulus: str, exponent: str) -> bool:
    """Looked at before the key is made, which would take long for a large one and warn of a small one."""
    if len(modulus) > _MODULUS_CHARS_MAX or len(exponent) > _EXPONENT_CHARS_MAX:
        return False
    bits = int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
    return rsa_bits_min <= bits <= rsa_bits_max
