"""What a browser keeps of who was there: for an hour, for itself alone, and never a key."""

import pytest

from narthex.connect.session import Session, opened, session_line, session_of
from narthex.connect.site import Site
from narthex.issuer import browser as browsers
from narthex.issuer.answer import Lines
from narthex.issuer.browser import Browser
from narthex.limits import connect_visit_seconds_max
from narthex.wire.seal import Sealer

SEALER, NOW = Sealer((bytes(32),)), 1_000_000.0
HOME = Site("http://127.0.0.1:8080", fixed=True)
ANA = Session("login", "u-17", "ana@corp", "https://auth.example.com")


class Asked:
    """A request with these cookies."""

    method, path, query, body, peer = b"GET", "/connect", "", b"", "127.0.0.1"

    def __init__(self, *lines: Lines) -> None:
        said = [value.decode().partition(";")[0] for line in lines for _, value in line]
        self._cookies = "; ".join(said).encode()

    @property
    def headers(self) -> "Asked":
        return self

    def get(self, name: bytes) -> bytes | None:
        return self._cookies if name == b"cookie" else None

    def count(self, name: bytes) -> int:
        return int(name == b"cookie")


def known() -> Browser:
    return Browser(browsers.new().value, known=True)


def test_it_is_good_for_its_browser_and_an_hour() -> None:
    browser = known()
    asked = Asked(session_line(ANA, HOME, SEALER, browser, NOW))

    assert session_of(asked, HOME, SEALER, browser, NOW + connect_visit_seconds_max - 1) == ANA
    assert session_of(asked, HOME, SEALER, browser, NOW + connect_visit_seconds_max) is None
    assert session_of(asked, HOME, SEALER, known(), NOW) is None
    assert session_of(asked, HOME, SEALER, browsers.new(), NOW) is None


def test_one_cookie_is_not_taken_for_another() -> None:
    browser = known()
    asked = Asked(session_line(ANA, HOME, SEALER, browser, NOW))

    assert opened("away", asked, HOME, SEALER, browser, NOW) is None


def test_it_is_as_closed_as_a_cookie_can_be() -> None:
    (plain,) = session_line(ANA, HOME, SEALER, known(), NOW)
    (secure,) = session_line(ANA, Site("https://tools.example.com/x", fixed=False), SEALER, known(), NOW)

    assert plain[1].startswith(b"narthex-8080-visit=")
    assert secure[1].startswith(b"__Host-narthex-visit=")
    for line in (plain[1], secure[1]):
        assert b"; HttpOnly" in line
        assert b"; SameSite=Lax" in line
        assert b"; Path=/;" in line
        assert b"ana" not in line
    assert secure[1].endswith(b"; Secure")


def test_a_name_that_is_too_long_is_not_kept() -> None:
    with pytest.raises(ValueError, match="at most"):
        session_line(Session("login", "x" * 2_000, "ana"), HOME, SEALER, known(), NOW)


def test_only_what_is_below_the_page_is_its_own() -> None:
    site = Site("https://tools.example.com/house/", fixed=False)

    assert site.page == "https://tools.example.com/house/connect"
    assert [site.below(path) for path in ("/house/connect", "/connect/", "/connect/far", "/house/connect/far")] == [
        "/connect",
        "/connect",
        "/connect/far",
        "/connect/far",
    ]
    for path in ("/", "/connected", "/connect/a/b", "/connect//", "/connect/" + "x" * 33, "/house", "/connect/a\r\nb"):
        assert site.below(path) is None, path
