"""Browsers in which somebody has signed in before, so that a stranger's guesses do not lock them out.

Knows: a cookie that says for whom this browser is no stranger. Refuses to let anybody in by it: it only moves the
count of wrong passwords from the name, where everybody counts, to this one browser (OWASP, device cookies).
"""

from hashlib import sha256

from narthex.issuer.answer import Asked, Lines
from narthex.issuer.browser import cookie_name
from narthex.issuer.forms import cookie
from narthex.issuer.settings import Settings
from narthex.limits import familiar_browser_days
from narthex.wire.seal import FAMILIAR, Sealer, Unsealed

_DAY_SECONDS = 86_400


def counted_as(asked: Asked, name: str, settings: Settings, sealer: Sealer, now: float) -> str:
    """Under which name this browser's wrong passwords for `name` are counted; "": under those of everybody."""
    text = cookie(asked.headers, _cookie(settings))
    try:
        known = sealer.open(FAMILIAR, text, now)
    except Unsealed:
        return ""
    return f"{name}\0{sha256(text.encode()).hexdigest()}" if known == name else ""


def cookie_line(name: str, settings: Settings, sealer: Sealer, now: float) -> Lines:
    """Remember that `name` has signed in here."""
    seconds = familiar_browser_days * _DAY_SECONDS
    sealed = sealer.seal(FAMILIAR, name, now + seconds)
    secure = "; Secure" if settings.secure else ""
    text = f"{_cookie(settings)}={sealed}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return ((b"Set-Cookie", text.encode("ascii")),)


def _cookie(settings: Settings) -> str:
    return f"{cookie_name(settings)}-familiar"
