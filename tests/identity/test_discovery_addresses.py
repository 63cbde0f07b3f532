"""Where an issuer's metadata are looked for, and whom they must speak of."""

import asyncio

import pytest
from identity_kit import Clock, Realm

from narthex.identity.discovery import Discovery, read
from narthex.limits import issuer_metadata_seconds_max, issuer_retry_seconds_min
from narthex.upstream.fetch import Fetched, FetchFault, Reach
from narthex.upstream.http import Tls
from narthex.upstream.issuer_metadata import about, addresses

PATH = "https://auth.example.com/realms/acme"


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        (
            "https://auth.example.com",
            (
                "https://auth.example.com/.well-known/oauth-authorization-server",
                "https://auth.example.com/.well-known/openid-configuration",
            ),
        ),
        (
            PATH,
            (
                "https://auth.example.com/.well-known/oauth-authorization-server/realms/acme",
                "https://auth.example.com/.well-known/openid-configuration/realms/acme",
                "https://auth.example.com/realms/acme/.well-known/openid-configuration",
            ),
        ),
        (
            "https://auth.example.com:8443/",
            (
                "https://auth.example.com:8443/.well-known/oauth-authorization-server",
                "https://auth.example.com:8443/.well-known/openid-configuration",
            ),
        ),
    ],
)
def test_the_addresses_come_in_the_order_of_the_specification(issuer: str, expected: tuple[str, ...]) -> None:
    assert addresses(issuer) == expected


@pytest.mark.parametrize("said", [None, "", PATH + "/", PATH.upper(), 7, [PATH], "https://evil.example"])
def test_metadata_of_anybody_else_are_refused(said: object) -> None:
    with pytest.raises(FetchFault) as caught:
        about(Fetched(200, {"issuer": said, "jwks_uri": "https://evil.example/keys"}), PATH, "https://x/y")

    assert caught.value.reason == "issuer"


def test_of_what_the_metadata_say_only_what_has_the_right_form_counts() -> None:
    odd = {"issuer": PATH, "jwks_uri": 7, "introspection_endpoint": None}
    odd["introspection_endpoint_auth_methods_supported"] = ["client_secret_post", 7]
    found = read(odd)

    assert (found.jwks_uri, found.introspection_endpoint) == ("", "")
    assert found.introspection_methods == ("client_secret_post",)


async def test_metadata_are_asked_for_once_by_all_and_again_after_an_hour(realm: Realm) -> None:
    realm.publish()
    clock = Clock()
    discovery = Discovery(realm.url, Reach.LOOPBACK, Tls(), clock)
    await asyncio.gather(*(discovery.get() for _ in range(20)))
    once = realm.asked()["oauth"]
    clock.now += issuer_metadata_seconds_max
    await discovery.get()

    assert once == 1
    assert realm.asked()["oauth"] == 2


async def test_that_there_are_none_is_believed_for_a_second(realm: Realm) -> None:
    clock = Clock()
    discovery = Discovery(realm.url, Reach.LOOPBACK, Tls(), clock)
    told = await asyncio.gather(*(discovery.get() for _ in range(20)), return_exceptions=True)
    once = realm.asked()["oauth"]
    realm.publish()
    clock.now += issuer_retry_seconds_min
    found = await discovery.get()

    assert {type(one) for one in told} == {FetchFault}
    assert once == 1
    assert found.jwks_uri == f"{realm.url}/keys"
