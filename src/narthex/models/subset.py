"""A schema in the keywords that a dialect has; what else it says moves into its description.

Knows: which keyword can be said by another one, and how the rest reads in words. Refuses to know: which provider wants
what. What comes out takes everything that the schema takes, and perhaps more: the tool still holds to its own.
"""

from typing import Any

from narthex.limits import model_note_chars_max
from narthex.models.dialects import Dialect
from narthex.models.names import fitting
from narthex.models.shapes import sendable, sendable_tree, text_of
from narthex.models.told import Told
from narthex.models.way_back import Back

Tree = dict[str, Any]

_SAID_ANYWAY = frozenset({"title", "additionalProperties", "deprecated"})  # no words when they cannot be sent
_NAMING = frozenset(
    {"propertyNames", "dependentRequired", "dependentSchemas", "patternProperties", "if", "then", "else", "not"}
)


class Subset:
    """Translates the schemas of one tool. `told` hears what cannot be sent as it is."""

    def __init__(self, dialect: Dialect, told: Told) -> None:
        self._dialect, self._told = dialect, told

    def of(self, schema: Tree, place: str = "") -> tuple[Tree, Back]:
        """The schema, and the way back of what is written for it."""
        schema, back = self._renamed(self._respelled(schema), place)
        out: Tree = {}
        notes: Tree = {}
        for keyword, value in schema.items():
            if self._sent(keyword, value, schema) and (place or keyword not in self._dialect.root_refuses):
                out[keyword] = self._inner(keyword, value, back, place)
            elif keyword not in _SAID_ANYWAY or (keyword == "additionalProperties" and value is not False):
                notes[keyword] = value
        if "integer" in _types(out):
            back.whole = True
        if self._dialect.items_wanted and "array" in _types(out):
            out.setdefault("items", {})
        return self._noted(out, notes, place), back

    def _sent(self, keyword: str, value: Any, schema: Tree) -> bool:
        if keyword not in self._dialect.keywords:
            return False
        if keyword == "format" and self._dialect.formats is not None:
            return value in self._dialect.formats
        if keyword in ("enum", "const") and self._dialect.scalars_only:
            values = value if keyword == "enum" else [value]
            return all(one is None or isinstance(one, (str, int, float)) for one in values)
        if keyword == "enum" and self._dialect.texts_only:
            return all(one is None or (isinstance(one, str) and one) for one in value) and value != [None]
        if keyword == "items":  # it speaks of what comes after `prefixItems`
            return "prefixItems" not in schema or "prefixItems" in self._dialect.keywords
        if keyword == "additionalProperties":  # it speaks of what no pattern has taken
            return "patternProperties" not in schema or "patternProperties" in self._dialect.keywords
        return True

    def _respelled(self, schema: Tree) -> Tree:
        """In other keywords, where that says the same, or nearly."""
        kept = self._dialect.keywords
        out = dict(schema)
        if "oneOf" in out and "oneOf" not in kept and "anyOf" not in out:
            out["anyOf"] = out.pop("oneOf")
        if "const" in out and "const" not in kept:
            out.setdefault("enum", [out.pop("const")])
        if "type" not in out and self._dialect.types_wanted:
            values = out.get("enum", [out["const"]] if "const" in out else [])
            meant = (types_of(values) if self._dialect.type_lists else []) if values else _meant(out)
            out |= {"type": meant} if meant else {}
        for limit, exclusive, step in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
            if exclusive in out and exclusive not in kept and out.get("type") == "integer" and limit not in out:
                value = out.pop(exclusive)
                out[limit] = _next(value, step)
        kinds = out.get("type")
        if isinstance(kinds, list) and len(kinds) == 1:
            out["type"] = kinds[0]
        elif isinstance(kinds, list) and not self._dialect.type_lists and "anyOf" not in out and "enum" not in out:
            out = _split(out, kinds)
        return out

    def _renamed(self, schema: Tree, place: str) -> tuple[Tree, Back]:
        back = Back()
        grammar = self._dialect.member
        if grammar is None or "properties" not in schema or (place and not self._dialect.member_everywhere):
            return schema, back
        shown = {name: fitting(name, grammar) for name in schema["properties"]}
        back.names = {new: name for name, new in shown.items() if new != name}
        if not back.names:
            return schema, back
        self._told(f"{self._dialect.provider} takes no such names of arguments, so they have others", ", ".join(
            sorted(back.names.values()))[:120])  # fmt: skip
        out = {**schema, "properties": {shown[name]: inner for name, inner in schema["properties"].items()}}
        if "required" in out:
            out["required"] = [shown.get(name, name) for name in out["required"]]
        left = _NAMING.intersection(out)
        for keyword in left:
            out.pop(keyword)
        if "patternProperties" in left:  # what they took would be forbidden now
            out.pop("additionalProperties", None)
        if left:
            self._told(f"{_quoted(left)} speak of arguments by names that had to change, and are left out", place)
        return out, back

    def _inner(self, keyword: str, value: Any, back: Back, place: str) -> Any:
        if keyword == "properties":
            out = {}
            for name, inner in value.items():
                here = f"{place}.{name}"[:120] if place else name[:120] or "."
                out[sendable(name)], back.within[name] = self.of(inner, here)
            return out
        if keyword == "patternProperties":
            back.others = back.others or Back()
            return {pattern: self._branch(inner, back.others, f"{place}.*") for pattern, inner in value.items()}
        if keyword == "items" and isinstance(value, dict):
            back.items = back.items or Back()
            return self._branch(value, back.items, f"{place}[]")
        if keyword == "additionalProperties" and isinstance(value, dict):
            back.others = back.others or Back()
            return self._branch(value, back.others, f"{place}.*")
        if keyword == "prefixItems":
            back.items = back.items or Back()
            return [self._branch(one, back.items, f"{place}[]") for one in value]
        if keyword in ("anyOf", "oneOf", "allOf"):
            return [self._branch(one, back, place) for one in value]
        return sendable_tree(value)

    def _branch(self, schema: Tree, back: Back, place: str) -> Tree:
        out, way = self.of(schema, place or ".")
        back.join(way)
        return out

    def _noted(self, out: Tree, notes: Tree, place: str) -> Tree:
        words = []
        for keyword, value in notes.items():
            text = sendable(text_of(value))
            if len(text) > model_note_chars_max:
                self._told(f"'{keyword}' is too long for a description, and is left out", place)
                continue
            words.append(f"{keyword}: {text}")
            self._told(f"{self._dialect.provider} takes no '{keyword}' here, so it is in the description", place)
        if not words:
            return out
        said = f"({'; '.join(words)})"
        return {**out, "description": f"{out['description']}\n{said}" if out.get("description") else said}


