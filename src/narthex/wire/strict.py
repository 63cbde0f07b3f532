"""JSON from strangers: decoded once, strictly, under limits (RFC 8259).

Knows: depth, duplicate keys, UTF-8, sizes. Refuses to know: what the value means.
What was decoded here is what is encoded later, so one text can never mean two things to two readers.
"""

import re
from array import array
from itertools import accumulate
from typing import Any

import msgspec

from narthex.limits import DEFAULTS, KIB, Limits, json_digits_max, json_growth_free_bytes
from narthex.wire.faults import INVALID_REQUEST, PARSE_ERROR, PeerFault

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # these two are for what is known to be JSON
_STRING_AND_COLON = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"([ \t\r\n]*:)?', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one level down, one level up
_ALL = bytes(range(256))
_BLOCK_BYTES = 64 * KIB
_KEY = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*:', re.DOTALL)
_NO_SCALAR = b" \t\r\n[]{},:"
# What CPython spends, rounded up as its allocator does. Measured over 3.11; `tests/wire` measures it again.
_LIST_BYTES, _OBJECT_BYTES, _STRING_BYTES, _NUMBER_BYTES, _PLACE_BYTES, _KEY_PLACE_BYTES = 96, 192, 64, 32, 9, 40
_GROWTH_LOOKED_AT_BYTES = json_growth_free_bytes // 64  # no shape grows 64 times, so less never takes what is free
_ONLY_DIGITS = bytes(sign if sign in b"0123456789" else 32 for sign in range(256))


def decode(body: bytes, limits: Limits) -> Any:
    """The value of a JSON text, or a `PeerFault` (-32700, or -32600 `duplicate_key`) that says which rule it broke."""
    if not body.isascii():
        _check_utf8(body)
    if len(body) > limits.json_values_max and more_values_than(body, limits.json_values_max):
        raise _fault("json_values", f"The JSON holds more than {limits.json_values_max} values.")
    if deeper_than(body, limits.json_depth_max):
        raise _fault("json_depth", f"The JSON nests deeper than {limits.json_depth_max} levels.")
    if len(body) > _GROWTH_LOOKED_AT_BYTES and grows_too_much(body, limits.json_growth_max):
        times = limits.json_growth_max
        raise _fault(
            "json_growth", f"The JSON would take over {times} times its size: too many small lists or objects."
        )
    if len(body) > json_digits_max and _holds_long_number(body):
        raise _fault("json_number", f"A JSON number has more than {json_digits_max} digits.")
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _fault("json_syntax", f"The body is not JSON: {error}.") from None
    if type(value) is dict or type(value) is list:
        _check_keys(body, value, limits)
    if len(body) > limits.json_string_bytes_max:
        _check_strings(body, limits)
    return value


