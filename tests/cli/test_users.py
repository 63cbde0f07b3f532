"""`narthex users`: people who sign in with a password, in a file or in the state folder."""

import json
from pathlib import Path

import pytest
from command_line import Ran, run

PASSWORD = "correct horse battery"


@pytest.fixture(params=["{users: people.yaml}", "{}"], ids=["file", "state"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    text = f"servers: []\nstate: state\nauthentication: {{type: oauth2, server: {request.param}}}\n"
    (tmp_path / "narthex.yaml").write_text(text)
    return tmp_path


def users(home: Path, *arguments: str, stdin: str = f"{PASSWORD}\n") -> Ran:
    return run("users", *arguments, home=home, stdin=stdin)


def listed(home: Path) -> list[dict[str, object]]:
    return json.loads(users(home, "list", "--json").out)


def kept(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_somebody_is_added_listed_and_removed(home: Path) -> None:
    added = users(home, "add", "ana", "--scopes", "mcp:tools,crm:read", "--roles", "boss")
    found = listed(home)
    removed = users(home, "remove", "ana")

    assert (added.code, removed.code) == (0, 0)
    assert found == [{"name": "ana", "scopes": ["mcp:tools", "crm:read"], "roles": ["boss"]}]
    assert listed(home) == []


def test_only_a_hash_of_the_password_is_kept_and_nothing_of_it_said(home: Path) -> None:
    added = users(home, "add", "ana")

    assert PASSWORD.encode() not in kept(home)
    assert b"$argon2id$v=19$m=65536,t=3,p=4$" in kept(home)
    assert PASSWORD not in added.out + added.err + users(home, "list").out
    assert "argon2" not in users(home, "list").out + users(home, "list", "--json").out


def test_nobody_is_added_twice_and_the_password_is_changed_by_its_own_verb(home: Path) -> None:
    users(home, "add", "ana", "--roles", "boss")
    before = kept(home)

    again = users(home, "add", "ana")
    changed = users(home, "password", "ana", stdin="another sentence\n")

    assert again.code == 1
    assert "narthex users password ana" in again.err
    assert changed.code == 0
    assert kept(home) != before
    assert listed(home) == [{"name": "ana", "scopes": [], "roles": ["boss"]}]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("add", "ana"), "short\n", 2, "8 characters"),
        (("add", "ana"), "", 2, "8 characters"),
        (("add", "client:ana"), f"{PASSWORD}\n", 2, "letters"),
        (("remove", "eve"), "", 1, "no 'eve'"),
        (("password", "eve"), f"{PASSWORD}\n", 1, "no 'eve'"),
    ],
)
def test_what_cannot_be_done_is_said(home: Path, arguments: tuple[str, ...], stdin: str, code: int, said: str) -> None:
    ran = users(home, *arguments, stdin=stdin)

    assert ran.code == code
    assert said in ran.err
    assert listed(home) == []


@pytest.mark.parametrize(
    ("authentication", "said"),
    [
        ("{type: keys}", "no authorization server"),
        ('{type: oauth2, server: {login: {issuer: "https://idp.example", client_id: a}}}', "https://idp.example"),
    ],
)
def test_where_nobody_signs_in_with_a_password_nobody_is_added(tmp_path: Path, authentication: str, said: str) -> None:
    (tmp_path / "narthex.yaml").write_text(f"servers: []\nauthentication: {authentication}\n")

    ran = users(tmp_path, "add", "ana")

    assert ran.code == 1
    assert said in ran.err
