"""A schema made ready to be checked against, or why it was not.

Knows: the compiled validator, and the two prices of using it: a bound that costs nothing to ask, and one that is exact.
Refuses to know: which tool it belongs to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from narthex.limits import effort_states_kept_max, validation_ns_max
from narthex.policy.validation.effort import Effort

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Nothing is held against this schema, and why."""

    why: str
    weight: int = 512  # bytes, about


NOTHING_DECLARED = Unchecked("")


class Checked:
    """A compiled schema."""

    __slots__ = ("_effort", "_reckon", "accepts", "ns_per_byte", "read", "validator", "weight")

    def __init__(
        self,
        validator: Any,
        reckon: Callable[[], Effort],
        read: Callable[[], Schema],
        ns_per_byte: float,
        weight: int,
    ) -> None:
        self.validator = validator
        self.accepts: Callable[[Any], bool] = validator.is_valid
        self.read = read  # the schema itself, decoded anew: texts are smaller than objects
        self.ns_per_byte = ns_per_byte  # of JSON text; infinite where that cannot be said
        self.weight = weight  # bytes, about
        self._reckon = reckon
        self._effort: Effort | None = None

    def cheap(self, size: int) -> bool:
        """Whether a JSON text of that many bytes is surely affordable, whatever it says. 0: nobody knows how many."""
        return 0 < size * self.ns_per_byte <= validation_ns_max

    def affordable(self, value: Any, size: int = 0) -> bool:
        """Whether checking this will not hold up everybody else."""
        return self.cheap(size) or self.effort(value) <= validation_ns_max

    def effort(self, value: Any, most: float = validation_ns_max) -> float:
        """Nanoseconds that checking it may take, about; infinite beyond `most`. Takes longer than checking itself."""
        effort = self._effort or self._reckon()
        spent = effort.spent_on(value, most)
        self._effort = effort if effort.states <= effort_states_kept_max else None
        return spent


Ready = Checked | Unchecked
