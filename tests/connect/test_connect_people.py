"""Several people behind one gateway: each is known in the browser as in their app, and has their own grant alone."""

import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from argon2 import PasswordHasher
from connect_kit import Browser, Modern, Page, asked_of_issuer, far, servers

from process_kit import SECONDS_MAX, Far, Gateway, command, gateway, until, write

PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(PASSWORD)
PEOPLE = ("ana", "bo")


class House(NamedTuple):
    """`headers`: what the app of somebody sends; `enter`: they sign in on the page that they were shown."""

    gateway: Gateway
    headers: Callable[[str], dict[str, str]]
    browser: Callable[[str], Browser]
    enter: Callable[[str, Browser, Page], Page]


@contextlib.contextmanager
def by_proxy(home: Path, place: Far) -> Iterator[House]:
    proxy = {"addresses": ["127.0.0.1"], "subject": "X-Front-User"}
    config = {"authentication": {"type": "keys", "keys": False, "proxy": proxy}, "servers": servers(place)}
    with gateway(home, config) as running:

        def headers(name: str) -> dict[str, str]:
            return {"X-Front-User": name}

        yield House(running, headers, lambda name: Browser(name, headers(name)), lambda _name, _browser, page: page)


@contextlib.contextmanager
def by_key(home: Path, place: Far) -> Iterator[House]:
    config = {"authentication": {"type": "keys"}, "servers": servers(place)}
    path = write(home, config)
    keys = {name: command(home, "keys", "create", str(path), "--name", name).strip() for name in PEOPLE}
    with gateway(home, config) as running:

        def enter(name: str, browser: Browser, page: Page) -> Page:
            return browser.submit(page, "key-form", {"key": keys[name], "do": "key"})

        yield House(running, lambda name: {"Authorization": f"Bearer {keys[name]}"}, Browser, enter)


@contextlib.contextmanager
def by_login(home: Path, place: Far) -> Iterator[House]:
    (home / "users.yaml").write_text("\n".join(f"- {{name: {name}, password: '{HASH}'}}" for name in PEOPLE))
    config = {"authentication": {"type": "oauth2", "server": {"users": "users.yaml"}}, "servers": servers(place)}
    with gateway(home, config) as running:
        tokens = {name: let_in(running, name) for name in PEOPLE}

        def enter(name: str, browser: Browser, page: Page) -> Page:
            return browser.submit(page, "login-form", {"name": name, "password": PASSWORD})

        yield House(running, lambda name: {"Authorization": f"Bearer {tokens[name]}"}, Browser, enter)


def let_in(running: Gateway, name: str) -> str:
    """An app of somebody gets a token of the gateway itself."""
    browser, verifier, back = Browser(), secrets.token_urlsafe(48), "http://127.0.0.1:9/callback"
    known = {"client_name": "App", "redirect_uris": [back], "token_endpoint_auth_method": "none"}
    said = browser._send(
        "POST", f"{running.url}/oauth/register", json.dumps(known), {"Content-Type": "application/json"}
    )
    client = json.loads(said.text)["client_id"]
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": back,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    login = browser.get(f"{running.url}/oauth/authorize?{urlencode(asked)}")
    consent = browser.submit(login, "login-form", {"name": name, "password": PASSWORD})
    answer = browser.submit(consent, "consent-form", {"decision": "allow"}, follow=False)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": client}
    form["code_verifier"] = verifier
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = browser._send("POST", f"{running.url}/oauth/token", urlencode(form), headers)
    found: str = json.loads(token.text)["access_token"]
    return found


@contextlib.contextmanager
def by_provider(home: Path, place: Far) -> Iterator[House]:
    with far("connect_provider.py") as provider:
        asked = {"issuer": provider.origin, "client_id": "gateway", "client_secret": "s3cret"}
        known = {"issuers": [{"issuer": provider.origin, "audience": ["front"]}], "keys": False, "sign_in": asked}
        config = {"authentication": {"type": "oauth2", **known}, "servers": servers(place)}

        def headers(name: str) -> dict[str, str]:
            with urlopen(f"{provider.origin}/mint?sub={name}", timeout=SECONDS_MAX) as answer:
                return {"Authorization": f"Bearer {answer.read().decode()}"}

        with gateway(home, config) as running:
            yield House(running, headers, Browser, lambda _name, _browser, page: page)


WAYS = {"proxy": by_proxy, "key": by_key, "login": by_login, "provider": by_provider}


