"""A client's file written down as ours: nothing lost, no secret carried along unasked, and the result loads."""

import json
from pathlib import Path
from typing import Any

import pytest

from narthex.control.importing import import_client_file
from narthex.control.load import load
from narthex.control.problem import ConfigError
from narthex.telemetry.secrets import looks_secret

CONTENT = {
    "mcpServers": {
        "git hub": {
            "command": "docker",
            "args": ["run", "--api-key", "s3cret-1", "--token=s3cret-2", "postgres://u:s3cret-3@h/db", "--verbose"],
            "env": {"GITHUB_TOKEN": "s3cret-4", "DEBUG": "1", "X": "${env:FOO}"},
        },
        "b": {
            "url": "https://x.example/mcp?api_key=s3cret-5&v=1",
            "headers": {"Authorization": "Bearer s3cret-6", "X-Trace": "1"},
        },
        "c": {"command": "x", "env": {"GITHUB_TOKEN": "s3cret-7"}, "autoApprove": ["y"]},
        "e": {"command": "y", "disabled": True},
        "d": {"command": "x", "cwd": "${workspaceFolder}", "env": {"DATABASE_URL": "postgres://u:s3cret-8@h/db"}},
    }
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(CONTENT))
    return path


def config(tmp_path: Path, text: str, **environ: str) -> Any:
    ours = tmp_path / "narthex.yaml"
    ours.write_text(text)
    return load(ours, environ).config


def test_secrets_become_variables_and_their_names_are_told(path: Path) -> None:
    imported = import_client_file(path, {}, keep_values=False)

    assert "s3cret" not in imported.text
    assert imported.variables == {
        "GITHUB_TOKEN": 'mcpServers["git hub"].env.GITHUB_TOKEN',
        "GIT_HUB_API_KEY": 'mcpServers["git hub"].args',
        "GIT_HUB_TOKEN": 'mcpServers["git hub"].args',
        "GIT_HUB_URL": 'mcpServers["git hub"].args',
        "B_TOKEN": "mcpServers.b.headers.Authorization",
        "B_API_KEY": "mcpServers.b.url",
        "C_GITHUB_TOKEN": "mcpServers.c.env.GITHUB_TOKEN",
        "DATABASE_URL": "mcpServers.d.env.DATABASE_URL",
    }


def test_with_the_variables_set_it_is_the_same_configuration(path: Path, tmp_path: Path) -> None:
    imported = import_client_file(path, {}, keep_values=False)
    values = {
        "GITHUB_TOKEN": "s3cret-4",
        "GIT_HUB_API_KEY": "s3cret-1",
        "GIT_HUB_TOKEN": "s3cret-2",
        "GIT_HUB_URL": "postgres://u:s3cret-3@h/db",
        "B_TOKEN": "s3cret-6",
        "B_API_KEY": "s3cret-5",
        "C_GITHUB_TOKEN": "s3cret-7",
        "DATABASE_URL": "postgres://u:s3cret-8@h/db",
        "FOO": "foo",
    }

    assert load(path, values).config == config(tmp_path, imported.text, **values)


def test_values_may_be_kept(path: Path, tmp_path: Path) -> None:
    imported = import_client_file(path, {}, keep_values=True)

    assert imported.variables == {}
    assert load(path, {"FOO": "foo"}).config == config(tmp_path, imported.text, FOO="foo")


def test_what_is_passed_over_is_noted(path: Path) -> None:
    notes = "\n".join(map(str, import_client_file(path, {}, keep_values=False).notes))

    assert "is called 'git-hub' here" in notes
    assert "autoApprove: is for the client alone" in notes


def test_a_file_of_ours_is_not_imported(tmp_path: Path) -> None:
    ours = tmp_path / "narthex.yaml"
    ours.write_text("servers: []")
    with pytest.raises(ConfigError, match="not the file of an MCP client"):
        import_client_file(ours, {}, keep_values=False)


def test_questions_of_the_editor_become_variables(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text('{"servers": {"a": {"url": "https://x.example", "headers": {"K": "${input:my-key}"}}}}')

    assert "K: ${NARTHEX_INPUT_MY_KEY}" in import_client_file(path, {}, keep_values=False).text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GITHUB_TOKEN", True),
        ("OPENAI_API_KEY", True),
        ("X-API-Key", True),
        ("Authorization", True),
        ("DB_PASSWORD", True),
        ("PGPASSWORD", True),
        ("SLACK_PAT", True),
        ("--api-key", True),
        ("DEBUG", False),
        ("PATH", False),
        ("AWS_REGION", False),
        ("AWS_ACCESS_KEY_ID", False),
        ("MAX_TOKENS", False),
        ("KEYBOARD", False),
        ("AUTHOR", False),
        ("SSH_KEY_PATH", False),
    ],
)
def test_names_that_look_secret(name: str, expected: bool) -> None:
    assert expected == looks_secret(name)