def more_values_than(body: bytes, most: int) -> bool:
    """Whether a JSON text holds more values than `most`, where each comma and each bracket stands for one."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") <= most:
        return False
    return len(_outside_strings(body, b",[{")) > most  # only now: a long text of prose or code has all three


def deeper_than(body: bytes, levels: int) -> bool:
    """Whether a JSON text nests deeper than `levels`. Linear, and free where it has no more brackets than that."""
    if body.count(b"{") + body.count(b"[") <= levels:
        return False
    steps = array("b", _outside_strings(body, b"[]{}").translate(_STEPS))
    return max(accumulate(steps), default=0) > levels


def grows_too_much(body: bytes, times: int) -> bool:
    """Whether a JSON text may take more memory than `times` its size, once decoded, beside what is free to all.

    Only brackets grow: `[[[…]]]` becomes forty times larger, `{"":{"":…}}` too, while no string, number or key takes
    more than twenty times its own text. So few brackets end the matter; else all that stands in the text is weighed.
    """
    lists, objects = body.count(b"["), body.count(b"{")
    brackets = lists * _LIST_BYTES + objects * _OBJECT_BYTES
    if brackets <= json_growth_free_bytes and times >= DEFAULTS.json_growth_max:
        return False
    most = times * len(body) + json_growth_free_bytes
    values = body.count(b",") + lists + objects  # as if no string held such signs: too many, never too few
    strings = body.count(b'"') // 2 * (_STRING_BYTES + _KEY_PLACE_BYTES)
    if brackets + values * (_NUMBER_BYTES + _PLACE_BYTES) + strings + 4 * len(body) <= most:
        return False
    return _weighs_more(body, most)


def _weighs_more(body: bytes, most: int) -> bool:
    outside = _outside_strings(body, _ALL)
    lists, objects, keys = outside.count(b"["), outside.count(b"{"), outside.count(b":")
    quotes = (body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body).count(b'"')
    width = 1 if body.isascii() and b"\\u" not in body else 4  # one rare sign makes its whole string wide
    weight = (
        lists * _LIST_BYTES
        + objects * _OBJECT_BYTES
        + (outside.count(b",") + lists + objects - keys) * _PLACE_BYTES
        + max(0, keys - 5 * objects) * _KEY_PLACE_BYTES  # the first five come with the object
        + quotes // 2 * _STRING_BYTES
        + (len(body) - len(outside) - quotes) * width
        + len(outside.translate(None, _NO_SCALAR)) // 3 * _NUMBER_BYTES  # those of one or two digits exist already
    )
    if weight <= most:
        return False
    # The decoder remembers keys: equal ones are one string. That is looked at last, because it takes longest.
    return weight - (keys - len(set(_KEY.findall(body)))) * _STRING_BYTES > most


def _outside_strings(body: bytes, signs: bytes) -> bytes:
    """These signs of a JSON text, in order, as far as they stand outside of strings. Linear for any text.

    For a text that is no JSON this holds up to its first mistake, where every parser stops.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # from here on every quote begins or ends a string
    if signs is not _ALL:
        body = body.translate(None, _ALL.translate(None, signs + b'"'))
    found, inside = [], 0
    for start in range(0, len(body), _BLOCK_BYTES):  # all at once would weigh forty times more
        pieces = body[start : start + _BLOCK_BYTES].split(b'"')
        found.append(b"".join(pieces[inside::2]))
        inside ^= (len(pieces) - 1) & 1
    return b"".join(found)


def flaw(text: bytes, levels: int) -> str | None:
    """Why a text whose outside was read as JSON may not be passed on, in words that follow "it"; None nearly always."""
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return "is not UTF-8"
    return f"nests deeper than {levels} levels" if deeper_than(text, levels) else None


def _holds_long_number(body: bytes) -> bool:
    """Reading an integer takes the square of its digits: four megabytes of long ones took half a second."""
    step = json_digits_max // 2  # a longer number fills one such block whole, wherever it begins
    if not any(body[start : start + step].isdigit() for start in range(0, len(body), step)):
        return False
    numbers = _outside_strings(body, _ALL).translate(_ONLY_DIGITS).split()
    return max(map(len, numbers), default=0) > json_digits_max


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _fault("json_utf8", f"The body is not UTF-8 at byte {error.start}.") from None


def _check_keys(body: bytes, value: Any, limits: Limits) -> None:
    # A duplicate key vanishes in the decoded value, and its colon with it. Without a backslash every string is
    # written as it reads, so the text and what was understood of it, written again, must hold equally many colons.
    # That costs a microsecond; counting keys one by one costs three, decoding with a hook ten.
    colons = body.count(b":")
    if colons <= limits.json_keys_max and b"\\" not in body and colons == encode(value).count(b":"):
        return
    present, largest = count_keys(value)
    if largest > limits.json_keys_max:
        raise _fault("json_keys", f"A JSON object holds more than {limits.json_keys_max} keys.")
    if colons != present and sum(map(bool, _STRING_AND_COLON.findall(body))) != present:
        raise PeerFault(INVALID_REQUEST, "A JSON object holds the same key twice.", data={"reason": "duplicate_key"})


def count_keys(value: Any) -> tuple[int, int]:
    """All keys of all objects in a decoded value, and the keys of its largest object."""
    total = largest = 0
    stack = [value]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            size = len(node)
            total += size
            if size > largest:
                largest = size
            for item in node.values():
                kind = type(item)
                if kind is dict or kind is list:
                    stack.append(item)
        else:
            for item in node:
                kind = type(item)
                if kind is dict or kind is list:
                    stack.append(item)
    return total, largest


def _check_strings(body: bytes, limits: Limits) -> None:
    for match in _STRING.finditer(body):
        if match.end() - match.start() - 2 > limits.json_string_bytes_max:
            raise _fault("json_string", f"A JSON string is longer than {limits.json_string_bytes_max} bytes.")


def _fault(reason: str, message: str) -> PeerFault:
    return PeerFault(PARSE_ERROR, message, data={"reason": reason})
