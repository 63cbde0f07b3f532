"""Whether a tool's schema may be shown and checked against: its size, its depth, and where its `$ref`s lead
(2026-07-28, basic/index, JSON Schema usage).

Knows: what a validator would spend on it. Refuses to know: whether it is a valid schema (that is `policy`, once, when
the tool is first called), and never follows a reference out of the document.
"""

from collections.abc import Callable, Iterator
from typing import Any

from narthex.limits import Limits, schema_expanded_nodes_max
from narthex.wire.strict import deeper_than, encode
from narthex.wire.subschemas import children, pointed

Schema = dict[str, Any]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Validators carry these documents with them, and fetch nothing.
_BUNDLED = ("http://json-schema.org/", "https://json-schema.org/")
# What applies to the same place of the instance: a loop through these alone would never end.
_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"})


def certainly_small(encoded: bytes, limits: Limits) -> bool:
    """Whether the encoded text alone proves that no rule of this file is broken. True for most tools there are."""
    return (
        len(encoded) <= limits.schema_bytes_max
        and b'Ref"' not in encoded
        and b'"$ref"' not in encoded
        and encoded.count(b"{") <= limits.schema_nodes_max
        and not deeper_than(encoded, limits.schema_depth_max)
    )


def too_much(schema: Schema, limits: Limits) -> str | None:
    """Why a schema cannot be taken, or None."""
    size = len(encode(schema))
    if size > limits.schema_bytes_max:
        return f"it has {size} bytes, and {limits.schema_bytes_max} are allowed (limits.schema_bytes_max)"
    nodes, references, depth = _survey(schema)
    if depth > limits.schema_depth_max:
        return f"it nests deeper than {limits.schema_depth_max} schemas (limits.schema_depth_max)"
    if len(nodes) > limits.schema_nodes_max:
        return f"it holds more than {limits.schema_nodes_max} schemas (limits.schema_nodes_max)"
    if not references:
        return None
    known = _Document(schema, nodes)
    hidden = known.take_hidden(references, limits.schema_nodes_max)
    if hidden > limits.schema_depth_max:
        return f"it nests deeper than {limits.schema_depth_max} schemas (limits.schema_depth_max)"
    if len(known.nodes) > limits.schema_nodes_max:
        return f"it holds more than {limits.schema_nodes_max} schemas (limits.schema_nodes_max)"
    for reference in references:
        if not known.holds(reference):
            return f"a $ref leads out of it, to {reference[:100]!r}; references are never fetched"
    return known.explosion()


def _survey(schema: Schema) -> tuple[list[Schema], list[str], int]:
    """Every schema inside, every reference, and the deepest level."""
    nodes: list[Schema] = []
    references: list[str] = []
    deepest = 0
    stack = [(schema, 1)]
    while stack:
        node, level = stack.pop()
        nodes.append(node)
        deepest = max(deepest, level)
        references += [node[name] for name in _REFERENCES if type(node.get(name)) is str]
        stack.extend((inner, level + 1) for _, _, inner in children(node))
    return nodes, references, deepest


class _Document:
    """One schema with the targets its references can name."""

    def __init__(self, root: Schema, nodes: list[Schema]) -> None:
        self.root = root
        self.nodes: list[Schema] = []
        self.named: dict[str, Schema] = {}
        self._add(nodes)

    def _add(self, nodes: list[Schema]) -> None:
        self.nodes += nodes
        for node in nodes:
            for key, sign in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", "")):
                if type(node.get(key)) is str:
                    self.named.setdefault(sign + node[key].removesuffix("#"), node)

    def take_hidden(self, references: list[str], nodes_max: int) -> int:
        """Take over what a pointer makes a schema although it stands where none would be looked for: under a keyword
        nobody knows, or in data. `references` grows by those found there. Returns the deepest level of any."""
        surveyed = {id(node) for node in self.nodes}
        deepest = 0
        for reference in references:
            target = self._target(reference)
            if target is None or id(target) in surveyed or len(self.nodes) > nodes_max:
                continue
            nodes, more, depth = _survey(target)
            surveyed.update(map(id, nodes))
            self._add(nodes)
            references += more
            deepest = max(deepest, depth)
        return deepest

    def holds(self, reference: str) -> bool:
        """A reference is ours when it starts with `#`, or names a schema inside by its `$id`."""
        address = reference.partition("#")[0]
        return not address or address in self.named or address.startswith(_BUNDLED)

    def explosion(self) -> str | None:
        """Why a validator would not come to an end, soon or at all. A recursion through data counts once."""
        if any(loop for _, loop in _traverse(self.nodes, self._in_place)):
            return "a $ref leads back to itself without a step into the data"
        unfolded: dict[int, int] = {}
        for node, loop in _traverse([self.root], self._applied):
            if not loop:
                unfolded[id(node)] = 1 + sum(unfolded.get(id(inner), 1) for inner in self._applied(node))
        if unfolded[id(self.root)] > schema_expanded_nodes_max:
            return f"its references unfold to more than {schema_expanded_nodes_max} schemas"
        return None

    def _applied(self, node: Schema) -> list[Schema]:
        # Definitions apply to nothing until a reference names them.
        inside = [inner for keyword, _, inner in children(node) if keyword not in ("$defs", "definitions")]
        return inside + self._targets(node)

    def _in_place(self, node: Schema) -> list[Schema]:
        return [inner for keyword, _, inner in children(node) if keyword in _IN_PLACE] + self._targets(node)

    def _targets(self, node: Schema) -> list[Schema]:
        named = (self._target(node[name]) for name in _REFERENCES if type(node.get(name)) is str)
        return [target for target in named if target is not None]

    def _target(self, reference: str) -> Schema | None:
        address, _, fragment = reference.partition("#")
        base = self.named.get(address) if address else self.root
        if base is None or not fragment:
            return base
        if not fragment.startswith("/"):
            return self.named.get(f"#{fragment}")
        return pointed(base, fragment)


def _traverse(roots: list[Schema], steps: Callable[[Schema], list[Schema]]) -> Iterator[tuple[Schema, bool]]:
    """Depth first, without recursion: each schema when all behind it is done; with True, one that leads to itself."""
    done: set[int] = set()
    entered: set[int] = set()
    stack = [(root, False) for root in roots]
    while stack:
        node, leaving = stack.pop()
        key = id(node)
        if leaving:
            entered.discard(key)
            done.add(key)
            yield node, False
        elif key in entered:
            yield node, True
        elif key not in done:
            entered.add(key)
            stack.append((node, True))
            stack.extend((inner, False) for inner in steps(node))
