"""Client credentials end to end: a real issuer, a real server, and what each of them saw."""

import asyncio
import json
from pathlib import Path

import pytest
from credentials_kit import SECRET, House, call, oauth, opened, until
from joserfc.jwk import ECKey, RSAKey

from narthex.model.outcome import UpstreamFault
from narthex.upstream.health import State
from process_kit import Far


async def test_a_token_is_got_and_shown(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, scopes=["read"])) as server:
        assert await call(server) == "gateway"

    [asked] = issuer.seen
    assert asked["form"] == {
        "grant_type": "client_credentials",
        "resource": f"{far.origin}/mcp",
        "scope": "read",
    }
    assert asked["authorization"].startswith("Basic ")
    assert {one["sub"] for one in far.seen} == {"gateway"}


@pytest.mark.parametrize(("says", "method"), [(["client_secret_post"], None), (["client_secret_basic"], "post")])
async def test_the_secret_goes_into_the_body_where_the_issuer_or_the_operator_says_so(
    issuer: Far, far: Far, says: list[str], method: str | None
) -> None:
    issuer.order({"metadata": {"token_endpoint_auth_methods_supported": says}})
    chosen = {"method": method} if method else {}

    async with opened(far, **oauth(issuer, **chosen)) as server:
        assert await call(server) == "gateway"
    assert issuer.seen[0]["form"]["client_secret"] == SECRET
    assert issuer.seen[0]["authorization"] == ""


@pytest.mark.parametrize("kind", ["RSA", "EC"])
@pytest.mark.parametrize("form", ["pem", "jwk"])
async def test_a_private_key_proves_the_client(issuer: Far, far: Far, tmp_path: Path, kind: str, form: str) -> None:
    key = RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-256")
    file = tmp_path / "key"
    file.write_bytes(key.as_pem(private=True) if form == "pem" else json.dumps(key.as_dict(private=True)).encode())
    issuer.order({"clients": {"gateway": {"key": key.as_dict(private=False)}}})

    async with opened(far, **oauth(issuer, client_secret=None, private_key_file=str(file), key_id="k")) as server:
        assert await call(server) == "gateway"
    assert "client_id" not in issuer.seen[0]["form"]
    assert "client_secret" not in issuer.seen[0]["form"]


async def test_a_token_is_replaced_before_its_end_while_nobody_calls(issuer: Far, far: Far) -> None:
    issuer.order({"seconds": 2})

    async with opened(far, **oauth(issuer)) as server:
        await call(server)
        first = far.seen[-1]["token"]
        await until(lambda: len(issuer.seen) >= 2, "a second token")
        told = [one["at"] for one in issuer.seen]
        await until(lambda: server.opener.http.credentials.ready(None).token.value != first, "it is shown")
        await call(server)
    assert 1.0 <= told[1] - told[0] < 1.9
    assert far.seen[-1]["token"] != first
    assert far.seen[-1]["sub"] == "gateway"


async def test_sixty_four_calls_wait_for_one_token(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer)) as server:
        await call(server)
        far.order({"revoke": [far.seen[-1]["token"]]})
        issuer.order({"held": True})
        calls = [asyncio.ensure_future(call(server)) for _ in range(64)]
        await until(lambda: issuer.seen, "somebody asks")
        issuer.order("open")
        assert await asyncio.gather(*calls) == ["gateway"] * 64

    assert len(issuer.seen) == 1


async def test_a_refused_token_is_replaced_and_the_request_repeated_once(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer)) as server:
        await call(server)
        old = far.seen[-1]["token"]
        far.order({"revoke": [old]})
        before = len(far.seen)
        assert await call(server) == "gateway"

    tokens = [one["token"] for one in far.seen[before:] if one["method"] == "tools/call"]
    assert tokens[0] == old
    assert len(tokens) == 2
    assert tokens[1] != old


async def test_a_server_that_refuses_every_token_is_no_reason_to_ask_for_more(issuer: Far, far: Far) -> None:
    house = House()
    async with opened(far, house, **oauth(issuer)) as server:
        await call(server)
        far.order({"closed": True})
        for _ in range(5):
            with pytest.raises(UpstreamFault) as caught:
                await call(server)
            assert caught.value.reason == "upstream_unauthorized"

    assert "HTTP 401" in caught.value.detail
    assert "audience" in str(caught.value)
    assert len(issuer.seen) == 2


