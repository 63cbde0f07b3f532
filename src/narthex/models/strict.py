"""Schemas for `strict: true`, where a provider holds its model to the schema while it writes.

Knows: what a strict schema has to be, and how a schema becomes one: closed objects, every member required. Refuses to
know: a strict form of what has none; then it says why, and the tool is offered without.
"""

from dataclasses import dataclass
from typing import Any

from narthex.models.dialects import Strictness
from narthex.models.way_back import Back

Tree = dict[str, Any]
_NULL: Tree = {"type": "null"}
# Keywords that say nothing of other types, and that a strict schema has nowhere else.
_OF_KIND = {"object": ("properties", "required", "additionalProperties"), "array": ("items", "minItems", "maxItems")}


class NotStrict(Exception):
    """There is no strict form of this schema; the text says why."""


@dataclass(slots=True)
class Weight:
    """What counts towards a provider's limits."""

    optional: int = 0
    unions: int = 0
    members: int = 0
    enum_values: int = 0
    text_chars: int = 0


class Strict:
    """Makes one schema strict."""

    def __init__(self, rules: Strictness) -> None:
        self._rules = rules
        self.weight = Weight()

    def of(self, schema: Tree, back: Back) -> Tree:
        """The strict schema; `back` learns where a null stands for "not given". Raises NotStrict."""
        out = self._closed(schema, back, depth=1, place="", root=True)
        self._weigh()
        return out

    def _closed(self, schema: Tree, back: Back, depth: int, place: str, *, root: bool = False) -> Tree:
        if self._rules.depth_max is not None and depth > self._rules.depth_max:
            raise NotStrict(f"it has more than {self._rules.depth_max} levels")
        out = dict(schema)
        if "anyOf" in out:
            self.weight.unions += 1
            out["anyOf"] = [self._closed(one, back, depth, place) for one in out["anyOf"]]
        kinds = out.get("type")
        if kinds is None and not {"anyOf", "enum", "const"}.intersection(out):
            raise NotStrict(f"anything is allowed at '{place}'")
        if isinstance(kinds, list):
            self.weight.unions += 1
        named = [kinds] if isinstance(kinds, str) else kinds or []
        for kind, keywords in _OF_KIND.items():
            if kind not in named:
                out = {keyword: value for keyword, value in out.items() if keyword not in keywords}
        if "object" in named:
            self._close(out, back, depth, place, root=root)
        if "array" in named:
            if not isinstance(out.get("items"), dict):
                raise NotStrict(f"the items at '{place}' are not described")
            out["items"] = self._closed(out["items"], back.items or Back(), depth + 1, f"{place}[]")
        values = out.get("enum", [out["const"]] if "const" in out else [])
        self.weight.enum_values += len(values)
        self.weight.text_chars += sum(len(value) for value in values if isinstance(value, str))
        return out

    def _close(self, out: Tree, back: Back, depth: int, place: str, *, root: bool) -> None:
        members = out.get("properties", {})
        closed = out.get("additionalProperties")
        if isinstance(closed, dict) or (not members and closed is not False and not (root and closed is None)):
            raise NotStrict(f"the names of members at '{place or 'the root'}' are free")
        required = [name for name in out.get("required", []) if name in members]
        shown = {}
        for name, inner in members.items():
            here = f"{place}.{name}" if place else name
            strict = self._closed(inner, back.within.get(name, Back()), depth + 1, here)
            if takes_null(strict):
                back.null_is_meant.add(name)
            shown[name] = strict if name in required else self._optional(strict, name, back)
        self.weight.members += len(members)
        self.weight.text_chars += sum(map(len, members))
        out.update(properties=shown, additionalProperties=False)
        out["required"] = list(members) if self._rules.all_required else required

    def _optional(self, schema: Tree, name: str, back: Back) -> Tree:
        self.weight.optional += 1
        if not self._rules.all_required:
            return schema
        if takes_null(schema):
            return schema
        back.null_is_absent.add(name)
        return or_null(schema)

    def _weigh(self) -> None:
        for said, count, most in (
            ("members", self.weight.members, self._rules.members_max),
            ("values of enums", self.weight.enum_values, self._rules.enum_values_max),
            ("characters in names and enums", self.weight.text_chars, self._rules.text_chars_max),
        ):
            if most is not None and count > most:
                raise NotStrict(f"it has more than {most:,} {said}")


def takes_null(schema: Tree) -> bool:
    """Whether a null satisfies it, as far as types and values tell."""
    if "enum" in schema:
        return None in schema["enum"]
    if "const" in schema:
        return schema["const"] is None
    kinds = schema.get("type")
    if kinds is not None and kinds != "null" and "null" not in kinds:
        return False
    return any(takes_null(one) for one in schema["anyOf"]) if "anyOf" in schema else kinds is not None


def or_null(schema: Tree) -> Tree:
    """The same, or null."""
    kinds = schema.get("type")
    if "anyOf" in schema and kinds is None and "enum" not in schema and "const" not in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _NULL]}
    if "anyOf" in schema or "const" in schema or kinds is None:
        words: Tree = {key: schema[key] for key in ("title", "description") if key in schema}
        rest = {key: value for key, value in schema.items() if key not in words}
        return {**words, "anyOf": [rest, _NULL]}
    out = {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
    return {**out, "enum": [*schema["enum"], None]} if "enum" in schema else out


class Room:
    """What is left of a provider's limits over all tools together."""

    def __init__(self, rules: Strictness) -> None:
        self._rules = rules
        self._tools = self._optional = self._unions = 0

    def takes(self, weight: Weight) -> str | None:
        """Counts a tool, or says why it does not fit any more."""
        for said, count, most in (
            ("tools", self._tools + 1, self._rules.tools_max),
            ("arguments that may be left out", self._optional + weight.optional, self._rules.optional_max),
            ("arguments of several types", self._unions + weight.unions, self._rules.unions_max),
        ):
            if most is not None and count > most:
                return f"more than {most} {said} in strict tools"
        self._tools += 1
        self._optional += weight.optional
        self._unions += weight.unions
        return None
