"""A page out of its file, with the headers that hold it: nobody frames it, nothing in it runs, no cache keeps it.

Knows: the files, how values are written into them, and the policy of a page. Refuses to know: what a page says.
"""

import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import NamedTuple

from narthex.issuer.answer import HTML, PRIVATE, Answer, Lines

_GAP = re.compile(r"\{\{(\w+)\}\}")
_HOME = "narthex.issuer.pages"


class Html(str):
    """Text that is HTML already. Everything else is escaped."""

    __slots__ = ()


class Shell(NamedTuple):
    """What all pages say alike. `style`: where their style is served, below `base`."""

    house: str
    base: str
    style: str = "/oauth/style.css"


class Pages:
    """The files of a folder with pages, read once. The frame, the page of problems and the style are the same for all.

    `package`: the folder; `names`: the pages in it; `style`: a file with further rules.
    """

    def __init__(
        self, package: str = _HOME, names: tuple[str, ...] = ("login", "consent"), style: str | None = None
    ) -> None:
        folder, home = files(package), files(_HOME)
        self._texts = {name: (folder / f"{name}.html").read_text("utf-8") for name in names}
        self._texts |= {name: (home / f"{name}.html").read_text("utf-8") for name in ("frame", "problem")}
        self.style = (home / "style.css").read_bytes() + ((folder / style).read_bytes() if style else b"")

    def fill(self, name: str, values: Mapping[str, str]) -> Html:
        """A gap without a value is an error of ours, and shows as a KeyError."""
        return Html(_GAP.sub(lambda gap: _written(values[gap[1]]), self._texts[name]))

    def show(
        self,
        name: str,
        title: str,
        shell: Shell,
        values: Mapping[str, str],
        *,
        status: int = 200,
        headers: Lines = (),
        form_action: str = "",
    ) -> Answer:
        """A whole page. `form_action`: where a form of it may end besides here."""
        common = {"house": shell.house, "base": shell.base, "style": shell.style}
        content = self.fill(name, {**common, "title": title, **values})
        page = self.fill("frame", {**common, "title": title, "page": name, "content": content})
        return Answer(status, page.encode("utf-8"), HTML, (*_held(form_action), *headers))


def _written(value: str) -> str:
    return value if isinstance(value, Html) else escape(value, quote=True)


def _held(form_action: str) -> Lines:
    sources = f"'self' {form_action}".strip()
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {sources}"
    )
    return (
        *PRIVATE,
        (b"Content-Security-Policy", policy.encode("ascii")),
        (b"X-Frame-Options", b"DENY"),
        # Not `no-referrer`: under it a browser says `Origin: null` with our own forms.
        (b"Referrer-Policy", b"same-origin"),
        (b"Cross-Origin-Resource-Policy", b"same-origin"),
    )
