"""Whom to ask for a token: what the server says, what an issuer says of itself, and where neither may lead us."""

from typing import Any

import pytest
from credentials_kit import House, call, oauth, opened, started

from narthex.model.outcome import UpstreamFault
from narthex.upstream.credentials.canonical import canonical, covers
from narthex.upstream.credentials.challenge import challenge_of
from narthex.upstream.http.reply import HttpReply
from process_kit import Far


async def refusal(far: Far, /, **config: Any) -> str:
    """What the operator is told when no token can be had."""
    house = House()
    async with opened(far, house, **config) as server:
        with pytest.raises(UpstreamFault) as caught:
            await call(server)
    assert caught.value.reason == "upstream_unauthorized"
    assert far.origin not in caught.value.detail
    return "\n".join(house.said)


async def test_the_challenge_says_where_the_metadata_are_and_which_scopes(issuer: Far, far: Far) -> None:
    there = f"{far.origin}/.well-known/elsewhere"
    said = f'resource_metadata="{there}", scope="read write"'
    far.order({"challenge": said, "metadata_at": ["/.well-known/elsewhere"], "issuers": [issuer.origin]})

    async with opened(far, **oauth(None)) as server:
        assert await call(server) == "gateway"
    assert issuer.seen[0]["form"]["scope"] == "read write"
    assert issuer.seen[0]["form"]["resource"] == f"{far.origin}/mcp"


@pytest.mark.parametrize(
    "place", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"]
)
async def test_without_a_challenge_the_usual_places_are_asked_in_order(issuer: Far, far: Far, place: str) -> None:
    far.order({"metadata_at": [place], "issuers": [issuer.origin], "metadata": {"scopes_supported": ["all"]}})

    async with opened(far, **oauth(None)) as server:
        assert await call(server) == "gateway"
    asked = [one["path"] for one in far.seen if one["path"].startswith("/.well-known/")]
    assert asked[0] == "/.well-known/oauth-protected-resource/mcp"
    assert asked[-1] == place
    assert issuer.seen[0]["form"]["scope"] == "all"


async def test_an_issuer_with_a_path_is_asked_in_three_places_in_order(issuer: Far, far: Far) -> None:
    name = f"{issuer.origin}/tenant"
    last = "/tenant/.well-known/openid-configuration"
    issuer.order({"issuer": name, "at": [last]})

    async with opened(far, **oauth(None, issuer=name)) as server:
        assert await call(server) == "gateway"
    assert issuer.see()["asked"] == [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        last,
    ]


@pytest.mark.parametrize("said", ["https://other.example", "", "http://127.0.0.1/"])
async def test_metadata_of_another_issuer_are_refused(issuer: Far, far: Far, said: str) -> None:
    issuer.order({"issuer": said})

    assert "speaks of the issuer" in await refusal(far, **oauth(issuer))
    assert issuer.seen == []


async def test_a_slash_more_is_another_issuer(issuer: Far, far: Far) -> None:
    issuer.order({"issuer": f"{issuer.origin}/"})

    assert "speaks of the issuer" in await refusal(far, **oauth(issuer))


async def test_metadata_of_another_server_are_refused(issuer: Far, far: Far) -> None:
    far.order({"issuers": [issuer.origin], "metadata": {"resource": "https://bank.example/mcp"}})

    assert "speaks of 'https://bank.example/mcp'" in await refusal(far, **oauth(None))
    assert issuer.seen == []


@pytest.mark.parametrize(
    "issuer_named",
    [
        "http://169.254.169.254/latest",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "https://192.168.1.1",
        "https://[::ffff:169.254.169.254]",
        "https://[::ffff:10.0.0.1]",
        "https://[fd00:ec2::254]",
        "http://example.com",
        "file:///etc/passwd",
        "https://user:pass@example.com",
    ],
)
async def test_a_server_cannot_lead_us_into_private_networks(far: Far, issuer_named: str) -> None:
    far.order({"issuers": [issuer_named]})

    said = await refusal(far, **oauth(None))
    assert "gives no token" in said
    assert "user:pass" not in said


@pytest.mark.parametrize("address", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "169.254.1.1"])
async def test_not_even_where_private_networks_are_allowed_a_cloud_is_asked_for_its_secrets(
    far: Far, address: str
) -> None:
    far.order({"issuers": [f"http://{address}"]})

    assert "does not allow" in await refusal(far, **oauth(None, allow_private=True))


