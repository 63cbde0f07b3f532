"""The blocks a result is made of: text, resources, links, and what nobody can look into.

Knows: the content of results of tools, of prompts and of resources, in every revision. Refuses to pass what it cannot
read: an image, a sound or a file stays here unless the operator said otherwise.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from narthex.policy.redaction.engine import Engine, Work
from narthex.policy.redaction.fields import Fields
from narthex.policy.redaction.sight import plain
from narthex.wire.strict import encode

WITHHELD_BINARY = "[withheld by the gateway: nobody can look into this, and so it may not pass]"
WITHHELD_TEXT = (
    "[withheld by the gateway: only some members of what this tool returns may pass, and this text is no JSON]"
)

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_MARKS = (b'"blob"', b'"data"')

Block = dict[str, Any]


class Blocks:
    """How one rule treats them."""

    __slots__ = ("_engine", "_fields", "_passes_binary", "_passes_text")

    def __init__(self, engine: Engine, fields: Fields | None, *, passes_binary: bool, passes_text: bool) -> None:
        self._engine, self._fields = engine, fields
        self._passes_binary, self._passes_text = passes_binary, passes_text

    def concern(self, raw: bytes) -> bool:
        """Whether a member of a result has to be taken apart; otherwise it is one text to look through."""
        if self._fields is not None:
            return True
        text = plain(raw)
        return any(mark in text for mark in _MARKS)

    def content(self, raw: bytes, work: Work) -> bytes:
        """`content` of a tool's result."""
        return self._each(raw, lambda item: self._block(item, work))

    def messages(self, raw: bytes, work: Work) -> bytes:
        """`messages` of a prompt: each has one block, or several."""

        def message(item: bytes) -> bytes:
            found = _object(item)
            inner = bytes(found.pop("content", b"null"))
            rest = self._engine.json(encode(found), work)
            treated = self.content(inner, work) if inner.lstrip()[:1] == b"[" else self._block(inner, work)
            return encode({**_object(rest), "content": msgspec.Raw(treated)})

        return self._each(raw, message)

    def contents(self, raw: bytes, work: Work) -> bytes:
        """`contents` of a resource."""
        return self._each(raw, lambda item: encode(self._resource(_object(item), work)))

    def _each(self, raw: bytes, treat: Callable[[bytes], bytes]) -> bytes:
        return encode([msgspec.Raw(treat(bytes(item))) for item in _list(raw)])

    def _block(self, item: bytes, work: Work) -> bytes:
        found = _object(item)
        kind = _string(found.get("type"))
        if kind == "resource" and "resource" in found:
            inner = _object(bytes(found.pop("resource")))
            rest = _object(self._engine.json(encode(found), work))
            return encode({**rest, "resource": self._resource(inner, work)})
        if kind in ("image", "audio") or "data" in found:
            return self._binary_block(found, work)
        if "text" in found:
            text = _string(found.pop("text"))
            rest = _object(self._engine.json(encode(found), work))
            return encode({**rest, "text": self._prose(text or "", work)})
        return self._engine.json(self._members(item), work)

    def _binary_block(self, found: Block, work: Work) -> bytes:
        if not self._passes_binary:
            return encode({"type": "text", "text": WITHHELD_BINARY})
        data = found.pop("data", msgspec.Raw(b'""'))
        return encode({**_object(self._engine.json(encode(found), work)), "data": data})

    def _resource(self, found: Block, work: Work) -> Block:
        """What stands in a resource. Its text may be base64 all the same."""
        blob, text = found.pop("blob", None), found.pop("text", None)
        uri = found.get("uri")
        rest: Block = _object(self._engine.json(encode(found), work))
        if uri is not None and _string(uri) in work.uris:
            rest["uri"] = uri  # who asked for it knows it, and finds the answer by it
        if blob is not None:
            return self._blob(rest, _string(blob), work)
        if text is not None:
            rest["text"] = self._prose(_string(text) or "", work)
        return rest

    def _blob(self, rest: Block, blob: str | None, work: Work) -> Block:
        try:
            inside = base64.b64decode(blob or "", validate=True)
            text = inside.decode()
        except (binascii.Error, ValueError):
            if self._passes_binary and blob is not None:
                return {**rest, "blob": blob}
            return {**rest, "mimeType": "text/plain", "text": WITHHELD_BINARY}
        return {**rest, "blob": base64.b64encode(self._prose(text, work).encode()).decode()}

    def _prose(self, text: str, work: Work) -> str:
        if self._fields is not None:
            raw = text.strip().encode()
            if raw[:1] in (b"{", b"["):
                try:
                    text = self._fields.chosen(raw).decode()
                    return self._engine.text(text, work)
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    pass  # no JSON after all
            if not self._passes_text:
                return WITHHELD_TEXT
        return self._engine.text(text, work)

    def _members(self, item: bytes) -> bytes:
        """A block of another kind: a link, or one that nobody knows yet."""
        return item


def _string(raw: Any) -> str | None:
    try:
        return _text(raw) if type(raw) is msgspec.Raw else None
    except (msgspec.DecodeError, UnicodeError):
        return None
