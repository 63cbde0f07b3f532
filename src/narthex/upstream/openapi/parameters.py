"""The parameters of an operation, with names for a model and schemas.

Knows: the defaults of each place (OpenAPI 3.1.1, 4.8.12), which headers are nobody's to fill in, and that `id` in the
path, the query and the body are three things. Refuses to know: how a value is written.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, get_args

from narthex.limits import openapi_argument_chars_max
from narthex.upstream.http.head import NAME, OURS
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.operation import Parameter, Place, Style
from narthex.upstream.openapi.schemas import Schemas
from narthex.upstream.openapi.words import legal

Tree = dict[str, Any]
_DEFAULTS: dict[Place, Style] = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_STYLES: dict[Place, frozenset[str]] = {
    "path": frozenset(("simple", "label", "matrix")),
    "query": frozenset(("form", "spaceDelimited", "pipeDelimited", "deepObject")),
    "header": frozenset(("simple",)),
    "cookie": frozenset(("form",)),
}
# Credentials are the operator's, content types are the body's, and the rest decides who is asked for what.
_NEVER = frozenset(
    ("authorization", "proxy-authorization", "accept", "content-type", "cookie", "origin", "forwarded", "via")
) | {name.decode() for name in OURS}


class Given(NamedTuple):
    """One parameter with its schema, which names `$defs`."""

    parameter: Parameter
    schema: Tree


class Names:
    """The arguments of one tool: each name once, and legal."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str, place: str) -> str:
        made = wanted = legal(name, openapi_argument_chars_max) or place
        if made in self._taken:
            made = legal(f"{place}_{wanted}", openapi_argument_chars_max)
        number = 1
        while made in self._taken:
            number += 1
            made = legal(f"{place}_{wanted}_{number}", openapi_argument_chars_max)
        self._taken.add(made)
        return made

    def free(self, names: Collection[str]) -> bool:
        """Whether all of them can be had as they are."""
        return not any(name in self._taken or legal(name, openapi_argument_chars_max) != name for name in names)


class Parameters:
    """Of the operations of one document. `fixed`: headers and parts of the query that the operator fills in."""

    def __init__(
        self,
        document: Document,
        schemas: Schemas,
        complain: Callable[[str], None],
        fixed: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._document, self._schemas, self._complain = document, schemas, complain
        self._fixed = fixed | _credentials(document)

    @property
    def withheld(self) -> frozenset[str]:
        """The names in a query that are not a model's."""
        return frozenset(name for place, name in self._fixed if place == "query")

    def read(self, item: Tree, node: Tree, path: str, names: Names) -> list[Given]:
        """Raises BadDocument where the path cannot be filled in."""
        found: dict[tuple[str, str], Tree] = {}
        for holder in (item, node):  # what stands at the operation wins
            listed = holder.get("parameters")
            for raw in listed if type(listed) is list else ():
                one = self._document.follow(raw)
                found[str(one.get("in")), str(one.get("name"))] = one
        given = [made for (place, name), one in found.items() if (made := self._one(place, name, one, path, names))]
        wanted = [name for name in _placeholders(path) if ("path", name) not in found]
        for name in wanted:  # documents forget some; the path says that they are needed
            parameter = Parameter(name, "path", names.take(name, "path"), required=True, style="simple", explode=False)
            given.append(Given(parameter, {"type": "string"}))
        return given

    def _one(self, place: str, name: str, raw: Tree, path: str, names: Names) -> Given | None:
        if place not in get_args(Place) or not name or type(raw.get("name")) is not str:
            self._complain(f"a parameter {name[:60]!r} in {place[:20]!r} is none that is known")
            return None
        where: Place = place  # type: ignore[assignment]
        if where == "path" and name not in _placeholders(path):
            return None
        if where == "header" and (name.lower() in _NEVER or not NAME.fullmatch(name.encode("utf-8", "replace"))):
            return None
        if (where, name.lower()) in self._fixed or (where == "cookie" and ("header", "cookie") in self._fixed):
            return None
        if where == "header" and name.lower().startswith("mcp-"):
            return None
        style, explode = _style(where, raw)
        schema, as_json = self._schema_of(raw)
        required = where == "path" or raw.get("required") is True
        argument = names.take(name, where)
        parameter = Parameter(
            name, where, argument, required, style, explode, raw.get("allowReserved") is True, json=as_json
        )
        said = raw.get("description")
        described = {"description": said} if type(said) is str and "description" not in schema else {}
        shown = {**schema, **self._schemas.converted(described)} if described else schema
        return Given(parameter, shown)

    def _schema_of(self, raw: Tree) -> tuple[Tree, bool]:
        content = raw.get("content")
        if type(content) is dict and content:
            kind, media = next(iter(content.items()))
            schema = self._schemas.converted(media.get("schema") if type(media) is dict else None)
            return schema, "json" in kind.lower()
        return self._schemas.converted(raw.get("schema")), False


def _style(place: Place, raw: Tree) -> tuple[Style, bool]:
    said = raw.get("style")
    style: Any = said if type(said) is str and said in _STYLES[place] else _DEFAULTS[place]
    explode = raw.get("explode")
    return style, explode if type(explode) is bool else style == "form"


def _placeholders(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:] if "}" in part]


def _credentials(document: Document) -> frozenset[tuple[str, str]]:
    """Where the document says that keys go: those are the operator's to give, never the model's."""
    components = document.member("components")
    schemes = components.get("securitySchemes") if type(components) is dict else None
    found = set[tuple[str, str]]()
    for raw in schemes.values() if type(schemes) is dict else ():
        try:
            scheme = document.follow(raw)
        except BadDocument:
            continue
        if scheme.get("type") == "apiKey" and type(scheme.get("name")) is str:
            found.add((str(scheme.get("in")), scheme["name"].lower()))
    return frozenset(found)
