"""Where a client sends somebody's browser: they sign in, agree, and are sent back with a code.

Knows: which page comes next. Refuses to know: how passwords and other providers work.
"""

import secrets
from collections.abc import Callable
from html import escape
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, Asked, Lines, redirect
from narthex.issuer.browser import CONSENT, LOGIN, LOGOUT, Browser, StaleForm, open_form, seal_form
from narthex.issuer.client import REFRESH_GRANT, Client
from narthex.issuer.forms import form, pairs
from narthex.issuer.office import Office, Shelves
from narthex.issuer.page import Html, Pages, Shell
from narthex.issuer.visit import Errand, Visit, errand_of
from narthex.issuer.wanted import BadRequest, Refused, Wanted, read
from narthex.limits import code_seconds_max
from narthex.store.oauth_grants import Grant, GrantsFull
from narthex.store.oauth_logins import Login
from narthex.wire.addresses import address_key
from narthex.wire.redirects import form_action, is_loopback, place
from narthex.wire.seal import CODE

_DAY_SECONDS = 86_400.0
_LATER = "Try again in a minute."


class Elsewhere(Protocol):
    """Another provider, where people sign in."""

    async def leave(self, browser: Browser, errand: Errand) -> Answer:
        """Send a browser there."""
        ...

    def origin(self) -> str:
        """Where that is, as far as it is known; empty: it is not."""
        ...


class Standing(msgspec.Struct, frozen=True):
    """Somebody who is signed in, and what they may have of what was asked."""

    login: Login
    granted: tuple[str, ...]
    missing: tuple[str, ...]


