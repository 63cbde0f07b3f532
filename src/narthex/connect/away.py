"""People who log in at the company's provider, for the connect page.

Knows: that whoever comes back is whoever left: a sealed cookie of their browser holds the secrets of the flow. Refuses
to know: the flow itself, and what they come for, beyond bringing them back to it.
"""

from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any, NamedTuple

from narthex.connect.session import Session, no_line, opened, sealed_line
from narthex.connect.site import SIGNED_IN, Site
from narthex.identity.tokens import BadToken
from narthex.issuer import elsewhere
from narthex.issuer.answer import Asked, Lines
from narthex.issuer.browser import Browser
from narthex.issuer.forms import Twice, once, pairs
from narthex.issuer.office import Say
from narthex.issuer.provider import House, Provider, ProviderFault
from narthex.limits import sign_in_form_seconds_max
from narthex.model.issuer import LoginConfig
from narthex.wire.seal import Sealer

_AWAY = "away"


class NotIn(Exception):
    """Nobody came back who could be let in. The text is for the person at the browser; `note` for the operator."""

    def __init__(self, text: str, note: str = "") -> None:
        super().__init__(text)
        self.note = note


class Leaving(NamedTuple):
    """Where the browser goes, and the cookie that it comes back with."""

    url: str
    headers: Lines


class Away:
    """One for the page. Asks nothing of the provider before somebody wants to log in."""

    def __init__(self, config: Callable[[], LoginConfig | None], site: Site, sealer: Sealer, house: House) -> None:
        self._config, self._site, self._sealer, self._house = config, site, sealer, house
        self._provider: Provider | None = None

    @property
    def say(self) -> Say:
        return self._house.say

    @property
    def config(self) -> LoginConfig | None:
        """Where people log in now, if anywhere."""
        return self._config()

    async def aclose(self) -> None:
        if self._provider is not None:
            await self._provider.aclose()

    async def leave(self, browser: Browser, path: str, now: float) -> Leaving:
        """Send a browser there, which comes back to `path`. Raises NotIn."""
        provider = await self._current()
        trip = elsewhere.new_trip()
        try:
            url = await elsewhere.address(provider, self._callback, trip)
        except ProviderFault as fault:
            raise _unreachable(fault) from None
        kept = {
            "state": elsewhere.digest_of(trip.state),
            "verifier": trip.verifier,
            "nonce": trip.nonce,
            "path": path,
            "issuer": provider.config.issuer,
        }
        seconds = int(sign_in_form_seconds_max)
        return Leaving(url, sealed_line(_AWAY, kept, self._site, self._sealer, browser, now, seconds))

    async def come_back(self, asked: Asked, browser: Browser, now: float) -> tuple[Session, str]:
        """Who came back, and where to. Raises NotIn."""
        try:
            said = once(pairs(asked.query))
        except (Twice, ValueError):
            raise NotIn("What your browser brought back cannot be read.") from None
        kept = self._kept(asked, said, browser, now)
        provider = await self._current()
        try:
            if kept["issuer"] != provider.config.issuer:
                raise NotIn("People sign in somewhere else now.")
            claims = await elsewhere.claims_of(provider, self._callback, said, kept["verifier"], kept["nonce"])
            if claims is None:
                raise NotIn("You did not sign in.")
            person = elsewhere.person_of(claims, provider.config)
            return Session("login", person.subject, person.shown, provider.config.issuer), kept["path"]
        except (ProviderFault, BadToken) as fault:
            raise _unreachable(fault) from None

    def over(self) -> Lines:
        """The cookie has served."""
        return no_line(_AWAY, self._site)

    def _kept(self, asked: Asked, said: Mapping[str, str], browser: Browser, now: float) -> Mapping[str, Any]:
        kept = opened(_AWAY, asked, self._site, self._sealer, browser, now)
        digest = elsewhere.digest_of(said.get("state", ""))
        if kept is None or not compare_digest(bytes(kept["state"]), digest):
            raise NotIn("This browser was not sent away to sign in, or too long ago.")
        return kept

    async def _current(self) -> Provider:
        """Raises NotIn where nobody logs in elsewhere."""
        config = self._config()
        if config is None:
            raise NotIn("Nobody signs in that way here.")
        if self._provider is None or self._provider.config != config:
            before, self._provider = self._provider, Provider(config, self._house)
            if before is not None:
                await before.aclose()
        return self._provider

    @property
    def _callback(self) -> str:
        return self._site.issuer + SIGNED_IN


def _unreachable(fault: Exception) -> NotIn:
    return NotIn("The service where you sign in did not answer as it should.", str(fault))
