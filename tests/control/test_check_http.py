"""What is wrong with an HTTP API in the configuration, said with its place and a remedy."""

from pathlib import Path

import pytest

from narthex.control.load import load
from narthex.control.problem import ConfigError

REQUEST = "requests: {x: {request: GET /x, description: X}}"
WRONG = {
    "openapi: a.json": "the key 'base_url' is missing",
    "openapi: 'ftp://a.example/x', base_url: 'https://a.example'": "",
    "openapi: a.json, base_url: 'ftp://a.example'": "base_url",
    "openapi: a.json, base_url: 'https://u:p@a.example'": "user and password do not belong in a URL",
    "openapi: a.json, base_url: 'https://a.example', answers: {x: {select: '$.['}}": "has a path that cannot be read",
    "openapi: a.json, base_url: 'https://a.example', operations: {methods: [HEAD]}": "methods",
    "openapi: a.json, base_url: 'https://a.example', http: 'https://b.example'": "has both 'openapi' and 'http'",
    "http: 'https://a.example'": "the key 'requests' is missing",
    f"http: 'https://a.example/#x', {REQUEST}": "no '#…' part",
    "http: 'https://a.example', requests: {x: {request: GET x, description: X}}": "request",
    "http: 'https://a.example', requests: {x: {request: 'GET /{', description: X}}": "braces",
    "http: 'https://a.example', requests: {'x y': {request: GET /x, description: X}}": "requests",
    "http: 'https://a.example', requests: {x: {request: GET /x, description: X, parameters: {a: {type: frob}}}}": (
        "the schema of 'x' cannot be used"
    ),
}


@pytest.mark.parametrize(("entry", "expected"), WRONG.items())
def test_what_is_wrong_is_said(tmp_path: Path, entry: str, expected: str) -> None:
    path = tmp_path / "narthex.yaml"
    (tmp_path / "a.json").write_text("{}")
    path.write_text(f"servers: [{{name: api, {entry}}}]")
    try:
        loaded = load(path, {})
    except ConfigError as error:
        said = " ".join(str(problem) for problem in error.problems)
    else:
        said = " ".join(str(warning) for warning in loaded.warnings)

    assert expected in said
    assert "servers[0]" in said


def test_what_is_right_loads(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    path = tmp_path / "narthex.yaml"
    path.write_text(
        "servers:\n"
        "  - {name: a, openapi: a.json, base_url: 'https://a.example/v1?key=k', operations: {tags: [pets]}}\n"
        f"  - {{name: b, http: 'http://localhost:3000', {REQUEST}, headers: {{X-Key: k}}}}\n"
    )
    loaded = load(path, {})
    document, requests = loaded.config.servers

    assert loaded.warnings == ()
    assert (document.kind, document.openapi, document.address) == (
        "openapi",
        str(tmp_path / "a.json"),
        "https://a.example/v1?key=k",
    )
    assert (requests.kind, requests.address) == ("http", "http://localhost:3000")
    assert "key=k" not in repr(document)


def test_keys_of_another_kind_have_no_effect(tmp_path: Path) -> None:
    path = tmp_path / "narthex.yaml"
    path.write_text(f"servers: [{{name: b, http: 'https://a.example', {REQUEST}, base_url: 'https://c.example'}}]")

    assert ["has no effect" in str(warning) for warning in load(path, {}).warnings] == [True]


def test_a_document_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "narthex.yaml"
    path.write_text("servers: [{name: a, openapi: absent.json, base_url: 'https://a.example'}]")

    assert "there is no file" in str(load(path, {}).warnings[0])
