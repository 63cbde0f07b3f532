"""JSON of strangers as values of Cedar, or the word that it cannot be one.

Knows: what Cedar has no form for, and what it would read as more than data. Refuses to guess: whatever could mean two
things is `Unfit`, and whoever asks denies.

Cedar reads `{"__entity": …}` and `{"__extn": …}` inside a context as an entity, or as the call of a function. A caller
could so become a friend of the house, or an address on the loopback, by its arguments alone.
"""

from typing import Any

from narthex.limits import policy_depth_max

_FORMS = frozenset({"__entity", "__extn", "__expr"})
_LONG_MAX = 2**63


class Unfit(ValueError):
    """The rules cannot read this. The text says what, for whoever sent it."""


def cedar_value(value: Any, depth: int = policy_depth_max) -> Any:
    """The same for Cedar. Numbers with a fraction become text; what is null counts as absent. Raises `Unfit`."""
    kind = type(value)
    if kind is str or kind is bool:
        return value
    if kind is int:
        if not -_LONG_MAX <= value < _LONG_MAX:
            raise Unfit("a whole number of more than 64 bits")
        return value
    if kind is float:
        # 1500.0 and 1500 are one number to a server: a rule about the one must see the other.
        return cedar_value(int(value)) if value.is_integer() else repr(value)
    if depth == 0:
        raise Unfit(f"more than {policy_depth_max} levels inside each other")
    if kind is list:
        if None in value:
            raise Unfit("null in a list")
        return [cedar_value(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return _record(value, depth)
    raise Unfit("a value that is no JSON")


def _record(value: dict[str, Any], depth: int) -> dict[str, Any]:
    named = _FORMS.intersection(value)
    if named:
        raise Unfit(f"a member named '{min(named)}'")
    return {name: cedar_value(item, depth - 1) for name, item in value.items() if item is not None}
