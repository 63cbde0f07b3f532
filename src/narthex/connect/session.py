"""Who showed at this browser, a while ago, an API key or came back from a provider: a sealed cookie.

Knows: that it is good for one browser and not for long. Refuses to hold a key: the beginning of one names it, and
whether it still stands is asked at each request.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Literal

import msgspec

from narthex.connect.site import Site
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Asked, Lines
from narthex.issuer.browser import Browser
from narthex.issuer.forms import cookie
from narthex.limits import connect_visit_seconds_max
from narthex.wire.seal import VISIT, Sealer, Unsealed


class Session(msgspec.Struct, frozen=True):
    """`name`: the beginning of a key, or the subject at `issuer`. `shown`: how a page calls them."""

    how: Literal["key", "login"]
    name: str
    shown: str
    issuer: str = ""

    def __repr__(self) -> str:
        return f"<Session of {self.shown} by {self.how}>"


def session_of(asked: Asked, site: Site, sealer: Sealer, browser: Browser, now: float) -> Session | None:
    """None: there is none, it is over, or it was given to another browser."""
    found = opened("visit", asked, site, sealer, browser, now)
    return None if found is None else msgspec.convert(found, Session)


def session_line(session: Session, site: Site, sealer: Sealer, browser: Browser, now: float) -> Lines:
    """Sets the cookie. Raises ValueError where the names are too long for one."""
    return sealed_line(
        "visit", msgspec.to_builtins(session), site, sealer, browser, now, int(connect_visit_seconds_max)
    )


def opened(
    what: str, asked: Asked, site: Site, sealer: Sealer, browser: Browser, now: float
) -> Mapping[str, Any] | None:
    """What one of our cookies holds, if it was given to this browser."""
    if not browser.known:
        return None
    try:
        meant, digest, content = sealer.open(VISIT, cookie(asked.headers, _name(what, site)), now)
    except Unsealed:
        return None
    if meant != what or not compare_digest(bytes(digest), browser.digest):
        return None
    found: Mapping[str, Any] = content
    return found


def sealed_line(
    what: str, content: Mapping[str, Any], site: Site, sealer: Sealer, browser: Browser, now: float, seconds: int
) -> Lines:
    """Raises ValueError for a content that is too long."""
    sealed = sealer.seal(VISIT, [what, browser.digest, content], now + seconds)
    return _line(what, site, sealed, seconds)


def no_line(what: str, site: Site) -> Lines:
    return _line(what, site, "", 0)


def _line(what: str, site: Site, value: str, seconds: int) -> Lines:
    secure = "; Secure" if site.secure else ""
    text = f"{_name(what, site)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return ((b"Set-Cookie", text.encode("ascii")),)


def _name(what: str, site: Site) -> str:
    return f"{browsers.cookie_name(site)}-{what}"
