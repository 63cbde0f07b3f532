"""From the answer of an API to what a model reads: JSON as a value, text as text, pictures as pictures.

Knows: media types, charsets that servers say and charsets that they mean, sizes. Refuses to know: which request it was.
"""

import base64
import codecs
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from narthex.libraries.server import Answer, Refusal, Tree, text
from narthex.limits import DEFAULTS, http_answer_depth_max, http_binary_bytes_max
from narthex.upstream.http.reply import HttpReply
from narthex.wire.strict import deeper_than, encode, grows_too_much

_decode = msgspec.json.Decoder().decode
_CHARSET = re.compile(rb"charset\s*=\s*\"?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = ("base64", "bz2", "hex", "quopri", "rot13", "uu", "zip", "zlib", "idna", "punycode", "unicode_escape")
_TEXTUAL = (
    "xml",
    "yaml",
    "javascript",
    "x-www-form-urlencoded",
    "graphql",
    "csv",
    "ndjson",
    "jsonl",
    "x-ndjson",
    "sql",
)
ABSENT: Any = object()


class Read(NamedTuple):
    """`value` is ABSENT where the answer is no JSON; then `blocks` says it."""

    value: Any
    blocks: tuple[Tree, ...] = ()


def read(reply: HttpReply, where: str, hide: Callable[[str], str] = lambda text: text) -> Read:
    """`hide` takes our own secrets out of what came back. Raises Refusal for an answer that is none."""
    kind = reply.content_type.decode("ascii", "replace")
    body = reply.body
    if not body:
        return Read(ABSENT, (text(_empty(reply)),))
    if is_json(kind) or (not kind and body.lstrip()[:1] in (b"{", b"[")):
        said = hide(decoded(reply))
        value = json_value(said, where)
        return Read(_hidden(value, where, hide) if "\\" in said else value)
    if kind.startswith(("image/", "audio/")):
        return Read(ABSENT, (_picture(kind, body),))
    if _is_text(kind, body):
        return Read(ABSENT, (text(hide(decoded(reply))),))
    return Read(ABSENT, (_blob(kind or "application/octet-stream", body, where),))


def _hidden(value: Any, where: str, hide: Callable[[str], str]) -> Any:
    """Without secrets that the text held in another spelling: JSON may escape every sign, and many escape slashes."""
    said = encode(value).decode()
    left = hide(said)
    return value if left == said else json_value(left, where)


def answer_of(value: Any) -> Answer:
    """A JSON value, for models as text and for machines as it is; what is no object is the member `result` of one."""
    structured = value if type(value) is dict else {"result": value}
    return Answer([text(encode(value).decode())], structured)


def json_value(said: str, where: str) -> Any:
    raw = said.encode("utf-8", "replace")
    if deeper_than(raw, http_answer_depth_max):
        raise Refusal(f"{where} answered with JSON that nests deeper than {http_answer_depth_max} levels.")
    if grows_too_much(raw, DEFAULTS.json_growth_max):
        raise Refusal(f"{where} answered with JSON of too many small lists or objects.")
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise Refusal(f"{where} says that its answer is JSON, and it is not: {excerpt(said, 200)}") from None


def decoded(reply: HttpReply) -> str:
    """The text. What it begins with counts more than what its header says; no charset breaks it."""
    for mark, codec in _MARKS:
        if reply.body.startswith(mark):
            return reply.body.decode(codec, "replace")
    found = _CHARSET.search(reply.headers.get(b"content-type", b""))
    try:
        return reply.body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    charset = found[1].decode().lower() if found is not None else "utf-8"
    try:
        if any(name in charset.replace("-", "_") for name in _NOT_TEXT):
            charset = "utf-8"
        return reply.body.decode(codecs.lookup(charset).name, "replace")
    except (LookupError, ValueError):
        return reply.body.decode("utf-8", "replace")


def excerpt(said: str, most: int) -> str:
    """The beginning of a text, in one line, without what cannot be printed."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in said[: most * 4]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json") or kind in ("text/json", "application/x-json")


def _is_text(kind: str, body: bytes) -> bool:
    if kind.startswith("text/") or kind.endswith(("+xml", "+yaml")) or kind.rpartition("/")[2] in _TEXTUAL:
        return True
    return not kind and b"\0" not in body[:1024]


def _empty(reply: HttpReply) -> str:
    where = reply.headers.get(b"location", b"")
    about = f" See {where.decode('ascii', 'replace')[:500]}." if where and reply.status in (201, 202) else ""
    meaning = {201: "Created", 202: "Accepted; the work may go on", 204: "Done; there is no content"}
    return f"{meaning.get(reply.status, 'Done, without content')} (HTTP {reply.status}).{about}"


def _picture(kind: str, body: bytes) -> Tree:
    _check_size(kind, body)
    data = base64.b64encode(body).decode("ascii")
    return {"type": "image" if kind.startswith("image/") else "audio", "data": data, "mimeType": kind}


def _blob(kind: str, body: bytes, where: str) -> Tree:
    _check_size(kind, body)
    data = base64.b64encode(body).decode("ascii")
    uri = f"answer:{where.rsplit(maxsplit=1)[-1]}"
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "blob": data}}


def _check_size(kind: str, body: bytes) -> None:
    if len(body) > http_binary_bytes_max:
        raise Refusal(
            f"The answer is {kind[:60]} of {len(body)} bytes; files of up to {http_binary_bytes_max} bytes are handed "
            "on. Ask for a part of it, or for another form."
        )
