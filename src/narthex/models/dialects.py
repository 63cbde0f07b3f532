"""What each provider's API takes as a tool: names, keywords of JSON Schema, numbers. One table, no behaviour.

Knows: what the providers publish, and what their APIs say when they refuse. Refuses to know: how a schema gets there.
Where a rule is known only from refusals, the line says so.
"""

import re
from typing import NamedTuple

from narthex.models.names import Grammar
from narthex.models.tidying import KINDS

_ALL = frozenset(KINDS) - {"$ref", "$dynamicRef"}
# What few models were ever shown in a tool: as words they understand it, as keywords some servers of models fail on it.
_COMMON = _ALL - {"not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "prefixItems",
                  "dependentSchemas", "dependentRequired", "contentSchema"}  # fmt: skip
_STRICT_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)  # fmt: skip
_NO_ROOT = frozenset({"allOf", "enum", "const", "not"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_SHAPE = frozenset({"type", "description", "title", "properties", "required", "additionalProperties", "items",
                    "anyOf", "enum", "const"})  # fmt: skip


class Dialect(NamedTuple):
    """`keywords`: those that are sent; what else a schema says moves into a description."""

    provider: str
    name: Grammar
    keywords: frozenset[str]
    formats: frozenset[str] | None = None  # None: any
    type_lists: bool = True  # `type: [string, null]`
    member: Grammar | None = None  # names of arguments; None: any
    member_everywhere: bool = False  # else at the root alone
    scalars_only: bool = False  # in `enum` and `const`
    root_refuses: frozenset[str] = frozenset()  # keywords, beside `anyOf` and `oneOf`, which no API takes there
    items_wanted: bool = False  # an array says what is in it
    texts_only: bool = False  # in `enum`, and none of them empty
    types_wanted: bool = False  # a schema names its type, or alternatives
    description_chars_max: int | None = None
    tools_max: int | None = None


class Strictness(NamedTuple):
    """What `strict: true` asks beyond a dialect."""

    dialect: Dialect
    all_required: bool  # what may be left out is sent as null instead
    tools_max: int | None = None
    optional_max: int | None = None  # arguments that may be left out, of all tools together
    unions_max: int | None = None  # of all tools together
    depth_max: int | None = None
    members_max: int | None = None
    enum_values_max: int | None = None
    text_chars_max: int | None = None  # names of members and values of enums, of one schema


_PLAIN_64 = Grammar(re.compile(r"[A-Za-z0-9_-]{1,64}"), 64)
_MCP = Dialect("MCP", Grammar(re.compile(r"[A-Za-z0-9_.-]{1,128}"), 128), _ALL)
_ANTHROPIC = Dialect(
    "Anthropic",
    Grammar(re.compile(r"[A-Za-z0-9_-]{1,128}"), 128),
    _ALL,
    # From refusals: "input_schema does not support oneOf, allOf, or anyOf at the top level".
    root_refuses=frozenset({"allOf"}),
    # From refusals: "Property keys should match pattern", of the root's members alone.
    member=Grammar(re.compile(r"[A-Za-z0-9_.-]{1,64}"), 64),
)
_OPENAI = Dialect(
    "OpenAI",
    _PLAIN_64,
    _COMMON,
    # From refusals: "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'const'/'not' at the
    # top level".
    root_refuses=_NO_ROOT,
    # From refusals: "array schema missing items"; of Chat Completions, "string too long. Expected a string with maximum
    # length 1024" and "array too long. Expected an array with maximum length 128".
    items_wanted=True,
    description_chars_max=1024,
    tools_max=128,
)
_GEMINI = Dialect(
    "Gemini",
    Grammar(re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}"), 128),
    frozenset({"type", "description", "title", "properties", "required", "items", "anyOf", "enum", "pattern", "format",
               "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
               "maxProperties"}),
    # From refusals: "only 'enum' and 'date-time' are supported for STRING type". Those of numbers are documented.
    formats=frozenset({"date-time", "float", "double", "int32", "int64"}),
    member=Grammar(re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}"), 64),
    member_everywhere=True,
    types_wanted=True,
    texts_only=True,  # from refusals: "only allowed for STRING type", "cannot be empty"
    tools_max=512,
)  # fmt: skip

DIALECTS = {
    "anthropic": _ANTHROPIC,
    "openai": _OPENAI,
    "openai-responses": _OPENAI._replace(description_chars_max=None),
    "gemini": _GEMINI,
    "llama": Dialect("Llama", _PLAIN_64, _COMMON, root_refuses=_NO_ROOT, items_wanted=True),
    "mcp": _MCP,
}
_OPENAI_STRICT = Strictness(
    _OPENAI._replace(
        keywords=_SHAPE | _NUMBERS | {"pattern", "format", "minItems", "maxItems"},
        formats=_STRICT_FORMATS,
        scalars_only=True,
        types_wanted=True,
    ),
    all_required=True,
    depth_max=10,
    members_max=5_000,
    enum_values_max=1_000,
    text_chars_max=120_000,
)
STRICT = {
    "anthropic": Strictness(
        _ANTHROPIC._replace(
            keywords=_SHAPE | {"format"},
            formats=_STRICT_FORMATS | {"uri"},
            type_lists=False,
            scalars_only=True,
            types_wanted=True,
        ),
        all_required=False,
        tools_max=20,
        optional_max=24,
        unions_max=16,
    ),
    "openai": _OPENAI_STRICT,
    "openai-responses": _OPENAI_STRICT._replace(dialect=_OPENAI_STRICT.dialect._replace(description_chars_max=None)),
    "llama": _OPENAI_STRICT._replace(
        dialect=_OPENAI_STRICT.dialect._replace(provider="Llama", description_chars_max=None, tools_max=None)
    ),
}
