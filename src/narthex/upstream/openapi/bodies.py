"""The body of an operation: which of its content types is sent, and what a model fills in.

Knows: JSON, forms, multipart, text, bytes; that an object's properties are easier to fill in one by one than as one.
Refuses to know: how they are written (that is `encoding`).
"""

from typing import Any, NamedTuple

from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.operation import Body, Field
from narthex.upstream.openapi.parameters import Names
from narthex.upstream.openapi.schemas import Schemas

Tree = dict[str, Any]
_COMPOSED = ("allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "additionalProperties", "dependentSchemas")
_ANY = "*/*"


class GivenBody(NamedTuple):
    """A body and the schemas of its arguments."""

    body: Body
    schemas: dict[str, Tree]


class Bodies:
    """Of the operations of one document."""

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._document, self._schemas = document, schemas

    def read(self, node: Tree, names: Names) -> GivenBody | None:
        """Raises BadDocument."""
        raw = node.get("requestBody")
        if raw is None:
            return None
        request = self._document.follow(raw)
        content = request.get("content")
        if type(content) is not dict or not content:
            return None
        content = {kind: media for kind, media in content.items() if kind.isascii() and kind.isprintable()}
        if not content:
            raise BadDocument("its body is of a content type that cannot be sent")
        content_type, media = _preferred(content)
        kind = kind_of(content_type)
        schema = media.get("schema") if type(media) is dict else None
        sent = "application/json" if content_type == _ANY else content_type
        required = request.get("required") is True
        encodings = media.get("encoding") if type(media) is dict else None
        if kind in ("json", "form", "multipart"):
            one_by_one = self._one_by_one(schema, kind, encodings if type(encodings) is dict else {}, names)
            if one_by_one is not None:
                fields, schemas = one_by_one
                return GivenBody(Body(kind, sent, required, fields=fields), schemas)  # type: ignore[arg-type]
        argument = names.take("body", "request")
        made = self._schemas.converted(schema)
        if kind == "text":
            made = {"type": "string", **{key: made[key] for key in ("description", "maxLength") if key in made}}
        if kind == "binary":
            made = {"type": "string", "contentEncoding": "base64", "description": "The bytes, as base64."}
        said = request.get("description")
        if type(said) is str and "description" not in made:
            made = {**made, **self._schemas.converted({"description": said})}
        return GivenBody(Body(kind, sent, required, argument), {argument: made})  # type: ignore[arg-type]

    def _one_by_one(
        self, raw: Any, kind: str, encodings: Tree, names: Names
    ) -> tuple[tuple[Field, ...], dict[str, Tree]] | None:
        """The properties as arguments of their own; None: they have to be given as one value."""
        target = self._schemas.target(raw) if raw is not None else {}
        properties = target.get("properties")
        if type(properties) is not dict or not properties or target.get("nullable") is True:
            return None
        if target.get("type", "object") != "object" or any(target.get(key) for key in _COMPOSED if key != "required"):
            return None
        made = self._schemas.converted(target)
        shown: dict[str, Tree | bool] = made.get("properties", {})
        if kind == "json" and not names.free(shown):
            return None
        required = made.get("required", ())
        fields, schemas = list[Field](), dict[str, Tree]()
        for name, schema in shown.items():
            argument = names.take(name, "body")
            encoding = encodings.get(name)
            fields.append(_field(name, argument, name in required, schema, encoding if type(encoding) is dict else {}))
            schemas[argument] = schema if type(schema) is dict else {}
        return tuple(fields), schemas


def kind_of(content_type: str) -> str:
    essence = content_type.partition(";")[0].strip().lower()
    if essence == "application/x-www-form-urlencoded":
        return "form"
    if essence.startswith("multipart/"):
        return "multipart"
    if essence in (_ANY, "application/*", "application/json") or essence.endswith("+json"):
        return "json"
    if essence.startswith("text/") or essence.endswith(("xml", "yaml", "+xml", "graphql")):
        return "text"
    return "binary"


def _preferred(content: Tree) -> tuple[str, Any]:
    """JSON before forms before the rest: what a model writes best."""
    order = {"json": 0, "form": 1, "multipart": 2, "text": 3, "binary": 4}
    return min(content.items(), key=lambda item: (order[kind_of(item[0])], item[0] != "application/json"))


def _field(name: str, argument: str, required: Any, schema: Any, encoding: Tree) -> Field:
    kind = schema if type(schema) is dict else {}
    said, style, explode = encoding.get("contentType"), encoding.get("style"), encoding.get("explode")
    known: Any = style if style in ("form", "spaceDelimited", "pipeDelimited", "deepObject") else "form"
    items = kind.get("items")
    binary = _is_binary(kind) or (type(items) is dict and _is_binary(items))
    return Field(
        name,
        argument,
        bool(required),
        known,
        explode if type(explode) is bool else known in ("form", "deepObject"),
        said if type(said) is str and said.isprintable() and said.isascii() else None,
        binary,
    )


def _is_binary(schema: Tree) -> bool:
    return schema.get("contentEncoding") == "base64" or (
        "contentMediaType" in schema and kind_of(str(schema["contentMediaType"])) == "binary"
    )
