"""The root of a tool's schema as one plain object: most APIs take no alternatives there.

Knows: how the alternatives of a root become one object that takes them all, and the sentence that is lost otherwise.
Refuses to know: what is further inside.
"""

from typing import Any

from narthex.limits import model_variants_max
from narthex.models.merging import merged
from narthex.models.shapes import text_of
from narthex.models.told import Told

Tree = dict[str, Any]


def rooted(schema: Tree, told: Told) -> tuple[Tree, list[str]]:
    """The object, and what is to be said of it in words.

    A member that only some of the alternatives describe is shown as they do, although the others may take anything
    under its name: that is what such schemas mean, and what a model can use.
    """
    said: list[str] = []
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            schema, words = _opened(schema, keyword)
            said += words
            told(f"'{keyword}' at the root becomes one object: the alternatives are in the description")
    kinds = schema.get("type", "object")
    if kinds != "object" and "object" not in kinds:
        told(f"its arguments are no object but {text_of(kinds)}: no call will fit")
    return {**schema, "type": "object"}, said


def _opened(schema: Tree, keyword: str) -> tuple[Tree, list[str]]:
    branches = [_flat(branch) for branch in schema[keyword]]
    base = {name: value for name, value in schema.items() if name != keyword}
    found: dict[str, list[Tree]] = {}
    for branch in branches:
        for name, inner in branch.get("properties", {}).items():
            variants = found.setdefault(name, [])
            if len(variants) <= model_variants_max and inner not in variants:
                variants.append(inner)
    ours = base.get("properties", {})
    theirs = {name: one[0] if len(one) == 1 else _any_of(one) for name, one in found.items() if name not in ours}
    always = set.intersection(*(set(branch.get("required", [])) for branch in branches))
    common = [name for name in branches[0].get("required", []) if name in always]
    out = {**base, "properties": {**ours, **theirs}}
    required = list(dict.fromkeys([*base.get("required", []), *common]))
    if required:
        out["required"] = required
    closed = [branch.get("additionalProperties") is False and "patternProperties" not in branch for branch in branches]
    if all(closed) and "patternProperties" not in base:
        out["additionalProperties"] = False
    return out, _in_words(branches, set(required))


def _flat(branch: Tree) -> Tree:
    """A branch without alternatives of its own."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in branch:
            branch, _ = _opened(branch, keyword)
    return branch


def _any_of(variants: list[Tree]) -> Tree:
    """One of these, or anything where they are too many. Constants are one choice: that is how a branch is named."""
    if len(variants) > model_variants_max:
        return {}
    values = [one.get("enum", [one["const"]] if "const" in one else None) for one in variants]
    if all(values):
        rest = {
            key: value for key, value in variants[0].items() if key not in ("enum", "const", "description", "title")
        }
        for one in variants[1:]:
            rest = {key: value for key, value in rest.items() if one.get(key) == value}
        return merged(rest, {"enum": [value for one in values for value in one or []]})
    return {"anyOf": variants}


def _in_words(branches: list[Tree], always: set[str]) -> list[str]:
    sets = []
    for branch in branches:
        wanted = [name for name in branch.get("required", []) if name not in always]
        fixed = [
            f"{name} = {text_of(one['const'])}" for name, one in branch.get("properties", {}).items() if "const" in one
        ]
        if one_of := [*fixed, *(name for name in wanted if not any(f.startswith(f"{name} = ") for f in fixed))]:
            sets.append(", ".join(one_of))
    sets = sets if len(sets) <= model_variants_max else []
    return [f"Give one of these sets of arguments: {'; '.join(f'({one})' for one in sets)}."] if len(sets) > 1 else []
