"""Odd schemas of all kinds: the APIs take their translations, and what satisfies a schema comes through unchanged."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_judges import STRICT_FORMS, judge
from models_schemas import ARGUMENTS, NONSENSE, Pair

from narthex.models import FORMATS, Toolset
from narthex.models.dialects import DIALECTS
from narthex.models.names import fitting

Tree = dict[str, Any]
FORMS = [form for form in FORMATS if form != "mcp"]
WAYS = [(form, False) for form in FORMS] + [(form, True) for form in STRICT_FORMS]
QUICK = settings(max_examples=60, deadline=None)


def tool(schema: Any, name: str = "t") -> Tree:
    return {"name": name, "description": "d", "inputSchema": schema}


@pytest.mark.parametrize(("form", "strict"), WAYS)
@given(pair=ARGUMENTS)
@QUICK
def test_an_api_takes_the_translation_of_any_schema(form: Any, pair: Pair, *, strict: bool) -> None:
    judge(form, Toolset([tool(pair[0])], form, strict=strict).definitions)


@pytest.mark.parametrize(("form", "strict"), WAYS)
@given(schema=NONSENSE)
@QUICK
def test_an_api_takes_the_translation_of_nonsense(form: Any, schema: Tree, *, strict: bool) -> None:
    judge(form, Toolset([tool(schema)], form, strict=strict).definitions)


@pytest.mark.parametrize(("form", "strict"), WAYS)
@given(pair=ARGUMENTS)
@QUICK
def test_arguments_come_through_unchanged(form: Any, pair: Pair, *, strict: bool) -> None:
    """What a model writes for the translation of a schema is taken by it, and becomes what the schema takes."""
    schema, value = pair
    toolset = Toolset([tool(schema)], form, strict=strict)
    definition = (toolset.definitions[0].get("functionDeclarations") or toolset.definitions)[0]
    definition = definition.get("function") or definition
    shown = definition.get("parameters") or definition.get("input_schema") or {"properties": {}}

    written = as_written(value, schema, shown, strict=definition.get("strict") is True)
    if definition.get("strict") is not True and form != "gemini":
        assert jsonschema_rs.is_valid(shown, written)
    (call,) = toolset.calls(answer_of(form, definition["name"], written))

    assert call.refusal is None
    assert call.name == "t"
    # In strict tools, a null where null is a value of its own is left for the tool to understand.
    came = {name: one for name, one in call.arguments.items() if one is not None or name in value}
    assert json.dumps(came, sort_keys=True) == json.dumps(value, sort_keys=True)
    assert came == call.arguments or definition.get("strict") is True


def as_written(value: Any, schema: Tree, shown: Tree, *, strict: bool) -> Any:
    """The members by the names that are shown, in order; in strict tools a null for each that is not given."""
    ours, theirs = list(schema["properties"]), list(shown["properties"])
    names = dict(zip(ours, theirs, strict=True))
    written = {names.get(name, name): one for name, one in value.items()}
    if strict:
        required = set(shown["required"])
        written |= {names[name]: None for name in ours if name not in value and names[name] in required}
    return written


def answer_of(form: str, name: str, arguments: Any) -> Any:
    text = json.dumps(arguments)
    if form == "anthropic":
        return [{"type": "tool_use", "id": "1", "name": name, "input": arguments}]
    if form == "gemini":
        return [{"functionCall": {"name": name, "args": arguments}}]
    if form == "openai-responses":
        return [{"type": "function_call", "call_id": "1", "name": name, "arguments": text}]
    return [{"id": "1", "type": "function", "function": {"name": name, "arguments": text}}]


@pytest.mark.parametrize("form", FORMS)
@given(names=st.lists(st.text(min_size=1, max_size=200) | st.from_regex(r"[a-z]{1,3}_[0-9a-f]{8}", fullmatch=True),
                      min_size=1, max_size=6, unique=True))  # fmt: skip
@QUICK
def test_every_name_leads_back_to_its_tool(form: Any, names: list[str]) -> None:
    toolset = Toolset([tool({"type": "object"}, name) for name in names], form)
    shown = toolset.definitions[0]["functionDeclarations"] if form == "gemini" else toolset.definitions
    theirs = [(one.get("function") or one)["name"] for one in shown]

    judge(form, toolset.definitions)
    for name, their in zip(names, theirs, strict=True):
        assert [call.name for call in toolset.calls(answer_of(form, their, {}))] == [name]


@given(pair=ARGUMENTS)
@settings(max_examples=200, deadline=None)
def test_gemini_takes_what_the_tool_takes_at_every_depth(pair: Pair) -> None:
    schema, value = pair
    toolset = Toolset([tool(schema)], "gemini")
    parameters = toolset.definitions[0]["functionDeclarations"][0].get("parameters", {"type": "OBJECT"})

    written = refitted(value, [parameters])
    if not any("wants a type" in one for one in toolset.warnings):
        assert jsonschema_rs.is_valid(as_json_schema(parameters), written)
    (call,) = toolset.calls(answer_of("gemini", "t", written))

    assert json.dumps(call.arguments, sort_keys=True) == json.dumps(value, sort_keys=True)


def refitted(value: Any, shown: list[Tree]) -> Any:
    """With the names that Gemini is shown for members; those that it is not shown stay. `shown`: what may hold here."""
    shown = [inner for one in shown for inner in one.get("anyOf", [one])]
    if isinstance(value, list):
        return [refitted(one, [part["items"] for part in shown if "items" in part]) for one in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, one in value.items():
        theirs = fitting(name, DIALECTS["gemini"].member)
        below = [part["properties"][theirs] for part in shown if theirs in part.get("properties", {})]
        out[theirs if below else name] = refitted(one, below)
    return out


def as_json_schema(schema: Tree) -> Tree:
    """What OpenAPI 3.0 says, in JSON Schema."""
    out = {key: value for key, value in schema.items() if key not in ("type", "nullable", "format")}
    if "type" in schema:
        out["type"] = [schema["type"].lower(), *(["null"] if schema.get("nullable") else [])]
        if "enum" in out and schema.get("nullable"):
            out["enum"] = [*out["enum"], None]
    if "items" in out:
        out["items"] = as_json_schema(out["items"])
    if "properties" in out:
        out["properties"] = {name: as_json_schema(one) for name, one in out["properties"].items()}
    if "anyOf" in out:
        out["anyOf"] = [as_json_schema(one) for one in out["anyOf"]]
    return out
