"""The keys of the server, and what other processes on the same state hear."""

import asyncio
import contextlib
import time
from pathlib import Path

from issuer_kit import SECONDS_MAX, Browser, Stage, claims_of, header_of, stage

from narthex.identity.authority import Authority
from narthex.identity.credential import Credential
from narthex.issuer.server import AuthorizationServer
from narthex.issuer.settings import Gateway
from narthex.model.authentication import AuthenticationConfig, IssuerConfig
from narthex.model.identity import Principal, Refusal
from narthex.wire.seal import Sealer


def authority(here: Stage) -> Authority:
    found = Authority()
    found.configure(AuthenticationConfig(type="oauth2"), {"": [f"{here.url}/mcp"], "sales": [f"{here.url}/mcp/sales"]})
    found.host(IssuerConfig(issuer=here.url, typ="at+jwt"), here.server.keys)
    return found


async def who(found: Authority, token: str) -> Principal | Refusal:
    shown = Credential(scheme="bearer", token=token, digest=token.encode()[-32:])
    return await found.find(shown, "", time.time())


async def test_the_gateway_takes_its_tokens_without_asking_anybody(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        tokens = await here.let_in(await here.register())
        judge = authority(here)

        found = await who(judge, tokens["access_token"])
        await judge.aclose()

        assert isinstance(found, Principal)
        assert (found.subject, found.scopes, found.endpoints) == ("ana", {"mcp:tools"}, {""})


async def test_a_token_for_another_endpoint_is_not_for_this_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, judge = await here.register(), authority(here)
        sales = f"{here.url}/mcp/sales"
        consent = await here.sign_in(app, browser := Browser(), resource=f"{sales}/")
        answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
        tokens = (await app.redeem(answer.answered["code"], resource=sales)).json

        found = await who(judge, tokens["access_token"])
        await judge.aclose()

        assert claims_of(tokens["access_token"])["aud"] == sales
        assert isinstance(found, Refusal)


async def test_a_key_that_was_lost_signs_and_proves_nothing_any_more(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, judge = await here.register(), authority(here)
        before = await here.let_in(app)
        await here.server.rotate()
        after = (await app.refresh(before["refresh_token"])).json

        old, new = await who(judge, before["access_token"]), await who(judge, after["access_token"])
        await judge.aclose()

        assert header_of(before["access_token"])["kid"] != header_of(after["access_token"])["kid"]
        assert isinstance(old, Refusal)
        assert isinstance(new, Principal)
        assert [key["kid"] for key in here.server.public_keys()["keys"]] == [header_of(after["access_token"])["kid"]]


async def test_no_published_key_holds_its_private_part(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        keys = here.server.public_keys()["keys"]

        assert [sorted(key) for key in keys] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]


async def test_a_restarted_server_takes_what_it_gave_out_before(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        tokens = await here.let_in(app)
    async with stage(tmp_path) as again:
        app.stage = again

        refreshed = await app.token({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})

        assert refreshed.status == 200
        assert header_of(refreshed.json["access_token"])["kid"] == header_of(tokens["access_token"])["kid"]


async def test_another_process_hears_within_a_second_what_was_taken_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        told = asyncio.Event()
        beside = AuthorizationServer(
            here.settings,
            Gateway(lambda: [f"{here.url}/mcp"], list),
            Sealer((bytes(32),)),
            tmp_path / "state",
            on_revoked=told.set,
        )
        await beside.start()
        following = asyncio.ensure_future(beside.follow())
        app = await here.register()
        tokens = await here.let_in(app)
        claims = claims_of(tokens["access_token"])
        before = beside.revoked(claims)

        await app.token({"token": tokens["refresh_token"]}, "/oauth/revoke")
        started = time.monotonic()
        await asyncio.wait_for(told.wait(), SECONDS_MAX)
        took = time.monotonic() - started
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await beside.aclose()

        assert not before
        assert beside.revoked(claims)
        assert took < 1.5


async def test_a_restarted_server_remembers_what_was_taken_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        tokens = await here.let_in(app)
        await app.token({"token": tokens["refresh_token"]}, "/oauth/revoke")
    async with stage(tmp_path) as again:
        assert again.server.revoked(claims_of(tokens["access_token"]))
