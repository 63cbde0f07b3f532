"""Values on their way to PostgreSQL and back: it says which type it wants, and which it gives.

Knows: names of types. Refuses to know: connections.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from narthex.upstream.sql.kinds import Json
from narthex.upstream.sql.values import Convert, from_json, plain


class Unsuitable(Exception):
    """The operator's parameter has another type than the place at which it stands."""


def adapted(value: Any, wanted: str) -> Any:
    """The value as asyncpg wants it for this type. Raises Unsuitable."""
    if value is None:
        return None
    if wanted.endswith("[]"):
        if not isinstance(value, list):
            raise Unsuitable("declare the parameter as 'type: list'")
        return [adapted(item, wanted.removesuffix("[]")) for item in value]
    if isinstance(value, list):
        raise Unsuitable("a list fits an array, as in '= any(:name)'")
    convert: Convert = _WANTED.get(wanted, _text)
    return convert(value)


def converts_of(attributes: Sequence[Any]) -> list[Convert]:
    return [_CONVERTS.get(attribute.type.name, plain) for attribute in attributes]


def _range(value: Any) -> Any:
    """As PostgreSQL writes it."""
    if isinstance(value, list):
        return [_range(item) for item in value]
    if value is None:
        return None
    if value.isempty:
        return "empty"
    lower, upper = (plain(side) if side is not None else "" for side in (value.lower, value.upper))
    return f"{'[' if value.lower_inc else '('}{lower},{upper}{']' if value.upper_inc else ')'}"


_RANGES = ("int4", "int8", "num", "ts", "tstz", "date")
_CONVERTS: dict[str, Convert] = {
    **dict.fromkeys(("json", "jsonb"), from_json),
    **dict.fromkeys((f"{name}{kind}" for name in _RANGES for kind in ("range", "multirange")), _range),
}


def _integer(value: Any) -> int:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise Unsuitable("declare the parameter as 'type: integer'")


def _float(value: Any) -> float:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    raise Unsuitable("declare the parameter as 'type: number'")


def _decimal(value: Any) -> Decimal:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value if isinstance(value, Decimal) else Decimal(repr(value))
    raise Unsuitable("declare the parameter as 'type: decimal'")


def _is(kind: type, remedy: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Unsuitable(remedy)
        return value

    return check


def _naive(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)  # it is in the parameter's zone already
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise Unsuitable("declare the parameter as 'type: datetime'")


def _aware(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise Unsuitable("'reaches_as: local' has no zone; leave it out")
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise Unsuitable("declare the parameter as 'type: datetime'")


def _json(value: Any) -> str:
    if isinstance(value, Json):
        return value.text
    raise Unsuitable("declare the parameter as 'type: json'")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Json):
        return value.text
    if isinstance(value, bytes):
        raise Unsuitable("bytes are no text")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, time)):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _date(value: Any) -> date:
    # A moment would be cut to its day in silence, and the last hours of a range with it.
    if type(value) is date:
        return value
    raise Unsuitable("declare the parameter as 'type: date', or say 'reaches_as: date'")


_WANTED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), _integer),
    **dict.fromkeys(("float4", "float8"), _float),
    "numeric": _decimal,
    "bool": _is(bool, "declare the parameter as 'type: boolean'"),
    "date": _date,
    "time": _is(time, "declare the parameter as 'type: time'"),
    "timestamp": _naive,
    "timestamptz": _aware,
    "uuid": lambda value: value if isinstance(value, UUID) else _text(value),
    "json": _json,
    "jsonb": _json,
    "bytea": _is(bytes, "declare the parameter as 'type: binary'"),
}
