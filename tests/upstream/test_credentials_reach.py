"""How far the word of a server, and of an issuer, leads."""

import pytest

from narthex.model.credentials import CredentialsConfig
from narthex.upstream.credentials.home import reach_from, reach_of_server
from narthex.upstream.fetch import Reach

FAR, NEAR = "https://remote.example/mcp", "http://127.0.0.1:9000/mcp"


@pytest.mark.parametrize(
    ("upstream", "url", "expected"),
    [
        (FAR, "http://127.0.0.1:9999/admin", Reach.PUBLIC),
        (FAR, "https://remote.example/.well-known/oauth-protected-resource/mcp", Reach.PRIVATE),
        (FAR, "https://[x", Reach.PUBLIC),
        (NEAR, "http://127.0.0.1:9999/admin", Reach.LOOPBACK),
    ],
)
def test_what_an_issuer_is_allowed_is_no_leave_for_the_server(upstream: str, url: str, expected: Reach) -> None:
    assert reach_of_server(upstream, url) is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CredentialsConfig(type="client_credentials", issuer="http://localhost:8081/realm"), Reach.LOOPBACK),
        (CredentialsConfig(type="client_credentials", allow_private=True), Reach.PRIVATE),
        (CredentialsConfig(type="client_credentials", issuer="https://auth.example"), Reach.PUBLIC),
    ],
)
def test_an_issuer_leads_as_far_as_the_operator_lets_it(config: CredentialsConfig, expected: Reach) -> None:
    assert reach_from(FAR, config, "http://10.0.0.5/token") is expected
