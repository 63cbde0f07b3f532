"""Approvals on the admin address, and as an operator is shown them anywhere: listed, approved, rejected.

Knows: the names of what is shown. Refuses to know: where requests are kept, and who may decide (that is `deciding`).
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route

from narthex.control.answering import Tree, answers, json_answer, object_of
from narthex.control.deciding import BODY, REFUSALS, Decider
from narthex.model.approvals import Request
from narthex.relay.pending import Pending
from narthex.store.approvals import ApprovalFault
from narthex.store.folder import StateFault

_STATUS = {"unknown": 404, "ambiguous": 400, "decided": 409, "expired": 409, "too_many": 409}
_read = msgspec.json.Decoder().decode


def state_of(request: Request, now: float) -> str:
    return "expired" if request.state in ("pending", "approved") and request.expires <= now else request.state


def described(request: Request, now: float, *, whole: bool) -> Tree:
    """Times are seconds since the epoch; `null`: not yet. `whole`: with the arguments."""
    found = {
        "handle": request.handle,
        "state": state_of(request, now),
        **request.told(),
        "decided": request.decided,
        "by": request.decided_by or None,
        "used": request.used,
    }
    return {**found, "arguments": _read(request.arguments)} if whole else found


class ApprovalsDesk:
    """GET /api/approvals, and POST below it."""

    def __init__(self, pending: Pending, decider: Decider) -> None:
        self._pending, self._decider = pending, decider
        self.routes = (
            Route("/api/approvals", self._list, methods=["GET"]),
            Route("/api/approvals/{handle}/approve", self._approve, methods=["POST"]),
            Route("/api/approvals/{handle}/reject", self._reject, methods=["POST"]),
        )
        self.paths = PATHS

    async def _list(self, request: Asked) -> Response:
        every = request.query_params.get("all") == "true"
        whole = self._decider.refusal(request) is None

        async def listed() -> Tree:
            now = time.time()
            found = await self._pending.listed(every=every)
            return {"approvals": [described(one, now, whole=whole) for one in found]}

        return await _told(listed)

    async def _approve(self, request: Asked) -> Response:
        return await self._decide(request, "approved")

    async def _reject(self, request: Asked) -> Response:
        return await self._decide(request, "rejected")

    async def _decide(self, request: Asked, state: Literal["approved", "rejected"]) -> Response:
        by = await self._decider.named(request)
        if isinstance(by, Response):
            return by
        handle: str = request.path_params["handle"]

        async def decided() -> Tree:
            done = await self._pending.decide(handle, state, by)
            return described(done, time.time(), whole=True)

        return await _told(decided)


async def _told(work: Callable[[], Awaitable[Tree]]) -> Response:
    try:
        return json_answer(await work())
    except ApprovalFault as fault:
        return json_answer({"error": str(fault)}, status=_STATUS[fault.kind])
    except StateFault as fault:
        return json_answer({"error": str(fault)}, status=503)


_TEXT: Tree = {"type": "string"}
_TEXT_OR_NULL: Tree = {"type": ["string", "null"]}
_TIME: Tree = {"type": "number", "description": "Seconds since the epoch."}
_TIME_OR_NULL: Tree = {**_TIME, "type": ["number", "null"]}
APPROVAL: Tree = object_of(
    handle=_TEXT,
    state={"enum": ["pending", "approved", "rejected", "used", "expired"]},
    tool=_TEXT,
    server=_TEXT,
    endpoint=_TEXT,
    caller=_TEXT,
    tenant=_TEXT_OR_NULL,
    asked={"enum": ["caller", "operator"]},
    reason=_TEXT_OR_NULL,
    digest=_TEXT,
    created=_TIME,
    expires=_TIME,
    decided=_TIME_OR_NULL,
    by=_TEXT_OR_NULL,
    used=_TIME_OR_NULL,
)
_LOST: Tree = {"503": {"description": "The state folder cannot be used; the text says why."}}


def _decides(summary: str) -> Tree:
    said: dict[str, Any] = {
        "summary": summary,
        "parameters": [{"name": "handle", "in": "path", "required": True, "schema": _TEXT}],
        "requestBody": BODY,
        "responses": {
            **answers("It is decided.", APPROVAL),
            **REFUSALS,
            "404": {"description": "There is no such request."},
            "409": {"description": "It was decided already, or has expired."},
            **_LOST,
        },
    }
    return {"post": said}


PATHS: Tree = {
    "/api/approvals": {
        "get": {
            "summary": "Calls that wait for somebody's yes; with the token also their arguments",
            "parameters": [{"name": "all", "in": "query", "schema": {"enum": ["true"]}}],
            "responses": {
                **answers("All of them.", object_of(approvals={"type": "array", "items": APPROVAL})),
                **_LOST,
            },
        }
    },
    "/api/approvals/{handle}/approve": _decides("Say yes to exactly this call, once"),
    "/api/approvals/{handle}/reject": _decides("Say no to it"),
}
