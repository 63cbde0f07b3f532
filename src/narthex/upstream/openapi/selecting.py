"""What of a JSON value is handed on: selected by path, kept by name, made flat, renamed. Always in this order.

Knows: that a list counts as its elements, as in every path of the configuration (`model.json_path`). Refuses to know:
where the value is from.
"""

from collections.abc import Mapping
from typing import Any

from narthex.model.json_path import Path, read
from narthex.upstream.openapi.operation import Shape

Keep = dict[str, Any]  # names to what of them is kept; an empty one keeps all
_ANY = "*"


class Shaping:
    """One shape, its paths read once."""

    def __init__(self, shape: Shape) -> None:
        """Raises BadPath."""
        self._select = read(shape.select) if shape.select is not None else None
        self._keep: Keep = {}
        for text in shape.keep:
            place = self._keep
            for step in read(text if text.startswith("$") else f"$.{text}"):
                place = place.setdefault(step.name or _ANY, {})
        self._flatten = shape.flatten
        self._rename = dict(shape.rename)

    def of(self, value: Any) -> Any:
        if self._select is not None:
            value = selected(value, self._select)
        if self._keep:
            value = _kept(value, self._keep)
        if self._flatten:
            value = _flat(value)
        return _renamed(value, self._rename, "") if self._rename else value


def selected(value: Any, path: Path) -> Any:
    """What is at a path: one value, or a list of them where lists, `*` or `..` lead to several. Nothing is None."""
    found, several = [value], False
    for step in path:
        further: list[Any] = []
        for node in _reached(found, deep=step.deep):
            if type(node) is list:
                several = True
            for inner in _elements(node):
                if type(inner) is dict and step.name is None:
                    further += inner.values()
                elif type(inner) is dict and step.name in inner:
                    further.append(inner[step.name])
        several = several or step.deep or step.name is None
        found = further
    if several:
        return [part for one in found for part in (one if type(one) is list and len(found) > 1 else [one])]
    return found[0] if found else None


def _reached(nodes: list[Any], *, deep: bool) -> list[Any]:
    if not deep:
        return nodes
    reached, stack = list[Any](), list(reversed(nodes))
    while stack:
        node = stack.pop()
        if type(node) is dict:
            reached.append(node)
            stack.extend(reversed(node.values()))
        elif type(node) is list:
            stack.extend(reversed(node))
    return reached


def _elements(node: Any) -> list[Any]:
    """The elements of a list, also of lists in it; anything else is its own."""
    if type(node) is not list:
        return [node]
    out, stack = list[Any](), list(reversed(node))
    while stack:
        inner = stack.pop()
        if type(inner) is list:
            stack.extend(reversed(inner))
        else:
            out.append(inner)
    return out


def _kept(value: Any, keep: Keep) -> Any:
    if type(value) is list:
        return [_kept(item, keep) for item in value]
    if type(value) is not dict or not keep:
        return value
    out: dict[str, Any] = {}
    for name, inner in value.items():
        below = keep.get(name, keep.get(_ANY))
        if below is not None:
            out[name] = _kept(inner, below)
    return out


def _flat(value: Any) -> Any:
    if type(value) is list:
        return [_flat(item) for item in value]
    if type(value) is not dict:
        return value
    out: dict[str, Any] = {}
    for name, inner in value.items():
        made = _flat(inner)
        if type(made) is dict and made:
            out |= {f"{name}.{below}": item for below, item in made.items()}
        else:
            out[name] = made
    return out


def _renamed(value: Any, names: Mapping[str, str], path: str) -> Any:
    if type(value) is list:
        return [_renamed(item, names, path) for item in value]
    if type(value) is not dict:
        return value
    out: dict[str, Any] = {}
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        out[names.get(here, name)] = _renamed(inner, names, here)
    return out