def _types(schema: Tree) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def types_of(values: list[Any]) -> list[str]:
    """The types of the values of an enum that names none."""
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return list(dict.fromkeys(names.get(type(value), "null") for value in values))


def _meant(schema: Tree) -> list[str]:
    """The type that a schema speaks of without saying so: who names members means an object."""
    return [kind for kind, keywords in _OF_KIND.items() if kind != "integer" and not keywords.isdisjoint(schema)][:1]


def _next(value: float, step: int) -> int:
    """The first whole number beyond an exclusive bound."""
    whole = int(value)
    if step > 0:
        return whole + 1 if whole <= value else whole
    return whole - 1 if whole >= value else whole


_WORDS = ("title", "description", "default", "examples")


def _split(schema: Tree, kinds: list[str]) -> Tree:
    """A schema of several types as a union of schemas of one type each, each with what speaks of that type."""
    words = {keyword: schema[keyword] for keyword in _WORDS if keyword in schema}
    rest = {keyword: value for keyword, value in schema.items() if keyword not in _WORDS and keyword != "type"}
    return {**words, "anyOf": [{"type": kind, **_of_kind(rest, kind)} for kind in kinds]}


_STRINGS = frozenset({"pattern", "format", "minLength", "maxLength", "contentEncoding", "contentMediaType"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_ARRAYS = frozenset({"items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "minContains",
                     "maxContains"})  # fmt: skip
_OBJECTS = frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames",
                      "minProperties", "maxProperties", "dependentRequired", "dependentSchemas"})  # fmt: skip
_OF_KIND = {"string": _STRINGS, "number": _NUMBERS, "integer": _NUMBERS, "array": _ARRAYS, "object": _OBJECTS}
_BOUND = _STRINGS | _NUMBERS | _ARRAYS | _OBJECTS


def _of_kind(rest: Tree, kind: str) -> Tree:
    wanted = _OF_KIND.get(kind, frozenset())
    return {keyword: value for keyword, value in rest.items() if keyword in wanted or keyword not in _BOUND}


def _quoted(words: frozenset[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))
