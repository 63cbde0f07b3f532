"""`x-mcp-header`: arguments mirrored into `Mcp-Param-*` headers (2026-07-28, basic/transports/streamable-http).

Knows: which annotations are valid, how a value is written in a header, when a header and an argument agree.
Refuses to know: which tool, which client, and what becomes of a mismatch.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from narthex.limits import mirrored_value_bytes_max
from narthex.wire.faults import INVALID_PARAMS, PeerFault
from narthex.wire.subschemas import LISTED, NAMED, ONE, children

ANNOTATION = "x-mcp-header"
PREFIX = "Mcp-Param-"
KINDS = ("string", "integer", "boolean")  # not `number`: two languages write one float in two ways

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_PLAIN = re.compile(r"[\x20-\x7e]*")
_LEGAL = re.compile(r"[\t\x20-\x7e]*")  # what a field value may hold: a tab is legal, though nobody should send it
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_START, _END = "=?base64?", "?="


@dataclass(frozen=True, slots=True)
class Mirror:
    """One `x-mcp-header` annotation: the property path below `arguments`, and the whole header name."""

    path: tuple[str, ...]
    header: str  # "Mcp-Param-Region"
    kind: str  # one of KINDS

    @property
    def argument(self) -> str:
        return ".".join(self.path)


# ---- the annotations of a schema ---------------------------------------------------------------------------------


def mirrors_of(schema: Any) -> tuple[tuple[Mirror, ...], list[str]]:
    """The annotations of an input schema, and what is wrong with any of them. One wrong one makes the tool invalid."""
    mirrors: dict[str, Mirror] = {}
    problems: list[str] = []
    stack: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while stack:
        path, node = stack.pop()
        if type(node) is not dict:
            continue
        if ANNOTATION in node:
            _take(path, node, mirrors, problems)
        inside = [(_below(path, keyword, name), inner) for keyword, name, inner in children(node)]
        stack.extend(reversed(inside))
    return tuple(mirrors.values()), problems


def _below(path: tuple[str, ...] | None, keyword: str, name: str) -> tuple[str, ...] | None:
    # Only `properties` steps lead to a place that each call's arguments may hold exactly once.
    return (*path, name) if path is not None and keyword == "properties" else None


def _take(path: tuple[str, ...] | None, node: dict[str, Any], mirrors: dict[str, Mirror], problems: list[str]) -> None:
    name, kind = node[ANNOTATION], node.get("type")
    if not path:
        problems.append(f"{ANNOTATION} stands where `properties` alone do not lead")
        return
    where = f"property '{'.'.join(path)[:100]}'"
    if type(name) is not str or not _TOKEN.fullmatch(name):
        problems.append(f"{where}: {ANNOTATION} is not a header name (RFC 9110 token)")
    elif type(kind) is not str or kind not in KINDS:
        problems.append(f"{where}: {ANNOTATION} needs the type string, integer or boolean")
    elif len(name) > mirrored_value_bytes_max:
        problems.append(f"{where}: {ANNOTATION} is longer than {mirrored_value_bytes_max} characters")
    elif name.lower() in mirrors:
        problems.append(f"{where}: {ANNOTATION} '{name[:100]}' is there twice (header names ignore case)")
    else:
        mirrors[name.lower()] = Mirror(path, PREFIX + name, kind)


def strip_annotations(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without any `x-mcp-header`; data that happens to hold that key stays. The original is not touched."""
    stripped: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == ANNOTATION:
            continue
        if type(value) is dict and keyword in NAMED:
            value = {name: _stripped(inner) for name, inner in value.items()}
        elif type(value) is dict and keyword in ONE:
            value = strip_annotations(value)
        elif type(value) is list and keyword in LISTED:
            value = [_stripped(inner) for inner in value]
        stripped[keyword] = value
    return stripped


def _stripped(value: Any) -> Any:
    return strip_annotations(value) if type(value) is dict else value


