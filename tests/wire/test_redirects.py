"""Where a browser may be sent back to."""

import pytest

from narthex.wire.redirects import BadRedirect, check, form_action, matches

GOOD = [
    "https://claude.ai/api/mcp/auth_callback",
    "https://app.example:8443/cb?x=1",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:33418/",
    "http://localhost:6274/oauth/callback",
    "http://[::1]:5000/cb",
    "cursor://anysphere.cursor-retrieval/oauth/callback",
    "vscode://vscode.github-authentication/did-authenticate",
    "com.example.app:/oauth",
]
BAD = [
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "ms-msdt:/id",
    "file:///etc/passwd",
    "http://example.com/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "https://user:secret@app.example/cb",
    "https://app.example/cb#fragment",
    "https://app.example/c b",
    "https://app.example\\@evil.example/",
    "https:///cb",
    "https://*.example/cb",
    "https://app.example/\r\nSet-Cookie: a=b",
    "https://app.example:port/cb",
    "//app.example/cb",
    "/cb",
    "https://bücher.example/cb",
    "https://app.example/" + "a" * 3_000,
    "myapp://cb",
]


@pytest.mark.parametrize("uri", GOOD)
def test_a_client_may_register_where_only_it_can_read_the_answer(uri: str) -> None:
    check(uri)

    assert matches(uri, [uri])


@pytest.mark.parametrize("uri", BAD)
def test_a_client_may_not_register_what_a_browser_should_never_open(uri: str) -> None:
    with pytest.raises(BadRedirect):
        check(uri)


def test_the_operator_may_name_further_schemes() -> None:
    check("myapp://cb", ["myapp"])


@pytest.mark.parametrize(
    ("asked", "registered", "same"),
    [
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1/cb", True),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:6000/cb", True),
        ("http://localhost:5000/cb", "http://localhost:6000/cb", True),
        ("http://[::1]:5000/cb", "http://[::1]/cb", True),
        ("http://localhost:5000/cb", "http://127.0.0.1:5000/cb", False),
        ("http://127.0.0.1:5000/other", "http://127.0.0.1:5000/cb", False),
        ("http://127.0.0.1:5000/cb?x=1", "http://127.0.0.1:5000/cb", False),
        ("http://127.0.0.1:5000@evil.example/cb", "http://127.0.0.1:5000/cb", False),
        ("http://a@127.0.0.1:5000/cb", "http://127.0.0.1:5000/cb", False),
        ("http://127.0.0.1:99999/cb", "http://127.0.0.1:5000/cb", False),
        ("https://app.example:8443/cb", "https://app.example/cb", False),
        ("https://app.example/cb/", "https://app.example/cb", False),
        ("https://app.example/cb?x=1", "https://app.example/cb", False),
        ("https://APP.example/cb", "https://app.example/cb", False),
        ("https://app.example/cb%2F..", "https://app.example/cb", False),
    ],
)
def test_an_address_is_the_registered_one_sign_by_sign_but_for_a_port_of_this_machine(
    asked: str, registered: str, same: bool
) -> None:
    assert matches(asked, [registered]) is same


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://app.example:8443/cb?x", "https://app.example:8443"),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/cb", "http:"),
        ("cursor://x/cb", "cursor:"),
    ],
)
def test_a_policy_names_where_a_form_may_end(uri: str, source: str) -> None:
    assert form_action(uri) == source
