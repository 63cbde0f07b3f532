"""A user connects to a server: found out, registered, sent there, come back, shown, renewed, taken back."""

import asyncio
from pathlib import Path

import pytest
from connections_kit import BACK, BROWSER, desk, now, owner, user, visit
from credentials_kit import call, until

from narthex.model.outcome import UpstreamFault
from process_kit import Far

ISSUER = "connections_issuer.py"


@pytest.mark.parametrize("legacy", [False, True], ids=["modern", "legacy"])
async def test_each_user_is_shown_with_their_own_grant(issuer: Far, far: Far, tmp_path: Path, legacy: bool) -> None:
    far.order({"legacy": legacy})
    async with desk(tmp_path, far) as here:
        with pytest.raises(UpstreamFault) as before:
            await call(here.servers["guarded"], user("ana"))
        await here.connect("ana")
        issuer.order({"amend": {"user": "bo"}})
        await here.connect("bo")
        answers = [await call(here.servers["guarded"], user(name)) for name in ("ana", "bo", "ana")]
        with pytest.raises(UpstreamFault) as stranger:
            await call(here.servers["guarded"], user("cy"))
        found = await here.connections.of(owner("ana"))

    assert (before.value.reason, stranger.value.reason, stranger.value.server) == (
        "grant_needed",
        "grant_needed",
        "guarded",
    )
    assert answers == ["ana", "bo", "ana"]
    assert (found["guarded"].account, found["guarded"].issuer) == ("ana@example.com", issuer.origin)
    assert len(issuer.see()["registered"]) == 1


async def test_what_is_asked_for_names_server_scopes_and_a_proof(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"metadata": {"scopes_supported": ["tools", "offline_access"]}})
    issuer.order({"metadata": {"scopes_supported": ["tools", "offline_access"]}})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
    (sent,), (token,) = issuer.see()["sent"], [one["form"] for one in issuer.seen]
    (registered,) = issuer.see()["registered"]

    assert sent["resource"] == token["resource"] == f"{far.origin}/mcp"
    assert (sent["scope"], sent["prompt"], sent["kept"]) == ("offline_access tools", "consent", "1")
    assert (sent["code_challenge_method"], sent["redirect_uri"]) == ("S256", BACK)
    assert (registered["application_type"], registered["redirect_uris"]) == ("native", [BACK])
    assert "refresh_token" in registered["grant_types"]


async def test_the_challenge_of_the_server_says_which_scopes(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"challenge": 'scope="only this"', "metadata": {"scopes_supported": ["all", "of", "them"]}})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")

    assert issuer.see()["sent"][0]["scope"] == "only this"


async def test_a_server_that_greets_everybody_is_asked_elsewhere_what_it_wants(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    far.order({"challenge": 'scope="this"', "greets": ["server/discover", "initialize"]})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")

    assert issuer.see()["sent"][0]["scope"] == "this"


async def test_nothing_is_asked_for_where_nothing_is_known(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")

    assert "scope" not in issuer.see()["sent"][0]


@pytest.mark.parametrize(
    ("methods", "shown"), [(["client_secret_basic"], "basic"), (["client_secret_post"], "post"), (["none"], "none")]
)
async def test_the_client_proves_itself_as_the_issuer_wants(
    issuer: Far, far: Far, tmp_path: Path, methods: list[str], shown: str
) -> None:
    issuer.order({"metadata": {"token_endpoint_auth_methods_supported": methods}})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
    (seen,) = issuer.seen

    found = "basic" if seen["authorization"] else "post" if "client_secret" in seen["form"] else "none"
    assert found == shown


async def test_a_document_goes_before_a_registration(issuer: Far, far: Far, tmp_path: Path) -> None:
    document = "https://gateway.example/connect/client.json"
    issuer.order({"document": document, "metadata": {"client_id_metadata_document_supported": True}})
    async with desk(tmp_path, far, client_document=document) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
    seen = issuer.see()

    assert (seen["registered"], seen["sent"][0]["client_id"]) == ([], document)


async def test_our_own_document_names_where_browsers_come_back(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"metadata": {"client_id_metadata_document_supported": True}})
    back = "https://gateway.example/base/connect/callback/guarded"
    async with desk(tmp_path, far) as here:
        url = await here.connections.begin(owner("ana"), "guarded", back, BROWSER, now())
        document = here.connections.document(back)

    assert "client_id=https%3A%2F%2Fgateway.example%2Fbase%2Fconnect%2Fclient%2Fguarded.json&" in url
    assert document["client_id"] == "https://gateway.example/base/connect/client/guarded.json"
    assert document["redirect_uris"] == [back]


async def test_a_client_that_the_operator_registered_goes_before_all(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"metadata": {"client_id_metadata_document_supported": True}})
    known = {"client_id": "gateway", "client_secret": "s3cret-of-the-gateway", "issuer": issuer.origin}
    async with desk(tmp_path, far, **known) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert (issuer.see()["registered"], issuer.see()["sent"][0]["client_id"]) == ([], "gateway")


