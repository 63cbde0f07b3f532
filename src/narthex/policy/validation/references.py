"""Where the references of one schema lead. Stricter than a validator: what could mean two things means nothing here.

Knows: `$ref` and its relations, `$id`, `$anchor`, JSON Pointers. Refuses to know: anything outside of the document.
"""

from typing import Any

from narthex.wire.subschemas import children, pointed

Schema = dict[str, Any]

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES = (("$id", ""), ("id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#"))


class Uncheckable(ValueError):
    """This schema cannot be used. The text is the reason, for the operator."""


class References:
    """One document."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._named: dict[str, Schema | None] = {}  # None: several are called so
        self._inner: set[int] = set()  # schemas below a name of their own: `#/…` starts somewhere else there
        stack = [(root, False)]
        while stack:
            node, inner = stack.pop()
            if inner:
                self._inner.add(id(node))
            self._name(node)
            for _, _, child in children(node):
                stack.append((child, inner or (child is not root and _is_resource(child))))

    def target(self, node: Schema, reference: Any) -> Schema:
        """The schema a reference in `node` names. Raises `Uncheckable`."""
        if type(reference) is not str:
            raise Uncheckable("a $ref is not a text")
        address, _, fragment = reference.partition("#")
        if fragment.startswith("/") or not fragment:
            base = self._base(node, address)
            found = base if not fragment or base is None else pointed(base, fragment)
        else:
            found = self._named.get(f"#{fragment}") if not address else None
        if found is None:
            raise Uncheckable(f"where the $ref {reference[:100]!r} leads cannot be told; nothing is ever fetched")
        return found

    def _base(self, node: Schema, address: str) -> Schema | None:
        if address:
            return self._named.get(address)
        return None if id(node) in self._inner else self._root

    def _name(self, node: Schema) -> None:
        for keyword, sign in _NAMES:
            name = node.get(keyword)
            if type(name) is str:
                name = sign + name.removesuffix("#")
                self._named[name] = node if name not in self._named else None


def _is_resource(node: Schema) -> bool:
    return any(type(name) is str and not name.startswith("#") for name in (node.get("$id"), node.get("id")))
