"""What checking a value against a schema may cost, before it is done: a validator cannot be stopped half-way.

Knows: how often each part of a schema is applied to each place of the data, and prices that were measured. Refuses to
know: whether the value is valid.

A place of the data is looked at with a *state*: the parts of the schema that are applied there, and how often each.
`anyOf: [A, A]` applies A twice, and its items twice each, so a schema that meets itself again can double with each
level of the data. Few schemas have more than a few dozen states, and each is worked out once.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from narthex.limits import validation_ns_max, validation_states_max
from narthex.policy.validation.parts import UNIQUE_NS, Part, part_of, with_all_here
from narthex.policy.validation.references import Schema, Uncheckable

_WIDE = 2**63  # numbers beyond it are compared digit by digit


class _State:
    """Parts that are applied to one place, with how often each is."""

    __slots__ = (
        *("_effort", "_items", "_names", "at", "far", "key", "key_byte", "named", "own", "parts", "text", "unique"),
        "wide_bit",
    )

    def __init__(self, effort: "Effort", parts: dict[Part, float]) -> None:
        self.parts, self._effort = parts, effort
        self.own = sum(part.own * times for part, times in parts.items())
        self.text = sum(part.text * times for part, times in parts.items())
        self.far = sum(part.far * times for part, times in parts.items())
        self.wide_bit = sum(part.wide_bit * times for part, times in parts.items())
        self.key = sum(part.key * times for part, times in parts.items())
        self.key_byte = sum(part.key_byte * times for part, times in parts.items())
        self.unique = sum(times for part, times in parts.items() if part.unique)
        self.named = {name for part in parts for name in part.named}
        self.at = max((len(part.at) for part in parts), default=0)
        self._names: dict[str, _State] = {}
        self._items: dict[int, _State] = {}

    def name(self, name: str) -> "_State":
        """What is applied to the value under this name."""
        name = name if name in self.named else ""  # no name of a schema is left out: `named` has it then
        found = self._names.get(name)
        if found is None:
            inside = ((one, times) for part, times in self.parts.items() for one in _under(part, name))
            found = self._names[name] = self._effort.state(inside)
        return found

    def item(self, place: int) -> "_State":
        place = min(place, self.at)
        found = self._items.get(place)
        if found is None:
            inside = ((one, times) for part, times in self.parts.items() for one in _within(part, place))
            found = self._items[place] = self._effort.state(inside)
        return found

    def next(self) -> Iterable["_State"]:
        yield from (self.name(name) for name in ("", *self.named))
        yield from (self.item(place) for place in range(self.at + 1))


def _under(part: Part, name: str) -> list[Part]:
    return [*part.named.get(name, ()), *part.any_name]


def _within(part: Part, place: int) -> list[Part]:
    return [*part.any_item, *(part.at[place] if place < len(part.at) else ())]


class Effort:
    """The states of one schema, worked out as values ask for them."""

    def __init__(self, root: Part) -> None:
        self._states: dict[frozenset[tuple[Part, float]], _State] = {}
        self._nothing = self.state(())
        self._root = self.state([(root, 1.0)])

    @property
    def states(self) -> int:
        """How many were worked out."""
        return len(self._states)

    def least(self) -> float:
        """What any value costs; infinite where that is more than can be allowed."""
        return self.spent_on({}, validation_ns_max)

    def state(self, parts: Iterable[tuple[Part, float]]) -> _State:
        """The state in which these are applied, and all that they apply to the same place."""
        often = with_all_here(parts)
        key = frozenset(often.items())
        found = self._states.get(key)
        if found is None:
            if len(self._states) > validation_states_max:
                raise Uncheckable("it applies its parts to each other in too many ways")
            found = self._states[key] = _State(self, often)
        return found

    def spent_on(self, value: Any, most: float) -> float:
        """Nanoseconds at most; infinite beyond `most`."""
        try:
            return self._walked(value, most)
        except Uncheckable:
            return math.inf

    def _walked(self, value: Any, most: float) -> float:
        state, nothing = self._root, self._nothing
        spent = state.own + (len(value) * state.text if type(value) is str else 0.0)
        stack: list[tuple[Any, _State, float]] = [(value, state, 0.0)] if type(value) in (dict, list) else []
        while stack and spent <= most:
            value, state, compared = stack.pop()
            if type(value) is dict:
                inside = ((inner, state.name(name)) for name, inner in value.items())
                spent += len(value) * state.key
                if state.key_byte or compared:
                    spent += sum(map(len, value)) * (state.key_byte + compared)
            else:
                inside = ((inner, state.item(place)) for place, inner in enumerate(value))
                compared += state.unique
            if state is nothing and not compared:
                continue
            for inner, there in inside:
                spent += there.own + compared * UNIQUE_NS
                kind = type(inner)
                if kind is str:
                    spent += len(inner) * (there.text + compared)
                elif kind is dict or kind is list:
                    stack.append((inner, there, compared))
                elif kind is int and not -_WIDE < inner < _WIDE:
                    spent += inner.bit_length() * there.wide_bit
                elif kind is float and not -_WIDE < inner < _WIDE:
                    spent += there.far
        return spent if spent <= most else math.inf

    def ns_per_byte(self) -> float:
        """A bound for any value by the length of its JSON text; infinite where there is none."""
        try:
            return self._bound()
        except Uncheckable:
            return math.inf

    def _bound(self) -> float:
        seen: set[_State] = set()
        stack = [self._root]
        while stack:
            state = stack.pop()
            if state not in seen:
                seen.add(state)
                stack.extend(state.next())
        compared = sum(state.unique for state in seen)
        # A value takes two bytes at least, a name four, a far number five, and a digit is less than four bits.
        each = (
            state.own / 2 + state.text + state.key / 4 + state.key_byte + state.far / 4 + state.wide_bit * 4
            for state in seen
        )
        return max(each) + compared * (UNIQUE_NS / 2 + 1)


def effort_of(schema: Schema, pattern_ns: Callable[[str], float]) -> Effort:
    """`pattern_ns`: nanoseconds that a pattern takes for a character. Raises `Uncheckable`."""
    return Effort(part_of(schema, pattern_ns))
