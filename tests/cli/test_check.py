"""`narthex check` and `narthex schema`, and the first file a newcomer does not have."""

import json
from pathlib import Path

import pytest
from command_line import run

GOOD = "servers:\n  - {name: a, upstream: 'https://a.example/mcp'}\n"
UNREADY = GOOD + "listen: https://127.0.0.1:8443\n"


def test_a_sound_file(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text(GOOD)
    ran = run("check", home=tmp_path)

    assert (ran.code, ran.out) == (0, "narthex.yaml: 1 server. The file is sound.\n")


def test_a_file_with_mistakes(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("lisen: x\nservers: [{name: a, upsteam: x}]\n")
    ran = run("check", home=tmp_path)

    assert ran.code == 2
    assert ran.out.splitlines() == [
        "narthex.yaml:1:1: lisen: unknown key 'lisen'. Did you mean 'listen'?",
        "narthex.yaml:2:21: servers[0].upsteam: unknown key 'upsteam'. Did you mean 'upstream'?",
    ]


def test_what_cannot_be_served_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text(UNREADY)
    ran = run("check", home=tmp_path)

    assert ran.code == 0
    assert "warning: narthex.yaml:3:1: listen: https needs a certificate." in ran.out
    assert "`narthex serve` refuses to start with it" in ran.out
    assert run("check", "--strict", home=tmp_path).code == 1


def test_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(UNREADY)
    (tmp_path / "b.yaml").write_text("servers: [{name: a}]")
    good, bad = run("check", "a.yaml", "--json", home=tmp_path), run("check", "b.yaml", "--json", home=tmp_path)
    sound, refused = json.loads(good.out), json.loads(bad.out)

    assert (good.code, sound["ok"], sound["servers"], sound["unready"][0]["line"]) == (0, True, ["a"], 3)
    assert (bad.code, refused["ok"], refused["problems"][0]["path"]) == (2, False, "servers[0]")


def test_the_variable_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD)

    assert run("check", home=tmp_path, NARTHEX_CONFIG=str(tmp_path / "x.yaml")).code == 0
    assert "NARTHEX_CONFIG" in run("check", home=tmp_path, NARTHEX_CONFIG="gone.yaml").err


@pytest.mark.parametrize("command", ["check", "serve", "stdio"])
def test_without_a_file_the_first_one_is_shown(tmp_path: Path, command: str) -> None:
    ran = run(command, home=tmp_path)

    assert ran.code == 2
    assert "There is no narthex.yaml in this folder." in ran.err
    assert "servers:\n    - {name: everything, command: [npx, -y" in ran.err
    assert "narthex demo" in ran.err


def test_a_file_a_client_already_has_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text('{"mcpServers": {}}')

    assert "narthex serve .cursor/mcp.json" in run("serve", home=tmp_path).err


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    ran = run("check", "other.yaml", home=tmp_path)

    assert ran.code == 2
    assert "There is no file other.yaml." in ran.err
    assert "narthex serve other.yaml" in ran.err
    assert "is a folder" in run("check", ".", home=tmp_path).err


def test_nobody_is_told_to_save_yaml_as_json(tmp_path: Path) -> None:
    ran = run("serve", "mcp.json", home=tmp_path)

    assert ran.code == 2
    assert "There is no file mcp.json." in ran.err
    assert "Save them as narthex.yaml, then: narthex serve\n" in ran.err


def test_the_schema_is_json(tmp_path: Path) -> None:
    ran = run("schema", home=tmp_path)

    assert ran.code == 0
    assert json.loads(ran.out)["properties"]["servers"]
