"""Who is asking.

Knows: subject, tenant, scopes, claims and how we know. Refuses to know: tokens and where they are checked.
"""

from collections.abc import Mapping
from hashlib import sha256
from math import inf
from typing import Any, Literal

import msgspec

How = Literal["loopback", "key", "jwt", "introspection", "certificate", "proxy"]


class Voucher:
    """The token a caller was known by, for servers that are reached on the caller's behalf.

    It opens for nobody but `upstream.credentials`, which hands it to the authorization server the operator named, and
    to no server. Only kept where some server needs it.
    """

    __slots__ = ("_token", "digest")

    def __init__(self, token: str) -> None:
        self._token = token
        self.digest = sha256(token.encode()).digest()

    def __repr__(self) -> str:
        return "<Voucher>"

    def __reduce__(self) -> str:
        raise TypeError("a voucher stays where it is")

    def reveal(self) -> str:
        return self._token


class Principal(msgspec.Struct, frozen=True, eq=False):
    """One caller, as the edge proved them. One object per credential: it is kept as long as the credential is known.

    `key` is what partitions sessions, caches and sealed tokens; it is the same for all credentials of one caller.
    """

    subject: str
    tenant: str = ""
    scopes: frozenset[str] = frozenset()  # what was granted, and everything that implies
    claims: Mapping[str, Any] = {}
    how: How = "loopback"
    issuer: str = ""  # of the token; "" for every other way
    client: str = ""  # the OAuth client that acts for the subject
    endpoints: frozenset[str] | None = None  # the only endpoints this credential is good for; None: all
    expires: float = inf  # wall clock, seconds since the epoch
    voucher: Voucher | None = None  # where some server is reached on behalf of callers

    @property
    def key(self) -> str:
        # Without an issuer, how we know: a user whom a proxy calls `ci` is not the key of that name.
        return f"{self.tenant}\x00{self.issuer or self.how}\x00{self.subject}"

    @property
    def can_step_up(self) -> bool:
        """Whether this caller could come back with more scopes: only an OAuth client asks for a new token."""
        return self.how in ("jwt", "introspection")

    def __str__(self) -> str:
        return f"{self.subject}@{self.tenant}" if self.tenant else self.subject

    def __repr__(self) -> str:  # claims may hold what no log should
        return f"<Principal {self} by {self.how}>"


# Without authentication the gateway serves the loopback only, and everybody there is one and the same person.
LOCAL = Principal(subject="local")


class Refusal(msgspec.Struct, frozen=True):
    """Why a credential was not taken (RFC 6750, 3.1; RFC 9728, 5.3). `message` is for whoever holds the client."""

    status: int  # 400, 401, 403; 503 when whoever could tell cannot be reached
    error: str  # invalid_request, invalid_token, insufficient_scope; "" where no credential came at all
    message: str
    scopes: frozenset[str] = frozenset()  # all that this request needs, where that is known
    retry_after_seconds: int | None = None
