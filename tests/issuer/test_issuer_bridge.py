"""People who sign in at another provider: our clients see one server, and nobody comes back as somebody else."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from issuer_kit import App, Browser, Form, Stage, claims_of, stage
from issuer_provider import CLIENT, SECRET, FakeProvider
from joserfc.jwk import RSAKey

from narthex.model.issuer import LoginConfig


@contextlib.asynccontextmanager
async def bridged(folder: Path, **more: Any) -> AsyncIterator[tuple[Stage, FakeProvider]]:
    async with FakeProvider() as provider:
        login = LoginConfig(issuer=provider.url, client_id=CLIENT, client_secret=SECRET, **more)
        async with stage(folder, users=None, login=login) as here:
            yield here, provider


async def through(browser: Browser, app: App, **more: str | None):
    """To the provider and back: what our server shows then."""
    away = await browser.get(app.url(**more))
    assert away.status == 303
    back = await Browser().get(away.location)  # the provider has cookies of its own
    return await browser.get(back.location)


async def test_somebody_signs_in_there_and_agrees_here(tmp_path: Path) -> None:
    async with bridged(tmp_path, claims=("department",)) as (here, provider):
        provider.claims["department"] = "sales"
        app, browser = await here.register(), Browser()

        consent = await through(browser, app, scope="mcp:tools mcp:admin")
        answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
        tokens = (await app.redeem(answer.answered["code"])).json

        said = claims_of(tokens["access_token"])
        assert Form(consent.text).ids["subject"] == "ana@corp"
        assert said["sub"] == "u-17"
        assert set(said["scope"].split()) == {"mcp:tools", "mcp:admin"}
        assert said["department"] == "sales"
        assert "groups" not in said, "roles would widen what was agreed to"
        assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_the_provider_is_asked_with_everything_that_binds_the_answer(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        await through(Browser(), await here.register())

        asked = provider.asked[0]
        assert asked["redirect_uri"] == f"{here.url}/oauth/callback"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 43
        assert len(asked["nonce"]) >= 43
        assert "openid" in asked["scope"].split()
        assert "client_secret" not in provider.redeemed[0]


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]

        consent = await through(Browser(), await here.register())

        assert "consent-form" in Form(consent.text).forms
        assert provider.redeemed[0]["client_secret"] == SECRET


async def test_an_answer_is_worth_nothing_in_another_browser(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        attacker, victim = Browser(), Browser()
        app = await here.register()
        away = await attacker.get(app.url())
        back = await Browser().get(away.location)
        await victim.get(app.url())

        page = await victim.get(back.location)

        assert page.status == 400
        assert provider.redeemed == []


async def test_an_answer_is_worth_nothing_twice(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        browser = Browser()
        away = await browser.get((await here.register()).url())
        back = (await Browser().get(away.location)).location
        await browser.get(back)

        page = await browser.get(back)

        assert page.status == 400
        assert len(provider.redeemed) == 1


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=made-up", "state=a&state=b&code=x"])
async def test_an_answer_to_no_question_is_none(tmp_path: Path, query: str) -> None:
    async with bridged(tmp_path) as (here, _):
        browser = Browser()
        await browser.get((await here.register()).url())

        assert (await browser.get(f"{here.url}/oauth/callback?{query}")).status == 400


@pytest.mark.parametrize("iss", ["https://other.example", ""])
async def test_an_answer_of_another_provider_is_not_taken(tmp_path: Path, iss: str) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.answer["iss"] = iss

        page = await through(Browser(), await here.register())

        assert page.status == 502
        assert provider.redeemed == []


LIES: list[dict[str, Any]] = [
    {"iss": "https://other.example"},
    {"aud": "another client"},
    {"aud": [CLIENT, "another"]},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"aud": None},
    {"nonce": "of another login"},
    {"nonce": None},
    {"exp": int(time.time()) - 3_600},
    {"exp": None},
    {"sub": None},
    {"sub": ""},
    {"sub": "client:bot"},
    {"sub": "a\nb"},
]


@pytest.mark.parametrize("lies", LIES, ids=str)
async def test_an_id_token_that_is_not_for_this_login_signs_nobody_in(tmp_path: Path, lies: dict[str, Any]) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.lies = lies
        browser, app = Browser(), await here.register()

        page = await through(browser, app)

        assert page.status == 502
        assert "location" not in page.headers
        assert [line[0] for line in here.told] == ["warning"]
        assert SECRET not in here.told[0][1]
        assert (await browser.get(app.url())).status == 303, "still nobody is signed in"


async def test_an_id_token_signed_by_somebody_else_signs_nobody_in(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.sign_with = RSAKey.generate_key(2048, {"kid": "k1"})

        assert (await through(Browser(), await here.register())).status == 502


async def test_an_address_that_nobody_has_checked_names_nobody(tmp_path: Path) -> None:
    async with bridged(tmp_path, subject="email") as (here, provider):
        provider.claims |= {"email": "boss@corp.example", "email_verified": False}

        assert (await through(Browser(), await here.register())).status == 502


async def test_saying_no_there_is_told_to_the_app(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.answer |= {"code": "", "error": "access_denied"}

        answer = await through(Browser(), await here.register())

        assert answer.answered["error"] == "access_denied"


async def test_another_account_is_asked_for_there_too(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        browser = Browser()
        consent = await through(browser, await here.register())

        away = await browser.submit(consent, "logout-form")

        assert f" {provider.url}" in consent.headers["content-security-policy"], "a form may end there"
        assert away.location.startswith(provider.url)
        assert "prompt=login" in away.location


async def test_a_provider_that_speaks_of_another_is_not_believed(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, provider):
        provider.metadata["issuer"] = "https://other.example"

        page = await Browser().get((await here.register()).url())

        assert page.status == 502


async def test_nobody_signs_in_with_a_password_where_they_sign_in_elsewhere(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (here, _):
        browser, app = Browser(), await here.register()
        await browser.get(app.url())

        page = await browser._send(f"{here.url}/oauth/login", form={"name": "ana", "password": "x", "form": "n1.x"})

        assert page.status == 400
