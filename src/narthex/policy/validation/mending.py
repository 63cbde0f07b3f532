"""What models get harmlessly wrong, put right: "10" where an integer is wanted, one value where a list is.

Knows: the shapes in which a value may arrive, and the one type that a place wants. Refuses to guess: where a schema
leaves two readings open, or a text is not wholly what it should be, the value stays as it came.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from narthex.limits import DEFAULTS, json_digits_max, schema_walk_max
from narthex.policy.validation.references import References, Schema, Uncheckable
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_TRUTH = {"true": True, "false": False, "True": True, "False": False}
_EXACT = 2**53  # beyond it a float does not say which integer it is
_DROPPED = object()
_ABSENT: Schema = {}


@dataclass(frozen=True, slots=True)
class Change:
    """One value that was put right, without saying it."""

    path: Path
    what: str  # "string to integer"

    @property
    def pointer(self) -> str:
        return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.path)


@dataclass(slots=True)
class Mending:
    """One pass over a value. `changes` is empty where nothing was to be done."""

    schema: Schema
    changes: list[Change] = field(default_factory=list)
    _references: References | None = None
    _left: int = schema_walk_max

    def mend(self, value: Any) -> Any:
        """The value put right; the very same where nothing was. Nothing of it is written to."""
        return self._mend(self.schema, value, ())

    def _mend(self, schema: Any, value: Any, path: Path) -> Any:
        self._left -= 1
        rule = self._plain(schema)
        if rule is None or self._left < 0:
            return value
        wanted = _types(rule)
        if wanted and not _is(value, wanted):
            mended = self._another(rule, wanted, value, path)
            if mended is value:
                return value
            value = mended
        if type(value) is float and wanted == {"integer"} and abs(value) < _EXACT:
            self.changes.append(Change(path, "number to integer"))
            return int(value)
        if type(value) is dict:
            return self._object(rule, value, path)
        if type(value) is list:
            return self._list(rule, value, path)
        return value

    # ---- what stands at a place ------------------------------------------------------------------------------------

    def _another(self, rule: Schema, wanted: set[str], value: Any, path: Path) -> Any:
        """The value as the one type that is wanted; the very same if there is any doubt."""
        real = wanted - {"null"}
        if len(real) != 1:
            return value
        target = next(iter(real))
        found: Any = value
        if type(value) is str:
            found = _read(value, target)
        if found is value and target == "array" and _is_scalar(value) and not _looks_like_json(value):
            if not self._may_be_item(rule, value):
                return value
            found = [value]
        if found is not value:
            self.changes.append(Change(path, f"{_kind(value)} to {target}"))
        return found

    def _may_be_item(self, rule: Schema, value: Any) -> bool:
        items = self._plain(rule.get("items", _ABSENT))
        if items is None or "prefixItems" in rule:
            return False
        wanted = _types(items)
        return not wanted or _is(value, wanted) or (type(value) is str and _read(value, _single(wanted)) is not value)

    def _object(self, rule: Schema, value: dict[str, Any], path: Path) -> dict[str, Any]:
        rules = rule.get("properties")
        if type(rules) is not dict:
            return value
        required = rule.get("required")
        needed = required if type(required) is list else []
        found = {}
        for name, inner in value.items():
            if name in rules and inner is None and name not in needed and self._forbids_null(rules[name]):
                self.changes.append(Change((*path, name), "null left out"))
                continue
            found[name] = self._mend(rules[name], inner, (*path, name)) if name in rules else inner
        return found if _changed(found, value) else value

    def _list(self, rule: Schema, value: list[Any], path: Path) -> list[Any]:
        items = rule.get("items")
        if type(items) is not dict or "prefixItems" in rule:
            return value
        found = [self._mend(items, inner, (*path, place)) for place, inner in enumerate(value)]
        return found if any(new is not old for new, old in zip(found, value, strict=True)) else value

    def _forbids_null(self, schema: Any) -> bool:
        rule = self._plain(schema)
        wanted = _types(rule) if rule is not None else set()
        return bool(wanted) and "null" not in wanted

    # ---- what a place wants ----------------------------------------------------------------------------------------

    def _plain(self, schema: Any) -> Schema | None:
        """The one schema object that says what stands here; None where several may."""
        for _ in range(DEFAULTS.schema_depth_max):
            if type(schema) is not dict or "oneOf" in schema or "not" in schema or "if" in schema:
                return None
            if "$ref" in schema:
                schema = self._target(schema)
                continue
            several = schema.get("anyOf")
            if several is None:
                return schema
            real = [one for one in several if one != {"type": "null"}] if type(several) is list else []
            if len(real) != 1 or "type" in schema or type(real[0]) is not dict:
                return None
            inner = self._plain(real[0])
            if inner is None or len(real) == len(several):
                return inner
            return {**inner, "type": [*sorted(_types(inner)), "null"]} if _types(inner) else inner
        return None

    def _target(self, schema: Schema) -> Schema | None:
        if self._references is None:
            self._references = References(self.schema)
        try:
            return self._references.target(schema, schema["$ref"])
        except Uncheckable:
            return None


def _changed(found: dict[str, Any], value: dict[str, Any]) -> bool:
    return len(found) != len(value) or any(found[name] is not value[name] for name in found)


def _types(rule: Schema) -> set[str]:
    found = rule.get("type")
    if type(found) is str:
        return {found}
    return {one for one in found if type(one) is str} if type(found) is list else set()


def _single(wanted: set[str]) -> str:
    real = wanted - {"null"}
    return next(iter(real)) if len(real) == 1 else ""


def _is(value: Any, wanted: set[str]) -> bool:
    kind = _kind(value)
    if kind == "integer":
        return bool(wanted & {"integer", "number"})
    if kind == "number":
        return "number" in wanted or ("integer" in wanted and value.is_integer())
    return kind in wanted


_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


def _is_scalar(value: Any) -> bool:
    return type(value) in (str, int, float, bool)


def _looks_like_json(value: Any) -> bool:
    return type(value) is str and value.lstrip()[:1] in ("[", "{")


def _read(text: str, target: str) -> Any:
    """What a text says, if it says nothing but one value of this type; the very same text otherwise."""
    if target == "boolean":
        return _TRUTH.get(text, text)
    if target == "integer":
        return int(text) if len(text) <= json_digits_max and _INTEGER.fullmatch(text) else text
    if target == "number":
        return _decoded(text) if len(text) <= json_digits_max and _NUMBER.fullmatch(text) else text
    if target in ("array", "object") and _looks_like_json(text):
        found = _decoded(text)
        return found if _kind(found) == target else text
    return text


def _decoded(text: str) -> Any:
    try:
        return decode(text.encode(), DEFAULTS)
    except (PeerFault, UnicodeEncodeError):
        return text
