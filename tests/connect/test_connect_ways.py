"""Each way to be known at the connect page, and what goes wrong with it."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from connect_kit import Browser, Legacy, Modern, Page, far, servers
from outside.ports import free_port

from process_kit import Far, Gateway, command, gateway, until, write

PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(PASSWORD)


@pytest.fixture(scope="module")
def provider() -> Iterator[Far]:
    with far("connect_provider.py") as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(place: Far, provider: Far) -> None:
    place.order({})
    provider.order({})


# ---- API keys ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def keyed(home: Path, place: Far, **more: Any) -> Iterator[tuple[Gateway, str]]:
    config = {"authentication": {"type": "keys"}, "servers": servers(place), **more}
    path = write(home, config)
    key = command(home, "keys", "create", str(path), "--name", "ana").strip()
    with gateway(home, config) as running:
        yield running, key


def with_key(browser: Browser, url: str, key: str) -> Page:
    return browser.submit(browser.get(url), "key-form", {"key": key, "do": "key"})


def test_a_key_is_never_kept(tmp_path: Path, place: Far) -> None:
    with keyed(tmp_path, place) as (house, key):
        browser = Browser("ana")
        page = with_key(browser, f"{house.url}/connect/far", key)
        browser.submit(page, "connect-form", {"do": "connect"})
        cookies = json.dumps(browser.cookies)
    told = [*house.lines, cookies, *browser.visited]
    told += [file.read_bytes().decode("latin-1") for file in (tmp_path / "state").rglob("*") if file.is_file()]

    assert page.ids["subject"] == "ana"
    assert [one for one in told if key in one] == []


def test_wrong_keys_are_counted_and_right_ones_pass(tmp_path: Path, place: Far) -> None:
    with keyed(tmp_path, place, limits={"failed_credentials_per_minute_max": 3}) as (house, key):
        browser = Browser()
        wrong = key[:-8] + "AAAAAAAA"
        statuses = [with_key(browser, f"{house.url}/connect", wrong).status for _ in range(5)]
        right = with_key(browser, f"{house.url}/connect", key)

    assert statuses == [401, 401, 401, 429, 429]
    assert right.ids["subject"] == "ana"


def test_a_revoked_key_opens_nothing_any_more(tmp_path: Path, place: Far) -> None:
    with keyed(tmp_path, place) as (house, key):
        browser = Browser()
        before = with_key(browser, f"{house.url}/connect", key)
        command(tmp_path, "keys", "revoke", key.split("_")[1], str(tmp_path / "narthex.json"))
        until(lambda: "subject" not in browser.get(f"{house.url}/connect").ids)

    assert before.ids["subject"] == "ana"


def test_the_cookie_of_one_browser_is_nothing_at_another(tmp_path: Path, place: Far) -> None:
    with keyed(tmp_path, place) as (house, key):
        browser, thief = Browser(), Browser()
        with_key(browser, f"{house.url}/connect", key)
        thief.get(f"{house.url}/connect")
        host = urlsplit(house.url).netloc
        stolen = {name: value for name, value in browser.cookies[host].items() if name.endswith("-visit")}
        thief.cookies[host].update(stolen)
        page = thief.get(f"{house.url}/connect")

    assert stolen
    assert "subject" not in page.ids


def test_signing_in_gives_another_cookie(tmp_path: Path, place: Far) -> None:
    """Whoever planted a cookie in somebody's browser knows nothing of what it becomes."""
    with keyed(tmp_path, place) as (house, key):
        browser = Browser()
        browser.get(f"{house.url}/connect")
        before = dict(browser.cookies[urlsplit(house.url).netloc])
        with_key(browser, f"{house.url}/connect", key)
        after = browser.cookies[urlsplit(house.url).netloc]

    assert {name: after[name] for name in before} != before


# ---- an OpenID provider ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def at_provider(home: Path, place: Far, provider: Far, **more: Any) -> Iterator[Gateway]:
    asked = {"issuer": provider.origin, "client_id": "gateway", "client_secret": "s3cret"}
    known = {"issuers": [{"issuer": provider.origin, "audience": ["front"], "tenant": "acme"}], "sign_in": asked}
    config = {"authentication": {"type": "oauth2", **known, **more}, "servers": servers(place)}
    with gateway(home, config) as running:
        yield running


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"aud": "somebody else"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
        {"answer_iss": "https://evil.example"},
    ],
    ids=lambda lies: next(iter(lies)),
)
def test_whoever_the_provider_does_not_vouch_for_is_nobody(
    tmp_path: Path, place: Far, provider: Far, lies: dict[str, Any]
) -> None:
    with at_provider(tmp_path, place, provider, keys=False) as house:
        provider.order(lies)
        browser = Browser("ana")
        page = browser.get(f"{house.url}/connect")
        after = browser.get(f"{house.url}/connect", follow=False)

    assert page.status == 502
    assert page.ids["problem"]
    assert "subject" not in {**page.ids, **after.ids}


