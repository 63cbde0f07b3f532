"""What a definition becomes, in each API's words; and what is said about it."""

import json
from typing import Any

import pytest
from models_judges import judge

from narthex.models import FORMATS, Toolset

Tree = dict[str, Any]
SEARCH = {
    "name": "crm__search",
    "title": "Search",
    "description": "Find people.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 2},
            "limit": {"type": "integer", "exclusiveMinimum": 0, "maximum": 50, "default": 10},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
}


def only(form: Any, schema: Tree, *, strict: bool = False, **more: Any) -> tuple[Tree, tuple[str, ...]]:
    """The parameters of one tool's definition, with the description of the tool in it, and the warnings."""
    toolset = Toolset([{"name": "t", "inputSchema": schema, **more}], form, strict=strict)
    judge(form, toolset.definitions)
    one = (toolset.definitions[0].get("functionDeclarations") or toolset.definitions)[0]
    one = one.get("function") or one
    parameters = one.get("parameters") or one.get("input_schema") or {}
    said = {"said": one["description"]} if "description" in one else {}
    return {**parameters, **said, **({"strict": one["strict"]} if "strict" in one else {})}, toolset.warnings


def test_anthropic() -> None:
    assert Toolset([SEARCH], "anthropic").definitions == [
        {"name": "crm__search", "description": "Find people.", "input_schema": SEARCH["inputSchema"]}
    ]


def test_openai() -> None:
    function = {"name": "crm__search", "description": "Find people.", "parameters": SEARCH["inputSchema"]}

    assert Toolset([SEARCH], "openai").definitions == [{"type": "function", "function": function}]
    assert Toolset([SEARCH], "llama").definitions == [{"type": "function", "function": function}]


def test_openai_responses_says_that_it_is_not_strict() -> None:
    (definition,) = Toolset([SEARCH], "openai-responses").definitions

    assert definition["strict"] is False
    assert definition["parameters"] == SEARCH["inputSchema"]


def test_gemini() -> None:
    assert Toolset([SEARCH], "gemini").definitions == [
        {
            "functionDeclarations": [
                {
                    "name": "crm__search",
                    "description": "Find people.",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {
                            "query": {"type": "STRING", "minLength": 2},
                            "limit": {"type": "INTEGER", "minimum": 1, "maximum": 50, "description": "(default: 10)"},
                        },
                        "required": ["query"],
                    },
                }
            ]
        }
    ]


def test_strict_openai_asks_for_a_null_where_nothing_is_given() -> None:
    (definition,) = Toolset([SEARCH], "openai", strict=True).definitions

    assert definition["function"]["strict"] is True
    assert definition["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "(minLength: 2)"},
            "limit": {
                "type": ["integer", "null"],
                "exclusiveMinimum": 0,
                "maximum": 50,
                "description": "(default: 10)",
            },
        },
        "required": ["query", "limit"],
        "additionalProperties": False,
    }


def test_strict_anthropic_leaves_what_is_optional() -> None:
    (definition,) = Toolset([SEARCH], "anthropic", strict=True).definitions

    assert definition["strict"] is True
    assert definition["input_schema"]["required"] == ["query"]
    assert definition["input_schema"]["properties"]["query"] == {"type": "string", "description": "(minLength: 2)"}


def test_references_are_written_out() -> None:
    place = {"type": "object", "properties": {"city": {"type": "string"}}, "description": "A place."}
    schema = {"$defs": {"place": place}, "properties": {"from": {"$ref": "#/$defs/place", "description": "Whence."}}}

    shown, said = only("anthropic", schema)

    assert shown["properties"]["from"] == {**place, "description": "Whence."}
    assert said == ()


def test_a_schema_that_describes_itself_is_left_open_where_it_begins_again() -> None:
    node = {"type": "object", "properties": {"v": {"type": "string"}, "kids": {"items": {"$ref": "#/$defs/node"}}}}
    schema = {"$defs": {"node": node}, "properties": {"tree": {"$ref": "#/$defs/node"}}}

    shown, said = only("anthropic", schema)

    assert shown["properties"]["tree"]["properties"]["kids"]["items"] == {
        "type": "object",
        "description": "Here 'node' begins again, as described above.",
    }
    assert said == ("t: 'node' describes itself: where it begins again, it is left open (at tree.kids[]).",)


@pytest.mark.parametrize("reference", ["#/$defs/none", "https://example.com/schema", "other.json#/a", "#none", "#/a/0"])
def test_a_reference_that_leads_nowhere_is_left_open(reference: str) -> None:
    shown, said = only("openai", {"properties": {"a": {"$ref": reference, "title": "A"}}})

    assert shown["properties"]["a"] == {"title": "A"}
    assert "leads to nothing" in said[0]


def test_anchors_and_the_root_are_references_too() -> None:
    schema = {"$defs": {"x": {"$anchor": "here", "type": "integer"}}, "properties": {"a": {"$ref": "#here"},
              "b": {"$ref": "#"}}}  # fmt: skip

    shown, said = only("anthropic", schema)

    assert shown["properties"]["a"] == {"type": "integer"}
    assert shown["properties"]["b"]["properties"]["a"] == {"type": "integer"}
    assert "describes itself" in said[0]


