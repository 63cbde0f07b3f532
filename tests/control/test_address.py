"""What is an address, which are on this machine, and what of one may be shown."""

import pytest

from narthex.control.address import Address, AddressError, is_loopback, parse_listen, parse_url, without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8080", Address("http", "127.0.0.1", 8080)),
        ("http://127.0.0.1:0/", Address("http", "127.0.0.1", 0)),
        ("https://gw.example.com", Address("https", "gw.example.com", 443)),
        ("http://localhost", Address("http", "localhost", 80)),
        ("http://[::1]:8080", Address("http", "::1", 8080)),
    ],
)
def test_an_address_to_listen_on(text: str, expected: Address) -> None:
    assert expected == parse_listen(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "8080", "localhost:8080", "ftp://x", "http:/x", "http://", "http://:80", "http://a:b", "http://a:70000"),
        *("http://a:", "http://a/mcp", "http://a?x", "http://u@a", "http://a b", "http://ä", "http://-a", "//a"),
        *("http://a..b", "http://a\n", "http://[::1", "http://a\\b"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_listen(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("2130706433", False),
    ],
)
def test_only_the_machine_itself_is_the_loopback(host: str, expected: bool) -> None:
    assert expected == is_loopback(host)


def test_a_url_may_hold_what_a_server_needs() -> None:
    assert parse_url("https://x.example:8443/a/mcp?v=1").path == "/a/mcp"


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert without_secrets("https://u:p@x.example/mcp?key=1#f") == "https://x.example/mcp"
