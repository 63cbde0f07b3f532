"""The revocation endpoint (RFC 7009): a client gives back what it was given.

Knows: that a token stands for its grant, and all of it ends. Refuses to know: why.
"""

from narthex.issuer.answer import Answer, Asked, OauthFault, json_answer
from narthex.issuer.forms import form
from narthex.issuer.office import Office
from narthex.issuer.token import Tokens
from narthex.wire.seal import REFRESH, Unsealed


class Revocation:
    """The revocation endpoint. What is not known is as good as revoked (RFC 7009, 2.2)."""

    def __init__(self, office: Office, tokens: Tokens) -> None:
        self._office, self._tokens = office, tokens

    async def revoke(self, asked: Asked) -> Answer:
        """Raises OauthFault."""
        said = form(asked)
        client = await self._tokens.authenticated(asked, said)
        token = said.get("token", "")
        if not token:
            raise OauthFault("invalid_request", "The token is missing.")
        grant_id = self._grant_of(token)
        office, now = self._office, self._office.now()
        if grant_id is not None:
            kept = await office.do(lambda shelves: shelves.grants.find(grant_id, now))
            if kept is not None and kept.grant.client == client.id:
                await office.take_back(grant_id)
        return json_answer({})

    def _grant_of(self, token: str) -> str | None:
        office = self._office
        try:
            found = office.sealer.open(REFRESH, token, office.now())
            return str(found[0])
        except Unsealed:
            return office.signing.grant_of(token)
