"""People who log in elsewhere: the browser goes to the company's OpenID provider, and comes back with who it is.

Knows: that whoever comes back is whoever left, and what they had left for. Refuses to know: the code flow itself, and
our own clients. They see one authorization server, which is this one.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from narthex.identity.tokens import BadToken
from narthex.issuer import browser as browsers
from narthex.issuer import elsewhere
from narthex.issuer.answer import Answer, Asked, redirect
from narthex.issuer.authorize import Authorize
from narthex.issuer.browser import Browser
from narthex.issuer.forms import Twice, once, pairs
from narthex.issuer.office import Office
from narthex.issuer.provider import Provider, ProviderFault
from narthex.issuer.settings import CLIENT_SUBJECT
from narthex.issuer.signin import admit
from narthex.issuer.visit import Errand, Visit, errand_of
from narthex.issuer.wanted import BadRequest, Refused
from narthex.limits import sign_in_form_seconds_max, user_roles_max
from narthex.model.claims import words_in
from narthex.model.issuer import LoginConfig
from narthex.store.oauth_logins import Login, Pending
from narthex.wire.redirects import form_action


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

    async def leave(self, browser: Browser, errand: Errand) -> Answer:
        """Send a browser to the provider, so that only this browser can come back with the answer."""
        office, provider = self._office, self.provider()
        prompt = next((one for one in ("login", "select_account") if one in errand.prompts), "")
        trip = elsewhere.new_trip()
        try:
            url = await elsewhere.address(provider, self._callback, trip, prompt)
        except ProviderFault as fault:
            return self._unreachable(fault)
        pending = Pending(browser=browser.digest, query=errand.query, verifier=trip.verifier, nonce=trip.nonce)
        digest, now = elsewhere.digest_of(trip.state), office.now()
        await office.do(lambda shelves: shelves.logins.send(digest, pending, now + sign_in_form_seconds_max, now))
        return redirect(url, browsers.cookie_line(browser, office.settings))

    # Coming back

    async def come_back(self, asked: Asked) -> Answer:
        """GET, from the provider, through the browser."""
        try:
            said = once(pairs(asked.query))
            browser, pending = await self._pending(asked, said)
            errand = await errand_of(self._office, pending.query, asked.peer)
        except (Twice, ValueError, BadRequest):
            return self._authorize.stale()
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))
        provider = self.provider()
        try:
            claims = await elsewhere.claims_of(provider, self._callback, said, pending.verifier, pending.nonce)
            if claims is None:
                return self._not_in(errand)
            login = self._login(claims, provider.config)
        except ProviderFault as fault:
            return self._unreachable(fault)
        except BadToken as bad:
            return self._unreachable(ProviderFault(str(bad)))
        return await admit(self._office, self._authorize, browser, errand, login)

    def _not_in(self, errand: Errand) -> Answer:
        if isinstance(errand, Visit):
            text = "You did not sign in."
            return self._authorize.problem("Nobody is signed in", text, "Open the page again to try once more.", 403)
        return errand.reply.refuse("access_denied", "The user did not sign in.")

    async def _pending(self, asked: Asked, said: Mapping[str, str]) -> tuple[Browser, Pending]:
        """What this browser had left for. Raises ValueError: an answer that somebody else's browser fetched is none."""
        office = self._office
        if office.settings.server.login is None:
            raise ValueError("nobody was sent away")
        browser = browsers.of(asked, office.settings)
        digest, now = elsewhere.digest_of(said.get("state", "")), office.now()
        pending = await office.do(lambda shelves: shelves.logins.take(digest, now))
        if pending is None or not browser.known or not compare_digest(pending.browser, browser.digest):
            raise ValueError("this browser was not sent away")
        return browser, pending

    def _login(self, claims: Mapping[str, Any], config: LoginConfig) -> Login:
        """Raises BadToken, ProviderFault."""
        settings = self._office.settings
        person = elsewhere.person_of(claims, config)
        if person.subject.startswith(CLIENT_SUBJECT):
            raise ProviderFault(f"nobody can be called '{CLIENT_SUBJECT}…' here")
        roles = words_in(claims, settings.roles_claim)[:user_roles_max] if settings.roles_claim else ()
        return Login(
            subject=person.subject,
            shown=person.shown,
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
