"""The items of one server: what is malformed goes alone, what passes keeps every field."""

from typing import Any

import msgspec
import pytest
from catalog_makers import built, main, offer, prompt, resource, server, template, tool, values

from narthex.limits import Limits, item_values_max, problems_per_server_max
from narthex.wire.revisions import META_SERVER_INFO, META_VERSION
from narthex.wire.strict import encode

UNREADABLE = msgspec.Raw(b'{"name":"x","inputSchema":{"type":"object"},"_meta":{"n":1e400}}')


def headed(name: Any, kind: str = "string") -> dict[str, Any]:
    return {"type": "object", "properties": {"region": {"type": kind, "x-mcp-header": name}, "n": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (["not", "an", "object"], "it is not an object"),
        (None, "it is not an object"),
        ({"inputSchema": {"type": "object"}}, "'#2' is left out: its \"name\" is not a text"),
        (tool(5), 'its "name" is not a text'),  # type: ignore[arg-type]
        (tool(""), 'its "name" is not a text'),
        (tool("x" * 2_000), "longer than 1024"),
        (tool("a\x00b"), "control character"),
        (tool("a\nb"), "control character"),
        ({"name": "x"}, "its inputSchema is not an object"),
        (tool("x", inputSchema=None), "its inputSchema is not an object"),
        (tool("x", inputSchema={"type": "array"}), "another type"),
        (tool("x", inputSchema={"type": ["object"]}), "another type"),
        (tool("good"), "another one before it"),
        (UNREADABLE, "'#2' is left out: it cannot be read as JSON"),
        (msgspec.Raw(b'{"name":"\xff"}'), "cannot be read as JSON"),
        (tool("x", _meta={"n": [0] * item_values_max}), f"more than {item_values_max} values"),
    ],
)
def test_a_malformed_tool_goes_alone(bad: Any, told: str) -> None:
    compiled = built(offer("crm", tool("good", title="first"), bad, tool("after")))

    assert list(compiled.endpoints[""].tools) == ["good", "after"]
    assert compiled.endpoints[""].tools["good"].definition["title"] == "first"
    assert len(compiled.problems) == 1
    assert compiled.problems[0].startswith("server 'crm': tool ")
    assert told in compiled.problems[0]


def test_malformed_prompts_and_resources_go_alone() -> None:
    compiled = built(
        offer(
            "crm",
            prompts=({"no": "name"}, prompt("p"), prompt("p")),
            resources=({"uri": "file:///nameless"}, resource("file:///r"), resource("a:\x01")),
            resource_templates=(template("file:///{t}"), {"name": "no template"}, template("x" * 5_000)),
        )
    )
    shown = compiled.endpoints[""]

    assert [one["name"] for one in values(shown, "prompts/list")] == ["p"]
    assert [one["uri"] for one in values(shown, "resources/list")] == ["file:///r"]
    assert [one["uriTemplate"] for one in values(shown, "resources/templates/list")] == ["file:///{t}"]
    assert len(compiled.problems) == 6


def test_every_field_passes_but_those_of_the_protocol_itself() -> None:
    odd = tool(
        "odd",
        title=None,
        icons=[{"src": "x"}],
        annotations={"readOnlyHint": True, "idempotentHint": True, "vendor": 1.5},
        outputSchema={"type": "array"},
        vendor={"big": 10**30, "deep": [[[[{}]]]]},
        execution={"taskSupport": "required"},
        _meta={"acme/x": 1, META_SERVER_INFO: {}, META_VERSION: "x", "dev.narthex/degraded": True},
    )
    shown = main(offer("crm", odd)).tools["odd"]

    expected = {name: value for name, value in odd.items() if name != "execution"}
    assert shown.definition == {**expected, "_meta": {"acme/x": 1}}
    assert (shown.read_only, shown.idempotent, shown.task_required) == (True, True, True)
    assert "execution" in odd, "the offer is not touched"


@pytest.mark.parametrize("annotations", [None, [], {"readOnlyHint": "yes", "idempotentHint": 1}])
def test_only_a_plain_true_is_a_hint(annotations: Any) -> None:
    shown = main(offer("crm", tool("a", annotations=annotations, execution="odd"))).tools["a"]

    assert (shown.read_only, shown.idempotent, shown.task_required) == (False, False, False)


def test_a_schema_without_a_type_gets_one_and_the_rest_stays() -> None:
    shown = main(offer("crm", tool("a", inputSchema={"$schema": "http://json-schema.org/draft-07/schema#", "x": 1})))

    assert shown.tools["a"].definition["inputSchema"] == {
        "type": "object",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "x": 1,
    }


def test_an_output_schema_that_is_none_is_taken_away() -> None:
    compiled = built(offer("crm", tool("a", outputSchema=None)))

    assert "outputSchema" not in compiled.endpoints[""].tools["a"].definition
    assert compiled.problems == ("server 'crm': tool 'a' is shown without its outputSchema, which is not an object.",)


def test_an_endless_description_is_cut_and_said_so() -> None:
    compiled = built(offer("crm", tool("a", description="x" * 99)), limits=Limits(description_chars_max=50))

    assert compiled.endpoints[""].tools["a"].definition["description"] == "x" * 46 + " […]"
    assert compiled.problems == ("server 'crm': tool 'a' has a description of 99 characters; it is cut to 50.",)


