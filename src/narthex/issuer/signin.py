"""Signing in with a password, and out.

Knows: whose guesses are counted, and when a browser gets another cookie. Refuses to know: clients, beyond bringing the
browser back to what one had asked.
"""

from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, Asked
from narthex.issuer.authorize import Authorize
from narthex.issuer.browser import LOGIN, LOGOUT, Browser, StaleForm
from narthex.issuer.familiar import cookie_line, counted_as
from narthex.issuer.forms import form
from narthex.issuer.office import Office
from narthex.issuer.passwords import Busy, mark_of
from narthex.issuer.visit import Errand
from narthex.issuer.wanted import BadRequest, Refused
from narthex.limits import password_bytes_max
from narthex.store.oauth_logins import Login
from narthex.store.users import User
from narthex.wire.addresses import address_key

_HOUR_SECONDS = 3_600.0
_WRONG = "That user name and password do not belong together."


class SignIn:
    """The login form and the logout form."""

    def __init__(self, office: Office, authorize: Authorize) -> None:
        self._office, self._authorize = office, authorize

    async def enter(self, asked: Asked) -> Answer:
        """POST of the login page."""
        try:
            said = form(asked)
            browser = browsers.of(asked, self._office.settings)
            wanted, _ = await self._authorize.reopened(asked, LOGIN, browser, said.get("form", ""))
        except (StaleForm, BadRequest) as bad:
            return self._authorize.stale(str(bad))
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))
        name, password = said.get("name", "").strip()[:128], said.get("password", "")
        if not name or not password or len(password) > password_bytes_max or self._office.people is None:
            return self._authorize.login_page(browser, wanted, name=name, problem=_WRONG, status=403)
        return await self._try(asked, browser, wanted, name, password)

    async def _try(self, asked: Asked, browser: Browser, wanted: Errand, name: str, password: str) -> Answer:
        office = self._office
        assert office.people is not None
        wait = self._count(asked, name)
        if wait:
            text = f"Too many wrong passwords. Try again in {wait} seconds."
            return self._authorize.login_page(browser, wanted, name=name, problem=text, status=429, wait=wait)
        user = await office.people.find(name)
        try:
            fits = await office.passwords.fits(user.password if user is not None else None, password)
        except Busy:
            self._uncount(asked, name)
            text = "Too many people are signing in at this moment. Try again in a few seconds."
            return self._authorize.login_page(browser, wanted, name=name, problem=text, status=503, wait=2)
        if not fits or user is None:
            return self._authorize.login_page(browser, wanted, name=name, problem=_WRONG, status=403)
        self._uncount(asked, name)
        return await self._admit(browser, wanted, user)

    async def _admit(self, before: Browser, wanted: Errand, user: User) -> Answer:
        office, now = self._office, self._office.now()
        login = Login(subject=user.name, shown=user.name, proof=mark_of(user.password), at=now)
        answer = await admit(office, self._authorize, before, wanted, login)
        familiar = cookie_line(user.name, office.settings, office.sealer, now)
        return answer._replace(headers=(*answer.headers, *familiar))

    def _count(self, asked: Asked, name: str) -> int:
        """Counted before it is tried, so that a hundred at once are a hundred. The seconds to wait; 0: go on."""
        office, now = self._office, self._office.monotonic()
        familiar = self._familiar(asked, name)
        if familiar:
            return office.user_failures.take(familiar, now)
        address = address_key(asked.peer)
        wait = office.address_failures.take(address, now)
        if wait:
            return wait
        wait = office.user_failures.take(name, now)
        if wait:
            office.address_failures.give_back(address)
        return wait

    def _uncount(self, asked: Asked, name: str) -> None:
        familiar = self._familiar(asked, name)
        if not familiar:
            self._office.address_failures.give_back(address_key(asked.peer))
        self._office.user_failures.give_back(familiar or name)

    def _familiar(self, asked: Asked, name: str) -> str:
        office = self._office
        return counted_as(asked, name, office.settings, office.sealer, office.now())

    async def leave(self, asked: Asked) -> Answer:
        """POST of "Use another account"."""
        office = self._office
        try:
            said = form(asked)
            browser = browsers.of(asked, office.settings)
            wanted, _ = await self._authorize.reopened(asked, LOGOUT, browser, said.get("form", ""))
        except (StaleForm, BadRequest) as bad:
            return self._authorize.stale(str(bad))
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))
        digest = browser.digest
        await office.do(lambda shelves: shelves.logins.remove(digest))
        return self._authorize.again(wanted, browsers.cookie_line(browsers.new(), office.settings), prompt="login")


async def admit(office: Office, authorize: Authorize, before: Browser, wanted: Errand, login: Login) -> Answer:
    """This browser is signed in, under another cookie: one that somebody had planted is worth nothing now."""
    after, now = browsers.new(), office.now()
    expires = now + office.settings.server.login_hours * _HOUR_SECONDS
    old, new = before.digest, after.digest

    def replace() -> None:
        office.shelves.logins.remove(old)
        office.shelves.logins.add(new, login, expires, now)

    await office.desk.do(replace)
    office.say("info", f"'{login.subject}' signed in")
    return authorize.again(wanted, browsers.cookie_line(after, office.settings))
