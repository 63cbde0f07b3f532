"""JSON Web Tokens, as strangers write them: taken apart, and their claims judged (RFC 7519, RFC 9068, RFC 8725).

Knows: the form of a token and what its claims must say. Refuses to know: keys, issuers' addresses, and the clock;
the time is handed in. Nothing in here waits.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from narthex.limits import (
    DEFAULTS,
    credential_bytes_max,
    subject_chars_max,
    token_audiences_max,
    token_clock_leeway_seconds,
    token_depth_max,
    token_kid_chars_max,
    token_lifetime_seconds_max,
)
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode

# Each names a key or the way to one. A token that brings its own key proves only that somebody has keys.
KEYS_BROUGHT: Final = ("jku", "x5u", "jwk", "x5c")
AT_JWT: Final = "at+jwt"  # RFC 9068: an access token, and nothing else
USUAL_TYPES: Final = frozenset({"", "jwt", AT_JWT})

_BOUNDS = msgspec.structs.replace(DEFAULTS, json_depth_max=token_depth_max, json_keys_max=credential_bytes_max)
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_KID = re.compile(rf"[^\x00-\x1f\x7f]{{1,{token_kid_chars_max}}}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class BadToken(Exception):
    """The token cannot be taken; the text says why, to whoever holds it. It repeats nothing of the token."""


class Token(msgspec.Struct, frozen=True):
    """A token taken apart. Nothing in it has been proven."""

    algorithm: str
    kid: str | None
    kind: str  # the header's `typ`, in lower case and without `application/`
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:  # claims may hold what no log should
        return f"<Token {self.kind} {self.algorithm}>"


def read(text: str, *, brings_key: bool = False) -> Token | None:
    """The token, or None for a text that is none, which only its issuer can read. Raises BadToken.

    `brings_key`: a `jwk` in the header is what the caller looks for (DPoP proofs).
    """
    head, *rest = text.split(".")
    if len(rest) != 2 or not head.startswith("ey"):  # `{"` in base64url
        return None
    header = _object(head, "header")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise BadToken("The token does not say how it was signed.")
    if "crit" in header:
        raise BadToken("The token demands an extension that is not known here.")
    if any(name in header for name in KEYS_BROUGHT if not (brings_key and name == "jwk")):
        raise BadToken("The token brings its own key, or the address of one.")
    if kid is not None and not (isinstance(kid, str) and _KID.fullmatch(kid)):
        raise BadToken("The token's key id is not usable.")
    if header.get("b64", True) is not True or header.get("zip") is not None:
        raise BadToken("The token's payload is in a form that is not taken.")
    payload, signature = rest
    return Token(
        algorithm=algorithm,
        kid=kid,
        kind=_kind(header.get("typ", "")),
        header=header,
        claims=_object(payload, "payload"),
        signed=f"{head}.{payload}".encode("ascii"),
        signature=_bytes(signature, "signature"),
    )


def check_times(claims: Mapping[str, Any], now: float) -> float:
    """Until when the claims hold, our leeway included. Raises BadToken."""
    expires, issued, begins = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        raise BadToken("The token does not say when it expires.")
    if expires + token_clock_leeway_seconds <= now:
        raise BadToken("The token has expired.")
    if expires - now > token_lifetime_seconds_max + token_clock_leeway_seconds:
        raise BadToken("The token lives too long.")
    if issued is not None:
        if issued > now + token_clock_leeway_seconds:
            raise BadToken("The token was issued in the future: compare the clocks.")
        if expires - issued > token_lifetime_seconds_max:
            raise BadToken("The token lives too long.")
    if begins is not None and begins > now + token_clock_leeway_seconds:
        raise BadToken("The token is not valid yet.")
    return expires + token_clock_leeway_seconds


def audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom the token is for. Raises BadToken."""
    said = claims.get("aud")
    listed = said if isinstance(said, list) else [said]
    meant = tuple(one for one in listed if isinstance(one, str) and one)
    if not meant or len(meant) != len(listed):
        raise BadToken("The token does not say for whom it is.")
    if len(meant) > token_audiences_max:
        raise BadToken(f"The token is for more than {token_audiences_max} audiences.")
    return meant


def name_in(claims: Mapping[str, Any], claim: str) -> str:
    """A name that the claims say: short, and of signs that can be shown. Raises BadToken."""
    name = claims.get(claim)
    if not isinstance(name, str) or not name.strip():
        raise BadToken(f"The token does not say who it is about: it has no '{claim}'.")
    if len(name) > subject_chars_max or _CONTROL.search(name):
        raise BadToken(f"The token's '{claim}' is too long, or holds control characters.")
    return name


def _object(segment: str, what: str) -> Mapping[str, Any]:
    try:
        value = decode(_bytes(segment, what), _BOUNDS)
    except PeerFault as fault:
        reason = "holds a key twice" if fault.data and fault.data.get("reason") == "duplicate_key" else "is not JSON"
        raise BadToken(f"The token's {what} {reason}.") from None
    if not isinstance(value, dict):
        raise BadToken(f"The token's {what} is no JSON object.")
    return value


def _bytes(segment: str, what: str) -> bytes:
    """Base64url without padding, in its one spelling: no two texts are the same token."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise BadToken(f"The token's {what} is not base64url.")
    spare = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}.get(len(segment) % 4)
    if spare is not None and ord(segment[-1]) not in spare:
        raise BadToken(f"The token's {what} is not base64url.")
    try:
        return b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_")
    except (NotBase64, ValueError):
        raise BadToken(f"The token's {what} is not base64url.") from None


def _kind(typ: Any) -> str:
    if not isinstance(typ, str):
        raise BadToken("The token's type is not usable.")
    return typ.lower().removeprefix("application/")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15 or not isfinite(value):
        raise BadToken(f"The token's '{name}' is no time.")
    return float(value)
