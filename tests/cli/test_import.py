"""`narthex import mcp-json` as a shell runs it."""

import json
import stat
from pathlib import Path

from command_line import run

CONTENT = {"mcpServers": {"a": {"command": "x", "env": {"API_TOKEN": "s3cret"}, "trust": True}}}


def test_a_client_file_becomes_ours(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(json.dumps(CONTENT))
    shown = run("import", "mcp-json", "mcp.json", home=tmp_path)
    written = run("import", "mcp-json", "mcp.json", "--output", "narthex.yaml", home=tmp_path)

    assert (shown.code, written.code) == (0, 0)
    assert shown.out == (tmp_path / "narthex.yaml").read_text()
    assert "API_TOKEN: ${API_TOKEN}" in shown.out
    assert "s3cret" not in shown.out + shown.err
    assert "API_TOKEN  from mcpServers.a.env.API_TOKEN" in shown.err
    assert "mcpServers.a.trust: is for the client alone" in shown.err
    assert stat.S_IMODE((tmp_path / "narthex.yaml").stat().st_mode) == 0o600
    assert run("check", home=tmp_path, API_TOKEN="t").code == 0


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(json.dumps(CONTENT))
    (tmp_path / "narthex.yaml").write_text("mine")

    assert run("import", "mcp-json", "mcp.json", "--output", "narthex.yaml", home=tmp_path).code == 2
    assert (tmp_path / "narthex.yaml").read_text() == "mine"
    kept = run("import", "mcp-json", "mcp.json", "--output", "narthex.yaml", "--force", "--keep-values", home=tmp_path)
    assert kept.code == 0
    assert "s3cret" in (tmp_path / "narthex.yaml").read_text()


def test_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(json.dumps(CONTENT))
    ran = run("import", "mcp-json", "mcp.json", "--json", home=tmp_path)

    assert json.loads(ran.out)["variables"] == {"API_TOKEN": "mcpServers.a.env.API_TOKEN"}


def test_what_is_no_client_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")

    assert run("import", "mcp-json", "a.json", home=tmp_path).code == 2
    assert run("import", "mcp-json", "absent.json", home=tmp_path).code == 2
