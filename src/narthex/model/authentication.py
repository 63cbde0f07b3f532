"""Who may call, as the operator wrote it: issuers, keys, certificates, a proxy in front, and what scopes imply.

Knows: names, addresses, choices. Refuses to know: tokens, and whether an issuer answers.
"""

from typing import Annotated, Literal

import msgspec

from narthex.model.issuer import AuthorizationServerConfig, LoginConfig, SignInConfig
from narthex.model.scope import Scope as Scope  # noqa: PLC0414 - known by this module too
from narthex.model.scope import Word as Word  # noqa: PLC0414 - the same

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
Tenant = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class ClaimsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which claims an issuer says what we ask for."""

    scopes: Word | None = None  # absent: `scope`, or `scp` where there is none
    subject: Word = "sub"


class IntrospectionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the issuer is asked about tokens that nobody else can read (RFC 7662)."""

    client_id: Word
    client_secret: Word
    endpoint: Word | None = None  # absent: what the issuer's metadata say

    def __repr__(self) -> str:
        return f"<IntrospectionConfig {self.client_id}>"


class IssuerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One authorization server whose tokens are taken. `issuer` is compared sign by sign with the token's `iss`."""

    issuer: Word
    audience: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)] | None = None  # absent: the endpoint's own URL
    algorithms: Annotated[tuple[Algorithm, ...], msgspec.Meta(min_length=1)] = ALGORITHMS
    tenant: Tenant | None = None
    jwks_uri: Word | None = None  # absent: what the issuer's metadata say
    typ: Literal["at+jwt"] | None = None
    claims: ClaimsConfig = ClaimsConfig()
    introspection: IntrospectionConfig | None = None
    allow_private: bool = False  # the issuer may live on a private network, and speak http there

    def __repr__(self) -> str:
        return f"<IssuerConfig {self.issuer.partition('?')[0]}>"


class RolesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A claim that lists roles or groups, and what each of them is granted."""

    claim: Word
    grants: dict[Word, tuple[Scope, ...]]


class ScopesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What scopes mean here."""

    implies: dict[Scope, tuple[Scope, ...]] = {}
    roles: RolesConfig | None = None
    default: Literal["allow", "deny"] = "allow"  # for what no `required_scopes` speaks of


class ProxyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A proxy that has already found out who calls, and says so in a header."""

    addresses: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)]  # addresses and networks it connects from
    subject: Word  # the header that names the caller
    scopes: Word | None = None  # the header that lists the scopes, separated by blanks


class CertificatesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Callers who show a certificate of this authority."""

    authority: Word  # PEM file
    subject: Literal["san_uri", "san_dns", "cn"] = "san_uri"
    scopes: tuple[Scope, ...] = ()


class AuthenticationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may call. `issuer` is the short form of one entry of `issuers`."""

    type: Literal["oauth2", "keys"]
    issuer: Word | None = None
    required_scopes: tuple[Scope, ...] = ()
    issuers: tuple[IssuerConfig, ...] = ()
    server: AuthorizationServerConfig | None = None  # an issuer of our own
    keys: bool = True
    sign_in: SignInConfig | None = None  # of people with a browser
    scopes: ScopesConfig = ScopesConfig()
    proxy: ProxyConfig | None = None
    certificates: CertificatesConfig | None = None
    policies: Word | None = None  # a file of Cedar policies

    def all_issuers(self) -> tuple[IssuerConfig, ...]:
        """Every issuer, whichever form it was written in; none where only keys are taken."""
        if self.type == "keys":
            return ()
        return self.issuers if self.issuer is None else (IssuerConfig(issuer=self.issuer), *self.issuers)

    def login(self) -> LoginConfig | None:
        """Where people with a browser log in, and which claim names them as the tokens of that issuer do."""
        asked = self.sign_in
        found = next((one for one in self.all_issuers() if asked is not None and one.issuer == asked.issuer), None)
        if asked is None or found is None:
            return None
        return LoginConfig(
            issuer=asked.issuer,
            client_id=asked.client_id,
            client_secret=asked.client_secret,
            scopes=asked.scopes,
            subject=asked.subject or found.claims.subject,
            allow_private=found.allow_private,
        )
