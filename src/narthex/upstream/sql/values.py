"""From what a driver gives to what JSON can carry, without losing what it was.

Knows: decimals, moments, binary values, JSON, arrays and structures. Refuses to know: drivers; what is not known here
is written as text.
"""

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

_SAFE = 2**53 - 1  # what every reader of JSON keeps exactly
_NESTED_MAX = 24

Convert = Callable[[Any], Any]


def _integer(value: int) -> int | str:
    return value if -_SAFE <= value <= _SAFE else str(value)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _same(value: Any) -> Any:
    return value


def _text(value: str) -> str:
    # A driver may hand on what no JSON can hold: halves of surrogate pairs.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _binary(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(value).decode("ascii")


def _span(value: timedelta) -> str:
    """ISO 8601; days and seconds, as the standard library keeps it."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = f"{value.seconds}.{value.microseconds:06d}".rstrip("0") if value.microseconds else str(value.seconds)
    return f"{sign}P{value.days}DT{seconds}S" if value.days else f"{sign}PT{seconds}S"


_PLAIN: dict[type, Convert] = {
    type(None): _same,
    bool: _same,
    str: _text,
    int: _integer,
    float: _float,
    Decimal: lambda value: format(value, "f") if value.is_finite() else str(value),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _span,
    UUID: str,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
}


def plain(value: Any, depth: int = _NESTED_MAX) -> Any:
    """The value as JSON carries it."""
    convert = _PLAIN.get(type(value))
    if convert is not None:
        return convert(value)
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(plain(key)): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, Enum):
        return plain(value.value, depth - 1)
    if hasattr(value, "items") and hasattr(value, "keys"):  # a row inside of a row
        return {key: plain(item, depth - 1) for key, item in value.items()}
    return _text(str(value))


def from_json(value: Any) -> Any:
    """A JSON column that came as text, as the value that it is."""
    if not isinstance(value, (str, bytes)):
        return plain(value)
    try:
        return plain(msgspec.json.decode(value))
    except (msgspec.DecodeError, RecursionError):
        return plain(value)


def weight(value: Any) -> int:
    """About how many bytes of JSON it is."""
    if isinstance(value, str):
        return len(value) + 2 if value.isascii() else len(value.encode("utf-8", "replace")) + 2
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 + weight(item) for key, item in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + weight(item) for item in value)
    return 8
