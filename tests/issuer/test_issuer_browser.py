"""Pages and forms against those who frame them, send them from elsewhere, or plant cookies."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from issuer_kit import PASSWORD, App, Browser, Form, ask, stage


async def test_a_page_cannot_be_framed_kept_or_made_to_run_anything(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        browser = Browser()
        app = await here.register()

        consent = await here.sign_in(app, browser)
        login = browser.seen[0]

        for page in (login, consent):
            policy = page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'none'" in policy
            assert "script" not in page.text.lower()
            assert page.headers["x-frame-options"] == "DENY"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["referrer-policy"] == "same-origin"
            assert page.headers["cache-control"] == "no-store"
            assert policy.endswith("form-action 'self' http://127.0.0.1:9")
        assert (await ask(f"{here.url}/oauth/style.css")).headers["content-type"].startswith("text/css")


async def test_the_cookie_is_for_the_server_alone_and_not_sent_from_elsewhere(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        page = await Browser().get((await here.register()).url())

        cookie = page.headers["set-cookie"]
        assert "; HttpOnly; SameSite=Lax" in cookie
        assert "Secure" not in cookie
        assert cookie.startswith(f"narthex-{urlsplit(here.url).port}=")


async def test_over_https_the_cookie_is_secure_and_nobody_beside_can_set_it(tmp_path: Path) -> None:
    async with stage(tmp_path, public=lambda _: "https://tools.example") as here:
        reply = await here.register_raw()
        app = App(here, reply.json["client_id"])
        local = f"http://127.0.0.1:{here.port}"

        page = await Browser().get(app.url().replace(here.url, local, 1))

        assert page.headers["set-cookie"].startswith("__Host-narthex=")
        assert page.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


async def test_signing_in_gives_the_browser_another_cookie(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, planted = await here.register(), Browser()
        page = await planted.get(app.url())
        before = dict(planted.cookies)

        await planted.submit(page, "login-form", {"name": "ana", "password": PASSWORD})
        thief = Browser(cookies=before)
        seen = await thief.get(app.url())

        assert planted.cookies != before
        assert "login-form" in Form(seen.text).forms


@pytest.mark.parametrize("form", ["login-form", "consent-form", "logout-form"])
async def test_a_form_does_nothing_in_another_browser(tmp_path: Path, form: str) -> None:
    async with stage(tmp_path) as here:
        app, browser, other = await here.register(), Browser(), Browser()
        page = await browser.get(app.url())
        if form != "login-form":
            page = await browser.submit(page, "login-form", {"name": "ana", "password": PASSWORD})
        await here.sign_in(app, other, "bo")

        values = {"name": "ana", "password": PASSWORD, "decision": "allow"}
        elsewhere = await other.submit(page, form, values)
        nowhere = await Browser().submit(page, form, values)

        assert elsewhere.status == nowhere.status == 400
        assert "out of date" in elsewhere.text


@pytest.mark.parametrize(
    "headers", [{"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_a_form_sent_from_elsewhere_does_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)

        reply = await browser.submit(consent, "consent-form", {"decision": "allow"}, **headers)

        assert reply.status in (400, 403)
        assert "location" not in reply.headers


async def test_one_form_is_not_good_for_another_decision(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)
        logout = Form(consent.text).forms["logout-form"][1]["form"]

        reply = await browser.submit(consent, "consent-form", {"decision": "allow", "form": logout})

        assert reply.status == 400


async def test_who_uses_another_account_is_signed_out_first(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)
        before = dict(browser.cookies)

        login = await browser.submit(consent, "logout-form")
        again = await browser.submit(login, "login-form", {"name": "bo", "password": PASSWORD})

        assert "login-form" in Form(login.text).forms
        assert Form(again.text).ids["subject"] == "bo"
        assert "login-form" in Form((await Browser(cookies=before).get(app.url())).text).forms


async def test_a_client_that_registered_itself_is_asked_about_each_time(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(redirect_uris=["https://app.example/cb"]), Browser()
        await here.let_in(app, browser)

        again = await browser.get(app.url())

        assert "consent-form" in Form(again.text).forms


async def test_a_client_of_the_operator_is_asked_about_once_for_what_was_agreed_to(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = App(here, "known", "https://app.example/cb"), Browser()
        await here.let_in(app, browser)

        same = await browser.get(app.url())
        more = await browser.get(app.url(scope="mcp:tools crm:read"))
        asked = await browser.get(app.url(prompt="consent"))
        here_too = await browser.get(App(here, "known").url())

        assert "code" in same.answered
        for page in (more, asked, here_too):
            assert "consent-form" in Form(page.text).forms


async def test_who_may_have_nothing_of_what_was_asked_is_not_asked(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()

        answer = await here.sign_in(app, browser, "bo", scope="mcp:admin")

        assert answer.answered["error"] == "invalid_scope"


async def test_a_client_that_asks_for_no_scope_gets_what_the_person_has(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        tokens = await here.let_in(await here.register(), scope=None)

        assert set(tokens["scope"].split()) == {"mcp:tools", "crm:read", "mcp:admin"}


async def test_a_sign_in_ends_when_the_password_changes_and_so_do_its_clients(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        tokens = await here.let_in(app, browser, "bo")
        users = tmp_path / "users.yaml"
        users.write_text(users.read_text().replace("name: bo", "name: bob"))

        page = await browser.get(app.url())
        refreshed = await app.refresh(tokens["refresh_token"])

        assert "login-form" in Form(page.text).forms
        assert refreshed.json["error"] == "invalid_grant"


async def test_a_file_of_users_that_went_bad_lets_nobody_in_and_says_so_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        (tmp_path / "users.yaml").write_text("- {name: ana")

        first = await here.sign_in(app, browser)
        second = await here.sign_in(app, browser)

        assert first.status == second.status == 403
        assert [level for level, _ in here.told] == ["error"]
        assert "argon2" not in here.told[0][1]
