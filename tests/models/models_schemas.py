"""Schemas that servers might have, each with arguments that satisfy it; and schemas that nobody should have."""

from typing import Any

from hypothesis import strategies as st

Tree = dict[str, Any]
Pair = tuple[Tree, Any]  # a schema, and a value that it takes

NAMES = st.sampled_from(
    ["a", "b", "query", "filter[x]", "größe", "$top", "page size", "x" * 80, "1st", "_", "with.dot", "-", "a-b", ""]
)
WORDS = st.fixed_dictionaries(
    {}, optional={"description": st.text(max_size=12), "title": st.text(max_size=5), "deprecated": st.booleans()}
)
SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6)


@st.composite
def texts(draw: st.DrawFn) -> Pair:
    value = draw(st.text(max_size=8))
    extra: Tree = draw(
        st.sampled_from(
            [
                {},
                {"minLength": 0, "maxLength": 40},
                {"pattern": "(?s).*"},
                {"default": value},
                {"examples": [value]},
                {"x-mcp-header": "H"},
                {"contentMediaType": "text/plain"},
            ]
        )
    )
    return {"type": "string", **extra}, value


@st.composite
def numbers(draw: st.DrawFn) -> Pair:
    value = draw(st.integers(-1000, 1000))
    kind = draw(st.sampled_from(["integer", "number"]))
    extra: Tree = draw(
        st.sampled_from(
            [
                {},
                {"minimum": value},
                {"exclusiveMinimum": value - 1, "exclusiveMaximum": value + 1},
                {"exclusiveMinimum": value - 0.5},
                {"exclusiveMaximum": value + 0.5},
                {"multipleOf": 1},
                {"default": value},
            ]
        )
    )
    return {"type": kind, **extra}, value


@st.composite
def choices(draw: st.DrawFn) -> Pair:
    values = draw(st.lists(SCALARS, min_size=1, max_size=4))
    if draw(st.booleans()):
        return {"const": values[0]}, values[0]
    return {"enum": values}, draw(st.sampled_from(values))


@st.composite
def maybes(draw: st.DrawFn) -> Pair:
    value = draw(st.none() | st.text(max_size=5))
    return draw(
        st.sampled_from(
            [
                ({"type": ["string", "null"]}, value),
                ({"type": "string", "nullable": True}, value),
                ({"anyOf": [{"type": "string"}, {"type": "null"}]}, value),
                ({"oneOf": [{"type": "string"}, {"type": "null"}], "default": None}, value),
                ({"type": ["string", "null", "integer"], "maxLength": 9}, value),
            ]
        )
    )


def arrays(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    @st.composite
    def made(draw: st.DrawFn) -> Pair:
        schema, value = draw(inner)
        count = draw(st.integers(0, 3))
        match draw(st.sampled_from(["items", "prefix", "old", "bare"])):
            case "items":
                return {"type": "array", "items": schema, "maxItems": 3}, [value] * count
            case "prefix":
                return {"type": "array", "prefixItems": [schema], "items": False}, [value]
            case "old":
                return {"type": "array", "items": [schema], "additionalItems": False}, [value]
        return {"type": "array"}, [value] * count

    return made()


def objects(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    @st.composite
    def made(draw: st.DrawFn) -> Pair:
        members = draw(st.dictionaries(NAMES, inner, max_size=4))
        required = [name for name in members if draw(st.booleans())]
        value = {name: one for name, (_, one) in members.items() if name in required or draw(st.booleans())}
        schema: Tree = {"type": "object", "properties": {name: one for name, (one, _) in members.items()}}
        if required or draw(st.booleans()):
            schema["required"] = required
        match draw(st.sampled_from(["open", "closed", "map", "pattern"])):
            case "closed":
                schema["additionalProperties"] = False
            case "map":
                schema["additionalProperties"], value["other_member"] = draw(inner)
            case "pattern":
                schema |= {"patternProperties": {"^p_": {"type": "string"}}, "additionalProperties": False}
                value["p_1"] = "x"
        return schema, value

    return made()


def both(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """The same value held by several schemas at once, or by one of several."""

    @st.composite
    def made(draw: st.DrawFn) -> Pair:
        schema, value = draw(inner)
        other, _ = draw(inner)
        loose: Tree = draw(st.sampled_from([{}, {"description": "also"}, {"default": 1}]))
        match draw(st.sampled_from(["allOf", "anyOf", "beside"])):
            case "allOf":
                return {**loose, "allOf": [schema, loose, schema]}, value
            case "anyOf":
                return {**loose, "anyOf": [other, schema]}, value
        return {**schema, "allOf": [schema]}, value

    return made()


PAIRS = st.recursive(
    texts() | numbers() | choices() | maybes() | st.tuples(st.just({}), SCALARS),
    lambda inner: arrays(inner) | objects(inner) | both(inner),
    max_leaves=8,
)
ARGUMENTS = objects(PAIRS)  # what a tool's arguments are

KEYWORDS = st.sampled_from(
    ["type", "enum", "const", "items", "properties", "required", "anyOf", "allOf", "oneOf", "not", "if", "then", "$ref",
     "$defs", "pattern", "format", "minimum", "exclusiveMinimum", "maxLength", "additionalProperties", "prefixItems",
     "description", "title", "default", "nullable", "dependencies", "$dynamicRef", "$anchor", "propertyNames"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=True) | st.sampled_from(["string", "object", "#", "#/$defs/a", "#a", "http://x/#/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | NAMES, inner, max_size=4),
    max_leaves=12,
)
NONSENSE = st.dictionaries(KEYWORDS, JSON, max_size=6)
