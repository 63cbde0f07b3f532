"""A person at the gateway's connect page: a browser that keeps cookies, sends the form, and goes where it is led.

Knows: cookies, redirects, `Refresh`, and the form of one page. The person agrees to everything.
"""

import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

SECONDS_MAX = 20.0
PAGES_MAX = 5  # one page leads on by `Refresh` at most so often
FORM = "connect-form"


@dataclass(frozen=True, slots=True)
class Page:
    """Where the browser has come to rest, and what is to be read there."""

    url: str
    status: int
    text: str

    def has(self, element: str) -> bool:
        return f'id="{element}"' in self.text


class Browser:
    """One profile: whoever sends it away knows it when it comes back."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def connect(self, url: str) -> Page:
        """Opens the page of a server and presses its button; the page at which that ends."""
        page = self.open(url)
        form = Form(page.text)
        if form.action is None:
            return page
        return self.open(urljoin(page.url, form.action), {**form.hidden, "do": "connect"})

    def open(self, url: str, said: dict[str, str] | None = None) -> Page:
        """Follows redirects and `Refresh`, as a browser does."""
        for _ in range(PAGES_MAX):
            page, onward = self._fetch(url, said)
            if onward is None:
                return page
            url, said = urljoin(page.url, onward), None
        return page

    def _fetch(self, url: str, said: dict[str, str] | None) -> tuple[Page, str | None]:
        request = urllib.request.Request(url, None if said is None else urlencode(said).encode())
        if said is not None:
            place = urlsplit(url)
            request.add_header("Origin", f"{place.scheme}://{place.netloc}")
        try:
            response = self._opener.open(request, timeout=SECONDS_MAX)
        except HTTPError as error:
            response = error  # a page too, with what went wrong on it
        with response:
            text = response.read().decode("utf-8", "replace")
            onward = response.headers.get("Refresh", "").partition("url=")[2] or None
            return Page(response.url, response.status, text), onward


class Form(HTMLParser):
    """The form of the connect page: where it goes, and what it carries unseen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self._inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self._inside = said.get("id") == FORM
            self.action = said.get("action") if self._inside else self.action
        elif tag == "input" and self._inside and said.get("type") == "hidden":
            self.hidden[said.get("name") or ""] = said.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
