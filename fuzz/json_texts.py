"""`wire.strict.decode` against the JSON decoder of Python: the same texts, the same values."""

import json
import math
from typing import Any

from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.target import Target
from narthex.limits import DEFAULTS
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode

LIMITS = DEFAULTS
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b'""', b"\\", b'\\"', b"\\\\", b"\\u0061", b"\\ud800", b"\\udc00", b"a",
     b'"a"', b'"\\u0061"', b"0", b"1", b"-", b"1.5", b"1e5", b"1e400", b"-0", b"true", b"null", b"NaN", b" ", b"\n",
     b"\x00", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b'"a":1,', b"[[[", b"]]]", b'{"a":{"a":']
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)
TEXTS = st.builds(lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only).encode(), VALUES, st.booleans())


class Refused(Exception):
    """The oracle does not take this text."""


def check(data: bytes) -> None:
    try:
        expected = oracle(data)
    except Refused:
        try:
            found = decode(data, LIMITS)
        except PeerFault:
            return
        raise AssertionError(f"taken, though it is no JSON for us: {found!r}") from None
    assert same(decode(data, LIMITS), expected)


def oracle(data: bytes) -> Any:
    """Strict JSON by other means: UTF-8, no key twice, finite numbers, no lone surrogates, bounded depth."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused from error
    if _depth(value) > LIMITS.json_depth_max:
        raise Refused
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def _depth(value: Any) -> int:
    if type(value) is dict:
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if type(value) is list else 0


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types: 1, 1.0 and true are three values; -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and (type(one) is not float or repr(one) == repr(other))


TARGET = Target(
    "json_texts",
    st.binary(max_size=40) | st.lists(PIECES, max_size=30).map(b"".join) | TEXTS | mutated(TEXTS, PIECES),
    check,
)
