"""What a model wrote for a translated schema, as the tool's own schema wants it.

Knows: which members were renamed, where a null means "not given", where a number is to be whole. Refuses to know: the
schemas themselves. Whether arguments are right is for the tool and the gateway to say.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Back:
    """The way back from one place of a translated schema. Keys are the names that the model knows."""

    names: dict[str, str] = field(default_factory=dict)  # those that were changed, to the tool's own
    within: dict[str, "Back"] = field(default_factory=dict)
    items: "Back | None" = None
    others: "Back | None" = None  # members that the schema does not name
    null_is_absent: set[str] = field(default_factory=set)
    null_is_meant: set[str] = field(default_factory=set)
    whole: bool = False  # some senders write every number as a float

    def join(self, other: "Back") -> None:
        """Take in another way for the same place: that of another branch of a union. Where they differ, nothing is
        changed that one of them would keep."""
        self.names.update(other.names)
        for name, inner in other.within.items():
            self.within.setdefault(name, Back()).join(inner)
        self.items = _joined(self.items, other.items)
        self.others = _joined(self.others, other.others)
        self.null_is_meant |= other.null_is_meant
        self.null_is_absent = (self.null_is_absent | other.null_is_absent) - self.null_is_meant
        self.whole = self.whole or other.whole


def _joined(one: Back | None, other: Back | None) -> Back | None:
    if one is None or other is None:
        return one or other
    one.join(other)
    return one


def restored(value: Any, back: Back | None) -> Any:
    """`value` on its way back. What the schema did not foresee stays as it is."""
    if back is None:
        return value
    if isinstance(value, dict):
        return {
            back.names.get(name, name): restored(inner, back.within.get(name, back.others))
            for name, inner in value.items()
            if inner is not None or name not in back.null_is_absent or name in back.null_is_meant
        }
    if isinstance(value, list):
        return [restored(inner, back.items) for inner in value]
    if back.whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