def test_alternatives_at_the_root_become_one_object() -> None:
    schema = {
        "type": "object",
        "properties": {"repo": {"type": "string"}},
        "required": ["repo"],
        "oneOf": [
            {"properties": {"kind": {"const": "issue"}, "number": {"type": "integer"}}, "required": ["kind", "number"]},
            {"properties": {"kind": {"const": "file"}, "path": {"type": "string"}}, "required": ["kind", "path"]},
        ],
    }

    shown, said = only("openai", schema, description="Read.")

    assert shown["required"] == ["repo", "kind"]
    assert shown["properties"]["kind"] == {"enum": ["issue", "file"]}
    assert shown["said"] == (
        'Read.\nGive one of these sets of arguments: (kind = "issue", number); (kind = "file", path).'
    )
    assert said == ("t: 'oneOf' at the root becomes one object: the alternatives are in the description.",)


def test_what_holds_together_is_joined() -> None:
    schema = {
        "allOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"a": {"maxLength": 5}, "b": {"type": "integer"}}, "required": ["b"]},
        ]
    }

    shown, said = only("gemini", schema)

    assert shown["properties"] == {"a": {"type": "STRING", "maxLength": 5}, "b": {"type": "INTEGER"}}
    assert shown["required"] == ["a", "b"]
    assert said == ()


def test_what_an_api_cannot_say_is_in_the_description() -> None:
    schema = {
        "properties": {
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "description": "Tags."},
            "day": {"type": "string", "format": "date"},
            "level": {"enum": [1, 2]},
        },
        "not": {"required": ["day", "level"]},
    }

    shown, said = only("gemini", schema, description="Write.")

    assert shown["properties"]["tags"]["description"] == "Tags.\n(uniqueItems: true)"
    assert shown["properties"]["day"] == {"type": "STRING", "description": '(format: "date")'}
    assert shown["properties"]["level"] == {"type": "INTEGER", "description": "(enum: [1, 2])"}
    assert shown["said"] == 'Write.\n(not: {"required": ["day", "level"]})'
    assert "t: Gemini takes no 'uniqueItems' here, so it is in the description (at tags)." in said


def test_who_names_members_means_an_object() -> None:
    schema = {
        "properties": {
            "data": {"properties": {"id": {"minLength": 1}}, "required": ["id"], "anyOf": [{"required": ["id"]}]},
            "list": {"items": {"type": "string"}},
        }
    }

    gemini, _ = only("gemini", schema)
    strict, said = only("openai", {"properties": {"list": schema["properties"]["list"]}}, strict=True)

    assert gemini["properties"]["data"]["type"] == "OBJECT"
    assert gemini["properties"]["data"]["properties"] == {"id": {"type": "STRING", "minLength": 1}}
    assert gemini["properties"]["list"] == {"type": "ARRAY", "items": {"type": "STRING"}}
    assert strict["strict"] is True
    assert said == ()


def test_gemini_has_unions_alone_in_their_place() -> None:
    schema = {
        "properties": {
            "id": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}], "description": "Whose."},
            "one": {"anyOf": [{"type": "string", "description": "A name."}, {"type": "null"}], "title": "One"},
            "both": {"type": "string", "anyOf": [{"type": "string"}, {"type": "integer"}]},
        }
    }

    shown, said = only("gemini", schema)

    assert shown["properties"] == {
        "id": {
            "anyOf": [
                {"type": "STRING", "description": "Whose.", "nullable": True},
                {"type": "INTEGER", "description": "Whose.", "nullable": True},
            ]
        },
        "one": {"type": "STRING", "description": "A name.", "title": "One", "nullable": True},
        "both": {"type": "STRING", "description": '(anyOf: [{"type": "string"}, {"type": "integer"}])'},
    }
    assert said == ("t: Gemini takes no 'anyOf' beside other keywords, so it is in the description (at both).",)


def test_what_is_too_long_for_a_description_is_left_out_and_said() -> None:
    shown, said = only("gemini", {"properties": {"a": {"type": "integer", "enum": list(range(500))}}})

    assert shown["properties"]["a"] == {"type": "INTEGER"}
    assert said == ("t: 'enum' is too long for a description, and is left out (at a).",)


def test_a_long_description_goes_on_in_the_parameters() -> None:
    words = " ".join(f"word{number}" for number in range(400))

    shown, said = only("openai", {"type": "object"}, description=words)

    assert len(shown["said"]) <= 1024
    assert f"{shown['said'].removesuffix('…')}{shown['description'].removeprefix('… ')}" == words
    assert "takes 1024 characters" in said[0]
    assert only("openai-responses", {"type": "object"}, description=words)[0]["said"] == words


def test_wrong_keywords_are_left_out_and_said() -> None:
    schema = {"properties": {"a": {"type": "text", "enum": [], "minimum": "1", "required": True}, "b": False}}

    shown, said = only("anthropic", schema)

    assert shown["properties"] == {"a": {}}
    assert len(said) == 4
    assert "t: 'type' has a value that JSON Schema does not know, and is left out (at a)." in said


