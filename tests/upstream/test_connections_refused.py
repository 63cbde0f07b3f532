"""What is no grant, or no longer: refused by the server, the issuer, the user, or because somebody else sent it."""

import asyncio
import hashlib
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from connections_kit import BACK, BROWSER, Desk, desk, now, owner, server_at, user, visit
from credentials_kit import House, call, started, until

from narthex.limits import (
    connect_flow_seconds_max,
    connect_flows_per_owner_max,
    connect_unanswered_max,
    connections_per_owner_max,
    regrants_max,
)
from narthex.model.outcome import UpstreamFault
from narthex.model.vault import VaultConfig
from narthex.ports import Kept
from narthex.telemetry.scrub import MASK
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.finish import Back
from narthex.upstream.credentials.user_grant import grant_of
from process_kit import Far

ISSUER = "connections_issuer.py"
OTHER_BROWSER = hashlib.sha256(b"another cookie").digest()


@pytest.fixture(scope="module")
def other_process() -> Iterator[Far]:
    with started(ISSUER) as issuer:
        yield issuer


@pytest.fixture
def another(other_process: Far) -> Far:
    other_process.order({})
    return other_process


async def begun(here: Desk, who: str = "ana", browser: bytes = BROWSER) -> dict[str, Any]:
    """What a browser brings back."""
    return await visit(await here.connections.begin(owner(who), "guarded", BACK, browser, now()))


def _held(here: Desk) -> list[Any]:
    grants = here.connections._at("guarded")
    assert grants is not None
    found = grants.keeper.held(owner("ana").key)
    assert found is not None
    return [grants.keeper, found, found.grant, found.shown]


async def refused(here: Desk, who: str = "ana", tool: str = "whoami") -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        await call(here.servers["guarded"], user(who), tool)
    return fault.value


# ---- coming back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("advertised", "iss", "good"),
    [
        (True, None, True),
        (True, "", False),
        (True, "https://evil.example", False),
        (None, "", True),
        (None, None, True),
        (None, "https://evil.example", False),
        (True, "slash", False),
        (False, "upper", False),
    ],
)
async def test_an_answer_in_another_issuers_name_is_not_redeemed(
    issuer: Far, far: Far, tmp_path: Path, advertised: bool | None, iss: str | None, good: bool
) -> None:
    said = {"slash": f"{issuer.origin}/", "upper": issuer.origin.upper()}.get(iss or "", iss)
    orders: dict[str, Any] = {"metadata": {"authorization_response_iss_parameter_supported": advertised}}
    issuer.order({**orders, **({} if iss is None else {"iss": said})})
    async with desk(tmp_path, far) as here:
        back = await begun(here)
        if good:
            await here.finish(BROWSER, back, now())
        else:
            with pytest.raises(CredentialFault, match="somebody else"):
                await here.finish(BROWSER, back, now())

    assert len(issuer.seen) == (1 if good else 0)


async def test_an_error_in_another_issuers_name_is_not_told(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"iss": "https://evil.example", "error": "planted_error"})
    async with desk(tmp_path, far) as here:
        with pytest.raises(CredentialFault) as fault:
            await here.finish(BROWSER, await begun(here), now())

    assert "planted" not in f"{fault.value} {fault.value.note}"


async def test_whoever_declines_is_told_so_and_nothing_is_kept(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"error": "access_denied"})
    async with desk(tmp_path, far) as here:
        with pytest.raises(CredentialFault, match="declined") as fault:
            await here.finish(BROWSER, await begun(here), now())
        assert await here.connections.of(owner("ana")) == {}

    assert "planted" not in f"{fault.value} {fault.value.note}"


