"""Real definitions: every tool of the demo, and of some twenty servers of others, as each API takes them.

`real_schemas.json` holds the arguments of their tools, by names and types; their words are their makers' own.
"""

import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from models_judges import STRICT_FORMS, judge

from narthex.libraries.demo import SERVERS
from narthex.models import FORMATS, Toolset

Tree = dict[str, Any]
SCHEMAS: dict[str, Tree] = json.loads(Path(__file__).with_name("real_schemas.json").read_text("utf-8"))
OTHERS = [{"name": name, "description": f"What {name} does.", "inputSchema": s} for name, s in SCHEMAS.items()]
DEMO = [
    {**tool.definition, "name": f"{library.server.name}__{tool.definition['name']}"}
    for library in (import_module(f"narthex.libraries.demo.{name}") for name in SERVERS)
    for tool in library.server.tools.values()
]
WAYS = [
    (form, strict)
    for form in FORMATS
    if form != "mcp"
    for strict in (False, True)
    if not strict or form in STRICT_FORMS
]


@pytest.mark.parametrize(("form", "strict"), WAYS)
@pytest.mark.parametrize("tools", [DEMO, OTHERS], ids=["demo", "others"])
def test_an_api_takes_every_real_definition(form: Any, tools: list[Tree], *, strict: bool) -> None:
    toolset = Toolset(tools, form, strict=strict)

    judge(form, toolset.definitions)
    shown = toolset.definitions[0]["functionDeclarations"] if form == "gemini" else toolset.definitions
    assert len(shown) == len(tools)


@pytest.mark.parametrize("form", STRICT_FORMS)
def test_all_of_the_demo_can_be_strict(form: Any) -> None:
    definitions = Toolset(DEMO, form, strict=True).definitions

    assert [one for one in definitions if not (one.get("function") or one).get("strict")] == []


def test_mcp_is_what_the_protocol_has() -> None:
    assert Toolset(DEMO, "mcp").definitions == DEMO


def test_no_name_of_a_real_tool_has_to_change() -> None:
    for form in ("anthropic", "openai", "gemini"):
        assert [one for one in Toolset(OTHERS, form).warnings if "no such name" in one] == []  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["anthropic", "openai", "llama"])
def test_what_a_real_schema_takes_its_translation_takes(form: Any) -> None:
    """Arguments made of the schema itself: a first value for each member."""
    toolset = Toolset(OTHERS, form)
    for definition, tool in zip(toolset.definitions, OTHERS, strict=True):
        function = definition.get("function") or definition
        schema = function.get("parameters") or function["input_schema"]
        value = sample(tool["inputSchema"], tool["inputSchema"])
        if jsonschema_rs.is_valid(tool["inputSchema"], value):
            assert jsonschema_rs.is_valid(schema, value), tool["name"]


def sample(schema: Any, root: Tree) -> Any:
    if "$ref" in schema:
        return sample(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "anyOf" in schema and "type" not in schema:
        return sample(schema["anyOf"][0], root)
    kind = schema.get("type", "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return {name: sample(one, root) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema.get("items", {}), root)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return "a"


def test_translating_two_hundred_tools_takes_no_time_to_speak_of() -> None:
    began = time.process_time()
    for form in FORMATS:
        Toolset(OTHERS, form)  # type: ignore[arg-type]

    assert time.process_time() - began < 3.0
