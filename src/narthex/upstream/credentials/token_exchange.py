"""Token exchange: the token of a caller becomes one for a server, issued to us on the caller's behalf (RFC 8693).

Knows: that grant. Refuses to know: how the caller's token was proven.
"""

from narthex.model.identity import Voucher
from narthex.upstream.credentials.challenge import Challenge
from narthex.upstream.credentials.grants import OfHome, wanted
from narthex.upstream.credentials.token import Token, token_in

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"


class TokenExchange(OfHome):
    async def obtain(self, voucher: Voucher | None, scopes: frozenset[str], challenge: Challenge) -> Token:
        assert voucher is not None, "without a caller there is nothing to exchange"
        server, config = await self._home.find(challenge), self._config
        fields = {
            "grant_type": GRANT,
            "subject_token": voucher.reveal(),
            "subject_token_type": TYPE + (config.subject_token_type or "access_token"),
            "requested_token_type": TYPE + "access_token",
            **wanted(self._home, scopes, omit_resource=config.omit_resource),
        }
        if config.audience is not None:
            fields["audience"] = config.audience
        return token_in(await server.ask(fields), server.name, kind=TYPE + "access_token")
