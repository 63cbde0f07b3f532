"""One browser: the cookie it is known by, and the forms that only it can send.

Knows: how a form is bound to the browser that it was shown to, and to what it was shown for. Refuses to know: who is
signed in.

A form carries a sealed text: what it is for, what the client had asked, and a digest of the cookie. Another site can
make a browser send a form, but cannot read the one that we gave it; and one that was given to another browser, or long
ago, opens nothing.
"""

import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from narthex.issuer.answer import Asked, Lines
from narthex.issuer.forms import cookie
from narthex.limits import sign_in_form_seconds_max
from narthex.wire.seal import FORM, Sealer, Unsealed

Purpose = Literal["login", "consent", "logout", "connect"]
LOGIN: Final = "login"
CONSENT: Final = "consent"
LOGOUT: Final = "logout"
CONNECT: Final = "connect"
_DIGEST_BYTES: Final = 32


class Site(Protocol):
    """Where browsers find us."""

    @property
    def issuer(self) -> str:
        """The address."""
        ...

    @property
    def secure(self) -> bool: ...


class StaleForm(Exception):
    """The form was not given to this browser for this, or too long ago."""


class Browser(msgspec.Struct, frozen=True):
    """A browser, by the value of its cookie. Nobody else knows the value; we keep a digest."""

    value: str
    known: bool  # it came with the request; else it has to be set

    @property
    def digest(self) -> bytes:
        return sha256(self.value.encode("ascii")).digest()

    def __repr__(self) -> str:
        return f"<Browser {'known' if self.known else 'new'}>"


def of(asked: Asked, settings: Site) -> Browser:
    found = cookie(asked.headers, cookie_name(settings))
    return Browser(found, known=True) if found else new()


def new() -> Browser:
    """Another value: what was known of the old one is not known of this."""
    return Browser(secrets.token_urlsafe(32), known=False)


def cookie_name(settings: Site) -> str:
    """Over https a name that no neighbouring host can set; on the loopback one for each port: ports share them."""
    if settings.secure:
        return "__Host-narthex"
    return f"narthex-{urlsplit(settings.issuer).port or 80}"


def cookie_line(browser: Browser, settings: Site) -> Lines:
    """Sets the cookie, if it is not set. It ends with the browser; what it stands for ends earlier."""
    if browser.known:
        return ()
    secure = "; Secure" if settings.secure else ""
    text = f"{cookie_name(settings)}={browser.value}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return ((b"Set-Cookie", text.encode("ascii")),)


def seal_form(sealer: Sealer, purpose: Purpose, browser: Browser, query: str, now: float, shown: str = "") -> str:
    """`shown`: what the page says besides, and its answer is about."""
    return sealer.seal(FORM, [purpose, browser.digest, query, shown], now + sign_in_form_seconds_max)


def open_form(sealer: Sealer, purpose: Purpose, browser: Browser, text: str, now: float) -> tuple[str, str]:
    """What the client had asked, and what was shown besides. Raises StaleForm."""
    try:
        meant, digest, query, shown = sealer.open(FORM, text, now)
    except Unsealed:
        raise StaleForm from None
    if meant != purpose or not browser.known or not compare_digest(bytes(digest), browser.digest):
        raise StaleForm
    return str(query), str(shown)


def from_elsewhere(asked: Asked, settings: Site) -> bool:
    """Whether a page of another site sent this form, as far as the browser says. The seal is what is relied on."""
    site = asked.headers.get(b"sec-fetch-site")
    if site is not None and site not in (b"same-origin", b"none"):
        return True
    origin = asked.headers.get(b"origin")
    if origin is None:
        return False
    host = (asked.headers.get(b"host") or b"").decode("latin-1").lower()
    ours = urlsplit(settings.issuer)
    return origin.decode("latin-1").lower() not in (f"{ours.scheme}://{ours.netloc}".lower(), f"{ours.scheme}://{host}")
