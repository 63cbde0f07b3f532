"""Each kind of argument: what the schema says of it, and how a JSON value becomes one for a database.

Knows: types, one by one. Refuses to know: enums, bounds, names and databases. Readers raise
Unfit, in words for a model.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from narthex.limits import sql_binary_bytes_max, sql_digits_max

Tree = dict[str, Any]
T = TypeVar("T")
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?")
_INTEGER_BITS = 63
_JSON_DEPTH_MAX = 32


class Unfit(ValueError):
    """The value is not of this kind; the text completes "'name' must be …"."""


class KindOf(NamedTuple):
    schema: Tree
    read: Callable[[Any], Any]


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("text")
    if "\0" in value:
        raise Unfit("text without NUL characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Unfit("text in Unicode, without halves of surrogate pairs") from None
    return value


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows one kind of number: 1.0 is an integer
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unfit("a whole number")
    if not -(2**_INTEGER_BITS) <= value < 2**_INTEGER_BITS:
        raise Unfit("a whole number of 64 bits")
    return value


def _number(value: Any) -> float | int:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Unfit("a number")
    if isinstance(value, int):
        return _integer(value)
    if not math.isfinite(value):
        raise Unfit("a finite number")
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = repr(_number(value))
    if not isinstance(value, str) or len(value) > sql_digits_max or not _ascii(_DECIMAL, value):
        raise Unfit(f"a decimal number as text, like '12.50', of at most {sql_digits_max} digits")
    return Decimal(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("true or false")
    return value


def _date(value: Any) -> date:
    return _calendar(value, _DATE, date.fromisoformat, "a date like '2026-01-31'")


def _time(value: Any) -> time:
    return _calendar(value, _TIME, time.fromisoformat, "a time of day like '09:30' or '09:30:00'")


def _moment(value: Any) -> datetime:
    return _calendar(value, _MOMENT, datetime.fromisoformat, "a moment like '2026-01-31T09:30:00Z'")


def _calendar(value: Any, form: re.Pattern[str], read: Callable[[str], T], what: str) -> T:
    if not isinstance(value, str) or not _ascii(form, value):
        raise Unfit(what)
    try:
        return read(value)
    except ValueError:
        raise Unfit(f"{what} that is in the calendar") from None


def _ascii(form: re.Pattern[str], value: str) -> bool:
    return value.isascii() and form.fullmatch(value) is not None


def _uuid(value: Any) -> UUID:
    try:
        found = UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        found = None
    if found is None or str(found) != value.lower():
        raise Unfit("a UUID like '123e4567-e89b-12d3-a456-426614174000'")
    return found


def _binary(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * sql_binary_bytes_max:
        raise Unfit(f"bytes in base64, at most {sql_binary_bytes_max}")
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("bytes in base64") from None
    if len(found) > sql_binary_bytes_max:
        raise Unfit(f"bytes in base64, at most {sql_binary_bytes_max}")
    return found


class Json(NamedTuple):
    """A JSON value as text, which is what databases take."""

    text: str


def _json(value: Any) -> Json:
    try:
        return Json(_string(msgspec.json.encode(_finite(value, _JSON_DEPTH_MAX)).decode("utf-8")))
    except (TypeError, ValueError, OverflowError) as fault:
        raise Unfit(str(fault) if isinstance(fault, Unfit) else "a JSON value") from None


def _finite(value: Any, depth: int) -> Any:
    if depth == 0:
        raise Unfit(f"JSON of at most {_JSON_DEPTH_MAX} levels")
    if isinstance(value, dict):
        return {_string(key): _finite(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner, depth - 1) for inner in value]
    if isinstance(value, float):
        return _number(value)
    # PostgreSQL's `jsonb` cannot hold NUL, which JSON writes as six harmless characters.
    return _string(value) if isinstance(value, str) else value


KINDS: dict[str, KindOf] = {
    "string": KindOf({"type": "string"}, _string),
    "integer": KindOf({"type": "integer"}, _integer),
    "number": KindOf({"type": "number"}, _number),
    "decimal": KindOf({"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}, _decimal),
    "boolean": KindOf({"type": "boolean"}, _boolean),
    "date": KindOf({"type": "string", "format": "date"}, _date),
    "time": KindOf({"type": "string", "format": "time"}, _time),
    "datetime": KindOf({"type": "string", "format": "date-time"}, _moment),
    "uuid": KindOf({"type": "string", "format": "uuid"}, _uuid),
    "binary": KindOf({"type": "string", "contentEncoding": "base64"}, _binary),
    "json": KindOf({}, _json),
}