class Authorize:
    """The pages between a client's question and its answer. `leave` sends a browser to another provider."""

    def __init__(self, office: Office, pages: Pages) -> None:
        self.office, self.pages = office, pages
        self.elsewhere: Elsewhere | None = None  # where people sign in, if not here
        self.keys_too: Callable[[], bool] = lambda: False  # pages of ours take API keys as well

    # The question

    async def ask(self, asked: Asked) -> Answer:
        """GET, from a client."""
        wait = self.office.questions.take(address_key(asked.peer), self.office.monotonic())
        if wait:
            return self.problem("Too many requests", "There were too many requests from your network.", _LATER, 429)
        try:
            wanted = await read(self.office, asked.query, asked.peer)
            return await self._next(asked, wanted)
        except BadRequest as bad:
            return self.problem("This app cannot be let in", str(bad), "Go back to the app and try again.")
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))

    async def _next(self, asked: Asked, wanted: Wanted) -> Answer:
        office = self.office
        browser = browsers.of(asked, office.settings)
        standing = await self._standing(browser, wanted)
        if standing is None or wanted.prompts & {"login", "select_account"}:
            if "none" in wanted.prompts:
                return wanted.reply.refuse("login_required", "Nobody is signed in at this browser.")
            return await self.sign_in(browser, wanted)
        if wanted.scopes and not standing.granted:
            return wanted.reply.refuse("invalid_scope", "The user who is signed in may have none of these scopes.")
        if await self._agreed_before(wanted, standing):
            return await self._allow(wanted, standing)
        if "none" in wanted.prompts:
            return wanted.reply.refuse("consent_required", "The user has to agree first.")
        return self._consent_page(browser, wanted, standing)

    async def _standing(self, browser: Browser, wanted: Wanted) -> Standing | None:
        """Who is signed in at this browser, as long as they may still log in."""
        found = await self.signed_in(browser)
        if found is None:
            return None
        login, own = found
        granted, missing = _divided(wanted.scopes, own, self.office.settings.entitled(own))
        return Standing(login, granted, missing)

    async def signed_in(self, browser: Browser) -> tuple[Login, frozenset[str]] | None:
        """Who is signed in, and the scopes that they have by name."""
        office = self.office
        if not browser.known:
            return None
        digest, now = browser.digest, office.now()
        login = await office.do(lambda shelves: shelves.logins.find(digest, now))
        if login is None:
            return None
        still = await office.still(login.subject, login.proof)
        if still is None:
            return None
        scopes, roles = still
        return login, office.settings.own(scopes, roles or login.roles)

    async def sign_in(self, browser: Browser, errand: Errand) -> Answer:
        if self.office.settings.server.login is not None and self.elsewhere is not None:
            return await self.elsewhere.leave(browser, errand)
        return self.login_page(browser, errand)

    def login_page(
        self, browser: Browser, errand: Errand, *, name: str = "", problem: str = "", status: int = 200, wait: int = 0
    ) -> Answer:
        office = self.office
        headers = browsers.cookie_line(browser, office.settings)
        if wait:
            headers = (*headers, (b"Retry-After", b"%d" % wait))
        said = f'<p id="problem" class="note bad" role="alert">{_escaped(problem)}</p>' if problem else ""
        values = {
            "why": self._why(errand),
            "other": self._other(errand),
            "problem": Html(said),
            "form": seal_form(office.sealer, LOGIN, browser, errand.query, office.now()),
            "name": name,
            "focus_name": Html("" if name else "autofocus"),
            "focus_password": Html("autofocus" if name else ""),
        }
        return self.pages.show(
            "login",
            "Sign in",
            self.shell,
            values,
            status=status,
            headers=headers,
            form_action="" if isinstance(errand, Visit) else self._form_action(errand),
        )

    def _why(self, errand: Errand) -> Html:
        house = _escaped(self.office.settings.title)
        if isinstance(errand, Visit):
            return Html(f"to see what {house} is connected to as you.")
        return Html(f'to let “<bdi id="client-name">{_escaped(shown_name(errand.client))}</bdi>” use {house}.')

    def _other(self, errand: Errand) -> Html:
        if not isinstance(errand, Visit) or not self.keys_too():
            return Html("")
        where = _escaped(self.office.settings.base + errand.with_key)
        return Html(f'<p class="quiet"><a id="with-key" href="{where}">Use an API key instead</a></p>')

    # Consent

    async def _agreed_before(self, wanted: Wanted, standing: Standing) -> bool:
        """Whether the page may be left out: only for clients that nobody else can pretend to be."""
        if "consent" in wanted.prompts or not is_proven(wanted):
            return False
        subject, client, reply = standing.login.subject, wanted.client.id, wanted.reply
        before = await self.office.do(
            lambda shelves: shelves.logins.agreed(subject, client, reply.redirect_uri, wanted.resource)
        )
        return before is not None and set(standing.granted) <= before

    def _consent_page(self, browser: Browser, wanted: Wanted, standing: Standing) -> Answer:
        office, login = self.office, standing.login
        now = office.now()
        values = {
            "client": shown_name(wanted.client),
            "proof": proof_of(wanted.client),
            "warning": _warning(wanted),
            "scopes": self._scope_items(standing.granted),
            "missing": _missing_note(standing.missing),
            "place": _place_words(wanted.reply.redirect_uri),
            "resource": wanted.resource,
            "subject": login.shown,
            "holds": self._holds(wanted.client),
            "form": seal_form(office.sealer, CONSENT, browser, wanted.query, now, " ".join(standing.granted)),
            "logout": seal_form(office.sealer, LOGOUT, browser, wanted.query, now),
        }
        return self.pages.show(
            "consent",
            f"Allow {shown_name(wanted.client)}",
            self.shell,
            values,
            headers=browsers.cookie_line(browser, office.settings),
            form_action=self._form_action(wanted),
        )

    async def decide(self, asked: Asked) -> Answer:
        """POST of the page that asks for consent."""
        try:
            said = form(asked)
            browser = browsers.of(asked, self.office.settings)
            wanted, shown = await self.reopened(asked, CONSENT, browser, said.get("form", ""))
            assert isinstance(wanted, Wanted), "nobody agrees to a page of ours"
            standing = await self._standing(browser, wanted)
            if standing is None:
                return await self.sign_in(browser, wanted)
            if said.get("decision") != "allow":
                return wanted.reply.refuse("access_denied", "The user said no.")
            if " ".join(standing.granted) != shown:  # they may have more or less since the page was shown
                return self._consent_page(browser, wanted, standing)
            return await self._allow(wanted, standing)
        except (StaleForm, BadRequest) as bad:
            return self.stale(str(bad))
        except Refused as refused:
            return refused.reply.refuse(refused.error, str(refused))

    async def _allow(self, wanted: Wanted, standing: Standing) -> Answer:
        office, login, client = self.office, standing.login, wanted.client
        now = office.now()
        seconds = office.settings.server.refresh_token_days * _DAY_SECONDS
        grant = Grant(
            id=secrets.token_urlsafe(16),
            subject=login.subject,
            client=client.id,
            scopes=standing.granted,
            resource=wanted.resource,
            redirect_uri=wanted.reply.redirect_uri,
            challenge=wanted.challenge,
            proof=login.proof,
            roles=login.roles,
            claims=office.settings.kept_claims(login.claims),
            created=now,
            expires=now + seconds,
            refreshable=REFRESH_GRANT in client.grant_types,
        )
        try:
            await office.do(lambda shelves: shelves.grants.add(grant, now))
        except GrantsFull:
            return wanted.reply.refuse("temporarily_unavailable", "Too many clients are let in already.")
        await office.do(lambda shelves: _remember(shelves, wanted, standing, now))
        office.say("info", f"'{login.subject}' let in the client {client.id}")
        return wanted.reply.allow(office.sealer.seal(CODE, grant.id, now + code_seconds_max))

    # Forms

    async def reopened(
        self, asked: Asked, purpose: browsers.Purpose, browser: Browser, text: str
    ) -> tuple[Errand, str]:
        """What a form of ours is about, read again: a client may be gone since; and what was shown beside it.

        Raises StaleForm, and as `read`.
        """
        if browsers.from_elsewhere(asked, self.office.settings):
            raise StaleForm
        query, shown = open_form(self.office.sealer, purpose, browser, text, self.office.now())
        return await errand_of(self.office, query, asked.peer), shown

    def again(self, wanted: Errand, headers: Lines = (), *, prompt: str = "") -> Answer:
        """Back to the question, once somebody has signed in or out: the page can be loaded again without harm."""
        if isinstance(wanted, Visit):
            return redirect(self.office.settings.base + wanted.path, headers)
        said = [pair for pair in pairs(wanted.query) if pair[0] != "prompt" and pair[1]]
        if prompt or "consent" in wanted.prompts:
            said.append(("prompt", prompt or "consent"))
        return redirect(f"{self.office.settings.base}/oauth/authorize?{urlencode(said)}", headers)

    # Words

    @property
    def shell(self) -> Shell:
        return Shell(self.office.settings.title, self.office.settings.base)

    def problem(self, title: str, text: str, remedy: str, status: int = 400, headers: Lines = ()) -> Answer:
        values = {"text": text, "remedy": remedy}
        return self.pages.show("problem", title, self.shell, values, status=status, headers=headers)

    def stale(self, text: str = "") -> Answer:
        said = text or "This page was open for too long, or was not made for this browser."
        remedy = "Go back to the app and start again. Your browser must accept cookies of this page."
        return self.problem("This page is out of date", said, remedy)

    def _form_action(self, wanted: Wanted) -> str:
        """Where a form of ours may end besides here: at the client, or where people sign in."""
        further = self.elsewhere.origin() if self.elsewhere is not None else ""
        return f"{form_action(wanted.reply.redirect_uri)} {further}".strip()

    def _holds(self, client: Client) -> str:
        server = self.office.settings.server
        if REFRESH_GRANT in client.grant_types:
            return f"{server.refresh_token_days} days"
        return f"{server.access_token_seconds // 60} minutes"

    def _scope_items(self, scopes: tuple[str, ...]) -> Html:
        if not scopes:
            return Html("<li>use what is open to everybody who is signed in</li>")
        return Html("\n".join(_item(scope, self.office.settings.words(scope)) for scope in scopes))


