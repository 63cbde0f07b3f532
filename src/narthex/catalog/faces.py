"""The items of one server as endpoints show them: a public name or URI, and the bytes that go out.

Knows: what becomes of one item under one way of naming. Refuses to know: which endpoint wants it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from narthex.catalog.names import prefixed
from narthex.catalog.rewrite import rewrite_tool
from narthex.catalog.stock import Definition, Piece, Stock, decode
from narthex.catalog.uris import shown
from narthex.model.config import ToolChange
from narthex.wire.revisions import LEGACY
from narthex.wire.strict import encode
from narthex.wire.translate import LEGACY_SHAPE

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
    encoded: bytes
    legacy: tuple[bytes, ...]  # as each of the older revisions knows it
    mark: str
    digest: bytes


# A server that writes its members in another order each time has said nothing new.
_in_order = msgspec.json.Encoder(order="deterministic").encode


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
    definition = {**decode(face.encoded), "name": name}
    if change.description is not None:
        definition["description"] = change.description
    if change.title is not None:
        definition["title"] = change.title
    return made("tools/list", name, face.server, face.piece, definition)


def reworked(method: str, face: Face, piece: Piece, prefix: str | None, change: ToolChange | None) -> Face:
    """The same thing under the same name, made of another piece of it."""
    own = decode(piece.encoded)
    definition = rewrite_tool(own, prefix) if method == "tools/list" and prefix is not None else own
    again = made(method, face.public, face.server, piece, {**definition, IDENTIFIED_BY[method]: face.public})
    return again if change is None else changed(again, change, face.public)


def _face(stock: Stock, method: str, piece: Piece, named: bool, prefix: str | None) -> Face:  # noqa: FBT001 - private
    by_name = IDENTIFIED_BY[method] == "name"
    public = piece.private
    if by_name and named:
        public = prefixed(stock.server.name, piece.private)
    elif not by_name and prefix is not None:
        public = shown(prefix, piece.private)
    own = decode(piece.encoded)
    definition = rewrite_tool(own, prefix) if method == "tools/list" and prefix is not None else own
    if public == piece.private and definition is own:
        return made(method, public, stock.server.name, piece, definition, piece.encoded)
    return made(method, public, stock.server.name, piece, {**definition, IDENTIFIED_BY[method]: public})


def made(method: str, public: str, server: str, piece: Piece, definition: Definition, encoded: bytes = b"") -> Face:
    encoded = encoded or encode(definition)
    mark = hashlib.blake2b(public.encode(), digest_size=6).hexdigest()
    digest = hashlib.blake2b(_in_order(definition), digest_size=8).digest()
    return Face(public, server, piece, encoded, _legacy(method, definition, encoded), mark, digest)


def _legacy(method: str, definition: Definition, encoded: bytes) -> tuple[bytes, ...]:
    """Most items look alike in every revision: those keep the very bytes they have."""
    shape = LEGACY_SHAPE[method]
    found: dict[bytes, bytes] = {encoded: encoded}
    texts = []
    for revision in LEGACY:
        shaped = shape(revision, definition)
        text = encoded if shaped is definition else encode(shaped)
        texts.append(found.setdefault(text, text))
    return tuple(texts)


def _pieces(stock: Stock, method: str) -> tuple[Piece, ...]:
    return {
        "tools/list": stock.tools,
        "prompts/list": stock.prompts,
        "resources/list": stock.resources,
        "resources/templates/list": stock.templates,
    }[method]
