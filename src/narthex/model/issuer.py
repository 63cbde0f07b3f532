"""The authorization server inside, as the operator wrote it: who may log in, which clients there are.

Knows: names, addresses, choices. Refuses to know: passwords (only where their hashes are), tokens, pages.
"""

from typing import Annotated

import msgspec

from narthex.model.scope import Scope, Word

ClientId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$")]
Scheme = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]{0,63}$")]


class LoginConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where people log in instead: an OpenID provider, at which this gateway is one registered client."""

    issuer: Word
    client_id: Word
    client_secret: Word | None = None  # absent: a public client
    scopes: tuple[Scope, ...] = ("openid", "profile", "email")  # what is asked of the provider
    subject: Word = "sub"  # the claim that names a person
    claims: tuple[Word, ...] = ()  # what else of a person is put into our tokens
    allow_private: bool = False  # the provider may live on a private network, and speak http there

    def __repr__(self) -> str:
        return f"<LoginConfig {self.issuer.partition('?')[0]}>"


class SignInConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where people who come with a browser log in, if the tokens of callers are of another issuer than our own."""

    issuer: Word  # one of those whose tokens are taken
    client_id: Word
    client_secret: Word | None = None  # absent: a public client
    scopes: tuple[Scope, ...] = ("openid",)
    subject: Word | None = None  # absent: the claim that names callers in that issuer's tokens

    def __repr__(self) -> str:
        return f"<SignInConfig {self.issuer.partition('?')[0]}>"


class ClientConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One client that need not register. With `redirect_uris` people log in through it, without it acts for itself."""

    client_id: ClientId
    client_secret: Word | None = None  # absent: a public client, which holds no secret
    name: Word | None = None
    redirect_uris: tuple[Word, ...] = ()
    scopes: tuple[Scope, ...] = ()  # what it has when it acts for itself

    def __repr__(self) -> str:
        return f"<ClientConfig {self.client_id}>"


class AuthorizationServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An authorization server of our own. People come from a file, from the state folder, or from `login`."""

    users: Word | None = None  # a file; absent, and no `login`: the state folder
    login: LoginConfig | None = None
    everyone: tuple[Scope, ...] = ()  # what everybody who can log in may have
    scopes: dict[Scope, Word] = {}  # what a scope allows, in plain words, for the page that asks for consent
    clients: tuple[ClientConfig, ...] = ()
    registration: bool = True  # clients may register themselves (RFC 7591)
    client_documents: bool = True  # a client may be the URL of a document about it
    redirect_schemes: tuple[Scheme, ...] = ()  # further schemes that open an app on the user's device
    access_token_seconds: Annotated[int, msgspec.Meta(ge=60, le=3600)] = 600
    refresh_token_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    login_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 8  # how long a browser stays signed in