def test_only_the_browser_that_left_to_sign_in_comes_back(tmp_path: Path, place: Far, provider: Far) -> None:
    with at_provider(tmp_path, place, provider, keys=False) as house:
        ana, bo = Browser("ana"), Browser("bo")
        sent = ana.get(f"{house.url}/connect", follow=False)
        answer = ana.get(sent.headers["location"], follow=False).headers["location"]
        bo.get(f"{house.url}/connect", follow=False)
        stolen = [bo.get(answer), Browser().get(answer)]
        mine = ana.get(answer)
        twice = ana.get(answer)

    assert [page.status for page in stolen] == [400, 400]
    assert mine.ids["subject"] == "ana@corp"
    assert twice.status == 400


def test_people_choose_where_there_are_several_ways(tmp_path: Path, place: Far, provider: Far) -> None:
    with at_provider(tmp_path, place, provider) as house:
        browser = Browser("ana")
        page = browser.get(f"{house.url}/connect/far")
        done = browser.submit(page, "provider-form", {"do": "provider"})

    assert {"sign-in", "api-key"} <= set(page.ids)
    assert done.url == f"{house.url}/connect/far"
    assert done.ids["subject"] == "ana@corp"


def test_where_nobody_can_sign_in_the_page_says_what_is_missing(tmp_path: Path, place: Far, provider: Far) -> None:
    known = {"issuers": [{"issuer": provider.origin, "audience": ["front"]}], "keys": False}
    config = {"authentication": {"type": "oauth2", **known}, "servers": servers(place)}
    with gateway(tmp_path, config) as house:
        page = Browser().get(f"{house.url}/connect")
        warned = house.until("cannot sign in to connect")

    assert page.status == 403
    assert "authentication.sign_in" in page.ids["problem"]
    assert "sign_in" in warned


# ---- the authorization server inside -----------------------------------------------------------------------------


def test_a_wrong_password_is_said_on_the_page_and_the_way_back_is_kept(tmp_path: Path, place: Far) -> None:
    (tmp_path / "users.yaml").write_text(f"- {{name: ana, password: '{HASH}'}}\n")
    config = {"authentication": {"type": "oauth2", "server": {"users": "users.yaml"}}, "servers": servers(place)}
    with gateway(tmp_path, config) as house:
        browser = Browser("ana")
        first = browser.get(f"{house.url}/connect/far")
        wrong = browser.submit(first, "login-form", {"name": "ana", "password": "nope nope"})
        right = browser.submit(wrong, "login-form", {"name": "ana", "password": PASSWORD})
        key_page = Browser().get(f"{house.url}{first.seen.links['with-key']}")

    assert first.ids["heading"] == "Sign in"
    assert wrong.status == 403
    assert "problem" in wrong.ids
    assert "with-key" in wrong.ids
    assert right.url == f"{house.url}/connect/far"
    assert right.ids["subject"] == "ana"
    assert "api-key" in key_page.ids


def test_people_who_log_in_elsewhere_come_back_to_their_page(tmp_path: Path, place: Far, provider: Far) -> None:
    login = {"issuer": provider.origin, "client_id": "gateway", "client_secret": "s3cret"}
    config = {"authentication": {"type": "oauth2", "server": {"login": login}}, "servers": servers(place)}
    with gateway(tmp_path, config) as house:
        page = Browser("ana").get(f"{house.url}/connect/far")

    assert page.url == f"{house.url}/connect/far"
    assert page.ids["subject"] == "id-ana"


# ---- one grant for all -------------------------------------------------------------------------------------------


