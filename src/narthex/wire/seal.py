"""Sealed tokens: what we hand to a client to bring back, unreadable and unchangeable on the way (H6).

Knows: keys, purposes, AES-256-GCM (NIST SP 800-38D), HKDF-SHA256 (RFC 5869). Refuses to know: the time (it is passed),
where keys are kept (that is `store`), and what the claims mean.

A token is `n1.` and the base64url, unpadded, of: key id (4 bytes), nonce (12), ciphertext of msgpack
`[expires_at, claims]`. Each purpose has its own key, so a cursor can never be taken for a session.
"""

import base64
import binascii
import os
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from narthex.limits import (
    cursor_bytes_max,
    grant_token_chars_max,
    request_id_chars_max,
    request_state_bytes_max,
    session_id_bytes_max,
    sign_in_form_chars_max,
)

SESSION, STATE, CURSOR, QUESTION = b"session", b"state", b"cursor", b"question"
FORM, CODE, REFRESH, FAMILIAR = b"form", b"code", b"refresh", b"familiar"  # of the authorization server inside
TOKEN_BYTES_MAX = {
    SESSION: session_id_bytes_max,
    STATE: 2 * request_state_bytes_max,  # sealing and base64 make a state longer by a third
    CURSOR: cursor_bytes_max,
    QUESTION: request_id_chars_max,  # it travels as a JSON-RPC id
    FORM: sign_in_form_chars_max,
    CODE: grant_token_chars_max,
    REFRESH: grant_token_chars_max,
    FAMILIAR: grant_token_chars_max,
}
KEY_BYTES = 32
_PREFIX = "n1."
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class Unsealed(Exception):
    """The token is not one of ours, or no longer. It never says which: that would help only a forger."""

    def __init__(self) -> None:
        super().__init__("The token is not valid here, or no longer.")


class Sealer:
    """A ring of keys: the first seals, all open, so that a key can be replaced without losing what is under way.

    Nonces are random. Replace the key long before it has sealed 2^32 tokens (SP 800-38D, 8.3).
    """

    __slots__ = ("_encode", "_first", "_rings")

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"A sealing key has {KEY_BYTES} bytes, and there must be one.")
        self._encode = msgspec.msgpack.Encoder().encode
        self._first = _derive(keys[0], b"id", _KEY_ID_BYTES)
        self._rings = {
            purpose: {_derive(key, b"id", _KEY_ID_BYTES): AESGCM(_derive(key, purpose, KEY_BYTES)) for key in keys}
            for purpose in TOKEN_BYTES_MAX
        }

    def __repr__(self) -> str:
        return f"<Sealer {len(self._rings[SESSION])} keys, sealing with {self._first.hex()}>"

    def seal(self, purpose: bytes, claims: Any, expires_at: float) -> str:
        """The token: visible ASCII. Raises `ValueError` when the claims make it longer than its purpose allows."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = self._encode((expires_at, claims))
        sealed = self._rings[purpose][self._first].encrypt(nonce, plain, self._first)
        token = _PREFIX + _write(self._first + nonce + sealed)
        if len(token) > TOKEN_BYTES_MAX[purpose]:
            raise ValueError(f"A token for {purpose.decode()} has at most {TOKEN_BYTES_MAX[purpose]} bytes.")
        return token

    def open(self, purpose: bytes, token: str, now: float) -> Any:
        """The claims, or `Unsealed`. `now` and `expires_at` are of one clock: seconds since the epoch."""
        if len(token) > TOKEN_BYTES_MAX[purpose] or not token.startswith(_PREFIX):
            raise Unsealed
        try:
            raw = _read(token[len(_PREFIX) :])
            key_id, nonce = raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
            key = self._rings[purpose][key_id]
            plain = key.decrypt(nonce, raw[_KEY_ID_BYTES + _NONCE_BYTES :], key_id)
        except (KeyError, ValueError, InvalidTag):
            raise Unsealed from None
        expires_at, claims = msgspec.msgpack.decode(plain)  # authentic: we wrote it
        if now >= expires_at:
            raise Unsealed
        return claims


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"narthex/1/" + purpose).derive(key)


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The last character has unused bits: without this line one token would have up to sixteen spellings.
    if _write(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