# ---- x-mcp-header


def test_valid_header_annotations_stay_whatever_the_server_is() -> None:
    for more in ({}, {"transport": "stdio"}, {"era": "legacy", "revision": "2025-06-18"}):
        shown = main(offer("crm", tool("a", inputSchema=headed("Region")), **more)).tools["a"]

        assert [one.header for one in shown.mirrors] == ["Mcp-Param-Region"]
        assert shown.definition["inputSchema"] == headed("Region")


@pytest.mark.parametrize(("name", "kind"), [("two words", "string"), ("", "string"), ("Region", "number")])
def test_an_invalid_header_annotation_costs_the_tool_of_a_modern_http_server(name: str, kind: str) -> None:
    compiled = built(offer("crm", "b", tool("a", inputSchema=headed(name, kind))))

    assert list(compiled.endpoints[""].tools) == ["b"]
    assert "tool 'a' is left out: property 'region': x-mcp-header" in compiled.problems[0]


@pytest.mark.parametrize(
    "more",
    [{"transport": "stdio"}, {"era": "legacy", "revision": "2025-11-25"}, {"era": "legacy", "transport": "http+sse"}],
)
def test_any_other_server_loses_the_annotation_and_keeps_the_tool(more: dict[str, Any]) -> None:
    compiled = built(offer("crm", tool("a", inputSchema=headed("two words")), **more))
    shown = compiled.endpoints[""].tools["a"]

    assert shown.mirrors == ()
    assert shown.definition["inputSchema"]["properties"] == {"region": {"type": "string"}, "n": {"type": "integer"}}
    assert b"x-mcp-header" not in compiled.endpoints[""].lists["tools/list"].modern[0]
    assert "tool 'a' is shown without its header annotations" in compiled.problems[0]


def test_an_annotation_in_data_is_data() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "default": {"x-mcp-header": "?"}}
    shown = main(offer("crm", tool("a", inputSchema=schema))).tools["a"]

    assert shown.mirrors == ()
    assert shown.definition["inputSchema"] == schema


# ---- the allow-list of a server


def test_the_allow_list_of_a_server_holds_names_and_globs() -> None:
    offered = offer("crm", "get_a", "get_b", "Get_c", "set_a", "a[1]", tool("bad", inputSchema=5))
    compiled = built(offered, servers=(server("crm", tools=("get_*", "a[1]", "absent", "GET*")),))

    assert list(compiled.endpoints[""].tools) == ["get_a", "get_b", "a[1]"]
    assert compiled.problems == (
        "server 'crm': `tools` names 'absent', and the server offers no such tool.",
        "server 'crm': `tools` names 'GET*', and the server offers no such tool.",
    )


def test_an_empty_allow_list_allows_nothing() -> None:
    assert main(offer("crm", "a"), servers=(server("crm", tools=()),)).tools == {}


def test_what_a_server_excludes_is_not_there_even_if_it_is_allowed_too() -> None:
    offered = offer("crm", "get_a", "get_b", "set_a", "rm", tool("bad", inputSchema=5))
    compiled = built(offered, servers=(server("crm", exclude=("rm", "crm/set_*", "bad", "absent")),))
    both = built(offered, servers=(server("crm", tools=("get_*", "rm"), exclude=("rm", "get_b")),))

    assert list(compiled.endpoints[""].tools) == ["get_a", "get_b"]
    assert compiled.problems == ("server 'crm': `exclude` names 'absent', and the server offers no such tool.",)
    assert list(both.endpoints[""].tools) == ["get_a"]
    assert both.problems == ()


def test_a_server_with_hidden_tools_is_not_shown_whole() -> None:
    """Or the timing of its announcements would tell of what is hidden."""
    offered = offer("crm", "a", "b")

    assert main(offered, servers=(server("crm"),)).whole == {"crm"}
    assert main(offered, servers=(server("crm", exclude=("a",)),)).whole == frozenset()


def test_what_the_allow_list_leaves_out_is_no_problem() -> None:
    offered = offer("crm", "a", {"name": None}, tool("bad", inputSchema=5))

    assert list(main(offered, servers=(server("crm", tools=("a",)),)).tools) == ["a"]


# ---- problems


def test_what_was_skipped_when_the_list_was_read_is_told_too() -> None:
    compiled = built(offer("crm", skipped=("page 3 was no object",)))

    assert compiled.problems == ("server 'crm': page 3 was no object",)


def test_a_server_of_problems_does_not_fill_the_log() -> None:
    compiled = built(offer("crm", *[tool(f"t{n}\n" + "x" * 500, inputSchema=5) for n in range(1_000)], "good"))

    assert list(compiled.endpoints[""].tools) == ["good"]
    assert len(compiled.problems) == problems_per_server_max + 1
    assert compiled.problems[-1] == f"server 'crm': {1_000 - problems_per_server_max} further problems."
    assert all(len(problem) < 300 and "\n" not in problem for problem in compiled.problems)


def test_what_is_shown_is_what_is_encoded() -> None:
    endpoint = main(offer("crm", "a", prompts=(prompt("p"),), resources=(resource("x:y"),)), offer("erp", "a"))

    for method, items in endpoint.lists.items():
        assert items.modern == tuple(encode(value) for value in values(endpoint, method))
    assert [tool.definition for tool in endpoint.tools.values()] == values(endpoint, "tools/list")
