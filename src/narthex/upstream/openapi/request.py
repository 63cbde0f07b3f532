"""From an operation and a model's arguments to the request that is sent, which stays below the base URL.

Knows: that every argument is hostile: `../`, `%2e%2e`, `//evil`, `@evil`, line breaks. Refuses to know: sockets, and
what comes back.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from narthex.libraries.server import Refusal
from narthex.limits import http_header_value_bytes_max, http_target_bytes_max
from narthex.upstream.http.head import header_lines
from narthex.upstream.openapi.encoding import encoded
from narthex.upstream.openapi.operation import Operation, Parameter
from narthex.upstream.openapi.styles import escaped, in_path, in_query, reserved, text_of
from narthex.wire.strict import encode

_UNESCAPED_TIMES = 5  # a proxy in front of the API may undo one escaping, and the API another
_PATH_SAFE = "/!$&'()*+,;=:@-._~%"  # RFC 3986, 3.3, and what the document has escaped itself


class Request(NamedTuple):
    """`target` is path and query as they are sent; `headers` are lines that end with CRLF."""

    method: str
    target: str
    headers: bytes
    body: bytes


def request_of(operation: Operation, arguments: Mapping[str, Any], base: str) -> Request:
    """`base` is the path of the base URL, and perhaps its query. Raises Refusal."""
    _check_names(operation, arguments)
    given = {name: value for name, value in arguments.items() if value is not None or _in_body(operation, name)}
    path, _, fixed_query = base.partition("?")
    filled = path.rstrip("/") + _path(operation, given)
    pairs = [(escaped(name), escaped(value)) for name, value in operation.fixed]
    for parameter in operation.parameters:
        if parameter.place == "query" and parameter.argument in given:
            further = _query(parameter, given[parameter.argument])
            _check_members(parameter, further, operation, fixed_query)
            pairs += further
    query = "&".join(filter(None, (fixed_query, *(f"{name}={value}" for name, value in pairs))))
    target = f"{filled}?{query}" if query else filled
    if len(target) > http_target_bytes_max:
        raise Refusal(f"The arguments make a URL of {len(target)} bytes; {http_target_bytes_max} are allowed.")
    written = encoded(operation.body, given) if operation.body is not None else None
    headers = _headers(operation, given, written[0] if written is not None else None)
    return Request(operation.method, target, headers, written[1] if written is not None else b"")


def _check_names(operation: Operation, arguments: Mapping[str, Any]) -> None:
    known = operation.arguments
    missing = [name for name, required in known.items() if required and arguments.get(name) is None]
    if missing := [name for name in missing if name not in arguments or not _in_body(operation, name)]:
        raise Refusal(f"Missing: {', '.join(missing)}.")
    if unknown := [name for name in arguments if name not in known]:
        shown = ", ".join(name[:64] for name in unknown[:10])
        raise Refusal(f"Unknown: {shown}. This tool takes: {', '.join(known) or 'nothing'}.")


def _check_members(parameter: Parameter, pairs: list[tuple[str, str]], operation: Operation, fixed_query: str) -> None:
    """The members of an object that is exploded have names of their own: never one that the operator fills in, or of
    another argument, which its own schema and the operator's rules are about."""
    taken = {name for name, _ in (*operation.fixed, *parse_qsl(fixed_query, keep_blank_values=True))}
    taken = {name.lower() for name in taken} | operation.withheld
    others = {one.name.lower() for one in operation.parameters if one.place == "query" and one is not parameter}
    for name in (unquote(name) for name, _ in pairs):
        if name.lower() in taken and name != parameter.name:
            raise Refusal(f"'{parameter.argument}' must not hold {name[:64]!r}: it is not yours to fill in.")
        if name.lower() in others and name != parameter.name:
            raise Refusal(f"'{parameter.argument}' must not hold {name[:64]!r}: that is another parameter.")


def _in_body(operation: Operation, name: str) -> bool:
    return all(parameter.argument != name for parameter in operation.parameters)