@pytest.fixture(scope="module", params=list(WAYS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, place: Far) -> Iterator[House]:
    with WAYS[request.param](tmp_path_factory.mktemp(request.param), place) as found:
        yield found


@pytest.fixture
def house(running: House, place: Far) -> House:
    """With nobody connected."""
    place.order({})
    for name in PEOPLE:
        browser = running.browser(name)
        page = open_as(running, name, browser, f"{running.gateway.url}/connect/far")
        if "disconnect" in page.ids:
            browser.submit(page, "connect-form", {"do": "disconnect"})
    place.order({})
    return running


@pytest.fixture
def apps(house: House) -> Iterator[dict[str, Modern]]:
    found = {name: Modern(house.gateway.url, house.headers(name)) for name in PEOPLE}
    until(lambda: "whoami" in found["ana"].tools(), "the tools of the far server")
    yield found
    for app in found.values():
        app.close()


def open_as(house: House, name: str, browser: Browser, url: str) -> Page:
    page = browser.get(url)
    return page if "subject" in page.ids else house.enter(name, browser, page)


def connect_as(house: House, name: str, browser: Browser, url: str) -> Page:
    return browser.submit(open_as(house, name, browser, url), "connect-form", {"do": "connect"})


def test_each_connects_their_own_account(house: House, apps: dict[str, Modern]) -> None:
    asked = {name: app.call("whoami") for name, app in apps.items()}
    for name in PEOPLE:
        done = connect_as(house, name, house.browser(name), asked[name].question["url"])
        assert "connected" in done.ids["done"]
        assert name in done.ids["subject"]

    assert {name: app.again("whoami", asked[name]).text for name, app in apps.items()} == {"ana": "ana", "bo": "bo"}
    assert [apps[name].call("whoami").text for name in PEOPLE * 3] == list(PEOPLE * 3)


def test_the_grant_of_one_is_nobody_elses(house: House, apps: dict[str, Modern]) -> None:
    connect_as(house, "ana", house.browser("ana"), apps["ana"].call("whoami").question["url"])
    browser = house.browser("bo")
    page = open_as(house, "bo", browser, f"{house.gateway.url}/connect")

    assert apps["ana"].call("whoami").text == "ana"
    assert apps["bo"].call("whoami").result["resultType"] == "input_required"
    assert page.ids["state-far"] == "Not connected"
    assert "ana" not in page.text


def test_a_link_made_for_somebody_else_does_nothing(house: House, apps: dict[str, Modern], place: Far) -> None:
    """Ana sends her link to Bo, who is signed in and presses whatever there is (2026-07-28, elicitation: phishing)."""
    url = apps["ana"].call("whoami").question["url"]
    bo = house.browser("bo")
    own = open_as(house, "bo", bo, f"{house.gateway.url}/connect/far").seen.forms["connect-form"][1]
    place.order({})
    page = open_as(house, "bo", bo, url)
    tried = bo._send(
        "POST",
        f"{house.gateway.url}/connect/far?{urlsplit(url).query}",
        urlencode({**page.seen.forms["logout-form"][1], "do": "connect"}),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert page.status == 403
    assert "somebody else" in page.ids["problem"]
    assert "connect" not in page.ids
    assert "connect-form" not in page.seen.forms
    assert own
    assert tried.status == 303
    assert asked_of_issuer(place) == []


def test_a_page_that_one_was_shown_is_not_sent_by_another(house: House, place: Far) -> None:
    """At the same browser, where somebody else has signed in meanwhile."""
    browser = house.browser("ana")
    page = open_as(house, "ana", browser, f"{house.gateway.url}/connect/far")
    browser.headers, browser.account = house.browser("bo").headers, "bo"
    if "logout" in page.ids:
        browser.submit(page, "logout-form", {"do": "leave"}, follow=False)
    assert "bo" in open_as(house, "bo", browser, f"{house.gateway.url}/connect/far").ids["subject"]
    place.order({})
    answer = browser.submit(page, "connect-form", {"do": "connect"}, follow=False)

    assert answer.status in (303, 400)
    assert asked_of_issuer(place) == []


def test_whoever_comes_back_is_who_left(tmp_path: Path, place: Far) -> None:
    """The cookie of the browser stays, and the proxy in front says that somebody else is there."""
    with by_proxy(tmp_path, place) as house:
        browser = house.browser("ana")
        page = browser.get(f"{house.gateway.url}/connect/far")
        page = browser.submit(page, "connect-form", {"do": "connect"}, follow=False)
        answer = browser.get(page.seen.links["continue"], follow=False).headers["location"]
        place.order({})
        statuses = []
        for headers in (house.headers("bo"), {}, house.headers("ana")):
            browser.headers = headers
            statuses.append(browser.get(answer, follow=False).status)

    assert statuses == [400, 400, 400]
    assert asked_of_issuer(place) == []


def test_who_signed_in_may_sign_out(house: House) -> None:
    browser = house.browser("ana")
    page = open_as(house, "ana", browser, f"{house.gateway.url}/connect")
    if "logout" not in page.ids:
        assert browser.headers  # there is nothing to sign out of: the proxy says who it is
        return
    browser.account = ""
    gone = browser.submit(page, "logout-form", {"do": "leave"}, follow=False)
    after = browser.get(f"{house.gateway.url}/connect", follow=False)

    assert gone.status == 303
    assert "subject" not in after.ids


def test_strangers_are_asked_who_they_are(house: House) -> None:
    page = Browser().get(f"{house.gateway.url}/connect/far", follow=False)

    assert "subject" not in page.ids
    assert "connect" not in page.ids
