"""The providers as judges: their SDKs' own types, and the rules their APIs hold definitions to. No network.

Written apart from what it judges: rules stand here a second time, as the providers tell them.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from anthropic.types import MessageParam, ToolParam
from google.genai import types as gemini
from llama_api_client.types import ToolResponseMessageParam, UserMessageParam
from llama_api_client.types.chat.completion_create_params import Tool as LlamaTool
from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
)
from openai.types.responses import FunctionToolParam
from openai.types.responses.response_input_item_param import FunctionCallOutput
from pydantic import TypeAdapter

Tree = dict[str, Any]
STRICT_FORMS = ("anthropic", "openai", "openai-responses", "llama")
NAMES = {
    "anthropic": r"[a-zA-Z0-9_-]{1,128}",
    "openai": r"[a-zA-Z0-9_-]{1,64}",
    "openai-responses": r"[a-zA-Z0-9_-]{1,64}",
    "llama": r"[a-zA-Z0-9_-]{1,64}",
    "gemini": r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}",
}
TOOL_TYPES = {
    "anthropic": ToolParam,
    "openai": ChatCompletionFunctionToolParam,
    "openai-responses": FunctionToolParam,
    "llama": LlamaTool,
}
MESSAGE_TYPES = {
    ("anthropic", "user"): MessageParam,
    ("openai", "tool"): ChatCompletionToolMessageParam,
    ("openai", "user"): ChatCompletionUserMessageParam,
    ("openai-responses", None): FunctionCallOutput,
    ("llama", "tool"): ToolResponseMessageParam,
    ("llama", "user"): UserMessageParam,
}
STRICT_KEYWORDS = {
    "anthropic": {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const",
                  "description", "title", "format"},
    "openai": {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const",
               "description", "title", "format", "pattern", "multipleOf", "minimum", "maximum", "exclusiveMinimum",
               "exclusiveMaximum", "minItems", "maxItems"},
}  # fmt: skip


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def exactly(kind: Any, value: Any) -> None:
    """`value` is of this type of an SDK, and has nothing that the type does not name."""
    seen = adapter(kind)
    assert seen.dump_python(seen.validate_python(value), mode="json", warnings=False, by_alias=True) == value


def judge(form: str, definitions: list[Tree]) -> None:
    """The definitions are what this API takes as `tools`."""
    if form == "gemini":
        return judge_gemini(definitions)
    for definition in definitions:
        exactly(TOOL_TYPES[form], definition)
        function = definition.get("function", definition)
        schema = function["input_schema" if form == "anthropic" else "parameters"]
        assert re.fullmatch(NAMES[form], function["name"])
        assert function.get("description") != ""
        if form == "openai":
            assert len(function.get("description", "")) <= 1024
        judge_root(form, schema)
        judge_schema(schema)
        if form != "anthropic":
            assert all("items" in one or "prefixItems" in one for one in parts(schema) if "array" in types_of(one))
        if function.get("strict"):
            judge_strict(form, schema)
    names = [(one.get("function") or one)["name"] for one in definitions]
    assert len(names) == len(set(names))
    if form == "anthropic":
        judge_strict_sum([one["input_schema"] for one in definitions if one.get("strict")])
    return None


def judge_root(form: str, schema: Tree) -> None:
    assert schema["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf"} & schema.keys()
    if form == "anthropic":
        assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name) for name in schema["properties"])
    else:
        assert not {"enum", "const", "not"} & schema.keys()


def judge_schema(schema: Tree) -> None:
    """A good schema of 2020-12 without references."""
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    assert all(not {"$ref", "$defs", "definitions"} & one.keys() for one in parts(schema))


def judge_strict(form: str, schema: Tree) -> None:
    family = "anthropic" if form == "anthropic" else "openai"
    for one in parts(schema):
        assert one.keys() <= STRICT_KEYWORDS[family], one
        assert {"type", "anyOf", *(("enum", "const") if family == "anthropic" else ())} & one.keys(), one
        if "object" in types_of(one):
            assert one["additionalProperties"] is False
            assert set(one["required"]) <= one["properties"].keys()
            if family == "openai":
                assert one["required"] == list(one["properties"])
        if "array" in types_of(one):
            assert isinstance(one["items"], dict)
        if family == "anthropic":
            assert isinstance(one.get("type", ""), str)


def judge_strict_sum(schemas: list[Tree]) -> None:
    every = [one for schema in schemas for one in parts(schema)]
    assert len(schemas) <= 20
    assert sum(len(one.get("properties", {})) - len(one.get("required", [])) for one in every) <= 24
    assert sum("anyOf" in one for one in every) <= 16


def judge_gemini(definitions: list[Tree]) -> None:
    assert len(definitions) <= 1
    for tool in definitions:
        read = gemini.Tool.model_validate(tool)  # `extra` is forbidden all the way down
        assert read.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True) == tool
        names = [one["name"] for one in tool["functionDeclarations"]]
        assert len(names) == len(set(names))
        assert all(re.fullmatch(NAMES["gemini"], name) for name in names)
        for one in tool["functionDeclarations"]:
            if "parameters" in one:
                assert one["parameters"]["type"] == "OBJECT"
                assert one["parameters"]["properties"]
                judge_openapi(one["parameters"])


def judge_openapi(schema: Tree) -> None:
    for one in parts(schema):
        assert "type" in one or "anyOf" in one, one
        assert "additionalProperties" not in one
        assert "anyOf" not in one or one.keys() == {"anyOf"}
        assert set(one.get("required", [])) <= one.get("properties", {}).keys()
        assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", name) for name in one.get("properties", {}))
        if "enum" in one:
            assert one["type"] == "STRING"
            assert all(isinstance(value, str) and value for value in one["enum"])
        if one.get("type") == "ARRAY":
            assert "items" in one
        if "format" in one and one["type"] == "STRING":
            assert one["format"] in ("enum", "date-time")


def judge_messages(form: str, messages: list[Tree]) -> None:
    """The messages are what this API takes after its model's calls."""
    for message in messages:
        if form == "gemini":
            read = gemini.Content.model_validate(message)
            assert read.role == "user"
            assert all(part.function_response is not None for part in read.parts or [])
        else:
            exactly(MESSAGE_TYPES[form, message.get("role")], message)


def types_of(schema: Tree) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def parts(schema: Any) -> Iterator[Tree]:
    """Every schema in a schema, by the keywords that hold any."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword in ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"):
        yield from parts(schema.get(keyword))
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for one in schema.get(keyword, []):
            yield from parts(one)
    for keyword in ("properties", "patternProperties", "dependentSchemas"):
        for one in schema.get(keyword, {}).values():
            yield from parts(one)
