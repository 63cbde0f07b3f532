"""What is wrong with `authentication`, said with its place and a remedy; and what is right loads as it is meant."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.model.authentication import ALGORITHMS, AuthenticationConfig, IssuerConfig

ISSUER = "https://auth.example.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "clients.pem").write_text("x")
    (tmp_path / "rules.cedar").write_text("permit(principal, action, resource);")
    return tmp_path / "narthex.yaml"


def loaded(path: Path, authentication: str, further: str = "", **environ: str) -> Loaded:
    path.write_text(f"servers: []\nauthentication: {authentication}\n{further}", encoding="utf-8")
    return load(path, environ)


def refused(path: Path, authentication: str, further: str = "", **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(path, authentication, further, **environ)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def meant(path: Path, authentication: str) -> AuthenticationConfig:
    found = loaded(path, authentication).config.authentication
    assert found is not None
    return found


def test_the_short_form_is_one_issuer(path: Path) -> None:
    found = meant(path, f'{{type: oauth2, issuer: "{ISSUER}", required_scopes: ["mcp:tools"]}}')

    assert found.all_issuers() == (IssuerConfig(issuer=ISSUER),)
    assert found.all_issuers()[0].algorithms == ALGORITHMS
    assert found.required_scopes == ("mcp:tools",)
    assert found.keys
    assert found.scopes.default == "allow"


def test_the_long_form_says_everything(path: Path) -> None:
    said: dict[str, Any] = {
        "type": "oauth2",
        "issuers": [
            {
                "issuer": ISSUER,
                "audience": ["api://tools"],
                "algorithms": ["ES256"],
                "tenant": "acme",
                "jwks_uri": f"{ISSUER}/keys",
                "typ": "at+jwt",
                "claims": {"scopes": "permissions", "subject": "email"},
                "introspection": {"client_id": "me", "client_secret": "s", "endpoint": f"{ISSUER}/ask"},
            },
            {"issuer": "http://10.0.0.5/realm", "allow_private": True},
            {"issuer": "http://localhost:9000"},
        ],
        "keys": False,
        "scopes": {
            "implies": {"mcp:admin": ["mcp:tools"]},
            "roles": {"claim": "groups", "grants": {"admins": ["mcp:admin"]}},
            "default": "deny",
        },
        "proxy": {"addresses": ["10.0.0.0/8", "fd00::1"], "subject": "X-Forwarded-User", "scopes": "X-Scopes"},
        "certificates": {"authority": "clients.pem", "subject": "cn", "scopes": ["mcp:tools"]},
        "policies": "rules.cedar",
    }
    result = loaded(path, yaml.safe_dump(said, default_flow_style=True, width=10_000))
    found = result.config.authentication

    assert found is not None
    assert [issuer.issuer for issuer in found.all_issuers()] == [one["issuer"] for one in said["issuers"]]
    assert found.issuers[0].claims.subject == "email"
    assert found.scopes.implies == {"mcp:admin": ("mcp:tools",)}
    assert found.certificates is not None
    assert found.certificates.authority == str(path.parent / "clients.pem")
    assert found.policies == str(path.parent / "rules.cedar")
    assert {path.parent / "clients.pem", path.parent / "rules.cedar"} <= set(result.sources)
    assert [warning.path for warning in result.warnings if "TLS" in warning.what] == ["authentication.certificates"]


def test_with_keys_alone_no_issuer_counts(path: Path) -> None:
    assert meant(path, "{type: keys}").all_issuers() == ()


BAD = {
    "{}": "the key 'type' is missing",
    "{type: basic}": "'basic' is not one of keys, oauth2",
    "{type: oauth2}": "'oauth2' needs somebody who issues tokens. Add 'issuer: https://…'",
    "{type: oauth2, issuers: []}": "'oauth2' needs somebody who issues tokens",
    f"{{type: keys, issuer: '{ISSUER}'}}": "with 'type: keys' no tokens of issuers are taken",
    "{type: keys, keys: false}": "nobody could call",
    f"{{type: oauth2, issuer: '{ISSUER}', issuers: [{{issuer: 'https://b.example'}}]}}": "the short form of one entry",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}'}}, {{issuer: '{ISSUER}'}}]}}": "this issuer is listed twice",
    "{type: oauth2, issuer: auth.example.com}": "it must begin with http:// or https://",
    "{type: oauth2, issuer: 'http://auth.example.com'}": "http is not taken. Write https://, or use 'issuers' with",
    "{type: oauth2, issuer: 'http://10.0.0.5'}": "http is not taken",
    "{type: oauth2, issuer: 'https://u:p@auth.example.com'}": "user and password do not belong in a URL",
    "{type: oauth2, issuer: 'https://auth.example.com?a=b'}": "the name of an issuer has no query",
    "{type: oauth2, issuer: 'https://auth.example.com#a'}": "has no '#…' part",
    "{type: oauth2, issuers: [{}]}": "the key 'issuer' is missing",
    "{type: oauth2, issuers: [x]}": "must be a mapping (key: value), and is text",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', algorithms: [HS256]}}]}}": "'HS256' is not one of",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', algorithms: [none]}}]}}": "'none' is not one of",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', algorithms: []}}]}}": "must not be empty",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', audience: []}}]}}": "must not be empty",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', jwks_uri: 'http://x.example/'}}]}}": "http is not taken",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', jwks_uri: x}}]}}": "must begin with http:// or https://",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', tenant: 'a b'}}]}}": "A tenant's name has 1 to 63",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', introspection: {{client_id: a}}}}]}}": "key 'client_secret' is",
    f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', introspection: {{client_id: a, client_secret: b, endpoint: "
    "'http://x.example'}}]}": "http is not taken",
    "{type: oauth2, issuers: [{issuer: 'https://a.example', introspection: {client_id: a, client_secret: b}}, "
    "{issuer: 'https://b.example', introspection: {client_id: a, client_secret: b}}]}": "only one issuer can be asked",
    f"{{type: oauth2, issuer: '{ISSUER}', required_scopes: ['a b']}}": "A scope has 1 to 256 visible ASCII",
    "{type: keys, scopes: {default: maybe}}": "'maybe' is not one of allow, deny",
    "{type: keys, scopes: {implies: {'a b': [c]}}}": "'a b' cannot be a name here",
    "{type: keys, scopes: {roles: {claim: groups}}}": "the key 'grants' is missing",
    "{type: keys, proxy: {addresses: [], subject: X-User}}": "must not be empty",
    "{type: keys, proxy: {addresses: [proxy.internal], subject: X-User}}": "names of hosts prove nothing",
    "{type: keys, proxy: {addresses: [0.0.0.0/0], subject: X-User}}": "is everybody: name the addresses",
    "{type: keys, proxy: {addresses: ['::/0'], subject: X-User}}": "is everybody: name the addresses",
    "{type: keys, proxy: {addresses: [10.0.0.5], subject: Authorization}}": "cannot be the header for this",
    "{type: keys, proxy: {addresses: [10.0.0.5], subject: 'X User'}}": "cannot be the header for this",
    "{type: keys, proxy: {addresses: [10.0.0.5], subject: X-User, scopes: x-user}}": "is the same header as 'subject'",
    "{type: keys, certificates: {authority: none.pem}}": "the file cannot be read: No such file",
    "{type: keys, issuer_url: x}": "unknown key 'issuer_url'",
}


@pytest.mark.parametrize("authentication", BAD)
def test_what_is_wrong_is_said_once_with_its_place(authentication: str, path: Path) -> None:
    problems = refused(path, authentication)

    assert len(problems) == 1, problems
    assert BAD[authentication] in problems[0]
    assert problems[0].startswith("2:")


def test_a_mistake_in_it_is_not_taken_for_its_absence(path: Path) -> None:
    """The gateway may listen elsewhere, as far as can be told: only the mistake is said."""
    problems = refused(path, "{type: oauth2, issuers: [x]}", "listen: http://0.0.0.0:8080\n")

    assert len(problems) == 1


def test_with_authentication_the_gateway_may_listen_elsewhere(path: Path) -> None:
    result = loaded(path, "{type: keys}", "listen: http://0.0.0.0:8080\n")

    assert result.config.listen == "http://0.0.0.0:8080"


def test_a_secret_is_in_no_problem_and_no_repr(path: Path) -> None:
    asked = f"{{type: oauth2, issuers: [{{issuer: '{ISSUER}', introspection: {{client_id: me, client_secret: '${{S}}'}}"
    secret = "hunter2-hunter2"
    good = loaded(path, f"{asked}}}]}}", S=secret)
    bad = refused(path, f"{asked}, tenant: '${{S}} x', jwks_uri: '${{S}}', typ: '${{S}}'}}]}}", S=secret)

    assert good.config.authentication is not None
    assert secret == good.config.authentication.issuers[0].introspection.client_secret  # type: ignore[union-attr]
    assert secret not in repr(good) + repr(good.config.authentication) + "".join(bad)
    assert len(bad) == 2
