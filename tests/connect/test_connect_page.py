"""The page as somebody attacks it: forms from elsewhere, frames, other people's links, addresses that lead away."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from connect_kit import Browser, Modern, asked_of_issuer, servers

from process_kit import Far, Gateway, gateway, until


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, place: Far) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("house"), {"servers": servers(place)}) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(place: Far) -> None:
    place.order({})


def test_every_page_is_held(house: Gateway) -> None:
    browser = Browser()
    pages = [browser.get(f"{house.url}{path}") for path in ("/connect", "/connect/far", "/connect/nobody")]
    pages.append(browser.get(f"{house.url}/connect/callback/far?state=x&code=y"))
    pages.append(browser.get(f"{house.url}/connect/far?for=n1.forged"))
    pages.append(browser.submit(pages[1], "connect-form", {"do": "connect"}, follow=False))

    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert re.search(r"form-action 'self'(;|$)", policy)
        assert "script" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in page.text
        assert " on" not in re.sub(r">[^<]*<", "><", page.text)
        assert "style=" not in page.text


def test_cookies_are_for_this_page_alone(house: Gateway) -> None:
    line = Browser().get(f"{house.url}/connect").headers["set-cookie"]

    assert "HttpOnly" in line
    assert "SameSite=Lax" in line
    assert line.startswith(f"narthex-{urlsplit(house.url).port}=")


def form_of(house: Gateway, browser: Browser) -> dict[str, str]:
    return {**browser.get(f"{house.url}/connect/far").seen.forms["connect-form"][1], "do": "connect"}


def post(house: Gateway, browser: Browser, form: dict[str, str], path: str = "/connect/far", **headers: str) -> int:
    said = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return browser._send("POST", f"{house.url}{path}", urlencode(form), said).status


def test_a_form_from_elsewhere_does_nothing(house: Gateway, place: Far) -> None:
    browser, other = Browser(), Browser()
    mine, theirs = form_of(house, browser), form_of(house, other)
    refused = [
        post(house, browser, {"do": "connect"}),
        post(house, browser, theirs),
        post(house, Browser(), mine),
        post(house, browser, {**mine, "form": mine["form"][:-4] + "AAAA"}),
        post(house, browser, mine, **{"Sec-Fetch-Site": "cross-site"}),
        post(house, browser, mine, Origin="https://evil.example"),
        post(house, browser, mine, Origin="null"),
        post(house, browser, mine, **{"Content-Type": "text/plain"}),
    ]

    assert [status >= 400 for status in refused] == [True] * len(refused)
    assert asked_of_issuer(place) == []
    assert post(house, browser, mine) == 200


def test_a_form_is_good_for_what_it_was_made_for(house: Gateway, place: Far) -> None:
    browser = Browser()
    leave = browser.get(f"{house.url}/connect").seen.forms["logout-form"][1]

    assert post(house, browser, {**leave, "do": "connect"}) == 303
    assert post(house, browser, form_of(house, browser), "/connect/other") == 404
    assert asked_of_issuer(place) == []


def test_a_link_that_was_changed_leads_nowhere(house: Gateway) -> None:
    client = Modern(house.url)
    until(lambda: "whoami" in client.tools())
    url = client.call("whoami").question["url"]
    client.close()
    for changed in (f"{url}x", url.replace("?for=n1.", "?for=n1.A"), f"{house.url}/connect/far?for=1"):
        page = Browser().get(changed)

        assert page.status == 400
        assert page.ids["problem"]
        assert "connect" not in page.ids


def test_no_address_leads_to_another_house(house: Gateway, place: Far) -> None:
    port = urlsplit(house.url).port
    browser = Browser()
    for path in ("//evil.example/connect", "/connect//evil.example", "/connect/https://evil.example", "/connect/../x"):
        page = browser._send("GET", f"{house.url}{path}")
        where = page.headers.get("location", "")

        assert page.status in (303, 400, 404), path
        assert not where or urlsplit(where).netloc in ("", f"127.0.0.1:{port}"), where
    named = browser._send("GET", f"http://localhost:{port}/connect/far?for=x")

    assert named.headers["location"] == f"{house.url}/connect/far?for=x"


def test_only_the_browser_that_left_comes_back(house: Gateway, place: Far) -> None:
    ana, bo = Browser("ana"), Browser("bo")
    page = ana.submit(ana.get(f"{house.url}/connect/far"), "connect-form", {"do": "connect"}, follow=False)
    bo.get(f"{house.url}/connect/far")
    away = ana.get(page.seen.links["continue"], follow=False)
    answer = away.headers["location"]
    stolen = bo.get(answer)
    stranger = Browser().get(answer)
    mine = ana.get(answer)
    twice = ana.get(answer)

    assert [one.status for one in (stolen, stranger)] == [400, 400]
    assert "problem" in stolen.ids
    assert "done" in mine.ids
    assert twice.status == 400


def test_an_answer_is_taken_where_it_was_to_come_alone(house: Gateway, place: Far) -> None:
    ana = Browser("ana")
    page = ana.submit(ana.get(f"{house.url}/connect/far"), "connect-form", {"do": "connect"}, follow=False)
    answer = ana.get(page.seen.links["continue"], follow=False).headers["location"]
    before = ana.get(answer.replace("/callback/far?", "/callback?"), follow=False)
    other = ana.get(answer.replace("/callback/far?", "/callback/other?"), follow=False)

    assert answer.startswith(f"{house.url}/connect/callback/far?")
    assert (before.status, other.status) == (404, 400)
    assert "/token" not in place.paths()


def test_only_methods_that_mean_something_are_served(house: Gateway) -> None:
    browser = Browser()

    assert browser._send("DELETE", f"{house.url}/connect").status == 405
    assert browser._send("POST", f"{house.url}/connect/callback/far", "x=1").status == 405
    assert browser._send("HEAD", f"{house.url}/connect").status == 200
    assert browser.get(f"{house.url}/connect/style.css").headers["content-type"].startswith("text/css")


def test_what_stands_in_an_address_is_text(house: Gateway) -> None:
    for path in ("%3Cimg%20src=x%3E", "%26lt;img", "far'x", "far%22x"):
        page = Browser().get(f"{house.url}/connect/{path}")

        assert page.status in (400, 404)
        assert "html" not in page.headers["content-type"] or path not in page.text


def test_the_document_about_us_names_where_browsers_come_back(house: Gateway) -> None:
    page = Browser().get(f"{house.url}/connect/client/far.json")

    assert page.headers["content-type"] == "application/json"
    assert f"{house.url}/connect/callback/far" in page.text
    assert f"{house.url}/connect/client/far.json" in page.text
    assert [Browser().get(f"{house.url}/connect/{path}").status for path in ("client.json", "client/far")] == [404, 404]
    concealed = Browser().get(f"{house.url}/connect/client/other.json")
    assert concealed.text == page.text.replace("far", "other"), "it tells which servers there are"


def test_a_gateway_that_needs_no_page_has_none(tmp_path_factory: pytest.TempPathFactory, place: Far) -> None:
    plain = [{"name": "far", "upstream": f"{place.origin}/mcp"}]
    with gateway(tmp_path_factory.mktemp("plain"), {"servers": plain}) as found:
        assert Browser().get(f"{found.url}/connect").status == 404


def test_too_many_requests_have_to_wait(tmp_path_factory: pytest.TempPathFactory, place: Far) -> None:
    with gateway(tmp_path_factory.mktemp("busy"), {"servers": servers(place)}) as found:
        browser = Browser()
        page = until(lambda: one if (one := browser.get(f"{found.url}/connect")).status == 429 else None)

    assert int(page.headers["retry-after"]) >= 1
    assert page.ids["problem"]
