"""What this issuer is, in one configuration: its name, whom it trusts with what, and for which resources.

Knows: names and tables. Refuses to know: requests.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from narthex.identity.grants import Grants
from narthex.limits import kept_claim_bytes_max
from narthex.model.authentication import ScopesConfig
from narthex.model.config import Config
from narthex.model.issuer import AuthorizationServerConfig
from narthex.wire.strict import encode

CLIENT_SUBJECT = "client:"  # what stands before the name of a client that acts for itself: no person is called so


class Gateway(NamedTuple):
    """What the gateway has, as it is now."""

    resources: Callable[[], Collection[str]]  # every URL that a token may be for; the first one where none is named
    scopes: Callable[[], Collection[str]]  # every scope that something requires


class Settings:
    """One configuration. `issuer` is fixed for the life of the process."""

    def __init__(self, issuer: str, title: str, server: AuthorizationServerConfig, scopes: ScopesConfig) -> None:
        self.issuer, self.title, self.server = issuer, title, server
        self.roles_claim = scopes.roles.claim if scopes.roles is not None else ""
        self._roles = scopes.roles.grants if scopes.roles is not None else {}
        self._grants = Grants(ScopesConfig(implies=scopes.implies))
        self._named = {*server.scopes, *server.everyone, *scopes.implies}
        self._named |= {scope for granted in self._roles.values() for scope in granted}

    def __repr__(self) -> str:
        return f"<Settings {self.issuer}>"

    @property
    def secure(self) -> bool:
        return self.issuer.startswith("https:")

    @property
    def base(self) -> str:
        """The path that a proxy in front puts before all of ours; usually empty."""
        return urlsplit(self.issuer).path.rstrip("/")

    @property
    def default_resource(self) -> str:
        return f"{self.issuer.rstrip('/')}/mcp"

    def own(self, scopes: Iterable[str], roles: Iterable[str]) -> frozenset[str]:
        """What a person has by name."""
        told = frozenset(scopes) | frozenset(self.server.everyone)
        return told.union(*(self._roles.get(role, ()) for role in roles))

    def entitled(self, own: Iterable[str]) -> frozenset[str]:
        """The same, and everything that it implies."""
        return self._grants.of(own, {})

    def offered(self, required: Iterable[str]) -> tuple[str, ...]:
        """What clients may be told of: without names of what is only in use elsewhere."""
        return tuple(sorted({*self._named, *required}))

    def words(self, scope: str) -> str:
        """What a scope allows, as the operator says it."""
        return self.server.scopes.get(scope, "")

    def kept_claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """What of a person's claims goes into our tokens. Roles do not: a token has no more than was agreed to."""
        login = self.server.login
        wanted = login.claims if login is not None else ()
        found = {name: claims[name] for name in wanted if name in claims and name != self.roles_claim}
        return {name: value for name, value in found.items() if len(encode(value)) <= kept_claim_bytes_max}


def settings_of(config: Config, url: str) -> Settings | None:
    """The issuer that this configuration asks for; None: it asks for none. `url`: where we are reached."""
    authentication = config.authentication
    if authentication is None or authentication.type != "oauth2" or authentication.server is None:
        return None
    issuer = (config.public_url or url).rstrip("/")
    return Settings(issuer, config.title or config.name, authentication.server, authentication.scopes)
