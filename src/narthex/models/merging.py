"""Two schemas that both hold, written as one.

Knows: what may be joined so that whatever satisfies both satisfies the one; it may be wider, never narrower. Refuses to
lose: what cannot be joined stays beside it under `allOf`.
"""

from typing import Any

from narthex.models.shapes import text_of

Tree = dict[str, Any]

_WORDS = frozenset({"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"})
_LARGEST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_SMALLEST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_INSIDE = frozenset({"additionalProperties", "items", "propertyNames"})
_TOGETHER = (frozenset({"contains", "minContains", "maxContains"}), frozenset({"if", "then", "else"}))


def merged(first: Tree, second: Tree) -> Tree:
    """Both. Where only one text can be shown, that of `first` is."""
    out = dict(first)
    left: Tree = {}
    for group in _TOGETHER:  # these mean something only beside each other
        if not group.isdisjoint(first) and not group.isdisjoint(second):
            left.update({keyword: value for keyword, value in second.items() if keyword in group})
            second = {keyword: value for keyword, value in second.items() if keyword not in group}
    for keyword, value in second.items():
        if keyword not in out:
            out[keyword] = value
        elif keyword != "allOf" and out[keyword] != value:
            out[keyword], over = _joined(keyword, out[keyword], value)
            left.update(over)
    also = [*first.get("allOf", []), *second.get("allOf", []), *([left] if left else [])]
    if also:
        out["allOf"] = also
    return out


def without_all_of(schema: Tree) -> Tree:
    """The schema with its `allOf` joined into it, as far as that goes."""
    parts = schema.get("allOf")
    if parts is None:
        return schema
    out = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    rest: list[Tree] = []
    for part in parts:
        out = merged(out, part)
        rest += out.pop("allOf", [])
    return {**out, "allOf": rest} if rest else out


def _joined(keyword: str, first: Any, second: Any) -> tuple[Any, Tree]:
    """One value for both, and what of the second is left over, as a schema."""
    if keyword in _WORDS:
        return first, {}
    if keyword in _LARGEST:
        return max(first, second), {}
    if keyword in _SMALLEST:
        return min(first, second), {}
    if keyword == "uniqueItems":
        return first or second, {}
    if keyword == "required":
        return list(dict.fromkeys([*first, *second])), {}
    if keyword == "type":
        return _types(first, second)
    if keyword == "enum":
        known = {text_of(value) for value in second}
        both = [value for value in first if text_of(value) in known]
        return (both, {}) if both else (first, {"enum": second})
    if keyword in ("properties", "patternProperties"):
        return {**first, **second, **{name: merged(first[name], second[name]) for name in first if name in second}}, {}
    if keyword in _INSIDE:
        if isinstance(first, bool) or isinstance(second, bool):
            return False, {}  # `true` is never kept, so one of them is `false`
        return merged(first, second), {}
    return first, {keyword: second}


def _types(first: Any, second: Any) -> tuple[Any, Tree]:
    ours, theirs = ([kind] if isinstance(kind, str) else kind for kind in (first, second))
    both = [kind for kind in ours if kind in theirs or (kind == "integer" and "number" in theirs)]
    if "number" in ours and "integer" in theirs and "integer" not in both:
        both.append("integer")
    if not both:
        return first, {"type": second}
    return (both[0] if len(both) == 1 else both), {}