async def test_a_state_is_good_once_in_the_browser_it_was_given_to_and_for_a_while(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        back, late = await begun(here), await begun(here)
        for browser, said, at in (
            (OTHER_BROWSER, back, now()),
            (BROWSER, {**back, "state": back["state"] + "x"}, now()),
            (BROWSER, {**back, "state": ""}, now()),
            (BROWSER, {"code": back["code"]}, now()),
            (BROWSER, {**back, "state": "x" * 100_000}, now()),
            (BROWSER, late, now() + connect_flow_seconds_max),
        ):
            with pytest.raises(CredentialFault, match="begin anew"):
                await here.finish(browser, said, at)
        await here.finish(BROWSER, back, now())
        with pytest.raises(CredentialFault, match="begin anew"):
            await here.finish(BROWSER, back, now())

    assert len(issuer.seen) == 1


async def test_a_code_of_another_flow_is_not_taken_by_the_issuer(issuer: Far, far: Far, tmp_path: Path) -> None:
    """PKCE: the code of another user's flow, injected into one's own."""
    async with desk(tmp_path, far) as here:
        hers, his = await begun(here, "ana"), await begun(here, "bo")
        with pytest.raises(CredentialFault):
            await here.finish(BROWSER, {**his, "code": hers["code"]}, now(), owner("bo"))
        assert await here.connections.of(owner("bo")) == {}


async def test_an_answer_of_one_issuer_is_not_redeemed_at_another(
    issuer: Far, another: Far, far: Far, tmp_path: Path
) -> None:
    """Mix-up: the state of the one, in an answer of the other that names itself."""
    async with desk(tmp_path, far) as here:
        back = await begun(here)
        with pytest.raises(CredentialFault, match="somebody else"):
            await here.finish(BROWSER, {**back, "iss": another.origin}, now())

    assert issuer.seen == another.seen == []


async def test_an_answer_without_a_name_is_known_by_where_it_came_to(issuer: Far, far: Far, tmp_path: Path) -> None:
    """Mix-up between issuers that do not say who they are: each server has an address of its own (RFC 9700, 4.4.2)."""
    issuer.order({"metadata": {"authorization_response_iss_parameter_supported": None}, "iss": ""})
    async with desk(tmp_path, far) as here:
        for elsewhere in ("other", "guarde", "guarded/", ""):
            with pytest.raises(CredentialFault, match="somebody else"):
                await here.finish(BROWSER, await begun(here), now(), redirect_uri=BACK.replace("guarded", elsewhere))
        assert issuer.seen == []
        await here.finish(BROWSER, await begun(here), now())

    assert len(issuer.seen) == 1


async def test_what_one_began_another_does_not_finish(issuer: Far, far: Far, tmp_path: Path) -> None:
    """At one browser, where a proxy or a certificate says who is there."""
    async with desk(tmp_path, far) as here:
        for who in (owner("bo"), None):
            back = Back(BROWSER, await begun(here), BACK, who)
            with pytest.raises(CredentialFault, match="somebody else began"):
                await here.connections.finish(back, now())
        assert await here.connections.of(owner("ana")) == {}

    assert issuer.seen == []


async def test_the_oldest_of_too_many_flows_ends(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        first = await begun(here)
        begins = [
            here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now() + place + 1)
            for place in range(connect_flows_per_owner_max)
        ]
        for begin in begins:
            await begin
        with pytest.raises(CredentialFault, match="begin anew"):
            await here.finish(BROWSER, first, now())


# ---- finding out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_server", "of_issuer", "said"),
    [
        ({"metadata": {"resource": "https://evil.example/mcp"}}, {}, "not of this server"),
        ({}, {"metadata": {"issuer": "https://evil.example"}}, "speaks of the issuer"),
        ({}, {"metadata": {"code_challenge_methods_supported": None}}, "no PKCE"),
        ({}, {"metadata": {"code_challenge_methods_supported": ["plain"]}}, "another kind of PKCE"),
        ({}, {"metadata": {"authorization_endpoint": "javascript:alert(1)"}}, "cannot be fetched"),
        ({}, {"metadata": {"authorization_endpoint": "http://gateway.example/authorize"}}, "not https"),
        ({}, {"metadata": {"registration_endpoint": None}}, "register this gateway there"),
        ({}, {"metadata": {"registration_endpoint": "http://169.254.169.254/"}}, "not https"),
        ({}, {"registers": False}, "invalid_redirect_uri"),
        ({"issuers": ["http://169.254.169.254/latest"]}, {}, "not https"),
        ({"issuers": ["https://10.0.0.1"]}, {}, "not allow"),
        ({"issuers": ["https://[x"]}, {}, "cannot be fetched"),
        ({}, {"metadata": {"authorization_endpoint": "http://127.0.0.1:9/authorizé"}}, "stands in a header"),
        ({}, {"metadata": {"authorization_endpoint": "http://127.0.0.1:9/a b"}}, "stands in a header"),
    ],
)
async def test_no_browser_is_sent_where_it_should_not_go(
    issuer: Far, far: Far, tmp_path: Path, of_server: dict[str, Any], of_issuer: dict[str, Any], said: str
) -> None:
    far.order(of_server)
    issuer.order(of_issuer)
    async with desk(tmp_path, far) as here:
        with pytest.raises(CredentialFault) as fault:
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())

    assert said in fault.value.note
    assert issuer.see()["sent"] == []


