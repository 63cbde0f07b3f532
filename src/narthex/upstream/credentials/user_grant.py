"""A grant of one user at one server: tokens, what they may do, and as which client they were got.

Knows: what is kept of it, and how it is written down. Refuses to know: where it is kept, and to be printed.
"""

from base64 import urlsafe_b64decode
from typing import Any, Literal

import msgspec

from narthex.limits import (
    access_token_bytes_max,
    access_token_margin_seconds,
    access_token_refresh_share,
    account_chars_max,
)
from narthex.model.connection import Connection, Owner
from narthex.ports import Kept
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.token import Token, seconds_in, token_in


class OurClient(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are at one issuer. `configured`: as the operator wrote, who may change the secret."""

    kind: Literal["configured", "document", "registered"]
    id: str
    secret: str = ""
    method: Literal["basic", "post", "none", ""] = ""  # "": as the configuration says, or the issuer
    expires: float | None = None  # of the secret

    def __repr__(self) -> str:
        return f"<OurClient {self.kind}>"


class UserGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Times: seconds since the epoch. `expires` None: the access token is good until it is refused."""

    owner: str
    server: str
    upstream: str  # where the server was, as a resource: what was granted there is shown nowhere else
    resource: str
    issuer: str
    client: OurClient
    access_token: str
    refresh_token: str = ""
    asked: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()  # granted
    got: float
    expires: float | None = None
    since: float
    account: str = ""
    lacking: tuple[str, ...] = ()  # what the server wants besides
    step_ups: int = 0  # times that the owner was asked for more, in a row, and gave less
    refusals: int = 0  # grants before this one that the server refused, in a row
    void: str = ""  # why it has to be given anew

    def __repr__(self) -> str:
        return f"<UserGrant at {self.server}{', void' if self.void else ''}>"

    def has_tokens_of(self, other: object) -> bool:
        """Whatever was noted of either of them."""
        return isinstance(other, UserGrant) and (self.access_token, self.got) == (other.access_token, other.got)

    @property
    def end(self) -> float | None:
        """From when on its token is not shown any more: a moment before it expires."""
        if self.expires is None:
            return None
        return self.expires - min(access_token_margin_seconds, (self.expires - self.got) / 10)

    def works(self, now: float) -> bool:
        """Nothing of it has to be given anew."""
        return not self.void and (bool(self.refresh_token) or self.end is None or now < self.end)

    @property
    def due(self) -> float | None:
        """When to renew it."""
        if not self.refresh_token or self.expires is None or self.void:
            return None
        return self.got + (self.expires - self.got) * access_token_refresh_share

    def connection(self) -> Connection:
        expires = None if self.refresh_token else self.expires
        return Connection(self.server, self.issuer, frozenset(self.scopes), self.since, expires, self.account)


def kept_of(grant: UserGrant, version: int = 0) -> Kept:
    return Kept(
        owner=grant.owner,
        server=grant.server,
        issuer=grant.issuer,
        content=msgspec.msgpack.encode(grant),
        since=grant.since,
        due=grant.due,
        void=bool(grant.void),
        version=version,
    )


def grant_of(kept: Kept) -> UserGrant | None:
    """None: another version of this program wrote something else."""
    try:
        grant = msgspec.msgpack.decode(kept.content, type=UserGrant)
    except msgspec.MsgspecError:
        return None
    same = (grant.owner, grant.server, grant.issuer) == (kept.owner, kept.server, kept.issuer)
    return grant if same else None


def granted(
    answer: Any,
    at_issuer: str,
    *,
    owner: Owner,
    server: str,
    upstream: str,
    resource: str,
    issuer: str,
    client: OurClient,
    asked: tuple[str, ...],
    now: float,
) -> UserGrant:
    """From the answer of a token endpoint to a code. Raises CredentialFault."""
    token, refresh, seconds = _read(answer, at_issuer)
    return UserGrant(
        owner=owner.key,
        server=server,
        upstream=upstream,
        resource=resource,
        issuer=issuer,
        client=client,
        access_token=token.value,
        refresh_token=refresh,
        asked=asked,
        scopes=tuple(sorted(token.scopes)) if token.scopes is not None else asked,
        got=now,
        expires=None if seconds is None else now + seconds,
        since=now,
        account=_account(answer),
    )


def renewed(grant: UserGrant, answer: Any, at_issuer: str, now: float) -> UserGrant:
    """The same with new tokens; an issuer that does not rotate keeps the old refresh token (RFC 6749, 6)."""
    token, refresh, seconds = _read(answer, at_issuer)
    return msgspec.structs.replace(
        grant,
        access_token=token.value,
        refresh_token=refresh or grant.refresh_token,
        scopes=tuple(sorted(token.scopes)) if token.scopes is not None else grant.scopes,
        got=now,
        expires=None if seconds is None else now + seconds,
    )


def _read(answer: Any, at_issuer: str) -> tuple[Token, str, float | None]:
    token = token_in(answer, at_issuer)
    refresh = answer.get("refresh_token")
    if not isinstance(refresh, str) or not refresh.isascii() or not refresh.isprintable():
        refresh = ""
    if len(refresh) > access_token_bytes_max:
        note = f"the issuer {at_issuer}: its refresh token is longer than {access_token_bytes_max} bytes"
        raise CredentialFault("no access token for it could be had", note)
    return token, refresh, seconds_in(answer.get("expires_in"))


def _account(answer: Any) -> str:
    """For the owner to read, and for nothing else: nobody has checked it beyond that the issuer said it to us."""
    try:
        payload = answer.get("id_token").split(".")[1]
        claims = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=dict[str, Any])
    except (AttributeError, IndexError, ValueError, msgspec.MsgspecError):
        return ""
    named = (claims.get(name) for name in ("email", "preferred_username", "name", "sub"))
    return next((one[:account_chars_max] for one in named if isinstance(one, str) and one.isprintable() and one), "")
