"""The files of MCP clients, as each of them writes its own, are configurations here."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.control.load import Loaded, load
from narthex.control.mcp_json import sane_name
from narthex.control.problem import ConfigError
from narthex.model.config import ServerConfig

DEFAULTS = msgspec.structs.asdict(ServerConfig(name="x"))


def loaded(path: Path, content: Any, **environ: str) -> Loaded:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
    return load(path, environ)


def servers(result: Loaded) -> list[dict[str, Any]]:
    """What is said of each server beyond the defaults."""
    trees = [msgspec.structs.asdict(server) for server in result.config.servers]
    return [{key: value for key, value in tree.items() if DEFAULTS[key] != value} for tree in trees]


def test_claude_desktop(tmp_path: Path) -> None:
    content = """{
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/Users/ana/Desktop"]
    },
    "weather": {"command": "uv", "args": ["--directory", "/srv/weather", "run", "weather.py"], "env": {"KEY": "k"}}
  },
  "globalShortcut": "",
  "preferences": {"sidebarMode": "chat"}
}"""
    result = loaded(tmp_path / "claude_desktop_config.json", content)

    assert servers(result) == [
        {
            "name": "filesystem",
            "command": ("npx", "-y", "@modelcontextprotocol/server-filesystem", "/Users/ana/Desktop"),
        },
        {
            "name": "weather",
            "command": ("uv", "--directory", "/srv/weather", "run", "weather.py"),
            "env": {"KEY": "k"},
        },
    ]


@pytest.mark.parametrize("kind", [[], ["http"], {"http": 1}, 7])
def test_a_transport_that_is_no_word_is_told_of(tmp_path: Path, kind: Any) -> None:
    result = loaded(tmp_path / "mcp.json", {"mcpServers": {"a": {"type": kind, "command": "sh"}}})

    assert "mcpServers.a.type: is a transport that is not known here" in "\n".join(map(str, result.warnings))


@pytest.mark.parametrize("of_the_user", [{}, {"mcpServers": {"own": {"command": "sh"}}}])
def test_servers_that_claude_code_keeps_for_one_project_are_told_of(tmp_path: Path, of_the_user: Any) -> None:
    projects = {
        "/srv/a": {"mcpServers": {"x": {"command": "sh"}, "y": {"command": "sh"}}},
        "/srv/b": {"mcpServers": {}},
    }
    result = loaded(tmp_path / ".claude.json", {"numStartups": 3, **of_the_user, "projects": projects})
    told = [str(warning) for warning in result.warnings if "project" in str(warning)]

    assert [server["name"] for server in servers(result)] == list(of_the_user.get("mcpServers", {}))
    assert len(told) == 1
    assert 'projects["/srv/a"].mcpServers: 2 servers of this project alone; passed over. Add them with' in told[0]


def test_claude_code(tmp_path: Path) -> None:
    content = {
        "mcpServers": {
            "api": {
                "type": "http",
                "url": "${API_BASE_URL:-https://api.example.com}/mcp",
                "headers": {"Authorization": "Bearer ${API_KEY}"},
            },
            "old": {"type": "sse", "url": "https://old.example.com/sse"},
            "local": {"type": "stdio", "command": "python3", "args": ["-m", "x"], "env": {}},
        },
        "projects": {"/home/ana/x": {"mcpServers": {}, "history": ["a"] * 10}},
        "numStartups": 12,
    }
    result = loaded(tmp_path / ".claude.json", content, API_KEY="k")

    assert servers(result) == [
        {"name": "api", "upstream": "https://api.example.com/mcp", "headers": {"Authorization": "Bearer k"}},
        {"name": "old", "upstream": "https://old.example.com/sse"},
        {"name": "local", "command": ("python3", "-m", "x")},
    ]


def test_cursor(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("export A=1\nB='two' # x\n# no\nC=\"a\\nb\"\nD=plain # y\n")
    content = {
        "mcpServers": {
            "local": {
                "command": "${workspaceFolder}/run.sh",
                "args": ["${workspaceFolderBasename}", "${userHome}"],
                "env": {"A": "own", "T": "${env:TOKEN}"},
                "envFile": "${workspaceFolder}/.env",
            },
            "remote": {"url": "https://x.example/mcp", "auth": {"CLIENT_ID": "x"}},
        }
    }
    result = loaded(tmp_path / ".cursor" / "mcp.json", content, TOKEN="t", HOME="/home/ana")

    assert servers(result) == [
        {
            "name": "local",
            "command": (f"{tmp_path}/run.sh", tmp_path.name, "/home/ana"),
            "env": {"A": "own", "B": "two", "C": "a\nb", "D": "plain", "T": "t"},
        },
        {"name": "remote", "upstream": "https://x.example/mcp"},
    ]
    assert tmp_path / ".env" in result.sources
    assert "mcpServers.remote.auth: is for the client alone; passed over" in "\n".join(map(str, result.warnings))


VSCODE = """{
  // asked once
  "inputs": [
    {"type": "promptString", "id": "github-token", "description": "Token", "password": true},
    {"type": "promptString", "id": "region", "default": "eu"}
  ],
  "servers": {
    "github": {
      "type": "http",
      "url": "https://api.githubcopilot.com/mcp/",
      "headers": {"Authorization": "Bearer ${input:github-token}", "X-Region": "${input:region}"},
    },
    "playwright": {"type": "stdio", "command": "npx", "args": ["-y", "@playwright/mcp@latest"], "dev": {"watch": "x"}},
  }
}"""


def test_vs_code(tmp_path: Path) -> None:
    result = loaded(tmp_path / ".vscode" / "mcp.json", VSCODE, NARTHEX_INPUT_GITHUB_TOKEN="t")

    assert servers(result) == [
        {
            "name": "github",
            "upstream": "https://api.githubcopilot.com/mcp/",
            "headers": {"Authorization": "Bearer t", "X-Region": "eu"},
        },
        {"name": "playwright", "command": ("npx", "-y", "@playwright/mcp@latest")},
    ]


def test_what_vs_code_would_ask_its_user_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path / "mcp.json", VSCODE)

    assert ":11:36: servers.github.headers.Authorization: the input 'github-token'" in str(caught.value)
    assert "Set the environment variable NARTHEX_INPUT_GITHUB_TOKEN." in str(caught.value)


def test_vs_code_settings(tmp_path: Path) -> None:
    content = {"editor.fontSize": 12, "mcp": {"servers": {"a": {"url": "https://a.example/mcp"}}}}

    assert servers(loaded(tmp_path / "settings.json", content)) == [{"name": "a", "upstream": "https://a.example/mcp"}]


def test_windsurf(tmp_path: Path) -> None:
    content = {
        "mcpServers": {
            "a": {"serverUrl": "https://a.example/mcp", "headers": {"K": "${env:K}"}},
            "b": {"command": "x", "disabled": True, "disabledTools": []},
        }
    }
    result = loaded(tmp_path / "mcp_config.json", content, K="k")

    assert servers(result) == [
        {"name": "a", "upstream": "https://a.example/mcp", "headers": {"K": "k"}},
        {"name": "b", "command": ("x",), "enabled": False},
    ]


def test_cline(tmp_path: Path) -> None:
    content = {"mcpServers": {"a": {"command": "x", "disabled": False, "autoApprove": ["y"], "timeout": 60}}}
    result = loaded(tmp_path / "cline_mcp_settings.json", content)

    assert servers(result) == [{"name": "a", "command": ("x",)}]
    assert {"mcpServers.a.autoApprove", "mcpServers.a.timeout"} <= {warning.path for warning in result.warnings}


def test_gemini(tmp_path: Path) -> None:
    content = {
        "theme": "Default",
        "mcpServers": {
            "a": {"httpUrl": "https://a.example/mcp", "timeout": 30000, "trust": True, "includeTools": ["x"]},
            "b": {"url": "https://b.example/sse"},
            "c": {"command": "x", "env": {"K": "$K", "L": "${K}", "M": "a$b"}, "cwd": "."},
        },
    }
    result = loaded(tmp_path / ".gemini" / "settings.json", content, K="k")

    assert servers(result) == [
        {"name": "a", "upstream": "https://a.example/mcp", "timeout_seconds": 30.0, "tools": ("x",)},
        {"name": "b", "upstream": "https://b.example/sse"},
        {"name": "c", "command": ("x",), "env": {"K": "k", "L": "k", "M": "a$b"}, "cwd": str(tmp_path / ".gemini")},
    ]


@pytest.mark.parametrize("key", ["excludeTools", "disabledTools", "disabled_tools"])
def test_tools_a_client_hides_are_hidden(tmp_path: Path, key: str) -> None:
    result = loaded(tmp_path / "s.json", {"mcpServers": {"a": {"command": "x", key: ["rm", "del_*"]}}})

    assert servers(result) == [{"name": "a", "command": ("x",), "exclude": ("rm", "del_*")}]
    result.require_ready()


def test_a_list_of_hidden_tools_that_is_none_is_refused_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mcpServers\.a\.disabledTools"):
        loaded(tmp_path / "s.json", {"mcpServers": {"a": {"command": "x", "disabledTools": {"rm": True}}}})


def test_of_two_lists_of_hidden_tools_none_is_passed_over(tmp_path: Path) -> None:
    entry = {"command": "x", "excludeTools": ["rm"], "disabledTools": ["del"]}
    result = loaded(tmp_path / "s.json", {"mcpServers": {"a": entry}})

    with pytest.raises(ConfigError, match=r"mcpServers\.a\.disabledTools: is a second list"):
        result.require_ready()


def test_codex(tmp_path: Path) -> None:
    content = """\