def _remember(shelves: Shelves, wanted: Wanted, standing: Standing, now: float) -> None:
    subject, client = standing.login.subject, wanted.client
    if client.kind == "registered":
        shelves.clients.touch(client.id, now)
    elif is_proven(wanted):
        shelves.logins.agree(subject, client.id, wanted.reply.redirect_uri, wanted.resource, standing.granted, now)


def is_proven(wanted: Wanted) -> bool:
    """Whether only this client can read the answer: its address is its own, and its name is."""
    return wanted.client.kind != "registered" and wanted.reply.redirect_uri.startswith("https://")


def shown_name(client: Client) -> str:
    return client.name or "An app without a name"


def proof_of(client: Client) -> str:
    """How we know of the client: what its name is worth."""
    if client.kind == "configured":
        return "Whoever runs this gateway has set this app up."
    if client.kind == "document":
        return f"This app is published at {place(client.id)}."
    return "This app has registered itself. Nobody has checked its name."


def _divided(
    asked: tuple[str, ...], own: frozenset[str], entitled: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is granted of what was asked, and what is not. A client that asks for nothing gets what the person has."""
    if not asked:
        return tuple(sorted(own)), ()
    granted = tuple(scope for scope in asked if scope in entitled)
    return granted, tuple(scope for scope in asked if scope not in entitled and scope not in _NOT_OURS)


# What clients ask every issuer for; it means nothing here, and nobody has to know.
_NOT_OURS = frozenset({"openid", "profile", "email", "offline_access"})


def _warning(wanted: Wanted) -> Html:
    if is_proven(wanted):
        return Html("")
    if is_loopback(wanted.reply.redirect_uri):
        text = "The answer goes to a program on this computer. Allow it only if you have just started it yourself."
    else:
        text = "Anybody can give an app any name. Allow it only if you know where the answer goes."
    return Html(f'<p id="warning" class="note warn">{_escaped(text)}</p>')


def _missing_note(missing: tuple[str, ...]) -> Html:
    if not missing:
        return Html("")
    names = ", ".join(f"<code>{_escaped(scope)}</code>" for scope in missing)
    return Html(f'<p id="missing" class="quiet">It also asked for {names}, which you cannot give.</p>')


def _item(scope: str, words: str) -> str:
    code = f"<code>{_escaped(scope)}</code>"
    return f"<li>{_escaped(words)} ({code})</li>" if words else f"<li>{code}</li>"


def _place_words(uri: str) -> Html:
    where = f"<code>{_escaped(place(uri))}</code>"
    if is_loopback(uri):
        return Html(f"this computer ({where})")
    if not uri.startswith(("http:", "https:")):
        return Html(f"the app on this device that opens {where} links")
    return Html(where)


def _escaped(text: str) -> str:
    return escape(text, quote=True)
