"""Who calls, in the words of a proxy in front: believed from its address, and from nowhere else."""

import pytest

from narthex.identity.proxy import Forwarded
from narthex.limits import subject_chars_max
from narthex.model.authentication import ProxyConfig
from narthex.model.identity import Principal, Refusal

CONFIG = ProxyConfig(addresses=("10.0.0.0/8", "fd00::1"), subject="X-Forwarded-User", scopes="X-Forwarded-Scopes")


def forwarded(*addresses: str) -> Forwarded:
    return Forwarded(ProxyConfig(addresses=addresses, subject="X-User") if addresses else CONFIG)


def test_a_proxy_names_subject_and_scopes() -> None:
    who = forwarded().principal("10.1.2.3", ("ana@example.com", "mcp:tools  crm:read"))

    assert isinstance(who, Principal)
    assert (who.subject, who.scopes, who.how) == ("ana@example.com", {"mcp:tools", "crm:read"}, "proxy")
    assert (who.tenant, who.issuer, who.endpoints) == ("", "", None)


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.255.255.255", "::ffff:10.0.0.1", "fd00::1", "fd00::1%eth0"])
def test_the_proxies_are_known_by_their_address(peer: str) -> None:
    assert forwarded().vouches(peer)
    assert isinstance(forwarded().principal(peer, ("ana", "")), Principal)


@pytest.mark.parametrize(
    "peer", ["", "11.0.0.1", "127.0.0.1", "fd00::2", "::1", "::ffff:11.0.0.1", "10.0.0.1.evil", "x"]
)
def test_from_anywhere_else_the_headers_say_nothing(peer: str) -> None:
    """Not even that they are wrong: a stranger learns nothing of what is believed."""
    assert forwarded().principal(peer, ("ana", "")) is None
    assert forwarded().principal(peer, ("a,b\x00", "")) is None


def test_what_was_found_for_a_proxy_is_not_found_for_a_stranger() -> None:
    room = forwarded()
    said = ("ana", "mcp:admin")

    assert room.principal("10.0.0.1", said) is room.principal("10.0.0.2", said)
    assert room.principal("203.0.113.9", said) is None


def test_a_proxy_that_names_nobody_names_nobody() -> None:
    assert forwarded().principal("10.0.0.1", None) is None


@pytest.mark.parametrize(
    "said",
    [
        ("", ""),
        (" ", ""),
        ("ana, eve", ""),  # two headers that somebody has joined
        ("ana,eve", ""),
        ("ana\x00", ""),
        ("ana\x7f", ""),
        ("ana\nbo", ""),
        ("é", ""),
        ("a" * (subject_chars_max + 1), ""),
        ("ana", "a,b"),
        ("ana", 'a "b"'),
        ("ana", "a\x00"),
        ("ana", " ".join(f"s{n}" for n in range(101))),
    ],
)
def test_what_no_proxy_should_say_is_refused(said: tuple[str, str]) -> None:
    refusal = forwarded().principal("10.0.0.1", said)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.error) == (400, "invalid_request")


def test_names_with_spaces_inside_are_names() -> None:
    who = forwarded().principal("10.0.0.1", ("Ana B. Example", ""))

    assert isinstance(who, Principal)
    assert who.subject == "Ana B. Example"


@pytest.mark.parametrize("address", ["0.0.0.0/0", "10.1.2.3/8", "proxy"])
def test_addresses_that_cannot_be_meant(address: str) -> None:
    with pytest.raises(ValueError, match=r"everybody|inside a network|no address"):
        forwarded(address)


def test_memory_is_bounded() -> None:
    room = forwarded()
    for n in range(25_000):
        room.principal("10.0.0.1", (f"user-{n}", ""))
        room.vouches(f"192.0.{n >> 8 & 255}.{n & 255}")

    assert room.remembered <= 20_000


def test_a_forwarded_user_is_not_a_key_of_the_same_name() -> None:
    who = forwarded().principal("10.0.0.1", ("ci", ""))

    assert isinstance(who, Principal)
    assert who.key != Principal(subject="ci", how="key").key != Principal(subject="ci", how="certificate").key