def test_a_grant_for_all_is_given_by_whoever_runs_the_gateway(tmp_path: Path, place: Far) -> None:
    config = {"authentication": {"type": "keys"}, "servers": servers_of_all(place)}
    path = write(tmp_path, config)
    key = command(tmp_path, "keys", "create", str(path), "--name", "ana").strip()
    with gateway(tmp_path, config) as house:
        waits = house.until("waits to be connected")
        client = Modern(house.url, {"Authorization": f"Bearer {key}"})
        told = client.post("tools/call", {"name": "whoami", "arguments": {}})
        own = with_key(Browser("ana"), f"{house.url}/connect/far", key)
        write(tmp_path, {**config, "listen": house.url})
        link = command(tmp_path, "grants", "link", str(path), "--server", "far").strip()
        operator = Browser("robot")
        done = operator.connect(link)
        until(lambda: "whoami" in client.tools())
        found = client.call("whoami").text
        forged = Browser("eve").get(link[:-3] + "AAA")
        client.close()

    assert "narthex grants link --server far" in waits
    assert "for=" not in waits
    assert "error" in told.body or told.result["isError"]
    assert own.status == 403
    assert "connect" not in own.ids
    assert "connected" in done.ids["done"]
    assert found == "robot"
    assert operator.visited[-1].endswith(f"/connect/far?{urlsplit(link).query}&did=connected"), "the link was renewed"
    assert forged.status == 400


def servers_of_all(place: Far) -> list[dict[str, Any]]:
    (server,) = servers(place, grant_of="gateway")
    del server["credentials"]["catalogue"]
    return [server]


# ---- what is said before anything can be called ------------------------------------------------------------------


def test_a_server_whose_lists_need_a_grant_is_spoken_of_until_it_has_one(tmp_path: Path, place: Far) -> None:
    place.order({"open": []})
    (server,) = servers(place)
    del server["credentials"]["catalogue"]
    with gateway(tmp_path, {"servers": [server]}) as house:
        client = Modern(house.url)
        before = client.post("server/discover", {}).result.get("instructions", "")
        none = client.tools()
        Browser("ana").connect(f"{house.url}/connect/far")
        tools = until(client.tools)
        after = client.post("server/discover", {}).result.get("instructions", "")
        said = Legacy(house.url, "2025-06-18").ask("tools/list", {}).result["tools"]
        client.close()

    assert f"{house.url}/connect/far" in before
    assert none == set()
    assert "whoami" in tools
    assert "/connect/" not in after
    assert {one["name"] for one in said} == tools


def test_a_concealed_server_is_shown_to_those_who_may_know_of_it(tmp_path: Path, place: Far) -> None:
    (server,) = servers(place)
    server |= {"required_scopes": ["far:use"], "concealed": True}
    config = {"authentication": {"type": "keys"}, "servers": [server]}
    path = write(tmp_path, config)
    named = {name: ["keys", "create", str(path), "--name", name] for name in ("ana", "bo")}
    ana = command(tmp_path, *named["ana"], "--scopes", "far:use").strip()
    bo = command(tmp_path, *named["bo"]).strip()
    with gateway(tmp_path, config) as house:
        hers, his = Browser("ana"), Browser("bo")
        shown = with_key(hers, f"{house.url}/connect", ana)
        hidden = [with_key(his, f"{house.url}/connect", bo), his.get(f"{house.url}/connect/far")]

    assert "server-far" in shown.ids
    assert ["server-far" in page.ids for page in hidden] == [False, False]
    assert hidden[1].status == 404


# ---- addresses ---------------------------------------------------------------------------------------------------


def test_behind_a_path_of_a_proxy_everything_stays_below_it(tmp_path: Path, place: Far) -> None:
    """A proxy in front of us takes the path away, or leaves it: both are served, and links have it."""
    port = free_port()
    public = f"http://localhost:{port}/tools"
    with gateway(tmp_path, {"servers": servers(place), "public_url": public}, port=port) as house:
        browser = Browser("ana")
        page = browser.get(f"{public}/connect/far")
        plain = browser.get(f"http://localhost:{port}/connect/far")
        done = browser.submit(page, "connect-form", {"do": "connect"})
        (styled,) = re.findall('href="([^"]+css)"', page.text)
        style = browser.get(f"http://localhost:{port}{styled}")
        line = house.until("waits to be connected")

    assert f"{public}/connect/far" in line
    assert page.seen.links["all"] == "/tools/connect"
    assert plain.status == 200
    assert done.url.startswith(f"{public}/connect/far")
    assert "connected" in done.ids["done"]
    assert style.status == 200


def test_a_reload_brings_the_page_and_takes_it_away(tmp_path: Path, place: Far) -> None:
    plain = {"name": "plain", "upstream": f"{place.origin}/mcp"}
    with gateway(tmp_path, {"servers": [plain]}) as house:
        before = Browser().get(f"{house.url}/connect").status
        write(tmp_path, {"servers": servers(place)})
        until(lambda: Browser().get(f"{house.url}/connect").status == 200)
        told = house.until("waits to be connected")
        write(tmp_path, {"servers": [plain]})
        until(lambda: Browser().get(f"{house.url}/connect").status == 404)

    assert before == 404
    assert "/connect/far" in told
