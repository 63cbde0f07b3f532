"""A grant that the configuration has no use for any more is taken back at its issuer, as far as that is possible.

Knows: what a grant says of itself: where it was given, and to which client. Refuses to know: the configuration. A
secret that stands there now is for another server, or for another issuer.
"""

from typing import Literal

from narthex.model.credentials import CredentialsConfig
from narthex.upstream.credentials.authorization_server import AuthorizationServer
from narthex.upstream.credentials.home import reach_from
from narthex.upstream.credentials.user_grant import OurClient, UserGrant
from narthex.upstream.http.tls import Tls

_METHODS: dict[str, Literal["basic", "post"]] = {"basic": "basic", "post": "post"}


async def take_back(server: AuthorizationServer, grant: UserGrant) -> None:
    """At the issuer (RFC 7009), which ends what came of a refresh token too. Raises CredentialFault."""
    if grant.refresh_token:
        await server.revoke(grant.refresh_token, "refresh_token")
    await server.revoke(grant.access_token, "access_token")


def issuer_of(grant: UserGrant, tls: Tls) -> AuthorizationServer:
    """The one that gave it, reached as far as the address of its server reaches."""
    alone = CredentialsConfig(type="authorization_code")
    return AuthorizationServer(
        grant.issuer, known_as(grant.client), lambda url: reach_from(grant.upstream, alone, url), tls
    )


def known_as(client: OurClient) -> CredentialsConfig:
    """With the secret that the issuer gave us. One of the operator's is not in a grant; perhaps none is needed."""
    return CredentialsConfig(
        type="authorization_code",
        client_id=client.id,
        client_secret=client.secret or None,
        method=_METHODS.get(client.method),
    )
