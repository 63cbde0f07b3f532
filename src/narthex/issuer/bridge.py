"""People who log in elsewhere: the browser goes to the company's OpenID provider, and comes back with who it is.

Knows: the code flow of OpenID Connect as its client: PKCE, nonce, `iss`, and that whoever comes back is whoever left.
Refuses to know: our own clients. They see one authorization server, which is this one.
"""

import base64
import secrets
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from narthex.identity.tokens import BadToken, name_in
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, Asked, redirect, with_parameters
from narthex.issuer.authorize import Authorize
from narthex.issuer.browser import Browser
from narthex.issuer.forms import Twice, once, pairs
from narthex.issuer.office import Office
from narthex.issuer.provider import Provider, ProviderFault
from narthex.issuer.settings import CLIENT_SUBJECT
from narthex.issuer.signin import admit
from narthex.issuer.wanted import BadRequest, Refused, Wanted, read
from narthex.limits import sign_in_form_seconds_max, user_roles_max
from narthex.model.claims import words_in
from narthex.store.oauth_logins import Login, Pending
from narthex.wire.redirects import form_action

_SHOWN = ("preferred_username", "email", "name")


class Bridge:
    """`leave` and `come_back`. Asks nothing of the provider before somebody wants to log in."""

    def __init__(self, office: Office, authorize: Authorize) -> None:
        self._office, self._authorize = office, authorize
        self._provider: Provider | None = None

    def provider(self) -> Provider:
        login = self._office.settings.server.login
        assert login is not None, "nobody is sent to a provider that is not configured"
        if self._provider is None or self._provider.config != login:
            self._provider = Provider(login, self._office)
        return self._provider

    async def aclose(self) -> None:
        if self._provider is not None:
            await self._provider.aclose()

    def origin(self) -> str:
        """For the policy of our pages; empty as long as nobody was sent there, and where nobody is."""
        if self._office.settings.server.login is None:
            return ""
        found = self.provider().known
        return form_action(found.authorization_endpoint) if found is not None else ""

    # Leaving

    async def leave(self, browser: Browser, wanted: Wanted) -> Answer:
        """Send a browser to the provider, so that only this browser can come back with the answer."""
        office, provider = self._office, self.provider()
        try:
            found = await provider.metadata()
        except ProviderFault as fault:
            return self._unreachable(fault)
        state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        pending = Pending(browser=browser.digest, query=wanted.query, verifier=verifier, nonce=nonce)
        digest, now = sha256(state.encode()).digest(), office.now()
        await office.do(lambda shelves: shelves.logins.send(digest, pending, now + sign_in_form_seconds_max, now))
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        said = {
            "response_type": "code",
            "client_id": provider.config.client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(provider.config.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if wanted.prompts & {"login", "select_account"}:
            said["prompt"] = "login" if "login" in wanted.prompts else "select_account"
        return redirect(
            with_parameters(found.authorization_endpoint, said), browsers.cookie_line(browser, office.settings)
        )

    # Coming back

    async def come_back(self, asked: Asked) -> Answer:
        """GET, from the provider, through the browser."""
        try:
            said = once(pairs(asked.query))
            browser, pending = await self._pending(asked, said)
            wanted = await read(self._office, pending.query, asked.peer)
        except (Twice, ValueError, BadRequest):
            return self._authorize.stale()
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))
        try:
            await self._check_sender(said)
            if "code" not in said:
                return wanted.reply.refuse("access_denied", "The user did not sign in.")
            claims = await self.provider().claims(said["code"], self._callback, pending.verifier, pending.nonce)
            login = self._login(claims)
        except ProviderFault as fault:
            return self._unreachable(fault)
        except BadToken as bad:
            return self._unreachable(ProviderFault(str(bad)))
        return await admit(self._office, self._authorize, browser, wanted, login)

    async def _pending(self, asked: Asked, said: Mapping[str, str]) -> tuple[Browser, Pending]:
        """What this browser had left for. Raises ValueError: an answer that somebody else's browser fetched is none."""
        office = self._office
        if office.settings.server.login is None:
            raise ValueError("nobody was sent away")
        browser = browsers.of(asked, office.settings)
        digest, now = sha256(said.get("state", "").encode()).digest(), office.now()
        pending = await office.do(lambda shelves: shelves.logins.take(digest, now))
        if pending is None or not browser.known or not compare_digest(pending.browser, browser.digest):
            raise ValueError("this browser was not sent away")
        return browser, pending

    async def _check_sender(self, said: Mapping[str, str]) -> None:
        """RFC 9207: whose answer this is. Raises ProviderFault; nothing else of such an answer is read."""
        provider = self.provider()
        found = await provider.metadata()
        iss = said.get("iss")
        if iss is None and not found.says_iss:
            return
        if iss != provider.config.issuer:
            raise ProviderFault("The answer came from another provider than the one that was asked.")

    def _login(self, claims: Mapping[str, Any]) -> Login:
        """Raises BadToken, ProviderFault."""
        settings, config = self._office.settings, self.provider().config
        subject = name_in(claims, config.subject)
        if subject.startswith(CLIENT_SUBJECT):
            raise ProviderFault(f"Nobody can be called '{CLIENT_SUBJECT}…' here.")
        if config.subject == "email" and claims.get("email_verified") not in (None, True):
            raise ProviderFault("The provider has not checked this person's e-mail address.")
        shown = next((said for name in _SHOWN if isinstance(said := claims.get(name), str) and said), subject)
        roles = words_in(claims, settings.roles_claim)[:user_roles_max] if settings.roles_claim else ()
        return Login(
            subject=subject,
            shown=shown[:128],
            proof="",
            roles=roles,
            claims=settings.kept_claims(claims),
            at=self._office.now(),
        )

    @property
    def _callback(self) -> str:
        return f"{self._office.settings.issuer.rstrip('/')}/oauth/callback"

    def _unreachable(self, fault: ProviderFault) -> Answer:
        self._office.say("warning", f"Nobody can sign in through {self.provider().config.issuer}: {fault}")
        text = "The service where you sign in did not answer as it should."
        return self._authorize.problem(
            "Signing in did not work", text, "Try again in a minute, or tell whoever runs this.", 502
        )
