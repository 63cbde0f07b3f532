"""The identity assertion grant: the company's identity provider vouches for a caller at a server's own issuer.

Knows: the two steps of enterprise-managed authorization (C-AUTH-12): RFC 8693 at the identity provider gives an
assertion for one issuer and one server, RFC 7523 at that issuer takes it. Refuses to know: how the caller's token was
proven.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.model.credentials import CredentialsConfig
from narthex.model.identity import Voucher
from narthex.upstream.credentials import jwt_bearer
from narthex.upstream.credentials.challenge import Challenge
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.grants import OfHome, wanted
from narthex.upstream.credentials.home import Home
from narthex.upstream.credentials.token import Token, token_in
from narthex.upstream.credentials.token_exchange import GRANT, TYPE

ID_JAG = TYPE + "id-jag"


class IdJag(OfHome):
    def __init__(self, home: Home, config: CredentialsConfig) -> None:
        super().__init__(home, config)
        assert config.idp is not None, "the checks of the configuration have asked for it"
        self._idp = home.at(config.idp.issuer or "", config.idp)

    async def obtain(self, voucher: Voucher | None, scopes: frozenset[str], challenge: Challenge) -> Token:
        assert voucher is not None, "without a caller there is nobody to vouch for"
        server, home = await self._home.find(challenge), self._home
        if not await server.believes_id_jag():
            raise _refused(f"the issuer {server.name} says that it takes no identity assertions (ID-JAG)")
        about = wanted(home, scopes, omit_resource=False)
        answer = await self._idp.ask(
            {
                "grant_type": GRANT,
                "requested_token_type": ID_JAG,
                "subject_token": voucher.reveal(),
                "subject_token_type": TYPE + (self._config.subject_token_type or "id_token"),
                "audience": server.issuer,
                **about,
            }
        )
        assertion = token_in(answer, self._idp.name, kind=ID_JAG, bearer=False).value
        _check(assertion, server.issuer, home.resource)
        fields = {"grant_type": jwt_bearer.GRANT, "assertion": assertion, "resource": home.resource}
        return token_in(await server.ask(fields), server.name)

    def hide(self, text: str) -> str:
        return self._idp.hide(super().hide(text))


def _check(assertion: str, issuer: str, resource: str) -> None:
    """It is the issuer who must believe it. But one meant for somebody else is not even shown."""
    claims = _claims(assertion)
    audience = claims.get("aud")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _refused("the identity provider gave an assertion that is meant for another issuer")
    if claims.get("resource", resource) != resource:
        raise _refused("the identity provider gave an assertion that is meant for another server")


def _claims(assertion: str) -> Mapping[str, Any]:
    parts = assertion.split(".")
    try:
        payload = urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (IndexError, ValueError, msgspec.DecodeError):
        raise _refused("the identity provider gave something that is no assertion") from None


def _refused(note: str) -> CredentialFault:
    return CredentialFault("no access token for it could be had", note)
