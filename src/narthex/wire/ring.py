"""A ring of keys: the first seals, all open, so that a key can be replaced without losing what is under way.

Knows: HKDF-SHA256 (RFC 5869), and that each purpose has a key of its own. Refuses to know: what is sealed, and in which
form it travels or is kept.
"""

from collections.abc import Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12  # random; replace a key long before it has sealed 2^32 times (NIST SP 800-38D, 8.3)


class Ring:
    """`first`: the id of the key that seals. `keys`: for each purpose, the keys by their ids.

    `label` keeps rings apart that were made of one secret. Whatever was sealed opens under the same label only.
    """

    __slots__ = ("first", "keys")

    def __init__(self, label: bytes, secrets: Sequence[bytes], purposes: Iterable[bytes]) -> None:
        if not secrets or any(len(secret) != KEY_BYTES for secret in secrets):
            raise ValueError(f"A key has {KEY_BYTES} bytes, and there must be one.")
        ids = [derived(label, secret, b"id", KEY_ID_BYTES) for secret in secrets]
        self.first = ids[0]
        self.keys: Mapping[bytes, Mapping[bytes, AESGCM]] = {
            purpose: {
                key_id: AESGCM(derived(label, secret, purpose, KEY_BYTES))
                for key_id, secret in zip(ids, secrets, strict=True)
            }
            for purpose in purposes
        }


def derived(label: bytes, secret: bytes, purpose: bytes, length: int) -> bytes:
    """A key of its own for one purpose, of `length` bytes."""
    return HKDF(SHA256(), length, salt=None, info=label + purpose).derive(secret)
