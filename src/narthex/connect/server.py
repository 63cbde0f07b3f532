"""The connect page: every request for one of its paths comes in here.

Knows: paths and methods, the order of the checks, and what a button does. Refuses to know: what a grant is, and how
somebody proves who they are.

    page = ConnectPage(connections, gate, server, slot, site, sealer, say)
    door.connect = page              # asks `serves(path)`, then `serve(exchange)`
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from narthex.connect.away import Away, NotIn
from narthex.connect.entrance import ENTER, Entrance
from narthex.connect.page import AGAIN, LEAVE, TELL, Desk, bound_to, happened, pages
from narthex.connect.places import Places
from narthex.connect.site import CALLBACK, CLIENT, CONNECT, JSON, SIGNED_IN, STYLE, Site
from narthex.connect.turn import Turn
from narthex.connect.visitor import Visitors
from narthex.edge.gate import Gate
from narthex.edge.http1_exchange import Exchange
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, OauthFault, json_answer, redirect
from narthex.issuer.browser import StaleForm, open_form
from narthex.issuer.forms import Twice, form, once, pairs
from narthex.issuer.office import Say
from narthex.issuer.page import Html
from narthex.issuer.server import AuthorizationServer
from narthex.issuer.throttle import Throttle
from narthex.limits import questions_per_address_max, questions_per_address_seconds, sign_in_requests_max
from narthex.model.authentication import AuthenticationConfig
from narthex.model.config import Config
from narthex.model.connection import GATEWAY, owner_of
from narthex.model.identity import LOCAL
from narthex.model.issuer import LoginConfig
from narthex.relay.link import meant
from narthex.relay.slot import Slot
from narthex.store.folder import StateFault
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.finish import Back
from narthex.upstream.http import Tls
from narthex.wire.addresses import address_key
from narthex.wire.seal import Sealer
from narthex.wire.strict import encode

_KEPT = ((b"Cache-Control", b"max-age=300"), (b"X-Content-Type-Options", b"nosniff"))


class House:
    """What a provider is asked from (`issuer.provider.House`)."""

    def __init__(self, say: Say, tls: Tls | None = None) -> None:
        self.say, self.tls = say, tls or Tls()

    @staticmethod
    def now() -> float:
        """Seconds since the epoch."""
        return time.time()

    @staticmethod
    def monotonic() -> float:
        return time.monotonic()


class ConnectPage:
    """One for the gateway. `inside`: the authorization server inside, if there is one."""

    def __init__(
        self,
        connections: Connections,
        gate: Gate,
        inside: Callable[[], AuthorizationServer | None],
        slot: Slot,
        site: Site,
        sealer: Sealer,
        say: Say,
    ) -> None:
        self.site = site
        self._connections, self._gate, self._slot, self._sealer, self._say = connections, gate, slot, sealer, say
        files = pages()
        self._style = files.style
        self._desk = Desk(files, site, sealer, self._title)
        self._house = House(say)
        self._away = Away(self._login, site, sealer, self._house)
        self._entrance = Entrance(gate, inside, self._away, site, sealer, files, self._title)
        visitors = Visitors(gate, inside, self._authentication, site, sealer)
        self._places = Places(connections, gate, slot, visitors, sealer, self._desk)
        self._asked = Throttle(questions_per_address_max, questions_per_address_seconds)
        self._inside = 0

    def __repr__(self) -> str:
        return f"<ConnectPage {self.site.page}>"

    @property
    def url(self) -> str:
        return self.site.page

    async def aclose(self) -> None:
        await self._away.aclose()

    async def waited_for(self) -> list[str]:
        """A line for each server that waits for somebody to connect it, as far as one person could do it."""
        try:
            has = await self._connections.of(GATEWAY)
            if self._gate.authority.open:
                has = {**await self._connections.of(owner_of(LOCAL)), **has}
        except CredentialFault as fault:
            return [f"It is not known which servers are connected: {fault.note}"]
        return [self._waits(name) for name in self._connections.names() if name not in has]

    def _waits(self, name: str) -> str:
        if self._gate.authority.open:
            return f"'{name}' waits to be connected: open {self.site.page}/{name}"
        if self._connections.granted_by(name) == "user":
            return f"'{name}' waits to be connected by its users: they open {self.site.page}/{name}"
        return f"'{name}' waits to be connected: 'narthex grants link --server {name}' says which address to open"

    # The configuration, as it is now

    @property
    def _config(self) -> Config:
        config: Config = self._slot.current.config
        return config

    def _authentication(self) -> AuthenticationConfig | None:
        return self._config.authentication

    def _login(self) -> LoginConfig | None:
        found = self._config.authentication
        return found.login() if found is not None else None

    def _title(self) -> str:
        return self._config.title or self._config.name

    # Serving

    def serves(self, path: str) -> bool:
        return self.site.below(path) is not None and bool(self._connections.names())

    async def serve(self, exchange: Exchange) -> Answer:
        """One request for one of our paths."""
        path = self.site.below(exchange.path) or CONNECT
        if path == STYLE:
            return Answer(200, self._style, b"text/css; charset=utf-8", _KEPT)
        if path.startswith(CLIENT):
            # Of every name, whether there is such a server or not: some are concealed, and issuers are not known here.
            document = self._connections.document(self._callback(path.removeprefix(CLIENT).removesuffix(JSON)))
            return Answer(200, encode(document), headers=_KEPT)
        posted = exchange.method == b"POST" and not path.startswith((CALLBACK, SIGNED_IN))
        if not posted and exchange.method not in (b"GET", b"HEAD"):
            return json_answer({"error": "invalid_request"}, 405, ((b"Allow", b"GET, HEAD, POST"),))
        turn = Turn(exchange, browsers.of(exchange, self.site), path, time.time())
        wait = self._asked.take(address_key(exchange.peer), time.monotonic())
        if wait or self._inside >= sign_in_requests_max:
            status, seconds = (429, wait) if wait else (503, 1)
            return self._desk.refused(
                turn, "Too many requests", "There are too many at this moment.", status, wait=seconds
            )
        self._inside += 1
        try:
            return await (self._posted(turn) if posted else self._got(turn))
        finally:
            self._inside -= 1

    def _callback(self, server: str) -> str:
        return f"{self.site.issuer}{CALLBACK}{server}"

    async def _got(self, turn: Turn) -> Answer:
        host = (turn.exchange.headers.get(b"host") or b"").decode("latin-1")
        try:
            if turn.path.startswith(CALLBACK):
                return await self._come_back(turn)
            if turn.path == SIGNED_IN:
                return await self._entrance.come_back(turn.exchange, turn.browser, turn.now)
            if self.site.is_called_otherwise(host):
                query = f"?{turn.exchange.query}" if turn.exchange.query else ""
                return redirect(self.site.issuer + turn.path + query)
            return await self._page(turn, turn.exchange.query)
        except NotIn as fault:
            return self._not_in(turn, fault)
        except (StateFault, CredentialFault) as fault:
            return self._stateless(turn, fault)

    async def _posted(self, turn: Turn) -> Answer:
        try:
            said = form(turn.exchange)
            if browsers.from_elsewhere(turn.exchange, self.site):
                raise StaleForm
            path, what = open_form(self._sealer, browsers.CONNECT, turn.browser, said.get("form", ""), turn.now)
            turn = turn._replace(back=path)
            do = said.get("do", "")
            if what == LEAVE:
                return redirect(self.site.base + path, await self._entrance.sign_out(turn.exchange))
            if what == ENTER and do == "provider":
                leaving = await self._entrance.leave(turn.browser, path, turn.now)
                return self._desk.going(leaving.url, "You sign in there.", turn.browser, leaving.headers)
            if what == ENTER:
                return self._entrance.with_key(turn.exchange, turn.browser, said.get("key", ""), path, turn.now)
            return await self._act(turn, what, do)
        except OauthFault as fault:
            return self._desk.refused(turn, "That did not work", str(fault), fault.status)
        except StaleForm:
            text = "This page was open for too long, or was not made for this browser. Nothing was done."
            remedy = "Open it again. Your browser must accept cookies of this page."
            return self._desk.refused(turn, "This page is out of date", text, 400, remedy)
        except NotIn as fault:
            return self._not_in(turn, fault)
        except (StateFault, CredentialFault) as fault:
            return self._stateless(turn, fault)

    # A page is looked at

    async def _page(self, turn: Turn, query: str) -> Answer:
        try:
            said = once(pairs(query))
        except (Twice, ValueError):
            said = {}
        link, key = said.get("for", ""), "with=key" if said.get("with") == "key" else ""
        turn = turn._replace(back=turn.path + (f"?for={link}" if link else ""), link=link)
        found = await self._places.find(turn)
        if isinstance(found, Answer):
            return found
        if found is None:
            mark = "&" if link else "?"
            path = turn.back + (mark + key if key else "")
            return await self._entrance.show(turn.exchange, turn.browser, path, turn.now)
        has = await self._connections.of(found.owner)
        if found.server is None:
            return self._desk.all(await self._places.servers(found.visitor), has, found.visitor, turn.browser, turn.now)
        grant = has.get(found.server.name)
        did = said.get("did", "")
        news = happened(did, found.server.name) if (did == "connected") == (grant is not None) else Html("")
        return self._desk.one(found.server, found.owner, grant, found.visitor, turn.browser, turn.back, turn.now, news)

    # A button was pressed

    async def _act(self, turn: Turn, what: str, do: str) -> Answer:
        turn = turn._replace(link=turn.back.partition("?for=")[2])
        found = await self._places.find(turn)
        if isinstance(found, Answer):
            return found
        if found is None or found.server is None or what != bound_to(found.server.name, found.owner):
            return redirect(self.site.base + turn.back)  # somebody else is here now: the page is shown anew
        name, owner = found.server.name, found.owner
        try:
            if do == "disconnect":
                await self._connections.disconnect(owner, name)
                self._say("info", f"'{owner}' disconnected '{name}'")
                return redirect(self.site.base + self._after(turn, "disconnected"))
            # Whoever comes back goes on with the link they came by, and not for longer than it was made for.
            url = await self._connections.begin(
                owner, name, self._callback(name), turn.browser.digest, turn.now, turn.link
            )
        except CredentialFault as fault:
            self._say("warning", f"'{name}' could not be connected: {fault.note}")
            return self._desk.refused(
                turn, f"{name} was not connected", _sentence(str(fault)), 502, TELL, found.visitor
            )
        if urlsplit(url).scheme not in ("https", "http"):
            raise NotIn("That server sends people to an address that no browser should open.", f"{name}: a bad address")
        return self._desk.going(url, "You sign in there and agree, and come back here.", turn.browser)

    def _after(self, turn: Turn, did: str) -> str:
        return f"{turn.path}?for={turn.link}&did={did}" if turn.link else f"{turn.path}?did={did}"

    async def _come_back(self, turn: Turn) -> Answer:
        """GET, from an authorization server, through the browser."""
        try:
            said = once(pairs(turn.exchange.query))
            if not turn.browser.known:
                raise StaleForm
            came = Back(turn.browser.digest, said, self.site.issuer + turn.path, await self._places.who(turn))
            owner, name, link = await self._connections.finish(came, turn.now)
        except (Twice, ValueError, StaleForm):
            text = "Your browser was not sent away from here, or does not keep our cookie. Nothing was done."
            return self._desk.refused(turn, "Nothing was connected", text, 400, AGAIN)
        except CredentialFault as fault:
            self._say("warning", f"A connection was not made: {fault.note}")
            return self._desk.refused(turn, "Nothing was connected", _sentence(str(fault)), 400, AGAIN)
        self._say("info", f"'{owner}' connected '{name}'")
        if owner != GATEWAY or meant(link, self._sealer, turn.now) is None:
            link = ""
        turn = turn._replace(path=f"{CONNECT}/{name}", link=link)
        return redirect(self.site.base + self._after(turn, "connected"))

    # What went wrong

    def _not_in(self, turn: Turn, fault: NotIn) -> Answer:
        if fault.note:
            self._say("warning", f"Somebody could not sign in for the connect page: {fault.note}")
        return self._desk.refused(turn, "Signing in did not work", str(fault), 502 if fault.note else 400)

    def _stateless(self, turn: Turn, fault: StateFault | CredentialFault) -> Answer:
        self._say("error", fault.note if isinstance(fault, CredentialFault) else str(fault))
        return self._desk.refused(turn, "Not now", "The gateway cannot reach its state.", 503, wait=5)


def _sentence(text: str) -> str:
    """What a fault says of a server, for a person."""
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
