"""One issuer whose tokens are taken: from a token to the principal it vouches for.

Knows: which of the issuer's words count, and what they must say about us. Refuses to know: HTTP, other issuers, and
what the principal may do.
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, NamedTuple, Protocol

from narthex.identity.binding import Binding, binding_of
from narthex.identity.discovery import Discovery
from narthex.identity.grants import Grants
from narthex.identity.introspection import Introspection, Place
from narthex.identity.keyring import Found, Keyring, Say, Unreachable, keys_of
from narthex.identity.refusals import OPAQUE
from narthex.identity.tokens import AT_JWT, USUAL_TYPES, BadToken, Token, audiences, check_times, name_in
from narthex.model.authentication import IntrospectionConfig, IssuerConfig
from narthex.model.claims import words_in
from narthex.model.identity import How, Principal, Refusal
from narthex.telemetry.owned import Owned
from narthex.upstream.fetch import FetchFault, fetch, reach_of, shown
from narthex.upstream.http import Tls

# What stands in a field of its own, or says nothing once the token is found good.
_SPENT = ("iss", "aud", "exp", "iat", "nbf", "jti", "scope", "scp", "cnf", "active", "token_type", "at_hash", "nonce")

Endpoints = Callable[[Iterable[str]], frozenset[str]]  # audiences -> the endpoints that are meant by them

Answer = Principal | Refusal


class Keys(Protocol):
    """Where the keys of an issuer come from. `find` raises Unreachable."""

    async def find(self, kid: str | None, algorithm: str) -> Found: ...
    def warm(self) -> None: ...


class Proven(NamedTuple):
    """A principal, and the key that whoever shows the token must hold."""

    principal: Principal
    binding: Binding | None


class Workshop(NamedTuple):
    """What all issuers share."""

    owned: Owned
    tls: Tls
    clock: Callable[[], float]
    say: Say
    taken_back: Callable[[], None]


class Issuer:
    """`of_token` for those that can be read, `of_opaque` for those that only the issuer can read."""

    def __init__(self, config: IssuerConfig, workshop: Workshop, keys: Keys | None = None) -> None:
        """`keys`: of an issuer that lives in this process; else they are fetched."""
        self.config = config
        self._tls = workshop.tls
        self._reach = reach_of(config.issuer, allow_private=config.allow_private)
        self._discovery = Discovery(config.issuer, self._reach, workshop.tls, workshop.clock)
        self.keys = keys or Keyring(
            config.issuer,
            self._load,
            owned=workshop.owned,
            clock=workshop.clock,
            say=workshop.say,
            taken_back=workshop.taken_back,
        )
        self.introspection = (
            None if config.introspection is None else self._introspection(config.introspection, workshop)
        )

    def __repr__(self) -> str:
        return f"<Issuer {self.config.issuer}>"

    def _introspection(self, config: IntrospectionConfig, workshop: Workshop) -> Introspection:
        return Introspection(
            self.config.issuer,
            config,
            self._place,
            reach=self._reach,
            tls=workshop.tls,
            owned=workshop.owned,
            clock=workshop.clock,
            say=workshop.say,
        )

    async def of_token(self, token: Token, grants: Grants, endpoints: Endpoints, now: float) -> Proven | Refusal:
        """Who is meant by a token whose `iss` names this issuer."""
        try:
            self._check_form(token)
            keys = await self.keys.find(token.kid, token.algorithm)
            if not any(key.verifies(token.algorithm, token.signed, token.signature) for key in keys):
                what = "is not signed by its issuer" if keys else "is signed with a key that its issuer does not have"
                raise BadToken(f"The token {what}.")
            expires = check_times(token.claims, now)
            return self._proven(token.claims, "jwt", grants, endpoints, expires)
        except BadToken as bad:
            return Refusal(401, "invalid_token", str(bad))
        except Unreachable as fault:
            return Refusal(503, "", str(fault), retry_after_seconds=fault.retry_after_seconds)

    def supposed(self, claims: Mapping[str, Any], grants: Grants, endpoints: Endpoints, now: float) -> Answer:
        """Who a token with these claims would mean, were it genuine: for an operator who asks."""
        try:
            expires = check_times(claims, now) if "exp" in claims else inf
            return self._proven(claims, "jwt", grants, endpoints, expires).principal
        except BadToken as bad:
            return Refusal(401, "invalid_token", str(bad))

    async def of_opaque(
        self, text: str, digest: bytes, grants: Grants, endpoints: Endpoints, now: float
    ) -> Proven | Refusal:
        """Who is meant by a token that says nothing to us: the issuer is asked."""
        if self.introspection is None:
            return OPAQUE
        try:
            claims = await self.introspection.claims(text, digest)
            if claims is None:
                raise BadToken("The token is not, or no longer, good.")
            if any("refresh" in str(claims.get(name)).lower() for name in ("token_type", "typ")):
                raise BadToken("This is a refresh token: it is good for its issuer only.")
            if "sub" not in claims and "client_id" in claims:
                claims = {**claims, "sub": claims["client_id"]}  # RFC 7662, 2.2: nobody but the client itself
            expires = check_times(claims, now) if "exp" in claims else inf
            return self._proven(claims, "introspection", grants, endpoints, expires)
        except BadToken as bad:
            return Refusal(401, "invalid_token", str(bad))
        except Unreachable as fault:
            return Refusal(503, "", str(fault), retry_after_seconds=fault.retry_after_seconds)

    async def aclose(self) -> None:
        if self.introspection is not None:
            await self.introspection.aclose()

    def _check_form(self, token: Token) -> None:
        if token.algorithm not in self.config.algorithms:
            raise BadToken("The token is signed in a way that is not taken from its issuer.")
        if self.config.typ == AT_JWT and token.kind != AT_JWT:
            raise BadToken("The token is no access token: its type must be at+jwt.")
        if token.kind not in USUAL_TYPES:
            raise BadToken("The token is of another kind than access tokens.")

    def _proven(
        self, claims: Mapping[str, Any], how: How, grants: Grants, endpoints: Endpoints, expires: float
    ) -> Proven:
        config = self.config
        meant = self._endpoints(claims, endpoints)
        scopes = words_in(claims, config.claims.scopes or "scope")
        if not scopes and config.claims.scopes is None:
            scopes = words_in(claims, "scp")  # Entra and Okta
        principal = Principal(
            subject=name_in(claims, config.claims.subject),
            tenant=config.tenant or "",
            scopes=grants.of(scopes, claims),
            claims={name: value for name, value in claims.items() if name not in _SPENT},
            how=how,
            issuer=config.issuer,
            client=_client(claims),
            endpoints=meant,
            expires=expires,
        )
        return Proven(principal, binding_of(claims))

    def _endpoints(self, claims: Mapping[str, Any], endpoints: Endpoints) -> frozenset[str] | None:
        """For which endpoints the token is (S-AUTH-04); None for all, where the operator named the audience."""
        meant = audiences(claims)
        if self.config.audience is not None:
            if not any(one in self.config.audience for one in meant):
                raise BadToken("The token is for another audience than this gateway.")
            return None
        found = endpoints(meant)
        if not found:
            raise BadToken(
                "The token is for another resource: ask for one for the 'resource' that the metadata of this URL name."
            )
        return found

    # What the issuer is asked for.

    async def _load(self) -> Found:
        url = self.config.jwks_uri or (await self._discovery.get()).jwks_uri
        if not url:
            raise FetchFault("metadata", f"the metadata of {shown(self.config.issuer)} name no 'jwks_uri'")
        try:
            fetched = await fetch(url, self._reach, tls=self._tls)
            return keys_of(fetched.value, shown(url))
        except FetchFault:
            self._discovery.doubt()
            raise

    async def _place(self) -> Place:
        asked = self.config.introspection
        if asked is not None and asked.endpoint is not None:
            return asked.endpoint, ()
        found = await self._discovery.get()
        if not found.introspection_endpoint:
            what = f"the metadata of {shown(self.config.issuer)} name no 'introspection_endpoint'"
            raise FetchFault("metadata", what)
        return found.introspection_endpoint, found.introspection_methods


def _client(claims: Mapping[str, Any]) -> str:
    """The OAuth client that acts, where the token says so in a way that can be shown."""
    try:
        return name_in(claims, "client_id" if "client_id" in claims else "azp")
    except BadToken:
        return ""
