"""A tool whose results are redacted promises no more than will be kept: what comes out matches what is shown."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest

from narthex.catalog.compile import compile_endpoints
from narthex.model.config import Config, ServerConfig
from narthex.model.offer import Offer
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.rules import Rules
from narthex.policy.redaction.compiling import compiled_rule
from narthex.policy.redaction.engine import Work
from narthex.policy.redaction.matcher import Budget

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"mail": {"type": "string", "format": "email", "pattern": "@", "maxLength": 40}},
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "card": {"type": "integer"},
        "to": {"$ref": "#/$defs/mail"},
        "state": {"type": "string", "enum": ["open", "closed"]},
        "fixed": {"const": "a@example.com"},
        "rows": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"$ref": "#/$defs/mail"}},
        "owner": {
            "oneOf": [
                {"type": "null"},
                {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            ]
        },
        "more": {"type": "object", "patternProperties": {"@": {"type": "integer"}}, "additionalProperties": False},
    },
    "required": ["id", "to"],
    "additionalProperties": False,
}
VALUE = {
    "id": 7,
    "card": 4111111111111111,
    "to": "anna@example.com",
    "state": "open",
    "fixed": "a@example.com",
    "rows": ["a@example.com", "b@example.com"],
    "owner": {"name": "Anna"},
    "more": {"a@example.com": 1, "b@example.com": 2},
}


def shown(*rules: Redaction, tenant: Redaction | None = None) -> dict[str, Any]:
    tool = {"name": "find", "description": "Finds.", "inputSchema": {"type": "object"}, "outputSchema": SCHEMA}
    texts = {
        "tools": (msgspec.Raw(msgspec.json.encode(tool)),),
        "prompts": (),
        "resources": (),
        "resource_templates": (),
    }
    offer = Offer(
        server="crm", era="modern", revision="2026-07-28", transport="http", capabilities={"tools": {}}, **texts
    )
    server = ServerConfig(name="crm", upstream="https://crm.example.com", redaction=rules or None)
    tenants = {"acme": Rules(redaction=tenant)} if tenant is not None else {}
    compiled = compile_endpoints(Config(servers=(server,), tenants=tenants), {"crm": offer})
    return compiled.endpoints[""].tools["find"].definition


@pytest.mark.parametrize("action", ["mask", "drop", "hash", "tokenise"])
@pytest.mark.parametrize("choice", [{}, {"keep": ("id", "card", "state")}, {"drop": ("to", "owner.name")}], ids=str)
def test_what_comes_out_is_what_the_schema_promises(action: Any, choice: dict[str, Any]) -> None:
    rule = Redaction(detect=("all",), action=action, **choice)
    compiled = compiled_rule(rule)
    raw = msgspec.json.encode(VALUE)
    assert jsonschema_rs.is_valid(SCHEMA, VALUE)
    chosen = compiled.fields.chosen(raw) if compiled.fields is not None else raw
    left = msgspec.json.decode(
        compiled.engine.json(chosen, Work(Budget(10_000), lambda kind, *_: f"‹{kind}:7h2k9m4xq0›"))
    )
    schema = shown(rule)["outputSchema"]

    assert left != VALUE
    assert list(jsonschema_rs.validator_for(schema).iter_errors(left)) == []


def test_members_that_never_pass_are_not_even_named() -> None:
    kept = shown(Redaction(keep=("id", "state")))["outputSchema"]["properties"]

    assert {"id", "state", "owner", "more"} <= set(kept)  # in `owner` there may be an `id`
    assert "card" not in kept
    assert "fixed" in kept  # nothing says that it is no object
    assert "to" not in shown(Redaction(drop=("to",)))["outputSchema"]["properties"]
    assert "required" not in shown(Redaction(drop=("to",)))["outputSchema"]


def test_a_rule_of_one_tenant_promises_everybody_less_and_hides_no_member() -> None:
    schema = shown(tenant=Redaction(drop=("to",)))["outputSchema"]

    assert "to" in schema["properties"]
    assert "required" not in schema


def test_without_a_rule_for_results_nothing_changes() -> None:
    assert shown()["outputSchema"] == SCHEMA
    assert shown(Redaction(direction="arguments"))["outputSchema"] == SCHEMA


def test_a_tool_that_opens_tokens_says_that_it_takes_them() -> None:
    found = shown(Redaction(direction="arguments", opens=("email",)))

    assert found["description"].startswith("Finds.\n\n")
    assert "‹email:…›" in found["description"]
