"""The parts of a schema, and which of them meet the same place of the data, or one inside of it.

Knows: keywords, references, and prices that were measured. Refuses to know: data.
"""

from collections.abc import Callable, Iterable

from narthex.policy.validation.references import REFERENCES, References, Schema, Uncheckable
from narthex.wire.strict import encode
from narthex.wire.subschemas import children

# Nanoseconds, of a slow core and rounded up. `tests/policy` measures that they still hold.
UNIQUE_NS = 600.0
_VISIT, _NAME, _OPTION, _OPTION_BYTE, _TEXT = 100.0, 30.0, 1.0, 100.0, 20.0
_FRACTION, _FAR_FRACTION, _COMPARED_BIT, _DIVIDED_BIT = 2_500.0, 30_000.0, 25.0, 70.0
_FINE = 1e-12  # multiples of less are worked out by hand
_AGAIN = 4  # validators look at branches anew to tell what they left unevaluated
_OFTEN = 1e9  # beyond it nobody counts

_NAMED = frozenset({"properties"})
_ANY_NAME = frozenset({"patternProperties", "additionalProperties", "unevaluatedProperties"})
_ANY_ITEM = frozenset({"contains", "additionalItems", "unevaluatedItems"})
_DEFINES = frozenset({"$defs", "definitions", "contentSchema"})
_LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_READS_TEXT = frozenset({"format", "contentEncoding", "contentMediaType"})


class Part:
    """One schema object, with what is applied to the same place, and to the places inside."""

    __slots__ = (
        *("any_item", "any_name", "at", "far", "here", "key", "key_byte", "named", "own", "place", "text", "unique"),
        "wide_bit",
    )

    def __init__(self) -> None:
        self.own = _VISIT
        self.text = 0.0  # for each character of a string
        self.far = 0.0  # for a fraction beyond what an integer of 64 bits can be
        self.wide_bit = 0.0  # for each bit of an integer beyond that
        self.key = 0.0  # for each name of an object
        self.key_byte = 0.0  # for each character of them
        self.unique = False
        self.place = 0  # those applied to the same place come before it
        self.here: list[tuple[Part, int]] = []
        self.named: dict[str, list[Part]] = {}
        self.any_name: list[Part] = []
        self.at: list[list[Part]] = []
        self.any_item: list[Part] = []


def with_all_here(parts: Iterable[tuple[Part, float]]) -> dict[Part, float]:
    """These, and all that they apply to the same place, with how often each is applied."""
    often: dict[Part, float] = {}
    for part, times in parts:
        often[part] = often.get(part, 0.0) + times
    reached = list(often)
    seen = set(often)
    while reached:
        for inner, _ in reached.pop().here:
            if inner not in seen:
                seen.add(inner)
                reached.append(inner)
    for part in sorted(seen, key=lambda part: -part.place):  # whoever applies another one comes before it
        times = often.setdefault(part, 0.0)
        for inner, factor in part.here:
            often[inner] = min(_OFTEN, often.get(inner, 0.0) + times * factor)
    return often


def part_of(schema: Schema, pattern_ns: Callable[[str], float]) -> Part:
    """The whole schema. `pattern_ns`: nanoseconds that a pattern takes for a character. Raises `Uncheckable`."""
    return _Reading(schema, pattern_ns).root


class _Reading:
    def __init__(self, schema: Schema, pattern_ns: Callable[[str], float]) -> None:
        self._pattern_ns = pattern_ns
        self._references = References(schema)
        self._parts: dict[int, Part] = {}
        self._unread: list[tuple[Schema, Part]] = []
        self._names: list[tuple[Part, Part]] = []  # whose names of properties are held against what
        self.root = self._part(schema)
        while self._unread:
            self._read(*self._unread.pop())
        _ordered(self._parts.values())
        self._names_of_objects()

    def _part(self, schema: Schema) -> Part:
        part = self._parts.get(id(schema))
        if part is None:
            part = self._parts[id(schema)] = Part()
            self._unread.append((schema, part))
        return part

    def _read(self, schema: Schema, part: Part) -> None:
        again = _AGAIN if "unevaluatedProperties" in schema or "unevaluatedItems" in schema else 1
        self._price(schema, part)
        for keyword, name, inner in children(schema):
            if keyword in _DEFINES:
                continue  # applied to nothing until a reference names it
            found = self._part(inner)
            if keyword in _NAMED:
                part.named.setdefault(name, []).append(found)
            elif keyword in _ANY_NAME:
                part.any_name.append(found)
            elif keyword in _ANY_ITEM or (keyword == "items" and type(schema["items"]) is dict):
                part.any_item.append(found)
            elif keyword in ("prefixItems", "items"):
                part.at.append([found])
            elif keyword != "propertyNames":
                part.here.append((found, again))
        for keyword in REFERENCES:
            if keyword in schema:
                part.here.append((self._part(self._references.target(schema, schema[keyword])), again))

    def _price(self, schema: Schema, part: Part) -> None:
        for keyword in ("properties", "required", "dependentRequired", "dependentSchemas", "dependencies"):
            names = schema.get(keyword)
            if type(names) is dict or type(names) is list:
                part.own += _NAME * len(names)
        for options in (schema.get("enum"), [schema["const"]] if "const" in schema else None):
            if type(options) is list:
                part.own += _OPTION * len(options)
                held = [option for option in options if type(option) is dict or type(option) is list]
                part.own += _OPTION_BYTE * len(encode(held)) if held else 0.0
        if not _LIMITS.isdisjoint(schema):
            part.wide_bit += _COMPARED_BIT
        step = schema.get("multipleOf")
        if type(step) is float and not step.is_integer():
            part.own += _FRACTION if step >= _FINE else _FAR_FRACTION
            part.far += _FAR_FRACTION
            part.wide_bit += _DIVIDED_BIT
        part.unique = schema.get("uniqueItems") is True
        part.text += _TEXT * sum(keyword in schema for keyword in _READS_TEXT)
        pattern = schema.get("pattern")
        part.text += self._pattern_ns(pattern) if type(pattern) is str else 0.0
        names = schema.get("patternProperties")
        if type(names) is dict:
            part.key += _VISIT * len(names)
            part.key_byte += sum(self._pattern_ns(name) for name in names)
        inner = schema.get("propertyNames")
        if type(inner) is dict:
            self._names.append((part, self._part(inner)))

    def _names_of_objects(self) -> None:
        """`propertyNames` looks at names as at any text."""
        for part, inner in self._names:
            often = with_all_here([(inner, 1.0)])
            part.key += sum(one.own * times for one, times in often.items())
            part.key_byte += sum(one.text * times for one, times in often.items())


def _ordered(parts: Iterable[Part]) -> None:
    """Give each part a place behind all that it applies to the same place of the data."""
    done: set[Part] = set()
    entered: set[Part] = set()
    stack = [(part, False) for part in parts]
    while stack:
        part, leaving = stack.pop()
        if leaving:
            entered.discard(part)
            done.add(part)
            part.place = len(done)
        elif part in entered:
            raise Uncheckable("a $ref leads back to itself without a step into the data")
        elif part not in done:
            entered.add(part)
            stack.append((part, True))
            stack.extend((inner, False) for inner, _ in part.here)
