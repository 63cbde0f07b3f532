"""From an app's question to a token, the whole way over a real socket."""

from pathlib import Path

import pytest
from issuer_kit import CALLBACK, PASSWORD, Browser, Form, ask, claims_of, header_of, stage


async def test_a_person_signs_in_agrees_and_the_app_gets_a_token_for_what_it_asked(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()

        login = await browser.get(app.url())
        consent = await browser.submit(login, "login-form", {"name": "ana", "password": PASSWORD})
        answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
        reply = await app.redeem(answer.answered["code"])

        assert login.status == consent.status == 200
        assert answer.location.startswith(CALLBACK)
        assert answer.answered["state"] == "st-1"
        assert answer.answered["iss"] == here.url
        assert reply.status == 200
        assert reply.headers["cache-control"] == "no-store"
        said = reply.json
        assert said["token_type"] == "Bearer"
        assert said["scope"] == "mcp:tools"
        claims = claims_of(said["access_token"])
        assert claims["iss"] == here.url
        assert claims["aud"] == f"{here.url}/mcp"
        assert claims["sub"] == "ana"
        assert claims["client_id"] == app.client_id
        assert claims["exp"] - claims["iat"] == 600
        assert header_of(said["access_token"])["typ"] == "at+jwt"


async def test_a_refresh_token_is_good_once_and_the_next_one_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        first = await here.let_in(app)

        second = await app.refresh(first["refresh_token"])
        third = await app.refresh(second.json["refresh_token"])

        assert second.status == third.status == 200
        assert len({first["refresh_token"], second.json["refresh_token"], third.json["refresh_token"]}) == 3


async def test_a_refresh_token_that_is_shown_twice_ends_the_whole_family(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        first = await here.let_in(app)
        second = (await app.refresh(first["refresh_token"])).json

        again = await app.refresh(first["refresh_token"])
        after = await app.refresh(second["refresh_token"])

        assert (again.status, again.json["error"]) == (400, "invalid_grant")
        assert (after.status, after.json["error"]) == (400, "invalid_grant")
        assert here.server.revoked(claims_of(second["access_token"]))
        assert here.revocations == 1


async def test_a_code_that_is_shown_twice_ends_what_the_first_one_brought(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)
        code = (await browser.submit(consent, "consent-form", {"decision": "allow"})).answered["code"]
        first = await app.redeem(code)

        second = await app.redeem(code)

        assert first.status == 200
        assert second.json["error"] == "invalid_grant"
        assert (await app.refresh(first.json["refresh_token"])).json["error"] == "invalid_grant"


async def test_saying_no_is_told_to_the_app(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)

        answer = await browser.submit(consent, "consent-form", {"decision": "deny"})

        assert answer.answered["error"] == "access_denied"
        assert answer.answered["iss"] == here.url


async def test_the_page_says_who_asks_for_what_and_where_the_answer_goes(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(client_name='<b>"Evil" & co'), Browser()

        consent = await here.sign_in(app, browser, scope="mcp:tools secret:all")
        said = Form(consent.text).ids

        assert said["client-name"] == '<b>"Evil" & co'
        assert "<b>" not in consent.text
        assert "Nobody has checked its name" in said["client-proof"]
        assert "127.0.0.1:9" in consent.text
        assert "use its tools" in consent.text
        assert "secret:all" in said["missing"]
        assert said["subject"] == "ana"


async def test_a_client_acts_for_itself_with_its_secret(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        form = {"grant_type": "client_credentials", "client_id": "bot", "client_secret": "bot secret"}

        reply = await ask(f"{here.url}/oauth/token", form=form)

        claims = claims_of(reply.json["access_token"])
        assert claims["sub"] == "client:bot"
        assert claims["scope"] == "mcp:tools"
        assert "refresh_token" not in reply.json


async def test_a_token_given_back_ends_its_grant(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        first = await here.let_in(app)

        reply = await app.token({"token": first["access_token"]}, "/oauth/revoke")

        assert reply.status == 200
        assert here.server.revoked(claims_of(first["access_token"]))
        assert (await app.refresh(first["refresh_token"])).json["error"] == "invalid_grant"


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"])
async def test_the_metadata_name_every_endpoint(tmp_path: Path, path: str) -> None:
    async with stage(tmp_path) as here:
        found = (await ask(here.url + path)).json

        assert found["issuer"] == here.url
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert found["authorization_response_iss_parameter_supported"] is True
        assert found["client_id_metadata_document_supported"] is True
        assert set(found["scopes_supported"]) >= {"mcp:tools", "crm:read", "mcp:admin"}
        assert (await ask(found["jwks_uri"])).json["keys"][0]["alg"] == "ES256"
