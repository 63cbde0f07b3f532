"""JWT bearer: the token of a caller is the assertion that a token for a server is asked for with (RFC 7523, 2.1).

Knows: that grant, as Entra's on-behalf-of flow and others use it. Refuses to know: how the caller's token was proven.
"""

from narthex.model.identity import Voucher
from narthex.upstream.credentials.challenge import Challenge
from narthex.upstream.credentials.grants import OfHome, wanted
from narthex.upstream.credentials.token import Token, token_in

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class JwtBearer(OfHome):
    async def obtain(self, voucher: Voucher | None, scopes: frozenset[str], challenge: Challenge) -> Token:
        assert voucher is not None, "without a caller there is no assertion"
        server, config = await self._home.find(challenge), self._config
        fields = {
            "grant_type": GRANT,
            "assertion": voucher.reveal(),
            **wanted(self._home, scopes, omit_resource=config.omit_resource),
        }
        if config.audience is not None:
            fields["audience"] = config.audience
        return token_in(await server.ask(fields), server.name)
