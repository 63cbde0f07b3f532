"""`narthex connect` writes into the files of real clients, in a home of its own."""

import json
import stat
import sys
import tomllib
from pathlib import Path

import pytest
from command_line import run

from narthex.cli.clients import CLIENTS, Place
from narthex.control.load import load

URL = "http://127.0.0.1:8080/mcp"
LINUX = {
    "claude-code": (".claude.json", {"mcpServers": {"narthex": {"type": "http", "url": URL}}}),
    "cursor": (".cursor/mcp.json", {"mcpServers": {"narthex": {"url": URL}}}),
    "vscode": (".config/Code/User/mcp.json", {"servers": {"narthex": {"type": "http", "url": URL}}}),
    "gemini": (".gemini/settings.json", {"mcpServers": {"narthex": {"httpUrl": URL}}}),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")
@pytest.mark.parametrize("client", LINUX)
def test_clients_that_open_urls(tmp_path: Path, client: str) -> None:
    file, content = LINUX[client]
    ran = run("connect", client, "--yes", home=tmp_path)

    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / file).read_text()) == content
    assert "+++" in ran.out  # what was changed is shown although nobody is asked
    assert f'"{URL}"' in ran.out
    assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


def test_codex_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('model = "x" # mine\n')
    ran = run("connect", "codex", "--endpoint", "support", "--yes", home=tmp_path)

    assert ran.code == 0, ran.err
    assert path.read_text().startswith('model = "x" # mine\n')
    assert tomllib.loads(path.read_text())["mcp_servers"] == {"narthex-support": {"url": f"{URL}/support"}}


def test_claude_desktop_starts_a_program(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    ran = run("connect", "claude-desktop", "--yes", "--json", home=tmp_path, XDG_CONFIG_HOME=str(tmp_path / "cfg"))
    done = json.loads(ran.out)
    entry = json.loads(Path(done["file"]).read_text())["mcpServers"]["narthex"]

    assert done == {"file": done["file"], "changed": True, "backup": None}
    assert entry["args"][-2:] == ["stdio", str(tmp_path / "narthex.yaml")]
    assert Path(entry["command"]).is_file()
    assert run("connect", "claude-desktop", "--url", URL, home=tmp_path).code == 2
    assert "no narthex.yaml" in run("connect", "claude-desktop", home=tmp_path / "cfg").err


def test_the_change_is_shown_and_asked_for(tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text('{"mcpServers": {}}\n')
    no = run("connect", "cursor", home=tmp_path, stdin="n\n")
    silent = run("connect", "cursor", home=tmp_path)

    assert (no.code, silent.code) == (1, 1)
    assert f'+    "url": "{URL}"' in no.out
    assert path.read_text() == '{"mcpServers": {}}\n'

    yes = run("connect", "cursor", home=tmp_path, stdin="y\n")
    again = run("connect", "cursor", home=tmp_path)

    assert yes.code == 0
    assert "already has it" in again.out
    assert [backup.read_text() for backup in path.parent.glob("*.bak")] == ['{"mcpServers": {}}\n']


def test_it_is_taken_out_again(tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    before = '{\n  "mcpServers": {\n    "a": {"command": "x"}\n  }\n}\n'
    path.write_text(before)
    path.chmod(0o640)

    assert run("connect", "cursor", "--yes", "--name", "gw", home=tmp_path).code == 0
    assert "gw" in json.loads(path.read_text())["mcpServers"]
    assert run("connect", "cursor", "--yes", "--name", "gw", "--remove", home=tmp_path).code == 0
    assert path.read_text() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "has no 'gw'" in run("connect", "cursor", "--name", "gw", "--remove", home=tmp_path).out


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "claude.json").write_text("{}")
    (tmp_path / ".claude.json").symlink_to(dotfiles / "claude.json")

    assert run("connect", "claude-code", "--yes", home=tmp_path).code == 0
    assert (tmp_path / ".claude.json").is_symlink()
    assert "narthex" in (dotfiles / "claude.json").read_text()


def test_a_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".claude.json").write_text('{"a": ')
    ran = run("connect", "claude-code", "--yes", home=tmp_path)

    assert ran.code == 1
    assert "is left as it is" in ran.err
    assert (tmp_path / ".claude.json").read_text() == '{"a": '


def test_the_file_of_a_project(tmp_path: Path) -> None:
    assert run("connect", "vscode", "--project", "--yes", home=tmp_path).code == 0
    assert run("connect", "claude-code", "--project", "--yes", home=tmp_path).code == 0
    assert (tmp_path / ".vscode" / "mcp.json").is_file()
    assert (tmp_path / ".mcp.json").is_file()
    assert run("connect", "claude-desktop", "--project", home=tmp_path).code == 2


def test_what_is_connected_does_not_stand_behind_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    for client in CLIENTS:
        assert run("connect", client.name, "--yes", home=tmp_path).code == 0, client.name
        path = Path(client.path(Place(sys.platform, {"HOME": str(tmp_path)})))

        assert load(path, {}).config.servers == ()


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        (
            "darwin",
            {"HOME": "/Users/ana"},
            [
                "/Users/ana/Library/Application Support/Claude/claude_desktop_config.json",
                "/Users/ana/.claude.json",
                "/Users/ana/.cursor/mcp.json",
                "/Users/ana/Library/Application Support/Code/User/mcp.json",
                "/Users/ana/.codex/config.toml",
                "/Users/ana/.gemini/settings.json",
            ],
        ),
        (
            "win32",
            {"USERPROFILE": r"C:\Users\ana", "APPDATA": r"C:\Users\ana\AppData\Roaming"},
            [
                r"C:\Users\ana\AppData\Roaming\Claude\claude_desktop_config.json",
                r"C:\Users\ana\.claude.json",
                r"C:\Users\ana\.cursor\mcp.json",
                r"C:\Users\ana\AppData\Roaming\Code\User\mcp.json",
                r"C:\Users\ana\.codex\config.toml",
                r"C:\Users\ana\.gemini\settings.json",
            ],
        ),
        (
            "linux",
            {"HOME": "/home/ana", "XDG_CONFIG_HOME": "/c", "CODEX_HOME": "/x", "CLAUDE_CONFIG_DIR": "/d"},
            [
                "/c/Claude/claude_desktop_config.json",
                "/d/.claude.json",
                "/home/ana/.cursor/mcp.json",
                "/c/Code/User/mcp.json",
                "/x/config.toml",
                "/home/ana/.gemini/settings.json",
            ],
        ),
    ],
)
def test_every_system_has_its_own_places(platform: str, environ: dict[str, str], expected: list[str]) -> None:
    assert expected == [client.path(Place(platform, environ)) for client in CLIENTS]
