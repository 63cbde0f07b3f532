"""One way of writing a JSON value: equal values, equal bytes (RFC 8785, the JSON Canonicalization Scheme).

Knows: the order of keys, the one spelling of a string and of a number. Refuses to know: what the bytes are for.

One thing is stricter than the RFC, which knows numbers of double precision only: an integer beyond 2^53 keeps all its
digits, because readers exist that tell such numbers apart, and two things that some reader tells apart must not be one.
"""

import hashlib
import json
from math import isfinite
from typing import Any

_quoted = json.encoder.JSONEncoder(ensure_ascii=False).encode  # of strings: escapes exactly what the RFC escapes


def canonical(value: Any) -> bytes:
    """Raises `ValueError` for what no JSON text holds (infinity, other types), or for too deep nesting."""
    pieces: list[str] = []
    try:
        _write(value, pieces.append)
    except RecursionError:
        raise ValueError("it nests too deeply to be written") from None
    return "".join(pieces).encode("utf-8", "surrogatepass")


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical text, in hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _write(value: Any, put: Any) -> None:
    kind = type(value)
    if kind is str:
        put(_quoted(value))
    elif kind is dict:
        _write_object(value, put)
    elif kind is list or kind is tuple:
        put("[")
        for place, item in enumerate(value):
            if place:
                put(",")
            _write(item, put)
        put("]")
    elif value is None or kind is bool:
        put("null" if value is None else "true" if value else "false")
    elif kind is int:
        put(str(value))
    elif kind is float:
        put(number(value))
    else:
        raise ValueError(f"{kind.__name__} is no kind of JSON value")


def _write_object(value: dict[str, Any], put: Any) -> None:
    put("{")
    names = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_by_utf16)
    for place, name in enumerate(names):
        put(("," if place else "") + _quoted(name) + ":")
        _write(value[name], put)
    put("}")


def _by_utf16(name: str) -> bytes:
    # Not by code points: JavaScript, whose order this is, compares the halves of a surrogate pair one by one.
    return name.encode("utf-16-be", "surrogatepass")


def number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString)."""
    if not isfinite(value):
        raise ValueError("JSON knows neither infinity nor what is not a number")
    if value == 0:
        return "0"  # minus nothing too
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")  # the shortest digits that read back as this double
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """The digits of 0.DIGITS times ten to the `point`."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
