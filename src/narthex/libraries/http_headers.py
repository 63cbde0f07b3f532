"""The headers of Streamable HTTP against the body they travel with: the body is the authority.

Knows: the rules of 2026-07-28 for `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`. Refuses to know: connections.
"""

import base64
import binascii
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from narthex.libraries.exchange import VERSION, Fault
from narthex.libraries.revisions import LEGACY, MODERN
from narthex.libraries.server import Tree

HEADER_MISMATCH = -32020
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def is_modern(headers: Headers, message: Tree) -> bool:
    """Whether the request describes itself, or at least claims to."""
    claimed = headers.get("mcp-protocol-version")
    return VERSION in meta(message) or (claimed is not None and claimed not in LEGACY)


def check(headers: Headers, request: Tree) -> None:
    """Raises Fault when a header is missing, doubled or says something else than the body."""
    version = meta(request).get(VERSION)
    if version is None:
        raise Fault(-32602, f"'_meta' must hold '{VERSION}'.", status=400)
    _same(headers, "mcp-protocol-version", version)
    if version not in MODERN:
        return  # which is the answer's first word, whatever else is wrong
    _same(headers, "mcp-method", request["method"])
    if (member := _NAMED_BY.get(request["method"])) is not None:
        params = request.get("params")
        _same(headers, "mcp-name", params.get(member) if isinstance(params, dict) else None, encoded=True)


def is_local(origin: str) -> bool:
    """Whether a Host (written as a URL) or an Origin names this machine; pages elsewhere may not call us."""
    try:
        return urlsplit(origin).hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False


def meta(message: Tree) -> Tree:
    params = message.get("params")
    found = params.get("_meta") if isinstance(params, dict) else None
    return found if isinstance(found, dict) else {}


def _same(headers: Headers, name: str, said: object, *, encoded: bool = False) -> None:
    values = headers.getlist(name)
    if len(values) != 1:
        raise Fault(HEADER_MISMATCH, f"The header {name} must be there, once.", status=400)
    value = _decoded(values[0]) if encoded else values[0]
    if value != said:
        raise Fault(HEADER_MISMATCH, f"The header {name} is '{value}', the body says '{said}'.", status=400)


def _decoded(value: str) -> str:
    """A value that no header can carry as it is comes as `=?base64?…?=`."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Fault(HEADER_MISMATCH, "A header is not valid base64 of UTF-8.", status=400) from None
