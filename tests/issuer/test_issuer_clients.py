"""Clients that register themselves, and clients that are the URL of a document."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from issuer_house import Documents
from issuer_kit import CALLBACK, App, Browser, Form, Stage, ask, stage

from narthex.edge.http1_exchange import Exchange
from narthex.limits import (
    client_document_fetch_seconds_max,
    fetched_bytes_max,
    redirect_uris_max,
    registrations_per_address_max,
    sign_in_body_bytes_max,
)
from narthex.upstream.http import Tls

WRONG = [
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": None}, "invalid_redirect_uri"),
    ({"redirect_uris": "https://app.example/cb"}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": [CALLBACK, 7]}, "invalid_redirect_uri"),
    ({"redirect_uris": [f"https://app.example/{n}" for n in range(redirect_uris_max + 1)]}, "invalid_redirect_uri"),
    ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
    ({"response_types": ["token"]}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
]


@pytest.mark.parametrize(("wrong", "error"), WRONG, ids=str)
async def test_a_registration_that_is_not_understood_is_refused(
    tmp_path: Path, wrong: dict[str, Any], error: str
) -> None:
    async with stage(tmp_path) as here:
        reply = await here.register_raw(**wrong)

        assert (reply.status, reply.json["error"]) == (400, error)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400),
        (b"{}", "text/plain", 400),
        (b'{"x":"' + b"a" * sign_in_body_bytes_max + b'"}', "application/json", 413),
    ],
)
async def test_a_registration_that_is_no_json_object_is_refused(
    tmp_path: Path, body: bytes, kind: str, status: int
) -> None:
    async with stage(tmp_path) as here:
        reply = await ask(f"{here.url}/oauth/register", method="POST", body=body, headers={"Content-Type": kind})

        assert (reply.status, reply.json["error"]) == (status, "invalid_client_metadata")


async def test_a_registration_says_what_was_taken_and_what_it_was_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        reply = await here.register_raw(
            token_endpoint_auth_method=None, application_type="native", scope="a b", grant_types=None, unknown="x"
        )
        said = reply.json

        assert reply.status == 201
        assert said["token_endpoint_auth_method"] == "client_secret_basic"
        assert said["grant_types"] == ["authorization_code"]
        assert len(said["client_secret"]) >= 43
        assert said["client_secret_expires_at"] == 0
        assert said["application_type"] == "native"
        assert "unknown" not in said


async def test_a_client_with_a_secret_has_to_show_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, browser = await here.register(token_endpoint_auth_method="client_secret_post"), Browser()
        consent = await here.sign_in(app, browser)
        code = (await browser.submit(consent, "consent-form", {"decision": "allow"})).answered["code"]

        without = await app.redeem(code, client_secret=None)
        right = await app.redeem(code)

        assert (without.status, without.json["error"]) == (401, "invalid_client")
        assert right.status == 200


async def test_a_client_that_asked_for_no_refresh_token_gets_none(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        tokens = await here.let_in(await here.register(grant_types=["authorization_code"]))

        assert "refresh_token" not in tokens


async def test_one_address_registers_only_so_many(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        replies = [await here.register_raw() for _ in range(registrations_per_address_max + 1)]

        assert {reply.status for reply in replies[:-1]} == {201}
        assert replies[-1].status == 429
        assert int(replies[-1].headers["retry-after"]) > 0


async def test_where_nobody_registers_the_metadata_do_not_say_that_one_could(tmp_path: Path) -> None:
    async with stage(tmp_path, registration=False) as here:
        found = (await ask(f"{here.url}/.well-known/oauth-authorization-server")).json

        assert "registration_endpoint" not in found
        assert (await here.register_raw()).status == 403


# Documents


@contextlib.asynccontextmanager
async def documented(folder: Path, **more: Any) -> AsyncIterator[tuple[Stage, Documents]]:
    async with Documents(folder) as documents, stage(folder, tls=Tls(ca_file=str(documents.pem)), **more) as here:
        yield here, documents


async def test_a_client_is_the_url_of_its_document(tmp_path: Path) -> None:
    async with documented(tmp_path) as (here, documents):
        app, browser = App(here, documents.describe()), Browser()

        tokens = await here.let_in(app, browser)
        shown = Form(browser.seen[-2].text).ids

        assert tokens["token_type"] == "Bearer"
        assert shown["client-name"] == "Published app"
        assert documents.url.removeprefix("https://") in shown["client-proof"]


async def test_a_document_is_fetched_once_for_many(tmp_path: Path) -> None:
    async with documented(tmp_path) as (here, documents):
        app = App(here, documents.describe())

        pages = await asyncio.gather(*(Browser().get(app.url()) for _ in range(5)))

        assert {page.status for page in pages} == {200}
        assert documents.asked == ["/app.json"]


async def test_a_document_that_is_gone_takes_nothing_from_those_who_were_let_in(tmp_path: Path) -> None:
    async with documented(tmp_path) as (here, documents):
        app = App(here, documents.describe())
        tokens = await here.let_in(app)
        documents.tree.clear()
        here.server.adopt(here.settings)  # what was fetched is forgotten

        refreshed = await app.refresh(tokens["refresh_token"])

        assert refreshed.status == 200
        assert (await Browser().get(app.url())).status == 400


BAD = [
    {"client_id": "https://other.example/app.json"},
    {"client_id": None},
    {"redirect_uris": []},
    {"redirect_uris": ["http://evil.example/"]},
    {"client_secret": "known to everybody"},
    {"token_endpoint_auth_method": "client_secret_basic"},
    {"grant_types": ["implicit"]},
    {"client_name": "x" * fetched_bytes_max},
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: str(wrong)[:40])
async def test_a_document_that_does_not_describe_its_own_client_is_none(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with documented(tmp_path) as (here, documents):
        app = App(here, documents.describe(**wrong))

        first, second = await Browser().get(app.url()), await Browser().get(app.url())

        assert first.status == second.status == 400
        assert "location" not in first.headers
        assert len(documents.asked) == 1, "what was not good is not asked for again at once"


async def test_a_document_somewhere_else_is_not_followed_to(tmp_path: Path) -> None:
    async def elsewhere(exchange: Exchange) -> None:
        exchange.respond(302, headers=((b"Location", b"/app.json"),))

    async with documented(tmp_path) as (here, documents):
        documents.describe()
        documents.tree["/moved.json"] = elsewhere

        page = await Browser().get(App(here, f"{documents.url}/moved.json").url())

        assert page.status == 400
        assert documents.asked == ["/moved.json"]


async def test_a_document_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async def never(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async with documented(tmp_path) as (here, documents):
        documents.tree["/slow.json"] = never
        loop = asyncio.get_running_loop()
        started = loop.time()

        page = await Browser().get(App(here, f"{documents.url}/slow.json").url())

        assert page.status == 400
        assert loop.time() - started < client_document_fetch_seconds_max + 2


URLS = [
    "https://localhost",
    "https://localhost/",
    "https://localhost/%2e%2e/app.json",
    "https://localhost/a/../app.json",
    "https://user@localhost/app.json",
    "https://localhost/app.json#x",
    "https://loc alhost/app.json",
    "https://localhost/" + "a" * 1_200,
    "http://localhost/app.json",
    "https://[::1/app.json",
    "https://localhost:0x50/app.json",
]


@pytest.mark.parametrize("url", URLS, ids=lambda url: url[:40])
async def test_a_url_that_can_name_no_client_is_not_fetched(tmp_path: Path, url: str) -> None:
    async with documented(tmp_path) as (here, documents):
        page = await Browser().get(App(here, url).url())

        assert page.status == 400
        assert documents.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_a_public_server_fetches_no_document_from_inside(tmp_path: Path, host: str) -> None:
    async with documented(tmp_path, public=lambda _: "https://tools.example") as (here, documents):
        url = documents.url.replace("localhost", host) + "/app.json"
        local = App(here, url).url().replace(here.url, f"http://127.0.0.1:{here.port}", 1)

        page = await Browser().get(local)

        assert page.status == 400
        assert "could not be fetched" in page.text
        assert documents.asked == []


async def test_where_documents_are_not_taken_none_is_fetched(tmp_path: Path) -> None:
    async with documented(tmp_path, client_documents=False) as (here, documents):
        page = await Browser().get(App(here, documents.describe()).url())
        found = (await ask(f"{here.url}/.well-known/oauth-authorization-server")).json

        assert page.status == 400
        assert documents.asked == []
        assert found["client_id_metadata_document_supported"] is False