def test_keywords_of_older_drafts_and_of_openapi_are_understood() -> None:
    schema = {
        "properties": {
            "a": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            "b": {"type": "string", "nullable": True, "example": "x"},
            "c": {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
        }
    }

    shown, said = only("anthropic", schema)

    assert shown["properties"] == {
        "a": {"type": "integer", "exclusiveMinimum": 0},
        "b": {"type": ["string", "null"], "examples": ["x"]},
        "c": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
    }
    assert said == ()


@pytest.mark.parametrize("form", ["anthropic", "openai", "openai-responses", "llama"])
@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"a": {}}}, "anything is allowed at 'a'"),
        ({"properties": {"a": {"type": "object"}}}, "the names of members at 'a' are free"),
        ({"properties": {"a": {"type": "array"}}}, "the items at 'a' are not described"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "the names of members at 'the root' are free"),
    ],
)
def test_a_tool_without_a_strict_form_says_why(form: Any, schema: Tree, why: str) -> None:
    shown, said = only(form, schema, strict=True)

    assert shown.get("strict") in (None, False)
    assert any(f"it is not strict: {why}" in one for one in said) or "anything is allowed at 'a[]'" in said[0]


def test_tools_beyond_what_anthropic_compiles_are_not_strict() -> None:
    tools = [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(25)]

    toolset = Toolset(tools, "anthropic", strict=True)

    assert sum("strict" in one for one in toolset.definitions) == 20
    assert toolset.warnings[0] == "t20: it is not strict: more than 20 tools in strict tools."


@pytest.mark.parametrize("form", FORMATS)
def test_a_tool_without_arguments(form: Any) -> None:
    for schema in ({"type": "object"}, {"type": "object", "properties": {}, "additionalProperties": False}, None, True):
        toolset = Toolset([{"name": "now", "inputSchema": schema}], form)
        if form != "mcp":
            judge(form, toolset.definitions)
        assert toolset.warnings == ()


def test_names_that_an_api_does_not_take_are_changed_and_said() -> None:
    toolset = Toolset([{"name": "a.b"}, {"name": "a_b"}, {"name": "x" * 65}], "openai")
    names = [one["function"]["name"] for one in toolset.definitions]

    assert names[0].startswith("a_b_")
    assert names[1] == "a_b"
    assert [len(name) for name in names] == [12, 3, 64]
    assert toolset.warnings[0] == f"a.b: OpenAI takes no such name, so it is '{names[0]}' there."
    assert Toolset([{"name": "a.b"}], "gemini").warnings == ()


def test_a_name_that_was_made_to_look_like_a_changed_one_does_not_get_its_calls() -> None:
    (changed,) = (one["name"] for one in Toolset([{"name": "a.b"}], "anthropic").definitions)

    toolset = Toolset([{"name": "a.b"}, {"name": changed}], "anthropic")

    assert toolset.definitions[1]["name"] == changed
    assert toolset.definitions[0]["name"] != changed
    (call,) = toolset.calls([{"type": "tool_use", "id": "1", "name": changed, "input": {}}])
    assert call.name == changed


def test_tools_without_a_name_and_second_ones_are_left_out() -> None:
    toolset = Toolset([{"description": "x"}, {"name": "a"}, {"name": "a"}, 7], "anthropic")

    assert [one["name"] for one in toolset.definitions] == ["a"]
    assert len(toolset.warnings) == 3


def test_more_tools_than_an_api_takes_are_said() -> None:
    tools = [{"name": f"t{number}"} for number in range(129)]

    assert Toolset(tools, "openai").warnings == ("OpenAI takes 128 tools at a time, and these are 129.",)


def test_an_unknown_format_and_an_api_without_strict_tools() -> None:
    with pytest.raises(ValueError, match="there is no format 'cohere'"):
        Toolset([], "cohere")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Gemini knows no strict tools"):
        Toolset([], "gemini", strict=True)


def test_no_tools_are_no_tools() -> None:
    for form in FORMATS:
        assert Toolset([], form).definitions == []  # type: ignore[arg-type]


def test_objects_of_an_sdk_are_tools_too() -> None:
    from pydantic import BaseModel, ConfigDict, Field

    class SdkTool(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        name: str
        input_schema: dict[str, Any] = Field(alias="inputSchema")
        icons: list[str] | None = None

    theirs = SdkTool(name="crm__search", input_schema=SEARCH["inputSchema"])

    assert Toolset([theirs], "anthropic").definitions[0]["input_schema"] == SEARCH["inputSchema"]


def test_texts_of_strangers_can_be_sent_and_printed() -> None:
    schema = {"properties": {"a\ud800": {"enum": ["\ud800"], "description": "\udfff"}, "b": {"pattern": "\ud800"}}}
    tools = [{"name": "a\n\ud800", "description": "\ud800", "inputSchema": schema}] * 2

    for form in FORMATS:
        toolset = Toolset(tools, form)  # type: ignore[arg-type]
        "\n".join(toolset.warnings).encode()
        assert not any("\n" in one for one in toolset.warnings)
        if form != "mcp":
            json.dumps(toolset.definitions, ensure_ascii=False).encode()
