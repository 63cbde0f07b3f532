"""On behalf of callers: each has a token, a conversation, and a name of their own at the server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from credentials_kit import SECRET, House, call, caller, oauth, opened, started, until

import narthex
from narthex.model.caller import Known
from narthex.model.identity import LOCAL, Principal, Voucher
from narthex.model.outcome import UpstreamFault
from process_kit import Far

TYPE = "urn:ietf:params:oauth:token-type:"


@pytest.fixture(scope="module")
def processes() -> Iterator[tuple[Far, Far, Far]]:
    with (
        started("credentials_issuer.py") as issuer,
        started("credentials_server.py") as server,
        started("credentials_issuer.py") as idp,
    ):
        yield issuer, server, idp


@pytest.fixture
def issuer(processes: tuple[Far, Far, Far]) -> Far:
    processes[0].order({})
    return processes[0]


@pytest.fixture
def idp(processes: tuple[Far, Far, Far]) -> Far:
    processes[2].order({})
    return processes[2]


@pytest.fixture(params=["modern", "legacy"])
def far(processes: tuple[Far, Far, Far], request: pytest.FixtureRequest) -> Far:
    processes[1].always = {"legacy": request.param == "legacy"}
    processes[1].order({})
    return processes[1]


def asked(issuer: Far, grant: str) -> list[dict[str, Any]]:
    return [one["form"] for one in issuer.seen if one["form"]["grant_type"].endswith(grant)]


async def test_each_caller_has_a_token_and_a_session_alone(issuer: Far, far: Far) -> None:
    names = ("ana", "bo", "cy")
    async with opened(far, **oauth(issuer, "token_exchange", audience="guarded")) as server:
        answers = await asyncio.gather(*[call(server, caller(name)) for name in names for _ in range(20)])

    assert answers == [name for name in names for _ in range(20)]
    forms = asked(issuer, "token-exchange")
    assert sorted(form["subject_token"].split(":")[1] for form in forms) == ["ana", "bo", "cy"]
    assert {form["subject_token_type"] for form in forms} == {TYPE + "access_token"}
    assert {form["resource"] for form in forms} == {f"{far.origin}/mcp"}
    assert {form["audience"] for form in forms} == {"guarded"}
    sessions: dict[str, set[str]] = {}
    for one in far.seen:
        if session := one["headers"].get("mcp-session-id"):
            sessions.setdefault(session, set()).add(one["sub"])
    assert [whose for whose in sessions.values() if len(whose) != 1] == []


async def test_the_token_of_a_caller_goes_to_the_issuer_and_to_no_server(issuer: Far, far: Far) -> None:
    who = caller("ana", "caller:ana:planted-secret")
    house = House()
    async with opened(far, house, **oauth(issuer, "token_exchange")) as server:
        await call(server, who)
        told = [repr(server.opener.http.credentials), repr(who), repr(who.principal), *house.said]  # type: ignore[attr-defined]

    assert "planted-secret" not in str(far.seen)
    assert "planted-secret" not in str(told)
    assert "planted-secret" in str(issuer.seen)


async def test_an_issuer_that_gives_the_callers_token_back_is_refused(issuer: Far, far: Far) -> None:
    issuer.order({"echo": True})
    house = House()
    async with opened(far, house, **oauth(issuer, "token_exchange", catalogue="anonymous")) as server:
        far.order({"open": True})
        with pytest.raises(UpstreamFault) as caught:
            await call(server, caller("ana"))

    assert caught.value.reason == "upstream_unauthorized"
    assert any("caller's own token back" in said for said in house.said)
    assert [one for one in far.seen if one["method"] == "tools/call"] == []


async def test_the_same_caller_with_another_token_gets_another(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        for token in ("caller:ana:narrow", "caller:ana:wide", "caller:ana:narrow"):
            await call(server, caller("ana", token))

    shown = [form["subject_token"] for form in asked(issuer, "token-exchange")]
    assert shown == ["caller:ana:narrow", "caller:ana:wide"]
    tokens = [one["token"] for one in far.seen if one["method"] == "tools/call"]
    assert tokens[0] == tokens[2] != tokens[1]


async def test_one_caller_the_issuer_refuses_is_nobody_elses_trouble(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        for _ in range(8):
            with pytest.raises(UpstreamFault) as caught:
                await call(server, caller("eve", "somebody else's token"))
            assert caught.value.reason == "upstream_unauthorized"
        assert await call(server, caller("ana")) == "ana"

    assert len(asked(issuer, "token-exchange")) <= 4


@pytest.mark.parametrize("who", [LOCAL, Principal("ci", how="key"), Principal("bo", how="proxy")])
async def test_callers_without_a_token_are_told_so(issuer: Far, far: Far, who: Principal) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        with pytest.raises(UpstreamFault, match="on behalf of") as caught:
            await call(server, Known(who))

    assert "log in" in caught.value.detail
    assert [one for one in far.seen if one["method"] == "tools/call"] == []


async def test_a_refused_token_is_exchanged_again(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        await call(server, caller("ana"))
        await call(server, caller("bo"))
        [token] = {one["token"] for one in far.seen if one["sub"] == "ana"}
        far.order({"revoke": [token]})
        assert await call(server, caller("ana")) == "ana"
        assert await call(server, caller("bo")) == "bo"

    assert len(asked(issuer, "token-exchange")) == 3


async def test_more_scopes_are_one_callers_alone(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange", scopes=["read"])) as server:
        assert await call(server, caller("ana"), "admin") == "admin ana"
        await call(server, caller("bo"))

    scopes = [(form["subject_token"].split(":")[1], form["scope"]) for form in asked(issuer, "token-exchange")]
    assert scopes == [("ana", "read"), ("ana", "admin read"), ("bo", "read")]


async def test_lists_are_asked_for_by_the_gateway_itself(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        await server.refresh()
        assert server.offer is not None
        assert len(server.offer.tools) == 2

    assert {one["sub"] for one in far.seen} == {"gateway"}


async def test_or_without_any_credential(issuer: Far, far: Far) -> None:
    far.order({"open": True})
    async with opened(far, **oauth(issuer, "token_exchange", catalogue="anonymous")) as server:
        await server.refresh()
        assert server.offer is not None
        assert await call(server, caller("ana")) == "ana"

    assert asked(issuer, "client_credentials") == []


async def test_a_token_near_its_end_is_replaced_while_it_is_shown(issuer: Far, far: Far) -> None:
    issuer.order({"seconds": 2})
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        await call(server, caller("ana"))

        async def calls() -> bool:
            await call(server, caller("ana"))
            return len(asked(issuer, "token-exchange")) >= 2

        ends = asyncio.get_running_loop().time() + 5
        while not await calls():
            assert asyncio.get_running_loop().time() < ends
        await until(lambda: server.opener.http.credentials.ready(caller("ana")) is not None, "the next")  # type: ignore[attr-defined]

    assert len(asked(issuer, "token-exchange")) <= 3


async def test_jwt_bearer_shows_the_callers_token_as_assertion(issuer: Far, far: Far) -> None:
    parameters = {"requested_token_use": "on_behalf_of"}
    config = oauth(issuer, "jwt_bearer", scopes=["api"], parameters=parameters, omit_resource=True)
    async with opened(far, **config) as server:
        assert await call(server, caller("ana")) == "ana"

    [form] = asked(issuer, "jwt-bearer")
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "caller:ana:anaanaanaanaanaanaanaana",
        "scope": "api",
        **parameters,
    }


def id_jag(issuer: Far | None, idp: Far) -> dict[str, Any]:
    provider = {"issuer": idp.origin, "client_id": "at-idp", "client_secret": "another secret"}
    return oauth(issuer, "id_jag", scopes=["chat"], idp=provider)


def trusting(idp: Far, **more: Any) -> dict[str, Any]:
    idp.order({"clients": {"at-idp": {"secret": "another secret"}}, **more})
    return {"trusts": {"issuer": idp.origin, "keys": {"keys": idp.see()["keys"]}}}


async def test_the_identity_provider_vouches_for_callers(issuer: Far, far: Far, idp: Far) -> None:
    issuer.order(trusting(idp))
    async with opened(far, **id_jag(issuer, idp)) as server:
        assert await call(server, caller("ana")) == "ana"
        assert await call(server, caller("bo")) == "bo"

    first = idp.seen[0]["form"]
    assert first["requested_token_type"] == TYPE + "id-jag"
    assert first["audience"] == issuer.origin
    assert first["resource"] == f"{far.origin}/mcp"
    assert first["subject_token_type"] == TYPE + "id_token"
    assert first["scope"] == "chat"
    assert len(asked(issuer, "jwt-bearer")) == 2
    assert "caller:" not in str(issuer.seen)
    assert "another secret" not in str(issuer.seen)


async def test_an_assertion_for_another_issuer_is_not_even_shown(issuer: Far, far: Far, idp: Far) -> None:
    issuer.order(trusting(idp, id_jag_audience="https://other.example"))
    house = House()
    async with opened(far, house, **id_jag(issuer, idp)) as server:
        with pytest.raises(UpstreamFault):
            await call(server, caller("ana"))

    assert asked(issuer, "jwt-bearer") == []
    assert any("meant for another issuer" in said for said in house.said)


async def test_an_issuer_that_takes_no_assertions_says_so(issuer: Far, far: Far, idp: Far) -> None:
    issuer.order({**trusting(idp), "metadata": {"authorization_grant_profiles_supported": ["urn:x"]}})
    house = House()
    async with opened(far, house, **id_jag(issuer, idp)) as server:
        with pytest.raises(UpstreamFault):
            await call(server, caller("ana"))

    assert idp.seen == []
    assert any("takes no identity assertions" in said for said in house.said)


def test_a_voucher_shows_nothing() -> None:
    voucher = Voucher("planted")
    with pytest.raises(TypeError):
        voucher.__reduce__()

    assert "planted" not in repr(voucher) + repr(Principal("ana", voucher=voucher))


def test_only_what_asks_an_issuer_opens_a_voucher() -> None:
    house = Path(narthex.__file__).parent
    opening = {str(path.relative_to(house)) for path in house.rglob("*.py") if ".reveal(" in path.read_text("utf-8")}

    assert opening == {
        f"upstream/credentials/{name}.py" for name in ("id_jag", "jwt_bearer", "token_exchange", "tokens")
    }


async def test_lists_may_be_asked_for_as_the_first_caller(issuer: Far, far: Far) -> None:
    """As another one only when that one's token is over; and no caller comes into a session of another."""
    async with opened(far, **oauth(issuer, "token_exchange", catalogue="caller")) as server:
        await server.refresh()
        assert server.offer is None
        assert "none has come yet" in str(server.status()["problem"])
        assert server.lend(caller("ana"))
        await server.refresh()
        assert server.offer is not None
        assert not server.lend(caller("bo"))
        assert await call(server, caller("bo")) == "bo"
        await server.refresh()
        server.opener.http.credentials._lender = Known(  # type: ignore[attr-defined]
            Principal("ana", how="jwt", voucher=Voucher("gone"), expires=1.0)
        )
        assert await call(server, caller("cy")) == "cy"
        await server.refresh()

    assert {one["sub"] for one in far.seen if one["method"] == "tools/list"} == {"ana", "cy"}
    assert asked(issuer, "client_credentials") == []
    sessions: dict[str, set[str]] = {}
    for one in far.seen:
        if session := one["headers"].get("mcp-session-id"):
            sessions.setdefault(session, set()).add(one["sub"])
    assert [whose for whose in sessions.values() if len(whose) != 1] == []


async def test_what_one_caller_hears_is_no_news_for_another(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange", audience="guarded", catalogue="caller")) as server:
        assert await call(server, caller("ana")) == "ana"
        heard_of = len(far.seen)

        refusal = await server.news.subscribe("note://of-ana", None, caller("bo").principal)

        assert refusal is not None
        assert refusal.data == {"reason": "no_shared_news", "server": "guarded"}
        assert len(far.seen) == heard_of, "nobody was asked as ana"


async def test_lists_that_cannot_be_had_anew_keep_nobody_out(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, "token_exchange")) as server:
        await server.refresh()
        issuer.order({"clients": {"gateway": {"secret": SECRET}}, "refuses": ["client_credentials"]})
        far.order({"revoke": [one["token"] for one in far.seen]})
        for _ in range(6):
            await server.refresh()
        assert server.offer is not None
        assert await call(server, caller("ana")) == "ana"
