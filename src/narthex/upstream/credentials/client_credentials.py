"""Client credentials: the gateway asks for itself (RFC 6749, 4.4; the MCP extension of the same name, C-AUTH-12).

Knows: that grant. Refuses to know: callers.
"""

from narthex.model.identity import Voucher
from narthex.upstream.credentials.challenge import Challenge
from narthex.upstream.credentials.grants import OfHome, wanted
from narthex.upstream.credentials.token import Token, token_in


class ClientCredentials(OfHome):
    async def obtain(self, voucher: Voucher | None, scopes: frozenset[str], challenge: Challenge) -> Token:
        server = await self._home.find(challenge)
        fields = wanted(self._home, scopes, omit_resource=self._config.omit_resource)
        return token_in(await server.ask({"grant_type": "client_credentials", **fields}), server.name)
