"""Sealed tokens: what we hand to a client to bring back, unreadable and unchangeable on the way (H6).

Knows: purposes, and AES-256-GCM (NIST SP 800-38D). Refuses to know: the time (it is passed), where keys are kept (that
is `store`), and what the claims mean.

A token is `n1.` and the base64url, unpadded, of: key id (4 bytes), nonce (12), ciphertext of msgpack
`[expires_at, claims]`. Each purpose has its own key, so a cursor can never be taken for a session.
"""

import base64
import binascii
import os
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from narthex.limits import (
    connect_link_chars_max,
    connect_visit_chars_max,
    cursor_bytes_max,
    grant_token_chars_max,
    offloaded_token_chars_max,
    redaction_sealed_chars_max,
    request_id_chars_max,
    request_state_bytes_max,
    session_id_bytes_max,
    sign_in_form_chars_max,
)
from narthex.wire.ring import KEY_BYTES, KEY_ID_BYTES, NONCE_BYTES, Ring, derived

_LABEL = b"narthex/1/"
SESSION, STATE, CURSOR, QUESTION = b"session", b"state", b"cursor", b"question"
VALUE = b"value"  # of a token that stands for something
RESULT = b"result"  # of a result that waits to be read
FORM, CODE, REFRESH, FAMILIAR = b"form", b"code", b"refresh", b"familiar"  # of the authorization server inside
LINK, VISIT = b"link", b"visit"  # of the connect page: for whom a link to it was made, and who is at a browser
TOKEN_BYTES_MAX = {
    SESSION: session_id_bytes_max,
    STATE: 2 * request_state_bytes_max,  # sealing and base64 make a state longer by a third
    CURSOR: cursor_bytes_max,
    QUESTION: request_id_chars_max,  # it travels as a JSON-RPC id
    VALUE: redaction_sealed_chars_max,
    RESULT: offloaded_token_chars_max,
    FORM: sign_in_form_chars_max,
    CODE: grant_token_chars_max,
    REFRESH: grant_token_chars_max,
    FAMILIAR: grant_token_chars_max,
    LINK: connect_link_chars_max,
    VISIT: connect_visit_chars_max,
}
_PREFIX = "n1."


class Unsealed(Exception):
    """The token is not one of ours, or no longer. It never says which: that would help only a forger."""

    def __init__(self) -> None:
        super().__init__("The token is not valid here, or no longer.")


class Sealer:
    """Seals with the first key of a ring, opens with all."""

    __slots__ = ("_encode", "_ring", "pseudonym_key")

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._ring = Ring(_LABEL, keys, TOKEN_BYTES_MAX)
        self.pseudonym_key = derived(_LABEL, keys[0], b"pseudonym", KEY_BYTES)  # equal values get equal names by it

    def __repr__(self) -> str:
        return f"<Sealer {len(self._ring.keys[SESSION])} keys, sealing with {self._ring.first.hex()}>"

    def seal(self, purpose: bytes, claims: Any, expires_at: float) -> str:
        """The token: visible ASCII. Raises `ValueError` when the claims make it longer than its purpose allows."""
        first, nonce = self._ring.first, os.urandom(NONCE_BYTES)
        plain = self._encode((expires_at, claims))
        sealed = self._ring.keys[purpose][first].encrypt(nonce, plain, first)
        token = _PREFIX + _write(first + nonce + sealed)
        if len(token) > TOKEN_BYTES_MAX[purpose]:
            raise ValueError(f"A token for {purpose.decode()} has at most {TOKEN_BYTES_MAX[purpose]} bytes.")
        return token

    def open(self, purpose: bytes, token: str, now: float) -> Any:
        """The claims, or `Unsealed`. `now` and `expires_at` are of one clock: seconds since the epoch."""
        if len(token) > TOKEN_BYTES_MAX[purpose] or not token.startswith(_PREFIX):
            raise Unsealed
        try:
            raw = _read(token[len(_PREFIX) :])
            key_id, nonce = raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
            key = self._ring.keys[purpose][key_id]
            plain = key.decrypt(nonce, raw[KEY_ID_BYTES + NONCE_BYTES :], key_id)
        except (KeyError, ValueError, InvalidTag):
            raise Unsealed from None
        expires_at, claims = msgspec.msgpack.decode(plain)  # authentic: we wrote it
        if now >= expires_at:
            raise Unsealed
        return claims


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