@pytest.mark.parametrize("address", ["http://169.254.169.254/x", "https://10.0.0.1/x", "https://[::ffff:10.0.0.1]/x"])
async def test_nor_by_the_address_of_its_metadata(far: Far, address: str) -> None:
    far.order({"challenge": f'resource_metadata="{address}"'})

    assert "whom to ask" in await refusal(far, **oauth(None))
    assert [one["path"] for one in far.seen if one["path"].startswith("/.well-known/")] == []


@pytest.mark.parametrize("address", ["http://169.254.169.254/token", "https://10.0.0.1/token"])
async def test_nor_an_issuer_by_the_address_of_its_token_endpoint(issuer: Far, far: Far, address: str) -> None:
    issuer.order({"metadata": {"token_endpoint": address}})

    assert "gives no token" in await refusal(far, **oauth(issuer))


async def test_redirects_are_not_followed(issuer: Far, far: Far) -> None:
    issuer.order({"redirect": f"{issuer.origin}/jwks"})

    assert "redirect" in await refusal(far, **oauth(issuer))
    assert all(path != "/jwks" for path in issuer.see()["asked"])


async def test_the_issuer_found_first_stays_the_one(issuer: Far, far: Far) -> None:
    """Whoever is asked for a token is shown the secret: a server that changes its mind gets nothing new."""
    far.order({"issuers": [issuer.origin]})
    with started("credentials_issuer.py") as other:
        async with opened(far, **oauth(None)) as server:
            await call(server)
            token = far.seen[-1]["token"]
            far.order({"issuers": [other.origin]})
            far.order({"revoke": [token]})
            assert await call(server) == "gateway"
        assert other.seen == []
        assert other.see()["asked"] == []


async def test_a_token_endpoint_written_down_needs_no_metadata(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(None, token_endpoint=f"{issuer.origin}/token")) as server:
        assert await call(server) == "gateway"

    assert issuer.see()["asked"] == []


async def test_the_resource_may_be_written_or_left_out(issuer: Far, far: Far) -> None:
    async with opened(far, **oauth(issuer, resource=far.origin)) as server:
        await call(server)
    async with opened(far, **oauth(issuer, omit_resource=True, parameters={"tenant": "x"})) as server:
        await call(server)

    assert issuer.seen[0]["form"]["resource"] == far.origin
    assert issuer.seen[1]["form"] == {"grant_type": "client_credentials", "tenant": "x"}


def test_the_name_of_a_server() -> None:
    assert canonical("HTTPS://MCP.Example.com:443/mcp/?key=secret") == "https://mcp.example.com/mcp"
    assert canonical("http://[::1]:8080/") == "http://[::1]:8080"
    assert covers("https://a.example", "https://a.example/mcp")
    assert covers("https://A.example/mcp/", "https://a.example/mcp")
    assert not covers("https://a.example/m", "https://a.example/mcp")
    assert not covers("https://a.example/mcp/x", "https://a.example/mcp")
    assert not covers("https://a.example:444", "https://a.example/mcp")
    assert not covers("http://a.example", "https://a.example/mcp")


@pytest.mark.parametrize(
    ("header", "error", "scopes", "metadata"),
    [
        (b'Bearer resource_metadata="https://a/b", scope="x y"', "", {"x", "y"}, "https://a/b"),
        (b'Basic realm="a, b", Bearer error=insufficient_scope, scope="x"', "insufficient_scope", {"x"}, ""),
        (b'Bearer error="a", Digest error="b", scope="c"', "a", set(), ""),
        (b'Basic error="x"', "", set(), ""),
        (b'bearer scope="a\\"b c"', "", {"c"}, ""),
        (b"Bearer", "", set(), ""),
        (b"", "", set(), ""),
        (b"Bearer " + b"x" * 9_000, "", set(), ""),
        (b'Bearer scope="' + b"a" * 300 + b'"', "", set(), ""),
    ],
)
def test_what_a_challenge_says(header: bytes, error: str, scopes: set[str], metadata: str) -> None:
    found = challenge_of(HttpReply(401, {b"www-authenticate": header}, b"", b""))

    assert (found.error, set(found.scopes), found.resource_metadata) == (error, scopes, metadata)
