"""Headers: keys that are rotated, what a server is told of its caller, and who shares a conversation then."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from credentials_kit import call, opened, started, until

from narthex.limits import header_claim_bytes_max
from narthex.model.caller import Known
from narthex.model.credentials import may_pass
from narthex.model.identity import LOCAL, Principal
from narthex.model.outcome import UpstreamFault
from process_kit import Far


@pytest.fixture(scope="module")
def process() -> Iterator[Far]:
    with started("credentials_server.py") as server:
        yield server


@pytest.fixture(params=["modern", "legacy"])
def far(process: Far, request: pytest.FixtureRequest) -> Far:
    process.always = {"legacy": request.param == "legacy", "keys": True}
    process.order({})
    return process


def key(**more: Any) -> dict[str, Any]:
    return {"credentials": {"type": "header", **more}}


def known(name: str, how: Any = "jwt", **claims: Any) -> Known:
    return Known(Principal(name, how=how, issuer="https://company.example", claims={"sub": name, **claims}))


def header(far: Far, name: str) -> list[str | None]:
    """What the calls of tools said under this name."""
    return [one["headers"].get(name) for one in far.seen if one["method"] == "tools/call"]


async def test_a_key_from_the_configuration(far: Far) -> None:
    async with opened(far, **key(value="Bearer k1"), headers={"X-Fixed": "1"}) as server:
        assert await call(server) == "key k1"

    assert {one["headers"]["x-fixed"] for one in far.seen} == {"1"}


async def test_a_key_under_another_name(far: Far) -> None:
    far.order({"open": True})
    async with opened(far, **key(header="X-API-Key", value="k2")) as server:
        await call(server)

    assert {one["headers"]["x-api-key"] for one in far.seen} == {"k2"}


async def test_a_key_in_a_file_is_read_again_when_it_changes(far: Far, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\n")
    async with opened(far, **key(value_file=str(file))) as server:
        assert await call(server) == "key first"
        file.write_text("second\n")

        async def rotated() -> bool:
            return await call(server) == "key second"

        ends = asyncio.get_running_loop().time() + 5
        while not await rotated():
            assert asyncio.get_running_loop().time() < ends
            await asyncio.sleep(0.1)
        file.write_text("third\n")
        far.order({"revoke": ["second"]})
        assert await call(server) == "key third"  # at once: the server told that it was rotated
        file.unlink()
        assert await call(server) == "key third"


async def test_a_key_that_is_not_there_is_told_to_the_operator(far: Far, tmp_path: Path) -> None:
    async with opened(far, **key(value_file=str(tmp_path / "missing"))) as server:
        with pytest.raises(UpstreamFault) as caught:
            await call(server)
        assert caught.value.reason == "upstream_unauthorized"
        assert str(tmp_path) not in caught.value.detail
        assert str(tmp_path / "missing") in str(server.status()["problem"])

    assert far.seen == []


@pytest.mark.parametrize("text", ["", "two\nlines", "naïve", "x" * 100_000])
async def test_what_no_header_can_carry_is_not_sent(far: Far, tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    async with opened(far, **key(value_file=str(tmp_path / "key"))) as server:
        with pytest.raises(UpstreamFault):
            await call(server)

    assert far.seen == []


async def test_a_key_the_server_refuses(far: Far) -> None:
    far.order({"revoke": ["bad"]})
    async with opened(far, **key(value="Bearer bad")) as server:
        with pytest.raises(UpstreamFault, match="credentials") as caught:
            await call(server)

    assert caught.value.reason == "upstream_unauthorized"
    assert "bad" not in str(caught.value)


async def test_a_server_without_any_credential_that_wants_one(far: Far) -> None:
    async with opened(far) as server:
        with pytest.raises(UpstreamFault, match="`credentials`") as caught:
            await call(server)

    assert caught.value.reason == "upstream_unauthorized"
    assert "configuration" not in caught.value.detail


async def test_a_server_is_told_who_calls(far: Far) -> None:
    far.order({"open": True})
    headers = {"X-User": "${claims.sub}", "X-Groups": "g=${claims.realm.groups}", "X-Tenant": "${principal.tenant}"}
    ana = Known(Principal("ana", tenant="acme", how="jwt", claims={"sub": "ana", "realm": {"groups": ["a", "b"]}}))
    async with opened(far, headers={**headers, "X-Fixed": "1"}) as server:
        await call(server, ana)
        await server.refresh()

    assert header(far, "x-user") == ["ana"]
    assert header(far, "x-groups") == ["g=a,b"]
    assert header(far, "x-tenant") == ["acme"]
    assert {one["headers"]["x-fixed"] for one in far.seen} == {"1"}
    assert {one["headers"].get("x-user", "nobody") for one in far.seen if one["method"] == "tools/list"} == {"nobody"}


@pytest.mark.parametrize(
    "sub", [None, "", "two\r\nX-Evil: 1", "nul\0", "x" * (header_claim_bytes_max + 1), {"an": "object"}, ["a,b"], 1.5]
)
async def test_a_caller_of_whom_that_cannot_be_said_is_refused(far: Far, sub: Any) -> None:
    far.order({"open": True})
    async with opened(far, headers={"X-User": "${claims.sub}"}) as server:
        with pytest.raises(UpstreamFault, match="who calls"):
            await call(server, Known(Principal("ana", how="jwt", claims={"sub": sub})))
        assert await call(server, known("bo")) == "nobody"

    assert header(far, "x-user") == ["bo"]


@pytest.mark.parametrize(("sub", "sent"), [("José", "José"), (7, "7"), (True, "true"), (["a", "b"], "a,b")])
async def test_what_can_be_said_of_a_caller(far: Far, sub: Any, sent: str) -> None:
    far.order({"open": True})
    async with opened(far, headers={"X-User": "${claims.sub}"}) as server:
        await call(server, Known(Principal("ana", how="jwt", claims={"sub": sub})))

    assert [str(one).encode("latin-1").decode() for one in header(far, "x-user")] == [sent]


async def test_only_the_headers_a_server_asks_for_are_passed_on(far: Far) -> None:
    far.order({"open": True})
    carried = ((b"x-request-tag", b"t1"), (b"x-other", b"t2"))
    async with opened(far, pass_headers=["X-Request-Tag"]) as server:
        await call(server, Known(LOCAL, carried))
        await call(server, Known(LOCAL))

    assert header(far, "x-request-tag") == ["t1", None]
    assert header(far, "x-other") == [None, None]


def test_headers_that_never_go_on() -> None:
    never = ["Authorization", "COOKIE", "Proxy-Authorization", "Host", "Connection", "Keep-Alive", "TE", "Trailer"]
    never += ["Transfer-Encoding", "Upgrade", "Mcp-Session-Id", "mcp-param-x", "DPoP", "X-API-Key", "Content-Length"]
    never += ["X-Forwarded-User", "Forwarded", "Origin", "Last-Event-ID", "Accept", "Sec-Fetch-Site"]

    assert [name for name in never if may_pass(name)] == []
    assert may_pass("Accept-Language")
    assert may_pass("X-Request-Tag")


@pytest.mark.parametrize(("config", "conversations"), [({}, 3), ({"stateless": True}, 1)])
async def test_two_callers_never_share_a_session_unless_the_server_keeps_nothing(
    process: Far, config: dict[str, Any], conversations: int
) -> None:
    process.always = {"legacy": True, "open": True}
    process.order({})
    async with opened(process, headers={"X-Any": "1"}, **config) as server:
        people = [known("ana"), known("bo"), known("ana"), Known(LOCAL)]
        await asyncio.gather(*[call(server, one) for one in people for _ in range(4)])
        used = {one["headers"].get("mcp-session-id") for one in process.seen if one["method"] == "tools/call"}
        open_now = process.see()["sessions"]

    assert len(used) == conversations
    await until(lambda: process.see()["sessions"] <= open_now - conversations, "they are ended")


async def test_callers_of_whom_it_is_told_never_share_one(process: Far) -> None:
    process.always = {"legacy": True, "open": True}
    process.order({})
    async with opened(process, headers={"X-User": "${claims.sub}"}, stateless=True) as server:
        await asyncio.gather(*[call(server, known(name)) for name in ("ana", "bo") for _ in range(8)])

    users: dict[str, set[str]] = {}
    for one in process.seen:
        if one["method"] == "tools/call":
            users.setdefault(one["headers"]["mcp-session-id"], set()).add(one["headers"]["x-user"])
    assert sorted(map(sorted, users.values())) == [["ana"], ["bo"]]
    opened_by = {one["headers"].get("x-user") for one in process.seen if one["method"] == "initialize"}
    assert {"ana", "bo"} <= opened_by


async def test_the_conversation_of_a_caller_ends_when_nobody_uses_it(process: Far) -> None:
    process.always = {"legacy": True, "open": True}
    process.order({})
    async with opened(process, headers={"X-User": "${claims.sub}"}) as server:
        await call(server, known("ana"))
        before = process.see()["sessions"]
        server.sweep(asyncio.get_running_loop().time() + 500)
        assert len(server.lanes.own) == 1
        server.sweep(asyncio.get_running_loop().time() + 601)
        assert server.lanes.own == {}
        await until(lambda: process.see()["sessions"] == before - 1, "its session is ended")
        assert await call(server, known("ana")) == "nobody"
