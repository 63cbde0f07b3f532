"""The page of the configuration cannot lie: its tables are made, its snippets are loaded, no key lacks its words."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from generate_configuration import PAGE, made

from narthex.control.load import load
from narthex.control.reference import examples, unnamed_keys
from narthex.control.schema import config_schema

TEXT = PAGE.read_text("utf-8")
SNIPPETS = re.findall(r"^```(yaml|json)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
VARIABLES = {"CRM_TOKEN": "t", "GITHUB_TOKEN": "t"}
SECRET = "/run/secrets/warehouse"


def test_the_tables_are_made_from_the_schema() -> None:
    assert made(TEXT) == TEXT, "run: python tests/control/generate_configuration.py"


@pytest.mark.parametrize(("kind", "text"), SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_snippet_loads(tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / "secret").write_text("s")
    path = tmp_path / f"narthex.{kind}"
    path.write_text(text.replace(SECRET, "secret"), encoding="utf-8")

    assert load(path, VARIABLES).config.servers or "servers: []" in text


def test_the_page_has_snippets() -> None:
    assert len(SNIPPETS) > 5


def test_every_key_has_its_words() -> None:
    assert unnamed_keys() == []


@pytest.mark.parametrize(("noun", "key", "value"), examples(), ids=lambda part: str(part)[:30])
def test_every_example_loads_in_its_place(tmp_path: Path, noun: str, key: str, value: str) -> None:
    (tmp_path / "tls.crt").write_text("x")
    (tmp_path / "tls.key").write_text("x")
    server = "servers: [{name: crm, upstream: 'https://x.example/mcp'}, {name: github, command: [x]}"
    around = {
        "Config": f"{key}: {value}\n" + ("" if key == "servers" else f"{server}]"),
        "ServerConfig": f"{server}, {{{'' if key == 'name' else 'name: b, '}{_kind(key)}{key}: {value}}}]",
        "Resources": f"{server}, {{name: b, command: [x], resources: {{{key}: {value}}}}}]",
        "EndpointConfig": f"{server}]\nendpoints: {{e: {{{key}: {value}}}}}",
        "ToolChange": f"{server}]\nendpoints: {{e: {{tools: {{crm/x: {{{key}: {value}}}}}}}}}",
        "AdminConfig": f"{server}]\nadmin: {{{key}: {value}}}",
        "LogConfig": f"{server}]\nlog: {{{key}: {value}}}",
    }
    path = tmp_path / "narthex.yaml"
    text = around[noun].replace("name: github, command", "name: hub, command") if value == "github" else around[noun]
    path.write_text(text)

    assert load(path, VARIABLES).config


def _kind(key: str) -> str:
    return {"upstream": "", "command": "", "headers": "upstream: 'https://b.example', "}.get(key, "command: [x], ")


def test_the_published_schema_is_one_and_judges_like_load() -> None:
    schema = json.loads(json.dumps(config_schema()))
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)

    assert jsonschema_rs.meta.is_valid(schema)
    assert validator.is_valid({"servers": [{"name": "a", "command": "npx", "args": ["-y"]}], "x-mine": 1})
    assert not validator.is_valid({"servers": [{"name": "a", "upsteam": "x"}]})
