"""`narthex keys`: a key is seen once, in one place; everything else about it as often as one likes."""

import json
import re
from pathlib import Path

from command_line import Ran, run

TOKEN = re.compile(r"nx_[0-9a-z]{8}_[0-9A-Za-z]{49}")


def keys(tmp_path: Path, *arguments: str) -> Ran:
    return run("keys", *arguments, "--state", "state", home=tmp_path)


def create(tmp_path: Path, *arguments: str) -> str:
    ran = keys(tmp_path, "create", *arguments)
    assert ran.code == 0, ran.err
    return ran.out.strip()


def listed(tmp_path: Path, *arguments: str) -> list[dict[str, object]]:
    return json.loads(keys(tmp_path, "list", "--json", *arguments).out)


def test_the_key_alone_is_on_standard_output_once(tmp_path: Path) -> None:
    ran = keys(tmp_path, "create", "--name", "ci", "--scopes", "a,b", "--expires", "90d", "--endpoint", "sales")
    token = ran.out.strip()

    assert ran.code == 0
    assert TOKEN.fullmatch(token)
    assert token not in ran.err
    assert f"{token[:11]} 'ci' is good for the endpoints sales with the scopes a, b; expires: 20" in ran.err
    assert "shown only this once" in ran.err
    assert token not in keys(tmp_path, "list").out + keys(tmp_path, "list", "--json").out
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert [path.name for path in files if token[12:].encode() in path.read_bytes()] == []


def test_who_names_no_gateway_is_told_how(tmp_path: Path) -> None:
    ran = run("keys", "create", "--name", "ci", home=tmp_path)

    assert ran.code == 2
    assert "name its configuration file, or its state folder with --state FOLDER, or add --demo" in ran.err
    assert "A first one has two lines" not in ran.err


def test_a_list_says_everything_but_the_key(tmp_path: Path) -> None:
    create(tmp_path, "--name", "ci", "--tenant", "acme", "--scopes", "a, b", "--expires", "never")
    create(tmp_path, "--name", "other", "--endpoint", "sales", "--endpoint", "support")
    first, second = listed(tmp_path)

    assert {**first, "prefix": "", "created": 0} == {
        "prefix": "",
        "name": "ci",
        "state": "active",
        "scopes": ["a", "b"],
        "tenant": "acme",
        "endpoints": None,
        "created": 0,
        "expires": None,
        "last_used": None,
        "revoked": None,
        "replaced_by": None,
    }
    assert second["endpoints"] == ["sales", "support"]
    assert isinstance(second["expires"], float)
    table = keys(tmp_path, "list").out.splitlines()
    assert table[0].split() == [
        "PREFIX",
        "NAME",
        "STATE",
        "SCOPES",
        "TENANT",
        "ENDPOINTS",
        "CREATED",
        "EXPIRES",
        "LAST",
        "USED",
    ]
    assert re.fullmatch(r"nx_\w{8}  ci +active  a,b +acme +all +\S+ \S+ UTC  never +never", table[1])


def test_keys_are_found_by_prefix_and_name(tmp_path: Path) -> None:
    token = create(tmp_path, "--name", "ci")
    create(tmp_path, "--name", "other")

    assert [one["name"] for one in listed(tmp_path, "--find", token[:7])] == ["ci"]
    assert [one["name"] for one in listed(tmp_path, "--find", "the")] == ["other"]
    assert "no key with 'zzz'" in keys(tmp_path, "list", "--find", "zzz").err


def test_a_key_is_replaced_and_the_old_one_ends_later(tmp_path: Path) -> None:
    token = create(tmp_path, "--name", "ci", "--scopes", "a", "--expires", "30d")
    ran = keys(tmp_path, "rotate", token[:11], "--overlap", "2h")
    old, new = listed(tmp_path)

    assert ran.code == 0, ran.err
    assert TOKEN.fullmatch(ran.out.strip())
    assert f"The old key {token[:11]} is good until 20" in ran.err
    assert (old["state"], old["replaced_by"]) == ("replaced", new["prefix"])
    assert (new["name"], new["scopes"]) == ("ci", ["a"])
    assert keys(tmp_path, "rotate", token[:11]).code == 1


def test_a_key_found_somewhere_is_revoked_as_it_was_found(tmp_path: Path) -> None:
    token = create(tmp_path, "--name", "ci")
    ran = keys(tmp_path, "revoke", token)

    assert (ran.code, ran.err) == (0, "")
    assert f"{token[:11]} 'ci' is revoked." in ran.out
    assert token not in ran.out
    assert [one["state"] for one in listed(tmp_path)] == ["revoked"]
    assert keys(tmp_path, "revoke", token[3:11], "--json").code == 0


def test_json_holds_the_key_where_it_is_made(tmp_path: Path) -> None:
    ran = keys(tmp_path, "create", "--name", "ci", "--json")
    made = json.loads(ran.out)
    again = json.loads(keys(tmp_path, "rotate", made["prefix"], "--json").out)

    assert TOKEN.fullmatch(made["key"])
    assert made["prefix"] == made["key"][:11]
    assert TOKEN.fullmatch(again["key"])


def test_no_is_one_and_wrong_is_two(tmp_path: Path) -> None:
    assert keys(tmp_path, "list").code == 1
    assert not (tmp_path / "state").exists(), "looking makes nothing"
    create(tmp_path, "--name", "ci")

    assert keys(tmp_path, "create", "--name", "ci").code == 1
    assert keys(tmp_path, "revoke", "nx_00000000").code == 1
    assert keys(tmp_path, "revoke", "ci").code == 2
    assert keys(tmp_path, "create", "--name", "a b").code == 2
    assert keys(tmp_path, "create").code == 2
    for expires in ("90", "0d", "-1d", "soon", "99999999d", "nan"):
        assert keys(tmp_path, "create", "--name", "x", "--expires", expires).code == 2, expires


def test_a_wrong_argument_that_is_a_key_is_not_repeated(tmp_path: Path) -> None:
    token = create(tmp_path, "--name", "ci")
    ran = keys(tmp_path, "revoke", f"Bearer {token}")

    assert ran.code == 2
    assert token[12:] not in ran.err + ran.out


def test_the_folder_is_that_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("name: acme\nservers: []\nauthentication: {type: keys}\n")
    ran = run("keys", "create", "--name", "ci", home=tmp_path)
    same = run("keys", "list", "narthex.yaml", "--json", home=tmp_path)
    found = list((tmp_path / ".local/state/narthex/acme").iterdir())

    assert ran.code == 0, ran.err
    assert "note:" not in ran.err
    assert [one["name"] for one in json.loads(same.out)] == ["ci"]
    keys_of_the_log = {"audit-key.json", "audit-digest-key.json"}
    assert {path.name for path in found} == {"state.db", "audit", ".lock", *keys_of_the_log}


def test_who_would_be_surprised_is_told(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []\nstate: here\n")
    ran = run("keys", "create", "--name", "ci", "--endpoint", "sales", home=tmp_path)

    assert ran.code == 0
    assert "no 'authentication:', so nobody is asked for a key" in ran.err
    assert "no endpoint 'sales'" in ran.err


def test_a_bad_configuration_is_no_reason_to_keep_a_bad_key(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: [{name: a}]\n")
    ran = run("keys", "list", home=tmp_path)

    assert ran.code == 2
    assert "--state FOLDER names it instead" in ran.err


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ran = keys(tmp_path, "create", "--name", "ci")

    assert ran.code == 1
    assert "cannot be used" in ran.err
    assert "Traceback" not in ran.err
