"""The token endpoint: from a code, a refresh token or a client's own secret to an access token (OAuth 2.1, 3.2).

Knows: what each of the three must show. Refuses to know: pages.
"""

import base64
import binascii
import secrets
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import unquote_plus

from narthex.issuer.answer import Answer, Asked, OauthFault, json_answer
from narthex.issuer.client import CODE_GRANT, OWN_GRANT, REFRESH_GRANT, BadClient, Client
from narthex.issuer.forms import form
from narthex.issuer.office import Office
from narthex.issuer.settings import CLIENT_SUBJECT
from narthex.issuer.wanted import resource
from narthex.store.oauth_grants import Grant, Kept, Turn
from narthex.wire.addresses import address_key
from narthex.wire.pkce import challenge_of
from narthex.wire.seal import CODE, REFRESH, Unsealed

_SPENT = OauthFault(
    "invalid_grant", "This code or token is not good here, or no longer. Ask the user to sign in again."
)


class Tokens:
    """`give` answers the token endpoint. `authenticated` is for other endpoints that clients call themselves."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def give(self, asked: Asked) -> Answer:
        """Raises OauthFault."""
        said = form(asked)
        client = await self.authenticated(asked, said)
        kind = said.get("grant_type", "")
        if kind == CODE_GRANT:
            answer = await self._by_code(said, client)
        elif kind == REFRESH_GRANT:
            answer = await self._by_refresh(said, client)
        elif kind == OWN_GRANT:
            answer = self._for_itself(said, client)
        else:
            error = "unsupported_grant_type" if kind else "invalid_request"
            raise OauthFault(error, f"'grant_type' is one of: {CODE_GRANT}, {REFRESH_GRANT}, {OWN_GRANT}.")
        return json_answer(answer)

    # Who asks

    async def authenticated(self, asked: Asked, said: Mapping[str, str]) -> Client:
        """The client that sends this, as it proves. Raises OauthFault."""
        client_id, secret = _shown(asked, said)
        try:
            client = await self._office.holder(client_id)
        except BadClient as bad:
            raise OauthFault("invalid_client", str(bad), 401) from None
        if client.secret is None:
            if secret is not None:
                raise OauthFault("invalid_client", "This client is public: it has no secret.", 401)
        elif secret is None or not client.proves(secret):
            raise self._failed(asked, OauthFault("invalid_client", "The client's secret is missing or wrong.", 401))
        return client

    def _failed(self, asked: Asked, fault: OauthFault) -> OauthFault:
        """Guesses are counted by address. Who has the right secret never gets here."""
        wait = self._office.address_failures.take(address_key(asked.peer), self._office.monotonic())
        if not wait:
            return fault
        text = f"Too many wrong credentials from this address. Try again in {wait} seconds."
        return OauthFault("temporarily_unavailable", text, 429, wait)

    # What is shown

    async def _by_code(self, said: Mapping[str, str], client: Client) -> dict[str, Any]:
        _allowed(client, CODE_GRANT)
        grant_id = self._opened(CODE, said.get("code", ""))
        kept = await self._kept(grant_id, client)
        grant = kept.grant
        # Used up before it is looked at closely: whoever tries a code with a wrong verifier gets no second try.
        await self._advance(grant, 0)
        verifier = said.get("code_verifier", "")
        if not verifier:
            raise OauthFault("invalid_request", "The code_verifier is missing (PKCE, RFC 7636).")
        if not _answers(verifier, grant.challenge):
            raise OauthFault("invalid_grant", "The code_verifier does not fit.")
        if "redirect_uri" in said and said["redirect_uri"] != grant.redirect_uri:
            raise OauthFault("invalid_grant", "The redirect_uri is another one than before.")
        self._check_resource(said, grant)
        return await self._answer(grant, 1, grant.scopes)

    async def _by_refresh(self, said: Mapping[str, str], client: Client) -> dict[str, Any]:
        _allowed(client, REFRESH_GRANT)
        grant_id, turn = self._opened(REFRESH, said.get("refresh_token", ""))
        kept = await self._kept(grant_id, client)
        grant = kept.grant
        self._check_resource(said, grant)
        scopes = _narrowed(said, grant)
        await self._advance(grant, int(turn))
        if client.kind == "registered":
            now = self._office.now()
            await self._office.do(lambda shelves: shelves.clients.touch(client.id, now))
        return await self._answer(grant, int(turn) + 1, scopes)

    def _for_itself(self, said: Mapping[str, str], client: Client) -> dict[str, Any]:
        _allowed(client, OWN_GRANT)
        meant = resource(self._office, said.get("resource", ""))
        if meant is None:
            raise OauthFault("invalid_target", "This resource is not one of this gateway.")
        asked = said.get("scope", "").split()
        entitled = self._office.settings.entitled(client.scopes)
        if any(scope not in entitled for scope in asked):
            raise OauthFault("invalid_scope", "This client may not have all of these scopes.")
        scopes = tuple(asked) or tuple(sorted(client.scopes))
        token = self._access(CLIENT_SUBJECT + client.id, client.id, scopes, meant, {})
        return _told(token, self._office.settings.server.access_token_seconds, scopes)

    # What is given

    async def _answer(self, grant: Grant, turn: int, scopes: tuple[str, ...]) -> dict[str, Any]:
        """Raises OauthFault where the person may not log in any more."""
        office = self._office
        still = await office.still(grant.subject, grant.proof)
        if still is None:
            await office.take_back(grant.id)
            raise _SPENT
        own = office.settings.own(still[0], still[1] or grant.roles)
        entitled = office.settings.entitled(own)
        held = tuple(scope for scope in scopes if scope in entitled)
        claims = {**grant.claims, "grant": grant.id}
        token = self._access(grant.subject, grant.client, held, grant.resource, claims)
        answer = _told(token, office.settings.server.access_token_seconds, held)
        if grant.refreshable:
            answer["refresh_token"] = office.sealer.seal(REFRESH, [grant.id, turn], grant.expires)
        return answer

    def _access(self, subject: str, client: str, scopes: Iterable[str], meant: str, more: dict[str, Any]) -> str:
        """RFC 9068. `more` overrides nothing."""
        office = self._office
        now = int(office.now())
        claims = {
            **more,
            "iss": office.settings.issuer,
            "sub": subject,
            "aud": meant,
            "client_id": client,
            "iat": now,
            "exp": now + office.settings.server.access_token_seconds,
            "jti": secrets.token_urlsafe(12),
        }
        if scopes:
            claims["scope"] = " ".join(scopes)
        return office.signing.sign(claims, now)

    # Judging

    def _opened(self, purpose: bytes, text: str) -> Any:
        if not text:
            raise OauthFault("invalid_request", "The code or the refresh_token is missing.")
        try:
            return self._office.sealer.open(purpose, text, self._office.now())
        except Unsealed:
            raise _SPENT from None

    async def _kept(self, grant_id: str, client: Client) -> Kept:
        now = self._office.now()
        kept = await self._office.do(lambda shelves: shelves.grants.find(grant_id, now))
        if kept is None or kept.grant.client != client.id:
            raise _SPENT
        return kept

    async def _advance(self, grant: Grant, turn: int) -> None:
        now = self._office.now()
        came = await self._office.do(lambda shelves: shelves.grants.advance(grant.id, turn, now))
        if came is Turn.AGAIN:
            self._office.taken_back(grant.id)
            self._office.say(
                "warning", f"A code or token of '{grant.subject}' was used twice: '{grant.client}' is let out"
            )
        if came is not Turn.TAKEN:
            raise _SPENT

    def _check_resource(self, said: Mapping[str, str], grant: Grant) -> None:
        if "resource" in said and resource(self._office, said["resource"]) != grant.resource:
            raise OauthFault("invalid_target", "The user let the client in to another resource.")


def _allowed(client: Client, grant_type: str) -> None:
    if grant_type not in client.grant_types:
        raise OauthFault("unauthorized_client", f"This client may not use the grant type '{grant_type}'.")


def _shown(asked: Asked, said: Mapping[str, str]) -> tuple[str, str | None]:
    """Who the client says it is, and its secret: in the header or in the form, never in both (RFC 6749, 2.3.1)."""
    header = asked.headers.get(b"authorization")
    if header is None:
        if "client_id" not in said:
            raise OauthFault("invalid_client", "The client does not say who it is.", 401)
        return said["client_id"], said.get("client_secret")
    scheme, _, code = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise OauthFault("invalid_client", "Clients prove themselves by Basic, or in the form.", 401)
    try:
        name, mark, secret = base64.b64decode(code.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OauthFault("invalid_client", "The Authorization header cannot be read.", 401) from None
    client_id = unquote_plus(name)
    if not mark or "client_secret" in said or said.get("client_id", client_id) != client_id:
        raise OauthFault("invalid_request", "The client shows two things that differ.")
    return client_id, unquote_plus(secret) or None


def _answers(verifier: str, challenge: str) -> bool:
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return False
    return compare_digest(challenge_of(verifier), challenge)


def _narrowed(said: Mapping[str, str], grant: Grant) -> tuple[str, ...]:
    asked = tuple(said.get("scope", "").split())
    if any(scope not in grant.scopes for scope in asked):
        raise OauthFault("invalid_scope", "The user did not agree to all of these scopes.")
    return asked or grant.scopes


def _told(token: str, seconds: int, scopes: Iterable[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
    answer["scope"] = " ".join(scopes)
    return answer
