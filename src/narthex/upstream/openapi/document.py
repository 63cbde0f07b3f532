"""An OpenAPI document in memory: its text, and those parts of it that somebody has looked at.

Knows: that large ones have a dozen megabytes, of which the requests are the smaller half; a part is decoded when it is
first asked for. `$ref`s lead within the document, or nowhere. Refuses to know: what any part means.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from narthex.limits import openapi_depth_max, openapi_reference_hops_max
from narthex.upstream.openapi.yaml_text import BadYaml, json_of
from narthex.wire.strict import flaw

Tree = dict[str, Any]
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_KINDS = frozenset(
    ("schemas", "parameters", "requestBodies", "responses", "headers", "securitySchemes", "examples", "pathItems")
)


class BadDocument(Exception):
    """It cannot be imported. The text says why, for the operator."""


class Document:
    """`version` is `3.0` or `3.1`."""

    def __init__(self, text: bytes) -> None:
        """Raises BadDocument."""
        text = _as_json(text)
        self._top = _object(text, "the document")
        self.version = self._version()
        self._paths = self._section("paths")
        components = self._section("components")
        self._components = {kind: _object(components[kind], kind) for kind in _KINDS & components.keys()}
        self._read: dict[str, Any] = {}

    def member(self, name: str) -> Any:
        """One of the members at the top; None: absent."""
        raw = self._top.get(name)
        return None if raw is None else _value(raw)

    @property
    def paths(self) -> Iterator[tuple[str, Tree]]:
        """The templates, and what stands at each; what is no object there is left out."""
        for template, raw in self._paths.items():
            item = _value(raw)
            if type(item) is dict:
                yield template, item

    def follow(self, node: Any) -> Tree:
        """What a node is, or what it refers to. Raises BadDocument for what is neither."""
        for _ in range(openapi_reference_hops_max):
            if type(node) is not dict:
                raise BadDocument("something there is no object")
            reference = node.get("$ref")
            if type(reference) is not str:
                return node
            node = self.find(reference)
        raise BadDocument("a $ref leads from one to the next without an end")

    def find(self, reference: str) -> Any:
        """What a `$ref` points at (RFC 6901). Raises BadDocument: it leads out of the document, or to nothing."""
        if not reference.startswith("#/"):
            shown = reference.partition("?")[0][:100]
            raise BadDocument(f"a $ref leads out of the document, to {shown!r}; only what stands in it is read")
        steps = [unquote(step).replace("~1", "/").replace("~0", "~") for step in reference[2:].split("/")]
        if len(steps) >= 3 and steps[0] == "components" and steps[1] in self._components:
            start, rest = self._component(steps[1], steps[2]), steps[3:]
        elif len(steps) >= 2 and steps[0] == "paths":
            start, rest = self._kept(f"paths/{steps[1]}", self._paths.get(steps[1])), steps[2:]
        else:
            start, rest = self._kept(steps[0], self._top.get(steps[0])), steps[1:]
        for step in rest:
            start = _inside(start, step)
        if start is None:
            raise BadDocument(f"a $ref points at nothing: {reference[:100]!r}")
        return start

    def _component(self, kind: str, name: str) -> Any:
        return self._kept(f"{kind}/{name}", self._components[kind].get(name))

    def _kept(self, key: str, raw: msgspec.Raw | None) -> Any:
        if key not in self._read:
            self._read[key] = None if raw is None else _value(raw)
        return self._read[key]

    def _section(self, name: str) -> dict[str, msgspec.Raw]:
        raw = self._top.get(name)
        return {} if raw is None or bytes(raw) == b"null" else _object(raw, name)

    def _version(self) -> str:
        said = self.member("openapi")
        if type(said) is str and said.startswith(("3.0.", "3.1.")):
            return said[:3]
        if said in ("3.0", "3.1", 3.0, 3.1):
            return str(said)
        if "swagger" in self._top:
            raise BadDocument("it is a document of Swagger 2.0; convert it to OpenAPI 3 first")
        if said is None:
            raise BadDocument("it has no 'openapi' at the top, so it is no OpenAPI document")
        raise BadDocument(f"it is of OpenAPI {str(said)[:20]}; 3.0 and 3.1 are read here")


def _as_json(text: bytes) -> bytes:
    text = text.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:2] in (b"\xff\xfe", b"\xfe\xff") or text[1:2] == b"\0":
        raise BadDocument("it is not UTF-8; store it as UTF-8")
    if not text.startswith(b"{"):
        try:
            text = json_of(text)
        except BadYaml as fault:
            raise BadDocument(f"it is neither JSON nor YAML that can be read: {fault}") from None
    if (wrong := flaw(text, openapi_depth_max)) is not None:
        raise BadDocument(f"it {wrong}")
    return text


def _object(raw: bytes | msgspec.Raw, where: str) -> dict[str, msgspec.Raw]:
    try:
        return _members(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadDocument(f"{where} cannot be read: {fault}") from None


def _value(raw: msgspec.Raw) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadDocument(f"it is not JSON: {fault}") from None


def _inside(node: Any, step: str) -> Any:
    if type(node) is dict:
        return node.get(step)
    if type(node) is list and step.isascii() and step.isdigit() and len(step) < 7 and int(step) < len(node):
        return node[int(step)]
    return None