# ---- one value in a header ---------------------------------------------------------------------------------------


def header_value(value: Any) -> str | None:
    """How an argument is written in a header; None for what no header can say (null, objects, lists)."""
    text = _text(value)
    if text is None:
        return None
    looks_encoded = text.startswith(_START) and text.endswith(_END)
    if not looks_encoded and _PLAIN.fullmatch(text) and text.strip() == text:
        return text
    return _START + base64.b64encode(text.encode("utf-8")).decode("ascii") + _END


def decode_value(text: str) -> str:
    """What a header value says. Raises `ValueError` for illegal characters and for broken or unusual base64."""
    text = text.strip(" \t")
    if not _LEGAL.fullmatch(text):
        raise ValueError("a character that no header value may hold")
    if not (text.startswith(_START) and text.endswith(_END) and len(text) >= len(_START) + len(_END)):
        return text
    packed = text[len(_START) : -len(_END)]
    try:
        plain = base64.b64decode(packed, validate=True)
        # Two spellings of one value would be two values to whoever routes by the header without decoding it.
        if base64.b64encode(plain).decode("ascii") == packed:
            return plain.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        pass  # told below, in the same words
    raise ValueError("broken base64")


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        # Python refuses to print very long integers; no header could hold one either.
        return str(value) if value.bit_length() <= 3 * mirrored_value_bytes_max else None
    if kind is float:
        return str(int(value)) if value.is_integer() and abs(value) < 2**64 else repr(value)
    if kind is Decimal:
        return str(value)
    return None


# ---- both sides of a call ----------------------------------------------------------------------------------------


def check(mirrors: tuple[Mirror, ...], arguments: Mapping[str, Any], received: Mapping[str, str]) -> str | None:
    """Why headers and arguments disagree, or None. `received` is keyed by lower-case header name.

    A header whose argument is absent is refused too: somebody between may have routed by it.
    The sentence never holds a value.
    """
    for mirror in mirrors:
        found, value = received.get(mirror.header.lower()), _at(arguments, mirror.path)
        reason = _disagreement(mirror, value, found)
        if reason is not None:
            return f"The header {mirror.header} {reason}."
    return None


def _disagreement(mirror: Mirror, value: Any, found: str | None) -> str | None:
    text = _text(value)
    if found is None:
        return None if text is None else f"is missing, but the argument '{mirror.argument}' is there"
    if text is None:
        return f"is there, but the argument '{mirror.argument}' is not, or cannot be mirrored"
    if len(found) > mirrored_value_bytes_max:
        return f"is longer than {mirrored_value_bytes_max} bytes"
    try:
        said = decode_value(found)
    except ValueError as error:
        return f"is not well formed: {error}"
    if said == text or (mirror.kind == "integer" and _same_number(said, value)):
        return None
    return f"does not equal the argument '{mirror.argument}'"


def _same_number(said: str, value: Any) -> bool:
    # Decimals are exact: through a float, 2^53 and 2^53+1 would be the same.
    if type(value) not in (int, float, Decimal) or not _DECIMAL.fullmatch(said):
        return False
    return Decimal(said) == (Decimal(repr(value)) if type(value) is float else Decimal(value))


def param_headers(mirrors: tuple[Mirror, ...], arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The `Mcp-Param-*` headers of a call to a modern HTTP server. `PeerFault` -32602 for a value too long."""
    headers: list[tuple[str, str]] = []
    for mirror in mirrors:
        text = header_value(_at(arguments, mirror.path))
        if text is None:
            continue
        if len(text) > mirrored_value_bytes_max:
            message = (
                f"The argument '{mirror.argument}' is mirrored into the header {mirror.header} and may hold "
                f"at most {mirrored_value_bytes_max} bytes there."
            )
            raise PeerFault(INVALID_PARAMS, message, data={"reason": "mirrored_value_too_long"})
        headers.append((mirror.header, text))
    return headers


def _at(arguments: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = arguments
    for step in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(step)
    return node
