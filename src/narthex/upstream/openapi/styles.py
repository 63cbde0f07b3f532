"""How a value is written in a path, a query, a header or a cookie, in every style (OpenAPI 3.1.1, 4.8.12.4).

Knows: RFC 6570 as far as OpenAPI follows it, and JSON for what no style can write. Refuses to know: which parameter it
is, and whether the value may be sent at all.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from narthex.libraries.server import Refusal
from narthex.limits import http_nesting_max
from narthex.upstream.openapi.operation import Style
from narthex.wire.strict import encode

Pairs = list[tuple[str, str]]
Escape = Callable[[str], str]
# What `allowReserved` leaves: without `#`, `&`, `=`, `+` and brackets, which would begin something else.
_RESERVED = ":/?@!$'()*,;"
_DELIMITERS: dict[str, str] = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}


def escaped(text: str) -> str:
    """Everything but letters, digits, `-`, `.`, `_` and `~`."""
    return quote(text, safe="")


def reserved(text: str) -> str:
    return quote(text, safe=_RESERVED)


def text_of(value: Any) -> str:
    """One value as a text: as it is, as JSON writes it, or as JSON."""
    return value if type(value) is str else encode(value).decode()


def in_path(name: str, value: Any, style: Style, escape: Escape = escaped, *, explode: bool) -> str:
    """What takes the place of `{name}`; also for headers, which escape nothing."""
    if style == "label":
        return "." + _joined(value, "." if explode else ",", "=", escape, exploded=explode)
    if style == "matrix":
        return _matrix(name, value, escape, explode=explode)
    return _joined(value, ",", "=", escape, exploded=explode)


def in_query(name: str, value: Any, style: Style, escape: Escape = escaped, *, explode: bool) -> Pairs:
    """Names and values, both escaped. Empty lists are not there at all."""
    if style == "deepObject" and type(value) in (dict, list):
        return [(escaped(path), escape(text_of(inner))) for path, inner in _deep(name, value, 0)]
    key = escaped(name)
    if type(value) is list:
        items = [escape(text_of(item)) for item in value if item is not None]
        if explode:
            return [(key, item) for item in items]
        return [(key, _DELIMITERS.get(style, ",").join(items))] if items else []
    if type(value) is dict:
        members = [(escape(str(inner)), escape(text_of(item))) for inner, item in value.items() if item is not None]
        if explode and style == "form":
            return [(escaped(str(inner)), escape(text_of(item))) for inner, item in value.items() if item is not None]
        flat = [part for pair in members for part in pair]
        return [(key, _DELIMITERS.get(style, ",").join(flat))] if flat else []
    return [(key, escape(text_of(value)))]


def _joined(value: Any, separator: str, equals: str, escape: Escape, *, exploded: bool) -> str:
    if type(value) is list:
        return separator.join(escape(text_of(item)) for item in value if item is not None)
    if type(value) is dict:
        pairs = [(escape(str(name)), escape(text_of(item))) for name, item in value.items() if item is not None]
        return separator.join(f"{name}{equals if exploded else ','}{item}" for name, item in pairs)
    return escape(text_of(value))


def _matrix(name: str, value: Any, escape: Escape, *, explode: bool) -> str:
    key = escaped(name)
    if type(value) is dict and explode:
        pairs = [(escape(str(inner)), escape(text_of(item))) for inner, item in value.items() if item is not None]
        return "".join(f";{inner}={item}" for inner, item in pairs)
    if type(value) is list and explode:
        return "".join(f";{key}={escape(text_of(item))}" for item in value if item is not None)
    written = _joined(value, ",", "=", escape, exploded=False)
    return f";{key}={written}" if written else f";{key}"


def _deep(path: str, value: Any, level: int) -> Iterable[tuple[str, Any]]:
    """`filter[color]`, `filter[size][min]`, `expand[0]`."""
    if level > http_nesting_max:
        raise Refusal(f"The value nests deeper than {http_nesting_max} levels.")
    if type(value) is dict:
        for name, inner in value.items():
            yield from _deep(f"{path}[{name}]", inner, level + 1)
    elif type(value) is list:
        for index, inner in enumerate(value):
            yield from _deep(f"{path}[{index}]", inner, level + 1)
    elif value is not None:
        yield path, value
