"""Single requests that the operator wrote down, as tools.

Knows: templates: `{name}` alone is the value of an argument, in a path it is a part of it; everything else is fixed.
Refuses to know: documents, and how requests are sent.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from narthex.model.http_api import AnswerConfig, RequestConfig
from narthex.upstream.http.head import header_lines
from narthex.upstream.openapi.filling import argument_in, arguments_of, texts_of, unescaped
from narthex.upstream.openapi.operation import Body, Field, HttpTool, Operation, Pages, Parameter, Shape
from narthex.upstream.openapi.pages import LINK, Paging
from narthex.upstream.openapi.selecting import Shaping

_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
}


class BadTemplate(ValueError):
    """The text says what is wrong, in words that follow the request's name."""


def tool_of(name: str, config: RequestConfig) -> HttpTool:
    """Raises BadTemplate."""
    method, _, target = config.request.partition(" ")
    path, _, query = target.partition("?")
    placed, fixed = _query(query)
    headers: list[tuple[str, str]] = []
    for header, value in config.headers.items():
        argument = argument_in(value)
        if argument is not None:
            placed.append(Parameter(header, "header", argument, style="simple", explode=False))
        else:
            headers.append((header, unescaped(value)))
    _check_headers(config.headers)
    values = [value for _, value in parse_qsl(query)]
    _check_whole([*values, *config.headers.values(), *texts_of(config.body)], config.parameters)
    parts = [Parameter(one, "path", one, required=True, style="simple", explode=False) for one in _placeholders(path)]
    parameters = [*parts, *placed]
    for used in {one.argument for one in placed} | arguments_of(config.body):
        if used not in config.parameters:
            raise BadTemplate(f"uses {{{used}}}, which is none of its parameters")
    named = {one.argument for one in parameters} | arguments_of(config.body)
    left = [argument for argument in config.parameters if argument not in named]
    body = _body(config, method, left)
    if body is None:
        parameters += [Parameter(one, "query", one, required=one in config.required) for one in left]
    unknown = [one for one in config.required if one not in config.parameters]
    if unknown:
        raise BadTemplate(f"requires {unknown[0]!r}, which is none of its parameters")
    must = frozenset(config.required)
    parameters = [one if one.argument not in must else _must(one) for one in parameters]
    operation = Operation(method, path, tuple(parameters), body, fixed=tuple(fixed), headers=tuple(headers))
    shape, pages = shape_of(config.answer)
    title = config.title or name.replace("_", " ").replace("-", " ").capitalize()
    schema = _schema(config, [one.argument for one in parts])
    return HttpTool(name, title, config.description, schema, operation, shape, pages)


def shape_of(answer: AnswerConfig | None) -> tuple[Shape | None, Pages | None]:
    """Raises BadTemplate for paths that cannot be read."""
    if answer is None:
        return None, None
    shape = Shape(answer.select, answer.keep, answer.flatten, tuple(answer.rename.items()))
    pages = None
    if answer.pages is not None:
        said = answer.pages
        pages = Pages(said.next, said.parameter, said.items, said.max)
        if said.next is None and said.parameter is None:
            raise BadTemplate("has pages with neither 'next' nor 'parameter'; one of them says how the next is found")
        if said.next == LINK and said.parameter is not None:
            raise BadTemplate("has pages by link, which need no 'parameter'")
    try:
        Shaping(shape)
        if pages is not None:
            Paging(pages)
    except ValueError as fault:
        raise BadTemplate(f"has a path that {fault}") from None
    return shape, pages


def _query(query: str) -> tuple[list[Parameter], list[tuple[str, str]]]:
    placed: list[Parameter] = []
    fixed: list[tuple[str, str]] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        argument = argument_in(value)
        if argument is not None:
            placed.append(Parameter(name, "query", argument))
        else:
            fixed.append((name, unescaped(value)))
    return placed, fixed


def _placeholders(path: str) -> list[str]:
    found = [part.partition("}")[0] for part in path.split("{")[1:]]
    if path.count("{") != path.count("}") or not all(found) or len(set(found)) != len(found):
        raise BadTemplate(f"has a path whose braces do not name an argument each: {path[:100]}")
    if path.startswith("//") or "\\" in path or "#" in path or any(part in (".", "..") for part in path.split("/")):
        raise BadTemplate(f"has a path that leads elsewhere: {path[:100]}")
    return found


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        try:
            header_lines([(name.encode("ascii"), value.encode("ascii"))])
        except ValueError:  # also for what is no ASCII
            raise BadTemplate(f"has a header {name[:60]!r} that cannot be sent") from None
        if name.lower() in ("content-type", "accept", "cookie") or name.lower().startswith("mcp-"):
            raise BadTemplate(f"has a header {name[:60]!r}, which is not its own to send")


def _check_whole(texts: Iterable[str], parameters: Iterable[str]) -> None:
    """An argument in the middle of a text would be sent as it is written here."""
    for text in texts:
        plain = text.replace("{{", "").replace("}}", "")
        inside = [name for name in parameters if f"{{{name}}}" in plain and argument_in(text) is None]
        if inside:
            raise BadTemplate(f"has {{{inside[0]}}} inside of a text; but for a path, an argument is a whole value")


def _must(parameter: Parameter) -> Parameter:
    return Parameter(
        parameter.name,
        parameter.place,
        parameter.argument,
        required=True,
        style=parameter.style,
        explode=parameter.explode,
    )


def _body(config: RequestConfig, method: str, left: list[str]) -> Body | None:
    """The template; without one, what stands nowhere else, where the method usually has a body."""
    must = frozenset(config.required)
    if config.body is not None:
        names = sorted(arguments_of(config.body))
        if config.encoding != "json" and type(config.body) is not dict:
            raise BadTemplate("is a form, so its body must be a mapping of fields")
        if left:
            raise BadTemplate(f"uses {left[0]!r} nowhere; name it in the request or the body")
        fields = tuple(Field(one, one, one in must) for one in names)
        return Body(config.encoding, _CONTENT_TYPES[config.encoding], True, fields=fields, template=config.body)
    if method in ("GET", "DELETE", "OPTIONS") or not left:
        return None
    fields = tuple(Field(one, one, one in must) for one in left)
    return Body(config.encoding, _CONTENT_TYPES[config.encoding], required=bool(must & set(left)), fields=fields)


def _schema(config: RequestConfig, path: list[str]) -> dict[str, Any]:
    properties = {name: dict(schema) for name, schema in config.parameters.items()}
    for name in path:
        properties.setdefault(name, {"type": "string"})
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = [name for name in properties if name in path or name in config.required]
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}
