"""`narthex import openapi` as a shell runs it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from narthex.control.load import load


def document(**more: Any) -> str:
    pets = {"get": {"operationId": "listPets", "tags": ["pets"]}, "post": {"operationId": "addPet", "tags": ["pets"]}}
    users = {"get": {"operationId": "listUsers", "tags": ["users"]}, "head": {}}
    whole = {"openapi": "3.1.0", "info": {"title": "The Pet API v2"}, "paths": {"/pets": pets, "/users": users}}
    return json.dumps({**whole, "servers": [{"url": "https://pets.example/v1"}], **more})


def test_the_budget_is_shown_and_an_entry_written(tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text(document())
    ran = run("import", "openapi", "pets.json", "--tag", "pets", "--method", "get", home=tmp_path)

    assert ran.code == 0
    assert ran.out == (
        "servers:\n"
        "  - name: the-pet\n"
        "    openapi: pets.json\n"
        "    base_url: https://pets.example/v1\n"
        "    operations:\n"
        "      tags:\n"
        "        - pets\n"
        "      methods:\n"
        "        - GET\n"
    )
    assert ran.err.splitlines()[0].startswith("3 operations, about ")
    assert "chosen: 1, about" in ran.err
    assert [line.split()[0] for line in ran.err.splitlines()[2:]] == ["pets", "users"]


def test_what_is_written_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    schemes = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    (tmp_path / "docs" / "pets.json").write_text(document(components=schemes))
    ran = run("import", "openapi", "docs/pets.json", "--name", "pets", "--output", "narthex.yaml", home=tmp_path)
    server = load(tmp_path / "narthex.yaml", {"PETS_TOKEN": "t"}).config.servers[0]

    assert (ran.code, ran.out) == (0, "")
    assert "PETS_TOKEN  for securitySchemes.token" in ran.err
    assert stat.S_IMODE((tmp_path / "narthex.yaml").stat().st_mode) == 0o600
    assert (server.openapi, server.headers) == (str(tmp_path / "docs" / "pets.json"), {"Authorization": "Bearer t"})


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text(document())
    (tmp_path / "narthex.yaml").write_text("mine")

    assert run("import", "openapi", "pets.json", "--output", "narthex.yaml", home=tmp_path).code == 2
    assert (tmp_path / "narthex.yaml").read_text() == "mine"


def test_every_operation_with_its_cost(tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text(document())
    ran = run("import", "openapi", "pets.json", "--operation", "list*", "--list", home=tmp_path)

    assert sorted((line[0], *line.split()[2:4]) for line in ran.out.splitlines()) == [
        ("+", "GET", "/pets"),
        ("+", "GET", "/users"),
        ("-", "POST", "/pets"),
    ]


def test_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text(document())
    found = json.loads(run("import", "openapi", "pets.json", "--tag", "users", "--json", home=tmp_path).out)

    assert (found["chosen"], len(found["operations"])) == (1, 3)
    assert found["tokens_chosen"] < found["tokens"]
    assert found["operations"][2] == {
        "request": "GET /users",
        "tags": ["users"],
        "tokens": found["tokens_chosen"],
        "tool": "list_users",
    }


def test_a_large_budget_is_pointed_out(tmp_path: Path) -> None:
    paths = {f"/p{number}": {"get": {"description": "word " * 200}} for number in range(200)}
    (tmp_path / "large.json").write_text(document(paths=paths))
    ran = run("import", "openapi", "large.json", home=tmp_path)

    assert "that is more than most models read with profit" in ran.err


SERVERS = [
    (
        {"servers": [{"url": "https://{x}.example/{v}", "variables": {"x": {"default": "a"}, "v": {"default": "v3"}}}]},
        0,
    ),
    ({"servers": [{"url": "/v1"}]}, 2),
    ({"servers": []}, 2),
    ({"servers": [{"url": "https://{x}.example"}]}, 2),
    ({"servers": "x"}, 2),
    ({"servers": [{"url": "ftp://a.example"}]}, 2),
]


@pytest.mark.parametrize(("more", "code"), SERVERS)
def test_where_the_api_is(tmp_path: Path, more: dict[str, Any], code: int) -> None:
    (tmp_path / "pets.json").write_text(document(**more))
    ran = run("import", "openapi", "pets.json", home=tmp_path)
    told = run("import", "openapi", "pets.json", "--base-url", "https://told.example/v1", home=tmp_path)

    assert ran.code == code
    assert ("https://a.example/v3" in ran.out) is (code == 0)
    assert ("--base-url" in ran.err) is (code != 0)
    assert "base_url: https://told.example/v1" in told.out


def test_what_is_no_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "pets.json").write_text(document())

    assert run("import", "openapi", "a.json", home=tmp_path).code == 2
    assert run("import", "openapi", "absent.json", home=tmp_path).code == 2
    assert run("import", "openapi", "pets.json", "--method", "HEAD", home=tmp_path).code == 2
    assert run("import", "openapi", "pets.json", "--tag", "cats", home=tmp_path).code == 1


def test_a_document_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    ran = run("import", "openapi", "nope.json", home=tmp_path)

    assert (ran.code, ran.err) == (2, "nope.json cannot be read: No such file or directory\n")