model = "gpt"

[mcp_servers.docs]
command = "npx"
args = ["-y", "docs-mcp"]
env_vars = ["LOCAL_TOKEN"]
startup_timeout_sec = 20
tool_timeout_sec = 45
enabled_tools = ["search"]

[mcp_servers.docs.env]
A = "b"

[mcp_servers."my figma"]
url = "https://mcp.figma.com/mcp"
bearer_token_env_var = "FIGMA"
http_headers = { "X-Region" = "eu" }
env_http_headers = { "X-Key" = "KEY" }
"""
    result = loaded(tmp_path / ".codex" / "config.toml", content, FIGMA="f", KEY="k")

    assert servers(result) == [
        {
            "name": "docs",
            "command": ("npx", "-y", "docs-mcp"),
            "env": {"A": "b"},
            "inherit_env": ("LOCAL_TOKEN",),
            "start_seconds": 20.0,
            "timeout_seconds": 45.0,
            "tools": ("search",),
        },
        {
            "name": "my-figma",
            "upstream": "https://mcp.figma.com/mcp",
            "headers": {"X-Region": "eu", "Authorization": "Bearer f", "X-Key": "k"},
        },
    ]
    with pytest.raises(ConfigError, match=r"config\.toml:16:1: mcp_servers\[\"my figma\"\]\.bearer_token_env_var"):
        load(tmp_path / ".codex" / "config.toml", {"KEY": "k"})


def test_toml_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml:2:5: this is not valid TOML"):
        loaded(tmp_path / "config.toml", "[mcp_servers.a]\nx = \n")


def test_a_mapping_of_servers_may_stand_in_yaml(tmp_path: Path) -> None:
    result = loaded(tmp_path / "narthex.yaml", "mcpServers:\n  a: {url: 'https://a.example/mcp'}\n")

    assert servers(result) == [{"name": "a", "upstream": "https://a.example/mcp"}]


def test_problems_stand_where_the_client_wrote_them(tmp_path: Path) -> None:
    content = '{\n\t"mcpServers": {\n\t\t"a": {"command": ["x", {}]},\n\t\t"b": {},\n\t\t"c": {"url": "x"}\n\t}\n}'
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path / "mcp.json", content)

    assert [(problem.line, problem.column, problem.path) for problem in caught.value.problems] == [
        (3, 26, "mcpServers.a.command[1]"),
        (4, 3, "mcpServers.b"),
        (5, 16, "mcpServers.c.url"),
    ]


def test_the_gateway_does_not_stand_behind_itself(tmp_path: Path) -> None:
    content = {
        "mcpServers": {
            "one": {"command": "/opt/narthex/bin/narthex", "args": ["stdio"]},
            "two": {"url": "http://localhost:8080/mcp"},
            "three": {"url": "http://127.0.0.1:8080/mcp/sales"},
            "other": {"url": "http://127.0.0.1:9090/mcp"},
        }
    }
    result = loaded(tmp_path / "mcp.json", content)

    assert [server.name for server in result.config.servers] == ["other"]
    assert sum("is this gateway itself" in str(warning) for warning in result.warnings) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("github", "github"),
        ("io.github.acme/crm", "io-github-acme-crm"),
        ("My Server", "My-Server"),
        ("Öl & Gas", "Ol-Gas"),
        ("__x__", "x"),
        ("日本", "server"),
        ("a" * 50, "a" * 32),
    ],
)
def test_names_become_ours_always_in_the_same_way(name: str, expected: str) -> None:
    assert expected == sane_name(name, set())


def test_names_that_would_be_the_same_get_a_number() -> None:
    taken: set[str] = set()

    assert [sane_name(name, taken) for name in ("a b", "a-b", "A_B", "x" * 40, "x" * 41)] == [
        "a-b",
        "a-b-2",
        "A_B-3",
        "x" * 32,
        "x" * 30 + "-2",
    ]


def test_a_large_state_file_of_a_client_is_read_in_good_time(tmp_path: Path) -> None:
    content = {
        "projects": {f"/p{n}": {"history": [{"display": "words " * 20}] * 20} for n in range(500)},
        "mcpServers": {"a": {"command": "x"}},
    }

    assert servers(loaded(tmp_path / ".claude.json", content)) == [{"name": "a", "command": ("x",)}]
