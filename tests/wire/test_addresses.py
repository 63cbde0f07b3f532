"""Who counts as one client, and which networks an operator may name."""

from ipaddress import ip_address, ip_network

import pytest

from narthex.wire.addresses import address_key, networks, plain


def test_an_ipv6_network_is_one_client() -> None:
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1%eth0") == "2001:db8::"
    assert address_key("2001:db8:0:1::1") == "2001:db8:0:1::"


def test_an_ipv4_address_is_itself_however_it_came() -> None:
    assert address_key("192.0.2.1") == address_key("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain("::ffff:192.0.2.1") == ip_address("192.0.2.1")


@pytest.mark.parametrize("text", ["", "localhost", "192.0.2", "192.0.2.1:80", "1", "unix:"])
def test_what_is_no_address(text: str) -> None:
    assert plain(text) is None
    assert isinstance(address_key(text), str)


def test_networks_and_single_addresses() -> None:
    assert networks(["10.0.0.0/8", " fd00::/8", "192.0.2.7"]) == (
        ip_network("10.0.0.0/8"),
        ip_network("fd00::/8"),
        ip_network("192.0.2.7/32"),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.1.2.3/8", "write 10.0.0.0/8, or the address alone"),
        ("proxy.internal", "no address or network"),
        ("", "no address or network"),
        ("0.0.0.0/0", "is everybody"),
        ("::/0", "is everybody"),
        ("::ffff:10.0.0.0/104", "in the clothes of IPv6"),
    ],
)
def test_a_network_that_cannot_be_meant(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        networks([text])
