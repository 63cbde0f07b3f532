"""What servers are shown, as written: each mistake is said where it stands, and nothing that cannot work is served."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError

UPSTREAM = "https://crm.example.com/mcp"
ISSUER = "https://auth.example.com"
CLIENT = {"type": "client_credentials", "issuer": ISSUER, "client_id": "a", "client_secret": "s3cret"}
CALLERS = {"authentication": {"type": "oauth2", "issuer": ISSUER}}
BEHIND_A_PROXY = {
    "authentication": {
        "type": "keys",
        "proxy": {"addresses": ["10.0.0.5"], "subject": "X-Auth-User", "scopes": "X-Auth-Scopes"},
    }
}
CONNECTS = {"type": "authorization_code"}
EXCHANGE = {**CLIENT, "type": "token_exchange"}
IDP = {"issuer": "https://idp.example.com", "client_id": "a", "client_secret": "s3cret"}


def loaded(tmp_path: Path, server: dict[str, Any], **further: Any) -> Loaded:
    path = tmp_path / "narthex.json"
    path.write_bytes(msgspec.json.encode({"servers": [{"name": "crm", "upstream": UPSTREAM, **server}], **further}))
    return load(path, {"TOKEN": "t"})


def problems(tmp_path: Path, server: dict[str, Any], **further: Any) -> list[str]:
    try:
        loaded(tmp_path, server, **further)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "credentials",
    [
        {"type": "header", "value": "Bearer ${TOKEN}"},
        {"type": "header", "header": "X-API-Key", "value_file": "key"},
        {"type": "header", "header": "Cookie", "value": "session=1"},
        {"type": "header", "value_command": ["cat", "key"], "secret_seconds": 60, "inherit_env": ["VAULT_*"]},
        CLIENT,
        {**CLIENT, "client_secret": None, "client_secret_file": "key", "method": "post", "scopes": ["a", "b"]},
        {**CLIENT, "client_secret": None, "private_key_file": "key", "key_id": "k", "algorithm": "ES256"},
        {**CLIENT, "client_secret": None, "client_secret_command": ["cat", "key"]},
        {**CLIENT, "client_secret": None, "private_key_command": ["cat", "key"], "algorithm": "ES256"},
        {**CLIENT, "issuer": None, "token_endpoint": f"{ISSUER}/token", "resource": "https://crm.example.com"},
        {**CLIENT, "issuer": "http://keycloak.internal/realms/a", "allow_private": True},
        {**CLIENT, "parameters": {"tenant": "x"}, "omit_resource": True},
        {**EXCHANGE, "audience": "crm", "subject_token_type": "jwt", "catalogue": "anonymous"},
        {**EXCHANGE, "type": "jwt_bearer"},
        {**EXCHANGE, "type": "id_jag", "idp": IDP, "issuer": None},
    ],
)
def test_what_can_work_loads(tmp_path: Path, credentials: dict[str, Any]) -> None:
    (tmp_path / "key").write_text("k")

    found = loaded(tmp_path, {"credentials": credentials}, **CALLERS)
    assert found.config.servers[0].credentials is not None
    assert found.warnings == ()
    assert "s3cret" not in repr(found.config)


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({"type": "oauth"}, "type"),
        ({"value": "x"}, "'type' is missing"),
        ({"type": "header"}, "needs one of 'value', 'value_file' and 'value_command'"),
        ({"type": "header", "value": "x", "value_file": "y"}, "needs one of 'value', 'value_file' and 'value_command'"),
        ({"type": "header", "value": "x", "value_command": ["y"]}, "needs one of 'value', 'value_file'"),
        ({"type": "header", "value_command": "cat key"}, "value_command"),
        ({"type": "header", "value_command": []}, "names no program"),
        ({"type": "header", "value_command": ["", "x"]}, "names no program"),
        ({"type": "header", "value_command": ["cat", "a\0b"]}, "NUL"),
        ({"type": "header", "value_command": ["cat"], "secret_seconds": 0}, "secret_seconds"),
        ({"type": "header", "value": "x", "secret_seconds": 60}, "is said of no command"),
        ({"type": "header", "value_file": "x", "inherit_env": ["A"]}, "is said of no command"),
        ({**CLIENT, "client_secret_command": ["cat"]}, "only one of client_secret, client_secret_command"),
        ({**CONNECTS, "client_secret_command": ["cat"]}, "'client_secret_command' is said of no client"),
        ({**EXCHANGE, "type": "id_jag", "idp": {**IDP, "secret_seconds": 60}}, "is said of no command"),
        ({"type": "header", "value": "two\nlines"}, "line break"),
        ({"type": "header", "value": "x", "header": "Host"}, "the gateway's own"),
        ({"type": "header", "value": "x", "header": "Mcp-Name"}, "the gateway's own"),
        ({"type": "header", "value": "x", "header": "no header"}, "header"),
        ({"type": "header", "value": "x", "client_id": "a"}, "'client_id' means nothing for the type 'header'"),
        ({**CLIENT, "value": "x"}, "'value' means nothing"),
        ({**CLIENT, "grant_of": "user"}, "'grant_of' means nothing"),
        ({**CONNECTS, "token_endpoint": f"{ISSUER}/token"}, "'token_endpoint' means nothing"),
        ({**CONNECTS, "client_id": "a"}, "a client is known to one issuer"),
        ({**CONNECTS, "client_secret": "x"}, "'client_secret' is said of no client"),
        ({**CONNECTS, "issuer": "http://auth.example.com"}, "in the clear"),
        ({**CONNECTS, "issuer": ISSUER, "client_id": "a", "client_document": "none"}, "a name there already"),
        ({**CONNECTS, "client_document": "http://tools.example.com/client.json"}, "https URL with a path"),
        ({**CONNECTS, "client_document": "https://tools.example.com"}, "https URL with a path"),
        ({**CONNECTS, "client_document": "client.json"}, "client_document"),
        ({**CONNECTS, "catalogue": "client"}, "without a user"),
        ({**CONNECTS, "catalogue": "caller", "grant_of": "gateway"}, "one grant serves"),
        ({**CONNECTS, "parameters": {"code": "x"}}, "the gateway's own to say"),
        ({**CONNECTS, "resource": "https://other.example.com"}, "none for the server"),
        ({**CLIENT, "audience": "x"}, "'audience' means nothing"),
        ({**CLIENT, "idp": IDP}, "'idp' means nothing"),
        ({**CLIENT, "client_id": None}, "'client_id' is missing"),
        ({**CLIENT, "client_secret": None}, "nothing proves"),
        ({**CLIENT, "private_key_file": "k"}, "only one of client_secret, private_key_file"),
        ({**CLIENT, "method": "private_key_jwt"}, "does not fit"),
        ({**CLIENT, "key_id": "k"}, "said of no key"),
        ({**CLIENT, "issuer": "http://auth.example.com"}, "in the clear"),
        ({**CLIENT, "issuer": "auth.example.com"}, "issuer"),
        ({**CLIENT, "token_endpoint": "https://a:b@auth.example.com/t"}, "do not belong in a URL"),
        ({**CLIENT, "resource": "https://other.example.com"}, "none for the server"),
        ({**CLIENT, "resource": "https://crm.example.com/mc"}, "none for the server"),
        ({**CLIENT, "parameters": {"Resource": "x"}}, "the gateway's own to say"),
        ({**CLIENT, "scopes": ["two words"]}, "scope"),
        ({**EXCHANGE, "issuer": None}, "only to an issuer that is named"),
        ({**EXCHANGE, "type": "id_jag"}, "nobody is named who vouches"),
        ({**EXCHANGE, "type": "id_jag", "idp": {**IDP, "issuer": None}}, "'issuer' is missing"),
        ({**EXCHANGE, "type": "id_jag", "idp": {**IDP, "client_secret": None}}, "nothing proves"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, credentials: dict[str, Any], said: str) -> None:
    found = problems(tmp_path, {"credentials": credentials}, **CALLERS)

    assert any(said in one for one in found), found
    assert all("credentials" in one for one in found)
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("further", [{}, {"authentication": {"type": "keys"}}])
def test_nothing_is_asked_for_on_behalf_of_callers_who_have_no_token(tmp_path: Path, further: dict[str, Any]) -> None:
    [said] = problems(tmp_path, {"credentials": EXCHANGE}, **further)

    assert "needs callers who come with a token" in said


def test_one_header_has_one_value(tmp_path: Path) -> None:
    [said] = problems(tmp_path, {"headers": {"authorization": "x"}, "credentials": CLIENT})

    assert "stands under 'credentials' too" in said


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({**CLIENT, "issuer": None}, "the server itself says who gets this secret"),
        ({**CLIENT, "client_secret": None, "client_secret_file": "missing"}, "cannot be read yet"),
        ({"type": "header", "value_command": ["no-such-program", "x"]}, "'no-such-program' is not found on the PATH"),
        ({"type": "header", "value_command": ["./no-such-program"]}, "'./no-such-program' is not found."),
        ({"type": "header", "value_command": ["cat key"]}, "no shell takes it apart"),
    ],
)
def test_what_is_worth_a_line(tmp_path: Path, credentials: dict[str, Any], said: str) -> None:
    [warning] = loaded(tmp_path, {"credentials": credentials}).warnings

    assert said in str(warning)


def test_a_server_in_the_clear_is_worth_a_line(tmp_path: Path) -> None:
    [warning] = loaded(tmp_path, {"upstream": "http://crm.internal/mcp", "credentials": CLIENT}).warnings

    assert "in the clear" in str(warning)


def test_files_stand_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    shown = {**EXCHANGE, "type": "id_jag", "client_secret": None, "client_secret_file": "key"}
    idp = {**IDP, "client_secret": None, "private_key_file": "key"}

    found = loaded(tmp_path, {"credentials": {**shown, "idp": idp}}, **CALLERS).config.servers[0].credentials
    assert found is not None
    assert found.idp is not None
    assert found.client_secret_file == found.idp.private_key_file == str(tmp_path / "key")


def test_headers_may_speak_of_callers(tmp_path: Path) -> None:
    headers = {"X-User": "${claims.sub}", "X-Who": "u=${principal.subject}; k=${TOKEN}; $${plain}"}

    found = loaded(tmp_path, {"headers": headers}, **CALLERS).config.servers[0].headers
    assert found == {"X-User": "${claims.sub}", "X-Who": "u=${principal.subject}; k=t; ${plain}"}


@pytest.mark.parametrize(
    ("server", "further", "said"),
    [
        ({"headers": {"X-User": "${claims.sub}"}}, {}, "nothing is known of a caller"),
        ({"headers": {"X-User": "${principal.name}"}}, CALLERS, "is not known"),
        ({"description": "${claims.sub}"}, CALLERS, "only stand in 'headers'"),
        ({"headers": {"X-User": "${claims.}"}}, CALLERS, "only stand in 'headers'"),
        ({"pass_headers": ["Authorization"]}, {}, "goes to no server"),
        ({"pass_headers": ["cookie"]}, {}, "goes to no server"),
        ({"pass_headers": ["X-API-Key"]}, {}, "goes to no server"),
        ({"pass_headers": ["Mcp-Name"]}, {}, "goes to no server"),
        ({"pass_headers": ["Proxy-Connection"]}, {}, "goes to no server"),
        ({"pass_headers": ["X-Forwarded-For"]}, {}, "goes to no server"),
        ({"pass_headers": ["X-A", "x-a"]}, {}, "written for this server already"),
        ({"pass_headers": ["X-A"], "headers": {"x-a": "1"}}, {}, "written for this server already"),
        ({"pass_headers": [f"X-{n}" for n in range(17)]}, {}, "more than 16"),
        ({"pass_headers": ["no name"]}, {}, "pass_headers"),
        ({"pass_headers": ["X-Trace-*"]}, {}, "no pattern is taken here"),
        ({"pass_headers": ["x-auth-user"]}, BEHIND_A_PROXY, "a proxy says who calls"),
        ({"pass_headers": ["X-Auth-Scopes"]}, BEHIND_A_PROXY, "a proxy says who calls"),
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, server: dict[str, Any], further: dict[str, Any], said: str) -> None:
    found = problems(tmp_path, server, **further)

    assert any(said in one for one in found), found


def test_a_command_is_shown_nothing(tmp_path: Path) -> None:
    path = tmp_path / "narthex.json"
    path.write_bytes(
        msgspec.json.encode(
            {"servers": [{"name": "a", "command": ["sh"], "credentials": CLIENT, "pass_headers": ["X"]}]}
        )
    )

    assert sorted(str(one).split(": ")[1] for one in load(path, {"PATH": "/bin"}).warnings) == [
        "servers[0].credentials",
        "servers[0].pass_headers",
    ]


@pytest.mark.parametrize(
    "credentials",
    [
        CONNECTS,
        {**CONNECTS, "issuer": ISSUER, "scopes": ["a"], "catalogue": "anonymous"},
        {**CONNECTS, "issuer": ISSUER, "client_id": "a"},
        {**CONNECTS, "issuer": ISSUER, "client_id": "a", "client_secret": "s3cret", "method": "post"},
        {**CONNECTS, "client_document": "https://tools.example.com/client.json"},
        {**CONNECTS, "client_document": "none", "grant_of": "gateway"},
    ],
)
def test_a_grant_of_each_user_can_work(tmp_path: Path, credentials: dict[str, Any]) -> None:
    found = loaded(tmp_path, {"credentials": credentials})

    assert found.warnings == ()
    assert "s3cret" not in repr(found.config)


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"key": "c2hvcnQ="}, "is no key: it has to be 32 bytes"),
        ({"key": "A" * 43, "old_keys": ["no"]}, "vault.old_keys"),
        ({"old_keys": []}, "'key' is missing"),
        ({"key": "A" * 43, "old_keys": ["A" * 43] * 9}, "old_keys"),
    ],
)
def test_a_vault_key_that_seals_nothing_is_said_and_not_shown(tmp_path: Path, vault: dict[str, Any], said: str) -> None:
    (problem,) = problems(tmp_path, {"credentials": CONNECTS}, vault=vault)

    assert said in problem
    assert "c2hvcnQ=" not in problem


def test_a_good_vault_key_is_taken_and_not_printed(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"credentials": CONNECTS}, vault={"key": "A" * 43, "old_keys": ["B" * 43]})

    assert "AAAA" not in repr(found.config)