def _path(operation: Operation, given: Mapping[str, Any]) -> str:
    """Each value fills a place inside of its segment, and no segment becomes one that leads elsewhere."""
    parameters = {parameter.name: parameter for parameter in operation.parameters if parameter.place == "path"}
    out: list[str] = []
    for segment in operation.path.split("/")[1:]:
        filled, rest = "", segment
        while rest:
            before, brace, after = rest.partition("{")
            filled += quote(before, safe=_PATH_SAFE)
            if not brace:
                break
            name, _, rest = after.partition("}")
            parameter = parameters.get(name)
            filled += _place(parameter, given) if parameter is not None else quote(f"{{{name}}}", safe="")
        # Looked at whole: a style may write a dot, or the path a letter, before what was harmless by itself.
        if "{" in segment and (not filled or leads_elsewhere(filled)):
            raise Refusal(f"The arguments leave an empty or dotted part in the path {operation.path}.")
        out.append(filled)
    return "/" + "/".join(out)


def _place(parameter: Parameter, given: Mapping[str, Any]) -> str:
    value = given[parameter.argument]
    for text in _texts(value):
        _check_segment(text, parameter.argument)
    if parameter.json:
        return escaped(encode(value).decode())
    written = in_path(parameter.name, value, parameter.style, explode=parameter.explode)
    if not written or (parameter.style == "simple" and not written.strip(",=")):
        raise Refusal(f"'{parameter.argument}' must not be empty: it is a part of the path.")
    return written


def _check_segment(text: str, argument: str) -> None:
    """Escaped as it will be, a text cannot leave its segment, unless somebody on the way undoes it and looks again."""
    if leads_elsewhere(text):
        raise Refusal(
            f"'{argument}' must not hold '.' or '..' as a part of a path, or control characters. "
            "Give it as it is: it is escaped for you."
        )


def leads_elsewhere(text: str) -> bool:
    """Whether it holds what a path must not, however often it is unescaped; or is escaped without an end."""
    for _ in range(_UNESCAPED_TIMES):
        parts = text.replace("\\", "/").split("/")
        if any(part.partition(";")[0].strip() in (".", "..") for part in parts) or not all(map(_sayable, text)):
            return True
        further = unquote(text)
        if further == text:
            return False
        text = further
    return True


def _sayable(sign: str) -> bool:
    return sign >= " " and sign != "\x7f"


def _texts(value: Any) -> list[str]:
    if type(value) is list:
        return [text_of(item) for item in value]
    if type(value) is dict:
        return [text_of(part) for pair in value.items() for part in pair]
    return [text_of(value)]


def _query(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    if parameter.json:
        return [(escaped(parameter.name), escaped(encode(value).decode()))]
    escape = reserved if parameter.reserved else escaped
    return in_query(parameter.name, value, parameter.style, escape, explode=parameter.explode)


def _headers(operation: Operation, given: Mapping[str, Any], content_type: str | None) -> bytes:
    lines = [(b"accept", operation.accept.encode("ascii"))]
    if content_type is not None:
        lines.append((b"content-type", content_type.encode("ascii")))
    lines += [(name.encode("ascii"), value.encode("ascii")) for name, value in operation.headers]
    cookies: list[str] = []
    for parameter in operation.parameters:
        if parameter.argument not in given:
            continue
        value = given[parameter.argument]
        if parameter.place == "header":
            lines.append((parameter.name.encode("ascii"), _header_value(parameter, value)))
        elif parameter.place == "cookie":
            cookies += [f"{name}={inner}" for name, inner in _query(parameter, value)]
    if cookies:
        joined = "; ".join(cookies).encode("ascii")
        if len(joined) > http_header_value_bytes_max:
            raise Refusal(f"The cookies have more than {http_header_value_bytes_max} bytes.")
        lines.append((b"cookie", joined))
    return header_lines(lines)


def _header_value(parameter: Parameter, value: Any) -> bytes:
    as_is = encode(value).decode() if parameter.json else in_path("", value, "simple", str, explode=parameter.explode)
    if len(as_is) > http_header_value_bytes_max:
        raise Refusal(f"'{parameter.argument}' has more than {http_header_value_bytes_max} characters.")
    if not all("\x20" <= sign <= "\x7e" for sign in as_is) or as_is != as_is.strip():
        raise Refusal(f"'{parameter.argument}' goes into a header: printable ASCII, without blanks at its ends.")
    return as_is.encode("ascii")