async def test_what_an_issuer_knows_us_by_is_not_shown_to_the_one_a_server_names(
    issuer: Far, another: Far, far: Far, tmp_path: Path
) -> None:
    far.order({"issuers": [another.origin]})
    known = {"client_id": "gateway", "client_secret": "s3cret-of-the-gateway", "issuer": issuer.origin}
    async with desk(tmp_path, far, **known) as here:
        with pytest.raises(CredentialFault) as fault:
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())

    assert another.origin in fault.value.note
    assert another.seen == another.see()["sent"] == issuer.see()["sent"] == []


async def test_a_registration_that_cannot_be_read_is_made_again(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.vault.keep_client(issuer.origin, BACK, b"\xc1 of another version", now())
        await here.connect("ana")

    assert len(issuer.see()["registered"]) == 1


async def test_nobody_agrees_to_what_cannot_be_kept(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        back = await begun(here)
        for place in range(connections_per_owner_max):
            await here.vault.put(
                Kept(owner=owner("ana").key, server=f"s{place}", issuer=issuer.origin, content=b"", since=now())
            )
        with pytest.raises(CredentialFault) as fault:
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
        with pytest.raises(CredentialFault):
            await here.finish(BROWSER, back, now())

    assert "at most" in fault.value.note
    assert len(issuer.see()["sent"]) == 1
    assert len(issuer.see()["revoked"]) == 2


async def test_what_is_looked_up_for_a_page_alone_is_left_again(far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        for scope in ("one", "two", "three"):
            here.configs = [server_at(far, scopes=[scope])]
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
        made = here.connections._ours
    await until(lambda: here.connections._open == [], "what was made for a page is still there")

    assert len(made) == 1


async def test_an_issuer_that_forgot_us_is_asked_to_register_us_anew(issuer: Far, far: Far, tmp_path: Path) -> None:
    """It shows an error page, and nobody comes back."""
    async with desk(tmp_path, far) as here:
        for _ in range(connect_unanswered_max + 1):
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
        assert len(issuer.see()["registered"]) == 2
        await here.connect("ana")


# ---- refused by the server -------------------------------------------------------------------------------------------


async def test_a_token_that_the_server_refuses_is_renewed_once(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        far.order({"revoke": [one["token"] for one in far.seen if one.get("token")]})
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert [one["form"]["grant_type"] for one in issuer.seen] == ["authorization_code", "refresh_token"]


async def test_a_server_that_refuses_fresh_tokens_too_asks_for_a_new_grant(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        far.order({"closed": True})
        fault = await refused(here)
        again = await refused(here)
        assert await here.connections.of(owner("ana")) == {}
        far.order({})
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert (fault.reason, again.reason) == ("grant_needed", "grant_needed")


async def test_nobody_is_asked_for_ever_by_a_server_that_refuses_everything(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    issuer.order({"short": True})
    far.order({"closed": True})
    reasons = []
    async with desk(tmp_path, far) as here:
        for _ in range(regrants_max + 1):
            await here.connect("ana")
            reasons.append((await refused(here)).reason)

    assert reasons == ["grant_needed"] * regrants_max + ["upstream_unauthorized"]


async def test_a_grant_that_its_issuer_ended_is_asked_for_anew(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        issuer.order({"end": True})
        far.order({"revoke": [one["token"] for one in far.seen if one.get("token")]})
        fault = await refused(here)

    assert (fault.reason, "ended" in fault.detail) == ("grant_needed", True)


async def test_an_issuer_that_is_down_ends_no_grant(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        issuer.order({"amend": {"status": 503}})
        ends = now() + 1.0
        await until(lambda: now() > ends, "the token has expired by then")
        fault = await refused(here)
        assert list(await here.connections.of(owner("ana"))) == ["guarded"]
        issuer.order({"amend": {"status": None}})
        ends = now() + 1.2
        await until(lambda: now() > ends, "it is asked again by then")
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert fault.reason == "upstream_unauthorized"


async def test_a_server_that_moved_to_another_issuer_is_not_shown_the_old_grant(
    issuer: Far, another: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        far.order({"issuers": [another.origin]})
        far.order({"revoke": [one["token"] for one in far.seen if one.get("token")]})
        far.order({"issuers": [another.origin], "closed": True})
        fault = await refused(here)
        far.order({"issuers": [another.origin]})
        assert (await refused(here)).reason == "grant_needed"
        before = len(issuer.seen)
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
        found = await here.connections.of(owner("ana"))

    assert "another issuer" in fault.detail
    assert found["guarded"].issuer == another.origin
    assert len(another.see()["registered"]) == 1
    assert {one["client_id"] for one in another.see()["sent"]}.isdisjoint(
        {one["client_id"] for one in issuer.see()["sent"]}
    )
    assert len(issuer.seen) == before
    assert fault.reason == "grant_needed"


# ---- more rights -----------------------------------------------------------------------------------------------------


async def test_what_a_tool_lacks_is_asked_for_besides_what_is_there(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"challenge": 'scope="basic"'})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        fault = await refused(here, tool="admin")
        waiting = here.connections.waiting(owner("ana"), "guarded")
        await here.connect("ana")
        await asyncio.wait_for(waiting, 5.0)
        assert await call(here.servers["guarded"], user("ana"), "admin") == "admin ana"

    assert (fault.reason, fault.scopes) == ("grant_needed", {"admin"})
    assert [one["scope"] for one in issuer.see()["sent"]] == ["basic", "admin basic"]


async def test_what_is_lacking_is_remembered_by_the_next_process(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        assert (await refused(here, tool="admin")).reason == "grant_needed"
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana"), "admin") == "admin ana"


async def test_more_rights_are_not_asked_for_again_and_again(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"denies": ["admin"]})
    reasons = []
    async with desk(tmp_path, far) as here:
        for _ in range(regrants_max + 1):
            await here.connect("ana")
            reasons.append((await refused(here, tool="admin")).reason)

    assert reasons == ["grant_needed"] * regrants_max + ["upstream_unauthorized"]


async def test_rights_that_were_given_and_do_not_help_are_no_reason_to_ask(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    far.order({"challenge": 'scope="never"', "admin_needs": ["never", "ever"]})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        far.order({"admin_needs": ["never", "ever"]})
        assert (await refused(here, tool="admin")).scopes == {"ever"}


# ---- taken back ------------------------------------------------------------------------------------------------------


async def test_a_grant_is_taken_back_at_its_issuer_and_forgotten_everywhere(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here, desk(tmp_path, far, follows=True) as other:
        await here.connect("ana")
        assert await call(other.servers["guarded"], user("ana")) == "ana"
        assert await here.connections.disconnect(owner("ana"), "guarded") is True
        assert await here.connections.disconnect(owner("ana"), "guarded") is False
        assert (await refused(here)).reason == "grant_needed"

        async def gone() -> None:
            while True:
                try:
                    await call(other.servers["guarded"], user("ana"))
                except UpstreamFault:
                    return
                await asyncio.sleep(0.02)

        await asyncio.wait_for(gone(), 5.0)
    revoked = issuer.see()["revoked"]

    assert [token.startswith("refresh-") for token in revoked] == [True, False]


async def test_an_issuer_that_cannot_be_reached_does_not_keep_a_grant_here(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    house = House()
    async with desk(tmp_path, far, house) as here:
        await here.connect("ana")
        issuer.order({"forgets": True})
        assert await here.connections.disconnect(owner("ana"), "guarded") is True
        assert await here.connections.of(owner("ana")) == {}

    assert any("forgotten here" in said for said in house.said)


async def test_what_is_renewed_after_it_was_taken_back_is_taken_back_too(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        issuer.order({"amend": {"held": True, "seconds": 300}})
        ends = now() + 1.0
        await until(lambda: now() > ends, "the token has expired by then")
        waiting = asyncio.ensure_future(refused(here))
        await until(lambda: len(issuer.seen) == 2, "it is not being renewed")
        await here.vault.remove(owner("ana").key, "guarded")  # another process, before the issuer has heard of it
        issuer.order("open")
        assert (await waiting).reason == "grant_needed"
        await until(lambda: len(issuer.see()["revoked"]) == 2, "the new tokens were left to live")


@pytest.mark.parametrize("ended", [False, True], ids=["renewed", "refused"])
async def test_what_is_being_renewed_is_nothing_to_a_grant_that_was_given_meanwhile(
    issuer: Far, far: Far, tmp_path: Path, ended: bool
) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        issuer.order({"amend": {"held": "refresh_token"}})
        keeper, held, before, _ = _held(here)
        flight = keeper.renew(held)
        await until(lambda: len(issuer.seen) == 2, "it is not being renewed")
        issuer.order({"amend": {"user": "bo", "held": "refresh_token"}})
        await here.connect("ana")  # as another account of hers
        if ended:
            issuer.order({"end": True})
        issuer.order("open")
        await asyncio.wait_for(flight, 10.0)
        assert await call(here.servers["guarded"], user("ana")) == "bo"
        found = (await here.connections.of(owner("ana")))["guarded"]
        kept = await here.vault.find(owner("ana").key, "guarded")

    assert (found.account, kept is not None and kept.void) == ("bo@example.com", False)
    assert before.access_token not in issuer.see()["revoked"]
    assert len(issuer.see()["revoked"]) == (0 if ended else 2)


async def test_what_a_grant_lacks_is_noted_while_it_is_renewed(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        issuer.order({"amend": {"held": "refresh_token"}})
        keeper, held, before, _ = _held(here)
        flight = keeper.renew(held)
        await until(lambda: len(issuer.seen) == 2, "it is not being renewed")
        assert (await refused(here, tool="admin")).reason == "grant_needed"
        issuer.order("open")
        await asyncio.wait_for(flight, 10.0)
        kept = await here.vault.find(owner("ana").key, "guarded")
        grant = grant_of(kept) if kept is not None else None
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert grant is not None
    assert (grant.lacking, grant.access_token == before.access_token) == (("admin",), False)
    assert issuer.see()["revoked"] == []


async def test_a_gateway_that_ends_keeps_what_it_is_just_renewing(issuer: Far, far: Far, tmp_path: Path) -> None:
    issuer.order({"seconds": 1})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        issuer.order({"amend": {"held": True, "seconds": 300}})
        ends = now() + 1.0
        await until(lambda: now() > ends, "the token has expired by then")
        waiting = asyncio.ensure_future(refused(here))
        await until(lambda: len(issuer.seen) == 2, "it is not being renewed")
        closing = asyncio.ensure_future(here.servers["guarded"].aclose())
        issuer.order("open")
        await closing
        await asyncio.gather(waiting, return_exceptions=True)
    async with desk(tmp_path, far) as here:
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert (len(issuer.seen), issuer.see()["replays"]) == (2, 0)


# ---- at rest ---------------------------------------------------------------------------------------------------------


async def test_rows_cannot_be_moved_edited_or_read_with_another_key(issuer: Far, far: Far, tmp_path: Path) -> None:
    house = House()
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        issuer.order({"amend": {"user": "bo"}})
        await here.connect("bo")
    names = {name: owner(name).key.encode() for name in ("ana", "bo")}

    async def reason(folder: Path, key: VaultConfig | None = None) -> str:
        async with desk(folder, far, house, key=key) as here:
            return (await refused(here)).reason

    def copied(name: str) -> sqlite3.Connection:
        shutil.copytree(tmp_path, tmp_path / name, ignore=shutil.ignore_patterns(*with_other))
        return sqlite3.connect(tmp_path / name / "state.db", isolation_level=None)

    with_other = {
        "swapped": "UPDATE vault_grants SET content = (SELECT content FROM vault_grants WHERE owner = :bo)"
        " WHERE owner = :ana",
        "issuer": "UPDATE vault_grants SET issuer = 'https://evil.example' WHERE owner = :ana",
        "edited": "UPDATE vault_grants SET content = CAST(content || x'00' AS BLOB) WHERE owner = :ana",
        "server": "UPDATE vault_grants SET server = 'other' WHERE owner = :ana",
    }
    for name, sql in with_other.items():
        database = copied(name)
        assert database.execute(sql, names).rowcount == 1
        database.close()
        assert await reason(tmp_path / name) == "grant_needed", name
    another = VaultConfig(key=b64encode(b"k" * 32).decode())
    shutil.copytree(tmp_path, tmp_path / "key", ignore=shutil.ignore_patterns(*with_other))
    (tmp_path / "key" / "vault-key.json").unlink()
    assert await reason(tmp_path / "key", another) == "grant_needed"
    async with desk(tmp_path, far, key=another) as here:  # the folder's own key still opens what it sealed
        assert await call(here.servers["guarded"], user("ana")) == "ana"

    assert any("cannot be opened" in said for said in house.said)


async def test_a_grant_is_not_shown_to_another_server_of_that_name(
    another: Far, issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
    async with desk(tmp_path, another) as here:
        assert (await refused(here)).reason == "grant_needed"
        assert await here.connections.of(owner("ana")) == {}


async def test_a_token_is_hidden_in_texts_as_long_as_it_is_held(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        await call(here.servers["guarded"], user("ana"))
        keeper, held, before, _ = _held(here)
        secrets = [before.access_token, before.refresh_token, before.client.secret]
        told = keeper.hide(" ".join(f'{{"at":"x{one}"}}' for one in secrets))
        await asyncio.wait_for(keeper.renew(held), 10.0)
        after = keeper.hide(f"?token={held.grant.access_token}&{before.client.secret}")
        await here.connections.disconnect(owner("ana"), "guarded")

    assert [one for one in secrets if one in told] == []
    assert after == f"?token={MASK}&{MASK}"
    assert repr(keeper._masks) == "<Masks of 0>"


async def test_no_token_is_in_any_file_log_line_or_text_for_programmers(issuer: Far, far: Far, tmp_path: Path) -> None:
    house = House()
    async with desk(tmp_path, far, house, follows=True) as here:
        back = await begun(here)
        await here.finish(BROWSER, back, now())
        await call(here.servers["guarded"], user("ana"))
        far.order({"revoke": [one["token"] for one in far.seen if one.get("token")]})
        await call(here.servers["guarded"], user("ana"))
        kept = await here.vault.of(owner("ana").key)
        shown = [here.connections._at("guarded"), *_held(here)]
        texts = [repr(one) for one in (kept, shown, here.connections)]
        texts += [str(house.said), str(await here.connections.of(owner("ana")))]
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    secrets = [one["token"] for one in far.seen if one.get("token")]
    secrets += [one["form"][name] for one in issuer.seen for name in ("refresh_token", "code") if name in one["form"]]
    secrets += [back["state"], here.configs[0].name + "-never"]

    assert len(secrets) > 4
    for secret in secrets:
        assert secret.encode() not in files
        assert not any(secret in text for text in texts)


# ---- the gateway's own -----------------------------------------------------------------------------------------------


async def test_one_grant_of_the_gateway_serves_everybody(issuer: Far, far: Far, tmp_path: Path) -> None:
    from narthex.model.connection import GATEWAY

    async with desk(tmp_path, far, grant_of="gateway") as here:
        with pytest.raises(CredentialFault):
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
        url = await here.connections.begin(GATEWAY, "guarded", BACK, BROWSER, now())
        await here.finish(BROWSER, await visit(url), now())
        answers = [await call(here.servers["guarded"], user(name)) for name in ("ana", "bo")]

    assert answers == ["ana", "ana"]
    assert here.connections.granted_by("guarded") == "gateway"


async def test_lists_are_taken_as_whoever_connected_first(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        server = here.servers["guarded"]
        await server.refresh()
        assert (server.offer, server.health.state.name) == (None, "IDLE")
        await here.connect("ana")
        await until(lambda: server.offer is not None, "its lists were not taken")
        assert server.health.state.name == "UP"
    async with desk(tmp_path, far) as here:
        await here.servers["guarded"].refresh()
        assert here.servers["guarded"].offer is not None


async def test_servers_that_want_no_grant_are_not_named(issuer: Far, far: Far, tmp_path: Path) -> None:
    more = (server_at(far, "second"),)
    async with desk(tmp_path, far, more=more) as here:
        assert here.connections.names() == ("guarded", "second")
        here.configs = here.configs[1:]
        assert here.connections.names() == ("second",)
        with pytest.raises(CredentialFault, match="no server"):
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())
