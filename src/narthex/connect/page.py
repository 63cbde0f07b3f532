"""The pages of the connect page: what each says, given who is there and what they have.

Knows: one page for all servers, one for each, one for what went wrong, one before a browser leaves us. Refuses to know:
requests, and who somebody is.
"""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from narthex.connect.site import STYLE, Site
from narthex.connect.turn import Turn
from narthex.connect.visitor import Visitor
from narthex.connect.words import buttons, escaped, facts, leave_button, note, row, state_of
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Answer, Lines
from narthex.issuer.browser import CONNECT, Browser, seal_form
from narthex.issuer.page import Html, Pages, Shell
from narthex.model.config import ServerConfig
from narthex.model.connection import Connection, Owner
from narthex.wire.seal import Sealer

LEAVE = "leave"  # what a form of this page is for
TELL = "Try again in a minute, or tell whoever runs this gateway."
AGAIN = "Go back to your app and call again, or choose among all connections."
_PAGES = ("list", "server", "refused", "going", "enter", "provider", "key", "who")


def pages() -> Pages:
    """The files, with the style of all pages and what these have beside it."""
    return Pages("narthex.connect.pages", _PAGES, "rows.css")


def bound_to(server: str, owner: Owner) -> str:
    """What a form for one server is about: another person at the same browser cannot send it."""
    return f"{server}\0{owner.key}"


class Desk:
    """Makes pages. `house`: how the gateway is called."""

    def __init__(self, files: Pages, site: Site, sealer: Sealer, house: Callable[[], str]) -> None:
        self._files, self._site, self._sealer, self._house = files, site, sealer, house

    def all(
        self,
        servers: Mapping[str, tuple[ServerConfig, str]],
        has: Mapping[str, Connection],
        visitor: Visitor,
        browser: Browser,
        now: float,
    ) -> Answer:
        """`servers`: with what is to be said where somebody else has to connect it; "": the visitor can."""
        rows = [
            row(self._site.base, one, other or state_of(has.get(name)), connected=name in has, can=not other)
            for name, (one, other) in servers.items()
        ]
        said = "\n".join(rows) or '<li id="none">There is no server here that wants an account of yours.</li>'
        values = {"note": Html(""), "rows": Html(said), "who": self.who(visitor, browser, "/connect", now)}
        return self._show("list", "Your connections", values, browser)

    def one(
        self,
        server: ServerConfig,
        owner: Owner,
        found: Connection | None,
        visitor: Visitor,
        browser: Browser,
        path: str,
        now: float,
        said: Html,
    ) -> Answer:
        """`path`: the page as it was asked for, with its query; `said`: what has just happened."""
        title = f"{server.name} is connected" if found is not None else f"Connect {server.name}"
        values = {
            "note": said,
            "what": self._what(server, owner, found),
            "facts": facts(server, found),
            "server": server.name,
            "form": seal_form(self._sealer, CONNECT, browser, path, now, bound_to(server.name, owner)),
            "buttons": buttons(found),
            "who": self.who(visitor, browser, path, now),
        }
        return self._show("server", title, values, browser)

    def _what(self, server: ServerConfig, owner: Owner, found: Connection | None) -> Html:
        house, name = escaped(self._house()), f"<strong>{escaped(server.name)}</strong>"
        whose = "the calls of everybody who uses this gateway" if not owner.key else "your calls, and for no one else's"
        about = f" ({escaped(server.description)})" if server.description else ""
        if found is not None:
            return Html(f"{house} uses your account at {name}{about} for {whose}.")
        return Html(
            f"{house} is going to use an account of yours at {name}{about}, for {whose}. "
            "You sign in there, not here: no password of yours is seen on the way."
        )

    def refused(
        self,
        turn: Turn,
        title: str,
        text: str,
        status: int,
        remedy: str = TELL,
        visitor: Visitor | None = None,
        wait: int = 0,
    ) -> Answer:
        """Something is not as it should be, and nothing was done. `visitor`: who may be somebody else."""
        who = self.who(visitor, turn.browser, turn.back, turn.now) if visitor is not None else Html("")
        headers = ((b"Retry-After", b"%d" % wait),) if wait else ()
        values = {"text": text, "remedy": remedy, "who": who}
        return self._show("refused", title, values, turn.browser, status=status, headers=headers)

    def going(self, url: str, why: str, browser: Browser, headers: Lines = ()) -> Answer:
        """A step before a browser leaves us: a form may not lead to another place by itself."""
        values = {"place": urlsplit(url).netloc, "why": why, "url": url}
        refresh = (b"Refresh", b"0; url=" + url.encode("ascii"))
        return self._show("going", "You go on", values, browser, headers=(refresh, *headers))

    def who(self, visitor: Visitor, browser: Browser, path: str, now: float) -> Html:
        form = seal_form(self._sealer, CONNECT, browser, path, now, LEAVE)
        values = {"base": self._site.base, "form": form, "shown": visitor.shown, "leave": leave_button(visitor)}
        return self._files.fill("who", values)

    def _show(
        self,
        name: str,
        title: str,
        values: Mapping[str, str],
        browser: Browser,
        *,
        status: int = 200,
        headers: Lines = (),
    ) -> Answer:
        shell = Shell(self._house(), self._site.base, STYLE)
        headers = (*browsers.cookie_line(browser, self._site), *headers)
        return self._files.show(name, title, shell, values, status=status, headers=headers)


def happened(what: str, server: str) -> Html:
    """What the browser comes back with in its address; anything else says nothing."""
    if what == "connected":
        return note(f"“{server}” is connected. You can close this page and go back to your app.", "done")
    if what == "disconnected":
        return note(f"“{server}” is no longer connected.", "done")
    return Html("")
