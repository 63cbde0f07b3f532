"""What a row of the catalogue is. The tables beside this file hold rows only; `test_hostile_catalogue` drives them.

In a body `@META@` stands for the `_meta` that the era needs: revision and capabilities, or nothing.
"""

import json
from typing import NamedTuple

MODERN = "2026-07-28"
MODERN_META = (
    b'{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
)
PARSE, INVALID, METHOD, PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
MISMATCH, CAPABILITY, VERSION = -32020, -32021, -32022


class Message(NamedTuple):
    """One body that any transport can carry; the answer must be the same on all of them."""

    id: str
    body: bytes
    code: int | None  # of the JSON-RPC error; None: a result
    reason: str | None = None  # `error.data.reason`; None: there is none, or it is not ours to promise
    called: bool = False  # whether the server may have been asked
    echoed: object = 1  # the id that comes back
    status: int = 400  # over HTTP, of an error

    def modern(self) -> bytes:
        return self.body.replace(b"@META@", MODERN_META)

    def legacy(self) -> bytes:
        return self.body.replace(b"@META@", b"{}")


class Http(NamedTuple):
    """One HTTP request, headers as they are written."""

    id: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    code: int | None
    reason: str | None = None
    called: bool = False
    method: str = "POST"
    path: str = "/mcp"
    host: str = "localhost"
    allow: str | None = None  # the `Allow` header


def call(arguments: bytes, name: bytes = b'"rec__echo"') -> bytes:
    """A tools/call with these bytes as arguments."""
    return (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":'
        + name
        + b',"arguments":'
        + arguments
        + b',"_meta":@META@}}'
    )


def nested(levels: int, inside: bytes = b"") -> bytes:
    return b"[" * levels + inside + b"]" * levels


def objects(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
