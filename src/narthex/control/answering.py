"""How the admin address reads a question and writes an answer, whatever they are about.

Knows: JSON over HTTP, sizes, headers. Refuses to know: paths, and who may ask.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narthex.limits import admin_body_bytes_max

Tree = dict[str, Any]


class Wing(Protocol):
    """A part of the admin address that is built elsewhere: its routes, and the same as OpenAPI has it."""

    @property
    def routes(self) -> Sequence[Route]: ...

    @property
    def paths(self) -> Tree: ...


def json_answer(tree: object, status: int = 200) -> Response:
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(msgspec.json.encode(tree), status_code=status, headers=headers)


async def body_of(request: Request) -> bytes:
    """A small one. A page of another site could send nothing but text without asking first (and is turned away)."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(415)
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > admin_body_bytes_max:
            raise HTTPException(413)
    return found


def answers(description: str, schema: Tree) -> Tree:
    """One good answer, as OpenAPI has it."""
    return {"200": {"description": description, "content": {"application/json": {"schema": schema}}}}


def object_of(**properties: Tree) -> Tree:
    """A JSON object that has all of these members."""
    return {"type": "object", "properties": properties, "required": list(properties)}
