"""JSON from strangers: decoded once, strictly, under limits (RFC 8259; THREATS.md 3.2).

Knows: depth, duplicate keys, UTF-8, sizes. Refuses to know: what the value means.
What was decoded here is what is encoded later, so one text can never mean two things to two readers.
"""

import re
from typing import Any

import msgspec

from narthex.limits import Limits
from narthex.wire.faults import INVALID_REQUEST, PARSE_ERROR, PeerFault

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STRING_AND_COLON = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"([ \t\r\n]*:)?', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def decode(body: bytes, limits: Limits) -> Any:
    """The value of a JSON text, or a `PeerFault` (-32700, or -32600 `duplicate_key`) that says which rule it broke."""
    if not body.isascii():
        _check_utf8(body)
    if deeper_than(body, limits.json_depth_max):
        raise _fault("json_depth", f"The JSON nests deeper than {limits.json_depth_max} levels.")
    if body.count(b",") >= limits.json_values_max:
        raise _fault("json_values", f"The JSON holds more than {limits.json_values_max} values.")
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _fault("json_syntax", f"The body is not JSON: {error}.") from None
    if type(value) is dict or type(value) is list:
        _check_keys(body, value, limits)
    if len(body) > limits.json_string_bytes_max:
        _check_strings(body, limits)
    return value


def deeper_than(body: bytes, levels: int) -> bool:
    """Whether a JSON text nests deeper than `levels`. Linear, in C: each pass removes the innermost level."""
    if body.count(b"{") + body.count(b"[") <= levels:
        return False
    brackets = _STRING.sub(b"", body).translate(_TO_SQUARE, _NOT_BRACKETS)
    for _ in range(levels):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _fault("json_utf8", f"The body is not UTF-8 at byte {error.start}.") from None


def _check_keys(body: bytes, value: Any, limits: Limits) -> None:
    # A duplicate key vanishes in the decoded value. Counting is four times cheaper than decoding with a hook, and
    # where all colons are structural (nearly always) one `bytes.count` proves that nothing vanished.
    present, largest = count_keys(value)
    if largest > limits.json_keys_max:
        raise _fault("json_keys", f"A JSON object holds more than {limits.json_keys_max} keys.")
    if body.count(b":") != present and sum(map(bool, _STRING_AND_COLON.findall(body))) != present:
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
