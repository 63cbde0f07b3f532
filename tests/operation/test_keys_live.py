"""API keys against a running gateway: who is let in, how soon that changes, and that a key is nowhere to be found."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from operation_kit import Gateway, connect, get, modern_body, seconds_until, serving, stdio, until

KEYS = {"authentication": {"type": "keys"}}


class Said(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: dict[str, Any]


def ask(gateway: Gateway, *, endpoint: str = "", **headers: str) -> Said:
    """tools/list with these headers (underlines are dashes)."""
    body, usual = modern_body("tools/list", None)
    connection = connect(gateway.url)
    try:
        path = f"/mcp/{endpoint}" if endpoint else "/mcp"
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body=body, headers={**usual, **own})
        answer = connection.getresponse()
        return Said(answer.status, answer.headers, json.loads(answer.read() or b"{}"))
    finally:
        connection.close()


def bearer(gateway: Gateway, token: str, **more: str) -> Said:
    return ask(gateway, Authorization=f"Bearer {token}", **more)


def keys(gateway: Gateway, *arguments: str) -> str:
    command = [sys.executable, "-m", "narthex", "keys", *arguments, "--state", str(gateway.folder / "state")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path, stdio("notes", tmp_path), endpoints={"sales": {}, "support": {}}, **KEYS) as running:
        yield running


def test_a_key_opens_the_door_and_nothing_else_does(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci")
    until(lambda: bearer(gateway, token).status == 200, "the key is known")
    nobody, other = ask(gateway), bearer(gateway, "eyJhbGciOiJub25lIn0.e30.")

    assert ask(gateway, X_API_Key=token).status == 200
    assert ask(gateway, X_API_Key=token, Authorization=f"Bearer {token}").status == 200
    assert nobody.status == other.status == 401
    assert nobody.headers["WWW-Authenticate"].startswith("Bearer")
    assert 'error="invalid_token"' in other.headers["WWW-Authenticate"]
    assert ask(gateway, X_API_Key="something", Authorization=f"Bearer {token}").status == 400
    assert ask(gateway, Authorization=f"Basic {token}").status == 401
    assert connect_with_query(gateway, token) == 400


def connect_with_query(gateway: Gateway, token: str) -> int:
    body, usual = modern_body("tools/list", None)
    connection = connect(gateway.url)
    try:
        connection.request("POST", f"/mcp?api_key={token}", body=body, headers=usual)
        return connection.getresponse().status
    finally:
        connection.close()


def test_made_and_revoked_keys_count_within_a_second(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci")
    created = seconds_until(lambda: bearer(gateway, token).status == 200)
    body, usual = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x"}})
    kept = connect(gateway.url)  # one connection and one head: all that could be remembered is
    statuses = []

    def call() -> int:
        kept.request("POST", "/mcp", body=body, headers={**usual, "Authorization": f"Bearer {token}"})
        answer = kept.getresponse()
        answer.read()
        statuses.append(answer.status)
        return answer.status

    for _ in range(5):
        call()
    keys(gateway, "revoke", token)
    revoked = seconds_until(lambda: call() == 401)
    kept.close()

    assert created < 1.0
    assert revoked < 1.0
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 401
    refused = bearer(gateway, token)
    assert f"{token[:11]} was revoked on" in refused.body["error"]["message"]


def test_a_rotated_key_and_its_follower_are_both_good_until_the_old_one_ends(gateway: Gateway) -> None:
    old = keys(gateway, "create", "--name", "ci")
    new = keys(gateway, "rotate", old[:11], "--overlap", "3s")
    until(lambda: bearer(gateway, new).status == 200, "the new key is known")
    both = bearer(gateway, old).status
    until(lambda: bearer(gateway, old).status == 401, "the old key ends")

    assert both == 200
    assert bearer(gateway, new).status == 200


def test_a_key_of_one_endpoint_is_a_key_of_no_other(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci", "--endpoint", "sales")
    until(lambda: bearer(gateway, token, endpoint="sales").status == 200, "the key is known")

    assert {name: bearer(gateway, token, endpoint=name).status for name in ("", "support")} == {"": 401, "support": 401}


def test_who_guesses_learns_to_wait_and_who_has_a_key_does_not(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci")
    until(lambda: gateway.api("/api/keys")["keys"], "the key is known")
    answers = [bearer(gateway, "nx_wrong") for _ in range(12)]

    assert [one.status for one in answers[:10]] == [401] * 10
    assert [one.status for one in answers[10:]] == [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 6
    assert bearer(gateway, token).status == 200
    assert ask(gateway).status == 401, "who shows nothing guesses nothing"


def test_when_a_key_was_last_used_is_known_soon_and_kept(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci")
    until(lambda: bearer(gateway, token).status == 200, "the key is known")

    def last_used() -> float | None:
        return json.loads(keys(gateway, "list", "--json"))[0]["last_used"]

    assert abs(until(last_used, "it is written") - time.time()) < 30
    [shown] = gateway.api("/api/keys")["keys"]
    assert (shown["prefix"], shown["name"], shown["state"]) == (token[:11], "ci", "active")
    assert shown["last_used"]
    gateway.stop()
    assert last_used()


def test_the_key_is_nowhere(gateway: Gateway) -> None:
    token = keys(gateway, "create", "--name", "ci", "--scopes", "mcp:tools")
    until(lambda: bearer(gateway, token).status == 200, "the key is known")
    gateway.write(log={"level": "debug"})
    gateway.call("echo", text="x")
    wrong = f"{token[:30]}{'0' if token[30] != '0' else '1'}{token[31:]}"
    answers = [str(bearer(gateway, wrong)), str(ask(gateway, X_API_Key=token)), str(connect_with_query(gateway, token))]
    keys(gateway, "revoke", token)
    until(lambda: bearer(gateway, token).status == 401, "it is revoked")
    answers.append(str(bearer(gateway, token)))
    seen = [gateway.log_text(), *answers]
    seen += [
        get(gateway.admin + path)[1].decode() for path in ("/metrics", "/api/keys", "/api/servers", "/api/snapshot")
    ]
    gateway.stop()
    seen.append(gateway.log_text())
    secret = token[12:]

    assert [text[:80] for text in seen if secret in text or wrong[12:] in text] == []
    files = [path for path in gateway.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
    assert any(path.name == "state.db" for path in files)


def test_a_state_folder_that_cannot_hold_keys_is_told_and_nothing_is_served(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"no database " * 1000)
    gateway = Gateway(tmp_path, {"servers": [], **KEYS})

    with pytest.raises(AssertionError, match=r"ended with 2: .*state\.db is damaged"):
        gateway.start()


def test_two_projects_that_meet_in_one_state_folder_are_told(tmp_path: Path) -> None:
    """Both files are called narthex.yaml, and neither says a name: keys of one would be good at the other."""
    told = []
    for project in ("one", "two"):
        folder = tmp_path / project
        folder.mkdir()
        with serving(folder, stdio("far", folder), state=None, env={"XDG_STATE_HOME": str(tmp_path)}) as running:
            told.append(running.said("keys that were made for one are good at the other"))

    assert told[0] is None
    assert told[1] is not None
    assert str(tmp_path / "one" / "narthex.yaml") in told[1]["message"]
