"""The items of one server as endpoints show them: a public name or URI, and the bytes that go out.

Knows: what becomes of one item under one way of naming. Refuses to know: which endpoint wants it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from narthex.catalog.names import prefixed
from narthex.catalog.rewrite import rewrite_tool
from narthex.catalog.stock import Definition, Piece, Stock
from narthex.catalog.uris import shown
from narthex.model.config import ToolChange
from narthex.wire.strict import encode

# list method -> the member that identifies an item of it
IDENTIFIED_BY: Mapping[str, str] = {
    "tools/list": "name",
    "prompts/list": "name",
    "resources/list": "uri",
    "resources/templates/list": "uriTemplate",
}


@dataclass(frozen=True, slots=True)
class Face:
    """One item under its public name. `mark` stands for the name in sort keys, `digest` for all that is shown."""

    public: str
    server: str
    piece: Piece
    definition: Definition
    encoded: bytes
    mark: str
    digest: bytes


def faces(stock: Stock, method: str, *, named: bool, prefix: str | None) -> tuple[Face, ...]:
    """All items of one list. `named`: under prefixed names; `prefix`: what URIs carry, None where they stay.

    Kept in the stock: of fifty servers usually one has changed, and the other forty-nine are not encoded again.
    """
    key = (method, named, prefix or "")
    if key not in stock.shown:
        stock.shown[key] = tuple(_face(stock, method, piece, named, prefix) for piece in _pieces(stock, method))
    return stock.shown[key]


def changed(face: Face, change: ToolChange, name: str) -> Face:
    """The face as the operator of one endpoint wants it."""
    definition = {**face.definition, "name": name}
    if change.description is not None:
        definition["description"] = change.description
    if change.title is not None:
        definition["title"] = change.title
    return _made(name, face.server, face.piece, definition)


def _face(stock: Stock, method: str, piece: Piece, named: bool, prefix: str | None) -> Face:  # noqa: FBT001 - private
    by_name = IDENTIFIED_BY[method] == "name"
    public = piece.private
    if by_name and named:
        public = prefixed(stock.server.name, piece.private)
    elif not by_name and prefix is not None:
        public = shown(prefix, piece.private)
    definition = piece.definition
    if method == "tools/list" and prefix is not None:
        definition = rewrite_tool(definition, prefix)
    if public == piece.private and definition is piece.definition:
        return _made(public, stock.server.name, piece, definition, piece.encoded)
    return _made(public, stock.server.name, piece, {**definition, IDENTIFIED_BY[method]: public})


def _made(public: str, server: str, piece: Piece, definition: Definition, encoded: bytes = b"") -> Face:
    encoded = encoded or encode(definition)
    mark = hashlib.blake2b(public.encode(), digest_size=6).hexdigest()
    digest = hashlib.blake2b(encoded, digest_size=8).digest()
    return Face(public, server, piece, definition, encoded, mark, digest)


def _pieces(stock: Stock, method: str) -> tuple[Piece, ...]:
    return {
        "tools/list": stock.tools,
        "prompts/list": stock.prompts,
        "resources/list": stock.resources,
        "resources/templates/list": stock.templates,
    }[method]
