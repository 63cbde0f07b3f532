"""`narthex connect` with a gateway that asks for an API key: each client is told of it in its own way."""

import json
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run

from narthex.cli.clients import CLIENTS, Place
from narthex.control.load import load
from narthex.wire.api_key import RANDOM_BYTES, compose

URL = "http://127.0.0.1:8080/mcp"
KEY = compose(bytes(range(RANDOM_BYTES))).token
MASKED = KEY[: len("nx_00000000_")] + "…"
STOP_SECONDS_MAX = 20.0


def file_of(client: str, home: Path) -> Path:
    chosen = next(each for each in CLIENTS if each.name == client)
    return Path(chosen.path(Place(sys.platform, {"HOME": str(home)})))


def entry(client: str, home: Path) -> dict[str, object]:
    chosen = next(each for each in CLIENTS if each.name == client)
    text = file_of(client, home).read_text()
    tree = tomllib.loads(text) if chosen.is_toml else json.loads(text)
    return tree[chosen.keys[0]]["narthex"]


@pytest.mark.parametrize(
    ("client", "by_variable", "by_key"),
    [
        (
            "claude-code",
            {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${GATE}"}},
            {"type": "http", "url": URL, "headers": {"Authorization": f"Bearer {KEY}"}},
        ),
        (
            "cursor",
            {"url": URL, "headers": {"Authorization": "Bearer ${env:GATE}"}},
            {"url": URL, "headers": {"Authorization": f"Bearer {KEY}"}},
        ),
        (
            "vscode",
            {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${env:GATE}"}},
            {"type": "http", "url": URL, "headers": {"Authorization": f"Bearer {KEY}"}},
        ),
        (
            "codex",
            {"url": URL, "bearer_token_env_var": "GATE"},
            {"url": URL, "http_headers": {"Authorization": f"Bearer {KEY}"}},
        ),
        (
            "gemini",
            {"httpUrl": URL, "headers": {"Authorization": "Bearer ${GATE}"}},
            {"httpUrl": URL, "headers": {"Authorization": f"Bearer {KEY}"}},
        ),
    ],
)
def test_clients_that_open_urls_send_it_in_a_header(
    tmp_path: Path, client: str, by_variable: dict[str, object], by_key: dict[str, object]
) -> None:
    named = run("connect", client, "--key-env", "GATE", "--yes", home=tmp_path)
    variable = entry(client, tmp_path)
    whole = run("connect", client, "--key", KEY, "--yes", home=tmp_path)

    assert (named.code, whole.code) == (0, 0), named.err + whole.err
    assert variable == by_variable
    assert entry(client, tmp_path) == by_key
    assert "takes the API key from GATE, which is not set here: set it where" in named.out
    assert KEY not in named.out + whole.out + whole.err


@pytest.mark.parametrize(
    ("client", "by_variable"),
    [
        ("claude-code", {"env": {"NARTHEX_KEY": "${NARTHEX_KEY}"}}),
        ("cursor", {"env": {"NARTHEX_KEY": "${env:NARTHEX_KEY}"}}),
        ("vscode", {"env": {"NARTHEX_KEY": "${env:NARTHEX_KEY}"}}),
        ("codex", {"env_vars": ["NARTHEX_KEY"]}),
        ("gemini", {"env": {"NARTHEX_KEY": "${NARTHEX_KEY}"}}),
    ],
)
def test_programs_are_handed_it_in_their_environment(
    tmp_path: Path, client: str, by_variable: dict[str, object]
) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    flags = ("--file", "narthex.yaml", "--yes")
    named = run("connect", client, *flags, "--key-env", "NARTHEX_KEY", home=tmp_path, NARTHEX_KEY="set")
    variable = entry(client, tmp_path)
    run("connect", client, *flags, "--key", KEY, home=tmp_path)

    assert by_variable.items() <= variable.items()
    assert "takes the API key from NARTHEX_KEY: set it where" in named.out
    assert entry(client, tmp_path)["env"] == {"NARTHEX_KEY": KEY}


def test_a_client_that_fills_in_no_variables_gets_the_key_or_an_explanation(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    named = run("connect", "claude-desktop", "--key-env", "GATE", "--yes", home=tmp_path)
    whole = run("connect", "claude-desktop", "--key", "-", "--yes", home=tmp_path, stdin=KEY + "\n")

    assert named.code == 2
    assert "Claude Desktop fills in no variables: the key itself has to stand in its file, by '--key -'" in named.err
    assert whole.code == 0, whole.err
    assert entry("claude-desktop", tmp_path)["env"] == {"NARTHEX_KEY": KEY}


def test_codex_hands_on_a_variable_under_its_own_name_only(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    ran = run("connect", "codex", "--file", "narthex.yaml", "--key-env", "GATE", "--yes", home=tmp_path)

    assert ran.code == 2
    assert "call this one NARTHEX_KEY" in ran.err


def test_a_file_that_holds_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = file_of("cursor", tmp_path)
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    run("connect", "cursor", "--key-env", "GATE", "--yes", home=tmp_path)
    named = stat.S_IMODE(path.stat().st_mode)
    run("connect", "cursor", "--key", KEY, "--yes", home=tmp_path)
    whole = stat.S_IMODE(path.stat().st_mode)
    backups = [backup for backup in path.parent.glob("*.bak") if KEY in backup.read_text()]

    assert (named, whole) == (0o644, 0o600)
    assert backups == []


def test_the_change_is_shown_without_the_key(tmp_path: Path) -> None:
    ran = run("connect", "cursor", "--key", KEY, home=tmp_path, stdin="n\n")

    assert f"Bearer {MASKED}" in ran.out
    assert KEY not in ran.out + ran.err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--key", KEY, "--key-env", "GATE"), "Either --key-env or --key"),
        (("--key", KEY, "--project"), "no place for a key. Use --key-env"),
        (("--key", KEY[:-1]), "This is no whole API key"),
        (("--key", "GATE"), "This is no whole API key"),
        (("--key", "-"), "add --yes"),
        (("--key-env", KEY), "--key-env takes the name of a variable, like NARTHEX_KEY; '--key' takes a key"),
        (("--key-env", "not a name"), "takes the name of a variable"),
        (("--key-env", "${GATE}"), "takes the name of a variable"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, flags: tuple[str, ...], sentence: str) -> None:
    ran = run("connect", "cursor", *flags, home=tmp_path)

    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())
    assert not file_of("cursor", tmp_path).exists()


def test_a_key_in_the_environment_is_written_by_nobody(tmp_path: Path) -> None:
    run("connect", "cursor", "--yes", home=tmp_path, NARTHEX_KEY=KEY)

    assert entry("cursor", tmp_path) == {"url": URL}


def test_what_is_connected_with_a_key_does_not_stand_behind_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    for client in CLIENTS:
        for flags in (("--key-env", "NARTHEX_KEY"), ("--key", KEY)):
            if client.variable is None and not client.is_toml and flags[0] == "--key-env":
                continue
            assert run("connect", client.name, *flags, "--yes", home=tmp_path).code == 0, client.name

            assert load(file_of(client.name, tmp_path), {}).config.servers == ()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """A gateway that asks for a key."""
    file = tmp_path / "narthex.json"
    config = {
        "listen": "http://127.0.0.1:0",
        "admin": {"listen": "http://127.0.0.1:0"},
        "state": str(tmp_path / "state"),
        "servers": [],
        "authentication": {"type": "keys"},
        "log": {"format": "json"},
    }
    file.write_text(json.dumps(config))
    command = [sys.executable, "-m", "narthex", "serve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(url for line in process.stdout if (url := json.loads(line).get("url")))
        finally:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS_MAX)


def test_who_forgets_the_key_of_a_gateway_that_asks_is_told(tmp_path: Path, guarded: str) -> None:
    without = run("connect", "cursor", "--url", guarded, "--yes", home=tmp_path)
    named = run("connect", "cursor", "--url", guarded, "--yes", "--key-env", "GATE", home=tmp_path)

    assert without.code == named.code == 0
    assert "The gateway asks who calls." in without.out
    assert "run this again with --key-env NARTHEX_KEY" in without.out
    assert "asks who calls" not in named.out