async def test_more_scopes_are_asked_for_once(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, scopes=["read"])) as server:
        await call(server)
        assert await asyncio.gather(*[call(server, None, "admin") for _ in range(8)]) == ["admin gateway"] * 8
        await call(server)

    assert [one["form"]["scope"] for one in issuer.seen] == ["read", "admin read"]
    assert len({one["token"] for one in far.seen}) == 2


async def test_scopes_that_are_not_granted_leave_everything_else_as_it_was(issuer: Far, far: Far) -> None:
    issuer.order({"scopes": ["read"]})
    async with opened(far, **oauth(issuer, scopes=["read"])) as server:
        await call(server)
        for _ in range(3):
            with pytest.raises(UpstreamFault, match="'admin'") as caught:
                await call(server, None, "admin")
        assert await call(server) == "gateway"

    assert caught.value.reason == "upstream_unauthorized"
    assert len(issuer.seen) <= 4


async def test_a_server_that_always_wants_more_is_followed_a_few_times_only(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer)) as server:
        await call(server)
        for number in range(8):
            far.order({"admin_needs": ["admin", f"more-{number}", "never"], "metadata": {}})
            issuer.order({"answer": {"scope": "admin"}}) if number == 0 else None
            with pytest.raises(UpstreamFault):
                await call(server, None, "admin")

    assert len(issuer.seen) <= 4


async def test_a_rotated_secret_is_used_for_the_next_token(issuer: Far, far: Far, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    async with opened(far, **oauth(issuer, client_secret=None, client_secret_file=str(file))) as server:
        await call(server)
        issuer.order({"clients": {"gateway": {"secret": "the next secret"}}})
        file.write_text("the next secret\n")
        far.order({"revoke": [far.seen[-1]["token"]]})

        assert await call(server) == "gateway"


async def test_an_issuer_that_is_down_is_told_and_asked_again(issuer: Far, far: Far) -> None:
    house = House()
    async with opened(far, house, **oauth(issuer)) as server:
        issuer.order({"status": 503})
        with pytest.raises(UpstreamFault) as caught:
            await call(server)
        assert caught.value.reason == "upstream_unauthorized"
        assert caught.value.retry_after_ms is not None
        asked = len(issuer.seen)
        with pytest.raises(UpstreamFault):
            await call(server)  # at once, without asking anybody
        assert len(issuer.seen) == asked
        issuer.order({})

        await until(lambda: server.health.state is State.UP, "it comes back by itself")
        assert await call(server) == "gateway"
    assert any("503" in said for said in house.said)
    assert any("can be had again" in said for said in house.said)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"access_token": "two words"}, "no access token"),
        ({"access_token": "a\r\nX-Evil: 1"}, "no access token"),
        ({"access_token": 7}, "no access token"),
        ({"access_token": "x" * 20_000}, "longer than"),
        ({"token_type": "DPoP"}, "Bearer"),
    ],
)
async def test_answers_that_hold_no_usable_token(issuer: Far, far: Far, answer: dict[str, object], said: str) -> None:
    issuer.order({"answer": answer})
    house = House()
    async with opened(far, house, **oauth(issuer)) as server:
        with pytest.raises(UpstreamFault):
            await call(server)

    assert any(said in one for one in house.said)
    assert [one for one in far.seen if one["method"]] == []


async def test_a_token_without_an_end_is_not_kept_for_ever(issuer: Far, far: Far) -> None:
    issuer.order({"answer": {"expires_in": None}})
    async with opened(far, **oauth(issuer)) as server:
        await call(server)
        entry = next(iter(server.opener.http.credentials._entries.values()))
        left = entry.until - asyncio.get_running_loop().time()

    assert 200 < left < 300


async def test_no_secret_is_told(issuer: Far, far: Far) -> None:
    house = House()
    issuer.order({"said": f"wrong secret {SECRET}x for you", "clients": {"gateway": {"secret": "another"}}})
    async with opened(far, house, **oauth(issuer)) as server:
        with pytest.raises(UpstreamFault) as caught:
            await call(server)
        told = [*house.said, str(caught.value), repr(caught.value.failure()), str(server.status()), repr(server.config)]
        assert any("invalid_client" in one for one in house.said)
        issuer.order({})

        await until(lambda: server.health.state is State.UP, "it comes back by itself")
        await call(server)
        token = far.seen[-1]["token"]
        credentials = server.opener.http.credentials
        told += [repr(credentials), *map(repr, credentials._entries.values()), server.opener.hide(f"said {token}")]
        told += [repr(credentials.ready(None)), repr(server.opener.http), *house.said]

    assert [one for one in told if SECRET in one or token in one] == []
