"""Signing in for the connect page: which ways there are, and the page that offers them.

Knows: the authorization server inside, a provider, API keys, in this order. Refuses to know: what people come for.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from narthex.connect.away import Away, Leaving, NotIn
from narthex.connect.session import Session, no_line, session_line
from narthex.connect.site import STYLE, Site
from narthex.connect.words import note
from narthex.edge.gate import Gate
from narthex.edge.http1_exchange import Exchange
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, Lines, redirect
from narthex.issuer.browser import CONNECT, Browser, seal_form
from narthex.issuer.page import Html, Pages, Shell
from narthex.issuer.server import AuthorizationServer
from narthex.limits import credential_bytes_max
from narthex.model.identity import Refusal
from narthex.wire.seal import Sealer

ENTER: Final = "enter"  # what a form of this page is for
WITH_KEY: Final = "with=key"
_NOBODY = (
    "This gateway does not know how people sign in with a browser. "
    "Whoever runs it can say so in its configuration: 'authentication.sign_in'."
)


class Entrance:
    """`server`: the authorization server inside, if there is one; `house`: how the gateway is called."""

    def __init__(
        self,
        gate: Gate,
        server: Callable[[], AuthorizationServer | None],
        away: Away,
        site: Site,
        sealer: Sealer,
        pages: Pages,
        house: Callable[[], str],
    ) -> None:
        self._gate, self._server, self._away, self._site = gate, server, away, site
        self._sealer, self._pages, self._house = sealer, pages, house

    @property
    def shell(self) -> Shell:
        return Shell(self._house(), self._site.base, STYLE)

    async def show(self, exchange: Exchange, browser: Browser, path: str, now: float) -> Answer:
        """Where somebody nobody knows goes first, on their way to `path`. Raises StateFault, NotIn."""
        server, with_key = self._server(), path.endswith(WITH_KEY)
        path = path.removesuffix(WITH_KEY).rstrip("?&") if with_key else path
        if server is not None and not with_key:
            return await server.receive(exchange, path)
        if self._away.config is not None and not self._takes_keys:
            leaving = await self._away.leave(browser, path, now)
            return redirect(leaving.url, (*leaving.headers, *browsers.cookie_line(browser, self._site)))
        return self.page(browser, path, now)

    @property
    def _takes_keys(self) -> bool:
        return self._gate.authority.takes_keys

    def page(self, browser: Browser, path: str, now: float, problem: str = "", status: int = 200) -> Answer:
        """The page with the ways in."""
        form = seal_form(self._sealer, CONNECT, browser, path, now, ENTER)
        common = {"base": self._site.base, "form": form}
        config, ways = self._away.config, ""
        if config is not None:
            label = f"Sign in at {urlsplit(config.issuer).hostname}"
            ways += self._pages.fill("provider", {**common, "how": "provider", "label": label})
        if self._takes_keys:
            rank = "second" if ways else ""
            focus = Html("" if ways else "autofocus")
            ways += self._pages.fill("key", {**common, "rank": rank, "focus": focus})
        if not ways:
            problem, status = problem or _NOBODY, 403
        values = {"problem": note(problem, "problem") if problem else Html(""), "ways": Html(ways)}
        headers = browsers.cookie_line(browser, self._site)
        return self._pages.show("enter", "Sign in", self.shell, values, status=status, headers=headers)

    # What the forms of that page do

    async def leave(self, browser: Browser, path: str, now: float) -> Leaving:
        """Raises NotIn."""
        return await self._away.leave(browser, path, now)

    def with_key(self, exchange: Exchange, browser: Browser, key: str, path: str, now: float) -> Answer:
        """Somebody has typed an API key."""
        key = key.strip()
        if not key or len(key) > credential_bytes_max or not self._takes_keys:
            return self.page(browser, path, now, "Type the API key that your app uses.", 403)
        found = self._gate.key_holder(key, exchange.peer)
        if isinstance(found, Refusal):
            return self.page(browser, path, now, found.message, found.status)
        name = str(found.claims["key"])
        return self._admitted(browser, Session("key", name.removeprefix("nx_"), str(found)), path, now)

    async def come_back(self, exchange: Exchange, browser: Browser, now: float) -> Answer:
        """From the provider. Raises NotIn."""
        session, path = await self._away.come_back(exchange, browser, now)
        return self._admitted(browser, session, path, now)

    def _admitted(self, before: Browser, session: Session, path: str, now: float) -> Answer:
        """Under another cookie: one that somebody had planted is worth nothing now."""
        after = browsers.new()
        try:
            line = session_line(session, self._site, self._sealer, after, now)
        except ValueError:
            raise NotIn("Your name is longer than can be kept here.") from None
        self._away.say("info", f"'{session.shown}' signed in for the connect page")
        headers = (*browsers.cookie_line(after, self._site), *line, *self._away.over())
        return redirect(self._site.base + path, headers)

    async def sign_out(self, exchange: Exchange) -> Lines:
        """Nobody is known at this browser any more. Raises StateFault."""
        server = self._server()
        if server is not None:
            await server.forget(exchange)
        return (*browsers.cookie_line(browsers.new(), self._site), *no_line("visit", self._site))
