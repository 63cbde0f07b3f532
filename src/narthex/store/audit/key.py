"""The key that signs the audit log, and the public ones that prove it.

Knows: Ed25519, one file of the state folder, PEM. Refuses to know: what is signed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from narthex.store.keys import load_keys

FILE = "audit-key.json"


class BadPublicKey(ValueError):
    """The text says what is wrong with it."""


class PublicKey:
    """Who can prove a signature."""

    __slots__ = ("_key", "id")

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.id = sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<PublicKey {self.id}>"

    def made(self, signature: str, text: bytes) -> bool:
        """Whether the signature is one of this key over the text."""
        try:
            self._key.verify(urlsafe_b64decode(signature + "=="), text)
        except (InvalidSignature, ValueError):
            return False
        return True

    def pem(self) -> str:
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


class Signer:
    """Who signs."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key())

    def __repr__(self) -> str:
        return f"<Signer {self.public.id}>"

    def sign(self, text: bytes) -> str:
        return urlsafe_b64encode(self._key.sign(text)).rstrip(b"=").decode("ascii")


def load_signer(state: Path) -> Signer:
    """The signer of a state folder; its key is made on the first start, mode 600. Raises `StateFault`."""
    return Signer(load_keys(state, FILE)[0])


def load_public_keys(state: Path) -> tuple[PublicKey, ...]:
    """Those of a state folder, none where it has none. Raises `StateFault`."""
    if not (state / FILE).exists():
        return ()
    return tuple(Signer(seed).public for seed in load_keys(state, FILE))


def read_public_key(text: bytes) -> PublicKey:
    """From PEM. Raises BadPublicKey."""
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise BadPublicKey("it is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadPublicKey("it is no Ed25519 key")
    return PublicKey(key)
