"""What the gateway shows to the servers behind it, as the operator wrote it: keys, tokens, and who vouches for whom.

Knows: kinds of credentials, issuers, names. Refuses to know: tokens, files, and whether an issuer answers.
"""

from typing import Annotated, Literal

import msgspec

from narthex.limits import secret_kept_seconds, secret_kept_seconds_max
from narthex.model.scope import Scope, Word

Kind = Literal["header", "client_credentials", "token_exchange", "jwt_bearer", "id_jag", "authorization_code"]
Method = Literal["basic", "post", "private_key_jwt"]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=16_384)]
Command = tuple[str, ...]  # a program and its arguments; never a line for a shell
KeptSeconds = Annotated[float, msgspec.Meta(ge=1.0, le=secret_kept_seconds_max)]
HeaderName = Annotated[str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")]

ON_BEHALF: frozenset[str] = frozenset({"token_exchange", "jwt_bearer", "id_jag"})  # need a token of the caller

# What a client says to us in these is for us alone, or is for each hop to say by itself; no operator can pass them on.
NEVER_PASSED: frozenset[str] = frozenset(
    {
        *("authorization", "cookie", "set-cookie", "dpop", "x-api-key", "www-authenticate"),
        *("host", "connection", "keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "expect"),
        *("content-length", "content-type", "content-encoding", "accept", "accept-encoding", "last-event-id"),
        *("origin", "forwarded", "x-real-ip"),
    }
)
NEVER_PASSED_STARTS: tuple[str, ...] = ("mcp-", "proxy-", "x-forwarded-", "sec-")


def may_pass(name: str) -> bool:
    """Whether a header of a client may go on to a server, if the operator says so."""
    lower = name.lower()
    return lower not in NEVER_PASSED and not lower.startswith(NEVER_PASSED_STARTS)


class OAuthClientConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This gateway as a client of one authorization server, and how it proves that it is that client."""

    issuer: Word | None = None
    token_endpoint: Word | None = None  # absent: what the issuer's metadata say
    client_id: Word | None = None
    client_secret: Secret | None = None
    client_secret_file: Word | None = None  # read whenever a token is asked for
    client_secret_command: Command | None = None  # what it prints
    private_key_file: Word | None = None  # PEM or JWK; read whenever a token is asked for
    private_key_command: Command | None = None
    secret_seconds: KeptSeconds = secret_kept_seconds  # how long what a command told is used
    inherit_env: tuple[str, ...] = ()  # further variables of our own environment that the command may see
    key_id: Word | None = None
    algorithm: Literal["RS256", "PS256", "ES256"] | None = None  # absent: what fits the key
    method: Method | None = None  # absent: what the issuer takes
    parameters: dict[Word, Word] = {}  # further ones, for issuers that want them in each request for a token
    allow_private: bool = False  # the issuer may live on a private network, and speak http there

    @property
    def by_key(self) -> bool:
        """It is proven by signing, not by showing a secret."""
        return self.private_key_file is not None or self.private_key_command is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.client_id} at {(self.issuer or '?').partition('?')[0]}>"


class IdentityProviderConfig(OAuthClientConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the company's people log in: it gives the assertion that a server's own authorization server believes."""


class CredentialsConfig(OAuthClientConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one server is shown. Which keys belong to which `type`: docs/upstream-credentials.md."""

    type: Kind
    # header
    header: HeaderName = "Authorization"
    value: Secret | None = None
    value_file: Word | None = None  # read again when it changes
    value_command: Command | None = None
    # everything with tokens
    scopes: tuple[Scope, ...] = ()  # absent: what the server asks for
    resource: Word | None = None  # absent: the address of the server
    omit_resource: bool = False  # the issuer takes no `resource` (RFC 8707)
    # on behalf of the caller
    audience: Word | None = None
    subject_token_type: Literal["access_token", "id_token", "jwt"] | None = None
    catalogue: Literal["client", "caller", "anonymous"] | None = None  # as whom the gateway asks for lists
    idp: IdentityProviderConfig | None = None
    # a grant of each user
    client_document: Word | None = None  # absent: the one this gateway serves; "none": there is none
    grant_of: Literal["user", "gateway"] = "user"

    @property
    def connects(self) -> bool:
        """Somebody has to give a grant in a browser."""
        return self.type == "authorization_code"

    @property
    def on_behalf(self) -> bool:
        return self.type in ON_BEHALF

    def __repr__(self) -> str:
        return f"<CredentialsConfig {self.type}>"
