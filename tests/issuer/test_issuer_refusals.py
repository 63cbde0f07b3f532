"""What clients ask wrongly, and who is told: the person while the client is in doubt, else the client."""

from pathlib import Path

import pytest
from issuer_kit import CALLBACK, App, Browser, Form, ask, stage

IN_DOUBT = [
    {"client_id": "nobody"},
    {"client_id": None},
    {"client_id": "dyn-" + "x" * 3_000},
    {"client_id": "https://"},
    {"client_id": "https://localhost/"},
    {"redirect_uri": "http://127.0.0.1:9/other"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": "javascript:alert(1)"},
    {"state": "a\nb"},
    {"state": "s" * 2_100},
]
TOLD = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"scope": 'a"b'}, "invalid_scope"),
    ({"scope": " ".join(f"s{n}" for n in range(300))}, "invalid_scope"),
    ({"request": "e30"}, "request_not_supported"),
    ({"request_uri": "https://x.example/r"}, "request_uri_not_supported"),
    ({"prompt": "none"}, "login_required"),
    ({"prompt": "none login"}, "invalid_request"),
]


@pytest.mark.parametrize("wrong", IN_DOUBT, ids=str)
async def test_while_the_client_is_in_doubt_nobody_is_sent_anywhere(tmp_path: Path, wrong: dict[str, str]) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        reply = await Browser().get(app.url(**wrong))

        assert reply.status == 400
        assert "location" not in reply.headers
        assert "problem" in Form(reply.text).ids


@pytest.mark.parametrize(("wrong", "error"), TOLD, ids=str)
async def test_a_client_that_is_known_is_told_its_mistake(tmp_path: Path, wrong: dict[str, str], error: str) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        reply = await Browser().get(app.url(**wrong))

        assert reply.status == 303
        assert reply.location.startswith(CALLBACK)
        assert reply.answered["error"] == error
        assert reply.answered["state"] == "st-1"
        assert reply.answered["iss"] == here.url


async def test_a_parameter_that_comes_twice_means_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        reply = await Browser().get(app.url() + "&redirect_uri=https://evil.example/")

        assert reply.status == 400
        assert "redirect_uri" in reply.text


async def test_two_resources_are_one_too_many(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        reply = await Browser().get(app.url() + f"&resource={here.url}/mcp/sales")

        assert reply.answered["error"] == "invalid_target"


@pytest.mark.parametrize(
    ("path", "method"),
    [("/oauth/token", "GET"), ("/oauth/login", "GET"), ("/oauth/authorize", "POST"), ("/oauth/jwks", "POST")],
)
async def test_another_method_is_405_and_says_which_is_right(tmp_path: Path, path: str, method: str) -> None:
    async with stage(tmp_path) as here:
        reply = await ask(here.url + path, method=method)

        assert reply.status == 405
        assert reply.headers["allow"]


CODES = [
    ({"code": "n1.abc"}, "invalid_grant"),
    ({"code": None}, "invalid_request"),
    ({"code_verifier": "x" * 43}, "invalid_grant"),
    ({"code_verifier": "short"}, "invalid_grant"),
    ({"code_verifier": None}, "invalid_request"),
    ({"redirect_uri": "http://127.0.0.1:10/callback"}, "invalid_grant"),
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": None}, "invalid_request"),
    ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ({"client_id": "known"}, "invalid_grant"),
    ({"client_id": "nobody"}, "invalid_client"),
    ({"client_secret": "made up"}, "invalid_client"),
]


@pytest.mark.parametrize(("wrong", "error"), CODES, ids=str)
async def test_a_code_is_good_only_as_it_was_asked_for(tmp_path: Path, wrong: dict[str, str], error: str) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)
        code = (await browser.submit(consent, "consent-form", {"decision": "allow"})).answered["code"]

        reply = await app.redeem(**{"code": code, **wrong})

        assert reply.json["error"] == error
        assert reply.status == (401 if error == "invalid_client" else 400)
        assert reply.headers["cache-control"] == "no-store"


async def test_a_code_tried_with_a_wrong_verifier_gets_no_second_try(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(), Browser()
        consent = await here.sign_in(app, browser)
        code = (await browser.submit(consent, "consent-form", {"decision": "allow"})).answered["code"]
        await app.redeem(code, code_verifier="x" * 43)

        reply = await app.redeem(code)

        assert reply.json["error"] == "invalid_grant"


async def test_a_refresh_token_is_no_code_and_a_code_no_refresh_token(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        tokens = await here.let_in(app)

        assert (await app.redeem(tokens["refresh_token"])).json["error"] == "invalid_grant"
        assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_nobody_takes_a_refresh_token_of_another_client_nor_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, thief = await here.register(), await here.register()
        tokens = await here.let_in(app)

        stolen = await thief.refresh(tokens["refresh_token"])
        revoked = await thief.token({"token": tokens["refresh_token"]}, "/oauth/revoke")

        assert stolen.json["error"] == "invalid_grant"
        assert revoked.status == 200
        assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_a_refreshed_token_has_no_more_scopes_than_were_agreed_to(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        tokens = await here.let_in(app, scope="mcp:tools crm:read")

        wider = await app.refresh(tokens["refresh_token"], scope="mcp:tools mcp:admin")
        narrower = await app.refresh(tokens["refresh_token"], scope="crm:read")

        assert wider.json["error"] == "invalid_scope"
        assert narrower.json["scope"] == "crm:read"


@pytest.mark.parametrize(
    "body", [b"", b"a=1&a=2", b"\xff\xfe", b"%00=%00", b"&".join(b"f%d=1" % n for n in range(200))]
)
async def test_a_form_that_cannot_be_read_is_refused_in_json(tmp_path: Path, body: bytes) -> None:
    async with stage(tmp_path) as here:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        reply = await ask(f"{here.url}/oauth/token", method="POST", body=body, headers=headers)

        assert reply.status in (400, 401)
        assert reply.json["error"] in ("invalid_request", "invalid_client")


async def test_clients_show_their_secret_in_the_header_or_in_the_form_never_in_both(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        basic = {"Authorization": "Basic Ym90OmJvdCtzZWNyZXQ="}  # bot:bot+secret, form-encoded
        form = {"grant_type": "client_credentials"}

        header = await ask(f"{here.url}/oauth/token", form=form, headers=basic)
        both = await ask(f"{here.url}/oauth/token", form={**form, "client_secret": "bot secret"}, headers=basic)
        other = await ask(f"{here.url}/oauth/token", form={**form, "client_id": "known"}, headers=basic)
        wrong = await ask(f"{here.url}/oauth/token", form={**form, "client_id": "bot", "client_secret": "no"})
        none = await ask(f"{here.url}/oauth/token", form={**form, "client_id": "bot"})

        assert header.status == 200
        assert both.json["error"] == other.json["error"] == "invalid_request"
        assert (wrong.status, wrong.json["error"]) == (none.status, none.json["error"]) == (401, "invalid_client")
        assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_a_client_acting_for_itself_gets_no_more_than_it_has(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        bot = App(here, "bot", secret="bot secret")

        wide = await bot.token({"grant_type": "client_credentials", "scope": "mcp:admin"})
        elsewhere = await bot.token({"grant_type": "client_credentials", "resource": "https://other.example/mcp"})

        assert wide.json["error"] == "invalid_scope"
        assert elsewhere.json["error"] == "invalid_target"
