"""Where the tokens for one server come from: the issuer the operator named, or the first one the server names.

Knows: that an issuer once found stays the one. Refuses to know: which grant is used there.

Whoever is asked for a token is shown our secret. So a server cannot lead us from one issuer to another: what was
found first holds until the configuration changes, and `issuer` in the configuration holds from the start.
"""

import asyncio
from functools import partial

from narthex.model.credentials import CredentialsConfig, OAuthClientConfig
from narthex.upstream.credentials.authorization_server import AuthorizationServer
from narthex.upstream.credentials.canonical import canonical, origin_of
from narthex.upstream.credentials.challenge import NO_CHALLENGE, Challenge
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.probe import challenge_at
from narthex.upstream.credentials.protected_resource import protected_resource
from narthex.upstream.fetch import FetchFault, Reach, reach_of
from narthex.upstream.http.tls import Tls


def reach_from(upstream: str, config: CredentialsConfig, url: str) -> Reach:
    """How far an issuer's word leads."""
    return _unless_there(upstream, url, reach_of(config.issuer or upstream, allow_private=config.allow_private))


def reach_of_server(upstream: str, url: str) -> Reach:
    """How far the server's own word leads: what the operator allows an issuer is no leave for the server."""
    return _unless_there(upstream, url, reach_of(upstream, allow_private=False))


def _unless_there(upstream: str, url: str, reach: Reach) -> Reach:
    """The operator named the server: what else stands at its address is as near as the server is."""
    try:
        return Reach.PRIVATE if origin_of(url) == origin_of(upstream) else reach
    except ValueError:
        return Reach.PUBLIC  # whoever opens it says what is wrong with it


class Home:
    """`find` asks once, whoever else is asking at the same time."""

    def __init__(self, upstream: str, config: CredentialsConfig, tls: Tls) -> None:
        self.resource = config.resource or canonical(upstream)
        self.scopes = frozenset(config.scopes)  # to be asked for
        self._upstream, self._config, self._tls = upstream, config, tls
        self._server: AuthorizationServer | None = None
        self._turn = asyncio.Lock()  # whoever discovers has it: two at once might find two issuers
        if config.issuer is not None or config.token_endpoint is not None:
            self._server = AuthorizationServer(config.issuer or "", config, self.reach, tls)

    def reach(self, url: str) -> Reach:
        return reach_from(self._upstream, self._config, url)

    def at(self, issuer: str, config: OAuthClientConfig) -> AuthorizationServer:
        """Another issuer that the operator named."""
        return AuthorizationServer(
            issuer, config, lambda _: reach_of(issuer, allow_private=config.allow_private), self._tls
        )

    async def find(self, challenge: Challenge = NO_CHALLENGE) -> AuthorizationServer:
        """Raises CredentialFault."""
        async with self._turn:
            if self._server is None:
                self._server = await self._discover(challenge)
        return self._server

    def hide(self, text: str) -> str:
        return self._server.hide(text) if self._server is not None else text

    async def _discover(self, challenge: Challenge) -> AuthorizationServer:
        try:
            if not challenge.resource_metadata:
                challenge = await challenge_at(self._upstream)
            near = partial(reach_of_server, self._upstream)
            found = await protected_resource(self._upstream, challenge, near, self._tls)
        except FetchFault as fault:
            note = f"it does not say whom to ask for a token: {fault}. Write `issuer` into its `credentials`"
            raise CredentialFault("no access token for it could be had", note, retry_seconds=1.0) from None
        if not self.scopes:
            self.scopes = challenge.scopes or found.scopes
        return AuthorizationServer(found.issuers[0], self._config, self.reach, self._tls)
