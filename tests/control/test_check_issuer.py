"""What is wrong with `authentication.server`, said with its place and a remedy."""

from pathlib import Path

import pytest

from narthex.control.load import load
from narthex.control.problem import ConfigError

HASH = "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$G8qyi3m2Cg6wJjGnQm4LRQ"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "users.yaml").write_text(f"- {{name: ana, password: '{HASH}'}}\n")
    (tmp_path / "bad.yaml").write_text("- {name: ana, password: plain}\n")
    return tmp_path / "narthex.yaml"


def write(path: Path, server: str, further: str = "") -> Path:
    path.write_text(f"servers: []\nauthentication: {{type: oauth2, server: {server}}}\n{further}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "server",
    [
        "{}",
        "{users: users.yaml}",
        '{login: {issuer: "https://idp.example", client_id: a, client_secret: b}}',
        '{login: {issuer: "http://127.0.0.1:8180/realms/x", client_id: a}}',
        '{clients: [{client_id: ci, client_secret: x, scopes: [a]}, {client_id: app, redirect_uris: ["https://a.example/cb"]}]}',
        '{redirect_schemes: [acme], clients: [{client_id: app, redirect_uris: ["acme://cb"]}]}',
    ],
)
def test_what_makes_sense_loads(path: Path, server: str) -> None:
    loaded = load(write(path, server), {})

    assert loaded.config.authentication.server is not None


def test_the_file_of_users_stands_beside_the_configuration(path: Path) -> None:
    found = load(write(path, "{users: users.yaml}"), {}).config.authentication

    assert found.server.users == str(path.parent / "users.yaml")


def test_a_file_of_users_that_is_not_there_yet_is_told_and_no_mistake(path: Path) -> None:
    loaded = load(write(path, "{users: none.yaml}"), {})

    assert "narthex users add" in str(loaded.warnings)


@pytest.mark.parametrize(
    ("server", "further", "said"),
    [
        ("{users: bad.yaml}", "", "Argon2"),
        ("{users: .}", "", "cannot be read"),
        ('{users: users.yaml, login: {issuer: "https://idp.example", client_id: a}}', "", "same name"),
        ('{login: {issuer: "http://idp.example", client_id: a}}', "", "http is not taken"),
        ('{login: {issuer: "https://idp.example", client_id: a, scopes: [profile]}}', "", "openid"),
        ('{clients: [{client_id: a, redirect_uris: ["http://a.example/cb"]}]}', "", "another machine"),
        ('{clients: [{client_id: a, redirect_uris: ["javascript:alert(1)"]}]}', "", "scheme"),
        ("{clients: [{client_id: a}]}", "", "no secret"),
        ("{clients: [{client_id: a, client_secret: b}, {client_id: a, client_secret: c}]}", "", "twice"),
        ("{access_token_seconds: 86400}", "", "access_token_seconds"),
        ("{}", "listen: http://0.0.0.0:8080\n", "public_url"),
        ("{}", "public_url: http://tools.example\n", "https"),
    ],
)
def test_what_makes_no_sense_is_told(path: Path, server: str, further: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        load(write(path, server, further), {})

    assert "argon2id$" not in str(refused.value)


def test_keys_alone_need_no_server(path: Path) -> None:
    path.write_text("servers: []\nauthentication: {type: keys, server: {}}\n")

    with pytest.raises(ConfigError, match=r"authentication\.server"):
        load(path, {})