async def test_a_server_without_any_metadata_is_its_own_issuer(processes: tuple[Far, Far], tmp_path: Path) -> None:
    """Revision 2025-03-26: the default endpoints at the server's own origin."""
    issuer, _ = processes
    issuer.order({"mute": True, "iss": ""})
    async with desk(tmp_path, issuer) as here:
        await here.connect("ana")
        found = await here.connections.of(owner("ana"))

    assert found["guarded"].issuer == issuer.origin
    assert len(issuer.see()["registered"]) == 1


async def test_a_grant_survives_a_restart_in_the_middle_of_the_flow_and_after_it(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        url = await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
        back = await visit(url)
    async with desk(tmp_path, far) as here:
        assert await here.finish(BROWSER, back, now()) == (owner("ana"), "guarded")
    async with desk(tmp_path, far) as here:
        assert await call(here.servers["guarded"], user("ana")) == "ana"
        assert list(await here.connections.of(owner("ana"))) == ["guarded"]
        assert await here.connections.of(owner("bo")) == {}


async def test_a_grant_is_renewed_while_nobody_asks_for_it(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far, follows=True) as here:
        await here.connect("ana")
        await until(lambda: len(issuer.seen) >= 3, "it was not renewed twice by itself")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
    kinds = [one["form"]["grant_type"] for one in issuer.seen]

    assert kinds[0] == "authorization_code"
    assert set(kinds[1:]) == {"refresh_token"}
    assert issuer.see()["replays"] == 0


async def test_two_processes_on_a_folder_use_a_refresh_token_once(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far, follows=True) as one, desk(tmp_path, far, follows=True) as other:
        await one.connect("ana")
        ends = asyncio.get_running_loop().time() + 10.0
        while len(issuer.seen) < 4:
            assert asyncio.get_running_loop().time() < ends
            both = [call(here.servers["guarded"], user("ana")) for here in (one, other) for _ in range(3)]
            assert set(await asyncio.gather(*both)) == {"ana"}
    refreshed = [one["form"]["refresh_token"] for one in issuer.seen if "refresh_token" in one["form"]]

    assert issuer.see()["replays"] == 0
    assert len(refreshed) == len(set(refreshed)) >= 3


async def test_an_expired_grant_is_renewed_once_for_all_who_wait(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far) as one, desk(tmp_path, far) as other:
        await one.connect("ana")
        ends = now() + 1.0
        await until(lambda: now() > ends, "the token has expired by then")
        issuer.order({"amend": {"seconds": 300}})
        both = [call(here.servers["guarded"], user("ana")) for here in (one, other) for _ in range(10)]
        assert set(await asyncio.gather(*both)) == {"ana"}

    assert len(issuer.seen) == 2
    assert issuer.see()["replays"] == 0
