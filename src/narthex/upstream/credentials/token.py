"""An access token as an issuer gave it: until when it is good, and what it may do.

Knows: the answer of a token endpoint (RFC 6749, 5.1; RFC 8693, 2.2.1). Refuses to look inside of a token.
"""

import re
from typing import Any

import msgspec

from narthex.limits import access_token_bytes_max, access_token_seconds, shown_token_seconds_max
from narthex.upstream.credentials.challenge import scopes_in
from narthex.upstream.credentials.face import CredentialFault

_USABLE = re.compile(r"[\x21-\x7e]+")


class Token(msgspec.Struct, frozen=True, eq=False):
    """`value` never leaves in a text: not in a `repr`, an error, the log."""

    value: str
    seconds: float  # of its life, from when it came
    scopes: frozenset[str] | None = None  # granted; None: what was asked for

    def __repr__(self) -> str:
        return f"<Token for {self.seconds:g} s>"


def token_in(value: Any, issuer: str, *, kind: str = "", bearer: bool = True) -> Token:
    """Raises CredentialFault. `kind`: the type that was asked for, where the answer has to name it."""
    if not isinstance(value, dict):
        raise _useless(issuer, "its answer is no JSON object")
    token, type_, issued = (value.get(name) for name in ("access_token", "token_type", "issued_token_type"))
    if not isinstance(token, str) or not _USABLE.fullmatch(token):
        raise _useless(issuer, "its answer holds no access token")
    if len(token) > access_token_bytes_max:
        raise _useless(issuer, f"its token is longer than {access_token_bytes_max} bytes")
    if bearer and not (isinstance(type_, str) and type_.lower() == "bearer"):
        raise _useless(issuer, "its token is not of the type Bearer, the only one that can be shown here")
    if kind and issued != kind:
        raise _useless(issuer, f"it issued something else than {kind}")
    scopes = value.get("scope")
    seconds = min(seconds_in(value.get("expires_in")) or access_token_seconds, shown_token_seconds_max)
    return Token(token, seconds, scopes_in(scopes) if isinstance(scopes, str) else None)


def seconds_in(value: Any) -> float | None:
    """An `expires_in`; None: nothing of use is said."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return float(value)


def _useless(issuer: str, what: str) -> CredentialFault:
    return CredentialFault("no access token for it could be had", f"the issuer {issuer}: {what}")
