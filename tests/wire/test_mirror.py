"""`x-mcp-header`: which annotations count, how values look in headers, when both sides agree."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.limits import mirrored_value_bytes_max
from narthex.wire.faults import PeerFault
from narthex.wire.mirror import Mirror, check, decode_value, header_value, mirrors_of, param_headers, strip_annotations


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def marked(name: Any, kind: Any = "string", **more: Any) -> dict[str, Any]:
    return {"type": kind, "x-mcp-header": name, **more}


REGION = Mirror(("region",), "Mcp-Param-Region", "string")
COUNT = Mirror(("n",), "Mcp-Param-N", "integer")
FLAG = Mirror(("flag",), "Mcp-Param-Flag", "boolean")


# ---- annotations


def test_valid_annotations_are_found_in_order_at_any_depth_of_properties() -> None:
    found, problems = mirrors_of(
        schema(
            region=marked("Region"),
            inner=schema(n=marked("N", "integer"), deeper=schema(flag=marked("x!#$%&'*+-.^_`|~", "boolean"))),
            last=marked("Last"),
        )
    )

    assert problems == []
    assert found == (
        REGION,
        Mirror(("inner", "n"), "Mcp-Param-N", "integer"),
        Mirror(("inner", "deeper", "flag"), "Mcp-Param-x!#$%&'*+-.^_`|~", "boolean"),
        Mirror(("last",), "Mcp-Param-Last", "string"),
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (schema(a=marked("")), "not a header name"),
        (schema(a=marked("two words")), "not a header name"),
        (schema(a=marked("a\r\nb")), "not a header name"),
        (schema(a=marked("größe")), "not a header name"),
        (schema(a=marked("a:b")), "not a header name"),
        (schema(a=marked(5)), "not a header name"),
        (schema(a=marked(None)), "not a header name"),
        (schema(a=marked("n" * 5_000)), "longer than"),
        (schema(a=marked("A", "number")), "string, integer or boolean"),
        (schema(a=marked("A", "array")), "string, integer or boolean"),
        (schema(a=marked("A", "object")), "string, integer or boolean"),
        (schema(a=marked("A", ["string", "null"])), "string, integer or boolean"),
        (schema(a={"x-mcp-header": "A"}), "string, integer or boolean"),
        (schema(a=marked("Same"), b=marked("sAME")), "twice"),
        (marked("Root", "object"), "`properties` alone"),
        (schema(a={"type": "array", "items": marked("A")}), "`properties` alone"),
        (schema(a={"type": "array", "items": schema(b=marked("A"))}), "`properties` alone"),
        (schema(a={"prefixItems": [marked("A")]}), "`properties` alone"),
        (schema(a={"oneOf": [marked("A")]}), "`properties` alone"),
        ({"type": "object", "allOf": [schema(a=marked("A"))]}, "`properties` alone"),
        ({"type": "object", "not": schema(a=marked("A"))}, "`properties` alone"),
        ({"type": "object", "if": {}, "then": schema(a=marked("A"))}, "`properties` alone"),
        ({"type": "object", "$defs": {"a": marked("A")}}, "`properties` alone"),
        ({"type": "object", "patternProperties": {"a": marked("A")}}, "`properties` alone"),
        ({"type": "object", "additionalProperties": marked("A")}, "`properties` alone"),
    ],
)
def test_an_annotation_against_the_rules_is_named(wrong: dict[str, Any], told: str) -> None:
    _, problems = mirrors_of(wrong)

    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    "harmless",
    [
        None,
        [],
        "text",
        {},
        {"properties": "wrong"},
        {"properties": {"a": True, "b": 5}},
        schema(**{"x-mcp-header": {"type": "string"}}),
        schema(a={"type": "object", "default": {"x-mcp-header": "A"}, "examples": [{"x-mcp-header": "A"}]}),
        schema(a={"enum": [{"x-mcp-header": "A"}], "const": {"x-mcp-header": "A"}}),
        schema(a={"items": True, "allOf": [True], "not": False}),
    ],
)
def test_what_only_looks_like_an_annotation_is_none(harmless: Any) -> None:
    assert mirrors_of(harmless) == ((), [])


def test_a_schema_of_any_depth_is_walked_without_recursion() -> None:
    deep: dict[str, Any] = marked("Deep")
    for _ in range(5_000):
        deep = schema(a=deep)

    found, problems = mirrors_of(deep)

    assert problems == []
    assert len(found[0].path) == 5_000


def test_stripping_takes_annotations_and_leaves_data_and_the_original() -> None:
    original = {
        **schema(a=marked("A", "number", title="x"), **{"x-mcp-header": {"type": "string"}}),
        "x-mcp-header": "root",
        "additionalProperties": marked("B"),
        "oneOf": [schema(c=marked("C")), True],
        "$defs": {"d": marked("D"), "e": False},
        "default": {"x-mcp-header": "data"},
        "items": [marked("E")],
        "not": {"items": marked("F")},
    }
    before = repr(original)

    stripped = strip_annotations(original)

    assert mirrors_of(stripped) == ((), [])
    assert repr(original) == before
    assert stripped["properties"] == {"a": {"type": "number", "title": "x"}, "x-mcp-header": {"type": "string"}}
    assert stripped["default"] == {"x-mcp-header": "data"}
    assert stripped["oneOf"] == [schema(c={"type": "string"}), True]
    assert stripped["$defs"] == {"d": {"type": "string"}, "e": False}
    assert stripped["items"] == [{"type": "string"}]


# ---- values


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("us-west1", "us-west1"),
        ("", ""),
        ("two words", "two words"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
        ("=?BASE64?x?=", "=?BASE64?x?="),
        ("a\tb", "=?base64?YQli?="),
        ("\x7f", "=?base64?fw==?="),
        (42, "42"),
        (-7, "-7"),
        (42.0, "42"),
        (1.5, "1.5"),
        (Decimal("4.20"), "4.20"),
        (2**53 + 1, "9007199254740993"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ({}, None),
        ([1], None),
        pytest.param(10**5_000, None, id="a number nobody prints"),
    ],
)
def test_a_value_is_written_as_the_specification_says(value: Any, header: str | None) -> None:
    assert header_value(value) == header


@given(st.text())
def test_any_text_survives_the_header(text: str) -> None:
    header = header_value(text)

    assert header is not None
    assert all(" " <= sign <= "~" for sign in header)
    assert header == header.strip()
    assert decode_value(header) == text
    assert decode_value(f"  {header}\t") == text


@pytest.mark.parametrize("literal", ["=?base64?", "x?=", "=?BASE64?YQ==?=", "=?base64?YQ==", "=?base64?=", "a\tb"])
def test_a_text_that_is_not_quite_the_sentinel_is_literal(literal: str) -> None:
    assert decode_value(literal) == literal


@pytest.mark.parametrize(
    "broken",
    [
        "=?base64?YQ?=",  # no padding
        "=?base64?YR==?=",  # unused bits that are not zero
        "=?base64?Y!==?=",
        "=?base64?YQ==YQ==?=",
        "=?base64?/w==?=",  # not UTF-8
        "=?base64?YQ-_?=",
        "a\nb",
        "a\x00",
        "größe",
    ],
)
def test_a_broken_value_is_refused(broken: str) -> None:
    with pytest.raises(ValueError):
        decode_value(broken)


# ---- both sides


@pytest.mark.parametrize(
    ("mirror", "arguments", "received"),
    [
        (REGION, {"region": "eu"}, {"mcp-param-region": "eu", "mcp-param-other": "ignored"}),
        (REGION, {"region": "grün"}, {"mcp-param-region": "=?base64?Z3LDvG4=?="}),
        (REGION, {"region": "eu"}, {"mcp-param-region": "=?base64?ZXU=?="}),
        (REGION, {"region": ""}, {"mcp-param-region": ""}),
        (REGION, {"region": None}, {}),
        (REGION, {}, {}),
        (REGION, {"region": {"not": "a text"}}, {}),
        (REGION, {"region": 5}, {"mcp-param-region": "5"}),
        (COUNT, {"n": 42}, {"mcp-param-n": "42.0"}),
        (COUNT, {"n": 42.0}, {"mcp-param-n": "42"}),
        (COUNT, {"n": Decimal("4.2e1")}, {"mcp-param-n": "42"}),
        (COUNT, {"n": 4.2e1}, {"mcp-param-n": "42.00"}),
        (COUNT, {"n": 42}, {"mcp-param-n": "042"}),
        (COUNT, {"n": 2**53 + 1}, {"mcp-param-n": "9007199254740993"}),
        (COUNT, {"n": 1.5}, {"mcp-param-n": "1.50"}),
        (COUNT, {"n": "text"}, {"mcp-param-n": "text"}),
        (FLAG, {"flag": True}, {"mcp-param-flag": "true"}),
        (Mirror(("a", "b"), "Mcp-Param-B", "string"), {"a": {"b": "x"}}, {"mcp-param-b": "x"}),
        (Mirror(("a", "b"), "Mcp-Param-B", "string"), {"a": "no object"}, {}),
    ],
)
def test_headers_and_arguments_agree(mirror: Mirror, arguments: dict[str, Any], received: dict[str, str]) -> None:
    assert check((mirror,), arguments, received) is None


@pytest.mark.parametrize(
    ("mirror", "arguments", "received", "told"),
    [
        (REGION, {"region": "eu"}, {}, "is missing"),
        (REGION, {"region": ""}, {}, "is missing"),
        (REGION, {"region": "eu"}, {"mcp-param-region": "EU"}, "does not equal"),
        (REGION, {"region": "eu"}, {"mcp-param-region": "=?base64?ZXU?="}, "broken base64"),
        (REGION, {"region": "grün"}, {"mcp-param-region": "grün"}, "no header value may hold"),
        (REGION, {"region": None}, {"mcp-param-region": "null"}, "is not, or cannot be mirrored"),
        (REGION, {}, {"mcp-param-region": ""}, "is not, or cannot be mirrored"),
        (REGION, {"region": ["eu"]}, {"mcp-param-region": "eu"}, "cannot be mirrored"),
        (REGION, {"region": "x" * 5_000}, {"mcp-param-region": "x" * 5_000}, "longer than"),
        (REGION, {"region": 42}, {"mcp-param-region": "42.0"}, "does not equal"),
        (COUNT, {"n": 2**53 + 1}, {"mcp-param-n": "9007199254740992"}, "does not equal"),
        (COUNT, {"n": 2**53}, {"mcp-param-n": "9007199254740993"}, "does not equal"),
        (COUNT, {"n": 42}, {"mcp-param-n": "4.2e1"}, "does not equal"),
        (COUNT, {"n": 1}, {"mcp-param-n": "true"}, "does not equal"),
        (COUNT, {"n": True}, {"mcp-param-n": "1"}, "does not equal"),
        pytest.param(COUNT, {"n": 10**5_000}, {"mcp-param-n": "1"}, "cannot be mirrored", id="a number nobody prints"),
        (FLAG, {"flag": True}, {"mcp-param-flag": "True"}, "does not equal"),
    ],
)
def test_a_disagreement_is_told_without_the_value(
    mirror: Mirror, arguments: dict[str, Any], received: dict[str, str], told: str
) -> None:
    reason = check((mirror,), arguments, received)

    assert reason is not None
    assert told in reason
    assert mirror.header in reason
    assert "eu" not in reason


scalars = st.text(max_size=50) | st.integers() | st.booleans() | st.none()


@given(st.fixed_dictionaries({"region": scalars, "n": scalars, "flag": scalars}))
def test_the_headers_we_send_are_the_headers_we_accept(arguments: dict[str, Any]) -> None:
    mirrors = (REGION, COUNT, FLAG)
    sent = param_headers(mirrors, arguments)

    assert check(mirrors, arguments, {name.lower(): value for name, value in sent}) is None


def test_a_value_too_long_for_a_header_is_the_callers_mistake() -> None:
    with pytest.raises(PeerFault, match="'region' is mirrored") as caught:
        param_headers((REGION,), {"region": "x" * (mirrored_value_bytes_max + 1)})

    assert caught.value.code == -32602
    assert param_headers((REGION,), {"region": "x" * mirrored_value_bytes_max})
