"""A schema as Gemini's API has it: the subset of OpenAPI 3.0 that `google.genai.types.Schema` names.

Knows: types in capitals, `nullable`, and what that API refuses. Refuses to know: keywords it has no word for; they are
gone when a schema comes here.
"""

from typing import Any

from narthex.limits import model_note_chars_max
from narthex.models.shapes import text_of
from narthex.models.told import Told

Tree = dict[str, Any]

_WORDS = ("title", "description")
# From refusals: an array without items is none, and a schema without a type is nothing.
_ANYTHING = [{"type": "STRING"}, {"type": "NUMBER"}, {"type": "BOOLEAN"}, {"type": "OBJECT"}]
_BELONGS = {
    "STRING": ("enum", "format", "pattern", "minLength", "maxLength"),
    "NUMBER": ("format", "minimum", "maximum"),
    "INTEGER": ("format", "minimum", "maximum"),
    "ARRAY": ("items", "minItems", "maxItems"),
    "OBJECT": ("properties", "required", "minProperties", "maxProperties"),
}


def openapi(schema: Tree, told: Told, place: str = "") -> Tree:
    """The schema. Constraints that belong to another type than its own are left out: they say nothing."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    branches = schema.get("anyOf", [])
    null = "null" in kinds if kinds else any(_is_null(one) for one in branches)
    kinds = [kind for kind in kinds if kind != "null"]
    union = [one for one in branches if not _is_null(one)]
    words = {key: schema[key] for key in _WORDS if schema.get(key)}
    if union and kinds and not (kinds == ["object"] and not schema.get("properties")):
        words |= _alternatives_in_words(union, words, told, place)
        union = []
    if union:
        return _union([openapi(one, told, place) for one in union], words, null=null)
    if kinds:
        return _union([_single(schema, kind.upper(), told, place) for kind in kinds], words, null=null)
    if null:
        return {"type": "NULL", **words}
    told("Gemini wants a type where anything is allowed: text, numbers, truth values and objects are shown", place)
    return _union([dict(one) for one in _ANYTHING], words, null=False)


def _union(members: list[Tree], words: Tree, *, null: bool) -> Tree:
    """One of these. From refusals: "When using any_of, it must be the only field set", so each member has the words."""
    nullable = {"nullable": True} if null else {}
    if len(members) == 1 and "anyOf" not in members[0]:
        return {**members[0], **_said_of(members[0], words), **nullable}
    flat = [inner for one in members for inner in one.get("anyOf", [one])]
    return {"anyOf": [{**one, **_said_of(one, {**words, "title": None}), **nullable} for one in flat]}


def _said_of(member: Tree, words: Tree) -> Tree:
    said = [words.get("description"), member.get("description")]
    texts = list(dict.fromkeys(text for text in said if text))
    title = {"title": words["title"]} if words.get("title") else {}
    return {**title, **({"description": "\n".join(texts)} if texts else {})}


def _alternatives_in_words(union: list[Tree], words: Tree, told: Told, place: str) -> Tree:
    """Alternatives that only add to what stands beside them."""
    text = text_of(union)
    if len(text) > model_note_chars_max:
        told("'anyOf' beside other keywords is too long for a description, and is left out", place)
        return {}
    told("Gemini takes no 'anyOf' beside other keywords, so it is in the description", place)
    return {"description": "\n".join([*([words["description"]] if "description" in words else []), f"(anyOf: {text})"])}


def _is_null(schema: Tree) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None]


def _single(schema: Tree, kind: str, told: Told, place: str) -> Tree:
    out: Tree = {"type": kind}
    for keyword in _BELONGS.get(kind, ()):
        if keyword not in schema:
            continue
        value = schema[keyword]
        if keyword == "properties":
            value = {name: openapi(inner, told, f"{place}.{name}" if place else name) for name, inner in value.items()}
        elif keyword == "items":
            value = openapi(value, told, f"{place}[]") if isinstance(value, dict) else None
        elif keyword == "required":  # from refusals: "property is not defined"
            value = [name for name in value if name in schema.get("properties", {})]
        elif keyword == "enum":
            value = [one for one in value if one is not None]
        elif keyword == "format" and (value == "date-time") != (kind == "STRING"):
            value = None
        if value not in (None, [], {}):
            out[keyword] = value
    if kind == "ARRAY" and "items" not in out:
        told("Gemini wants a type where anything is allowed: text, numbers, truth values and objects are shown", place)
        out["items"] = {"anyOf": list(_ANYTHING)}
    if "enum" in out:
        out["format"] = "enum"
    return out
