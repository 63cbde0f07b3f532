"""What a request to an HTTP API is made of: the nouns that documents and hand-written requests both become.

Knows: shapes. Refuses to know: where they come from, and how they are sent.
"""

from typing import Any, Literal

import msgspec

Schema = dict[str, Any]
Place = Literal["path", "query", "header", "cookie"]
Style = Literal["simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "deepObject"]


class Parameter(msgspec.Struct, frozen=True):
    """One value, and how it is written at its place (OpenAPI 3.1.1, 4.8.12). `argument` is its name for the model."""

    name: str
    place: Place
    argument: str
    required: bool = False
    style: Style = "form"
    explode: bool = True
    reserved: bool = False  # reserved characters of a query stay as they are
    json: bool = False  # written as JSON, whatever the style


class Field(msgspec.Struct, frozen=True):
    """One member of a body. `explode` and `style` matter to forms, `content_type` to parts of a multipart body."""

    name: str
    argument: str
    required: bool = False
    style: Style = "form"
    explode: bool = True
    content_type: str | None = None
    binary: bool = False  # the model gives base64


class Body(msgspec.Struct, frozen=True):
    """`fields` None: the argument `argument` is the whole body; otherwise the body is an object of them.

    `template`: what the body is, where the operator wrote it; the fields are the arguments that it uses.
    """

    kind: Literal["json", "form", "multipart", "text", "binary"]
    content_type: str
    required: bool = False
    argument: str = "body"
    fields: tuple[Field, ...] | None = None
    template: Any = None


class Operation(msgspec.Struct, frozen=True):
    """One request that can be made. `path` begins with a slash and holds `{name}` for each path parameter."""

    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    accept: str = "application/json, */*;q=0.5"  # of requests without a document, or whose document says no other
    fixed: tuple[tuple[str, str], ...] = ()  # of the query, in every request
    headers: tuple[tuple[str, str], ...] = ()  # likewise
    withheld: frozenset[str] = frozenset()  # names in the query, in lower case, that no argument may set

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def arguments(self) -> dict[str, bool]:
        """Every argument, and whether it must be given."""
        found = {parameter.argument: parameter.required for parameter in self.parameters}
        if self.body is None:
            return found
        if self.body.fields is None:
            return found | {self.body.argument: self.body.required}
        return found | {field.argument: field.required and self.body.required for field in self.body.fields}


class Shape(msgspec.Struct, frozen=True):
    """What of an answer is handed on. Done in this order; see `shaping`."""

    select: str | None = None
    keep: tuple[str, ...] = ()
    flatten: bool = False
    rename: tuple[tuple[str, str], ...] = ()


class Pages(msgspec.Struct, frozen=True):
    """How the next page is found. See `pages`."""

    next: str | None = None
    parameter: str | None = None
    items: str | None = None
    most: int = 1


class HttpTool(msgspec.Struct, frozen=True):
    """A request under a name that a model may use. `schema` is of its arguments."""

    name: str
    title: str
    description: str
    schema: Schema
    operation: Operation
    shape: Shape | None = None
    pages: Pages | None = None

    @property
    def definition(self) -> dict[str, Any]:
        method = self.operation.method
        reads = method in ("GET", "OPTIONS")
        hints: dict[str, bool] = {"readOnlyHint": reads, "openWorldHint": True}
        if not reads:
            hints |= {"destructiveHint": method in ("DELETE", "PUT"), "idempotentHint": method in ("DELETE", "PUT")}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.schema,
            "annotations": hints,
        }
