"""A JSON Schema with every `$ref` written out, within a bound.

Knows: what a reference names, when it leads back to itself, how much has been written. Refuses to know: providers. A
schema that describes itself cannot be written out: where it begins again stands an open schema of the same type, and a
sentence that says so.
"""

from typing import Any

from narthex.limits import model_schema_chars_max, model_schema_depth_max, model_schema_nodes_max
from narthex.models.merging import merged, without_all_of
from narthex.models.shapes import text_of
from narthex.models.tidying import LISTED, NAMED, ONE, tidied
from narthex.models.told import Told
from narthex.wire.subschemas import children, pointed

Tree = dict[str, Any]
NOTHING: Tree = {"not": {}}  # what `false` says
_SAID_MAX = 8  # places that say so themselves; a warning names them all
_SCHEMAS = frozenset({*ONE, *LISTED, *NAMED, "$defs", "definitions", "additionalItems", "dependencies"})


def inlined(schema: Tree, told: Told) -> Tree:
    """The whole schema: no references, no definitions, no booleans but for members and items that may not be."""
    return _Inliner(schema, told).written(schema, "", 0)


class _Inliner:
    def __init__(self, root: Tree, told: Told) -> None:
        self._root, self._told = root, told
        self._nodes = self._chars = self._beyond = 0
        self._weights: dict[int, int] = {}  # by identity: what is referred to a thousand times is weighed once
        self._open: list[str] = []  # the references that are being written out
        self._anchors: dict[str, Tree] | None = None

    def written(self, schema: Any, place: str, depth: int) -> Tree:
        if not isinstance(schema, dict):
            return dict(NOTHING) if schema is False else {}
        self._nodes += 1
        self._chars += self._weight(schema)
        if (
            self._nodes > model_schema_nodes_max
            or self._chars > model_schema_chars_max
            or depth > model_schema_depth_max
        ):
            self._told("the schema is too large, written out: what is beyond is left open", place)
            self._beyond += 1
            return {"description": "Not described here: the schema is too large."} if self._beyond <= _SAID_MAX else {}
        kept, wrong = tidied(schema)
        for keyword in wrong:
            self._told(f"'{keyword}' has a value that JSON Schema does not know, and is left out", place)
        reference = kept.pop("$ref", None) or kept.pop("$dynamicRef", None)
        kept.pop("$dynamicRef", None)
        out = {keyword: self._value(keyword, value, place, depth) for keyword, value in kept.items()}
        out = {keyword: value for keyword, value in out.items() if value is not None or keyword in ("const", "default")}
        if reference is not None:
            out = merged(out, self._followed(reference, place, depth))
        return without_all_of(out)

    def _weight(self, schema: Tree) -> int:
        """The characters of a schema without the schemas in it."""
        known = self._weights.get(id(schema))
        if known is None:
            values = {key: value for key, value in schema.items() if key not in _SCHEMAS}
            names = [name for key in NAMED if isinstance(schema.get(key), dict) for name in schema[key]]
            known = self._weights[id(schema)] = len(text_of(values)) + sum(map(len, names))
        return known

    def _value(self, keyword: str, value: Any, place: str, depth: int) -> Any:
        """None for what says nothing."""
        if keyword in ("additionalProperties", "items"):
            if isinstance(value, bool):
                return None if value else False
            return self.written(value, f"{place}{'[]' if keyword == 'items' else '.*'}", depth + 1)
        if keyword in ONE:
            return self.written(value, place, depth + 1)
        if keyword in LISTED:
            return [self.written(one, place, depth + 1) for one in value]
        if keyword == "properties":
            shown = {name: one for name, one in value.items() if one is not False}
            return {name: self.written(one, _inside(place, name), depth + 1) for name, one in shown.items()}
        if keyword in NAMED:
            return {name: self.written(one, _inside(place, name), depth + 1) for name, one in value.items()}
        return value

    def _followed(self, reference: str, place: str, depth: int) -> Tree:
        found = self._named(reference)
        name = reference.rpartition("/")[2].lstrip("#") or "the whole"
        if found is None:
            self._told(
                f"'$ref' {reference[:80]!r} leads to nothing in the schema: what it describes is left open", place
            )
            return {}
        if reference in self._open:
            self._told(f"'{name}' describes itself: where it begins again, it is left open", place)
            return _open(found, f"Here '{name}' begins again, as described above.")
        self._open.append(reference)
        try:
            return self.written(found, place, depth + 1)
        finally:
            self._open.pop()

    def _named(self, reference: str) -> Tree | None:
        address, _, fragment = reference.partition("#")
        if address:
            return None
        if not fragment:
            return self._root
        if fragment.startswith("/"):
            return pointed(self._root, fragment)
        if self._anchors is None:
            self._anchors = _anchors_of(self._root)
        return self._anchors.get(fragment)


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}"[:120] if place else name[:120]


def _open(schema: Tree, why: str) -> Tree:
    """Anything of the same type, described as `schema` is."""
    kept, _ = tidied(schema)
    said = f"{kept['description']}\n{why}" if "description" in kept else why
    return {**({"type": kept["type"]} if "type" in kept else {}), "description": said}


def _anchors_of(root: Tree) -> dict[str, Tree]:
    found: dict[str, Tree] = {}
    waiting, seen = [root], 0
    while waiting and seen < model_schema_nodes_max:
        schema = waiting.pop()
        seen += 1
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                found.setdefault(schema[keyword], schema)
        waiting += [inner for _, _, inner in children(schema)]
    return found
