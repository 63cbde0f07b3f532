"""Stops on the admin address, and as an operator is shown them anywhere: looked at, made, taken back.

Knows: the names of what is shown, and of what is asked for. Refuses to know: where stops are kept, and whom they meet.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from math import inf
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narthex.control.answering import Tree, answers, body_of, json_answer, object_of
from narthex.control.deciding import REFUSALS, Decider
from narthex.model.stop import KINDS, Stop, Target
from narthex.relay.stopping import Stopping
from narthex.store.folder import StateFault
from narthex.store.stops import StopFault, TargetFault

_BY = "admin address"


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of `server`, `tool`, `tenant` and `principal`; `tenant` may stand beside `principal`."""

    server: str | None = None
    tool: str | None = None
    tenant: str | None = None
    principal: str | None = None
    reason: str = ""
    seconds: float | None = None  # None: until it is resumed
    by: str = _BY


def target_of(server: str | None, tool: str | None, tenant: str | None, principal: str | None) -> Target:
    """What is meant. Raises `TargetFault` where that is nothing, or more than one thing."""
    if principal is not None and server is None and tool is None:
        return Target(kind="principal", name=principal, tenant=tenant)
    named: dict[Any, str | None] = {"server": server, "tool": tool, "tenant": tenant, "principal": principal}
    found = [(kind, name) for kind, name in named.items() if name is not None]
    if len(found) != 1:
        raise TargetFault(f"Name one thing to stop: {', '.join(KINDS)}.")
    return Target(kind=found[0][0], name=found[0][1] or "")


def state_of(stop: Stop, now: float) -> str:
    return "holds" if stop.holds(now) else "resumed" if stop.resumed is not None else "over"


def described(stop: Stop, now: float) -> Tree:
    """Times are seconds since the epoch; `null`: never, or not yet."""
    return {
        "id": stop.id,
        "kind": stop.target.kind,
        "name": stop.target.name,
        "tenant": stop.target.tenant,
        "state": state_of(stop, now),
        "reason": stop.reason,
        "by": stop.by,
        "since": stop.since,
        "until": None if stop.until == inf else stop.until,
        "resumed": stop.resumed,
        "resumed_by": stop.resumed_by or None,
    }


def holding(stops: Iterable[Stop], now: float) -> list[Tree]:
    return [described(one, now) for one in stops if one.holds(now)]


Act = Callable[[str, str, str], None]  # action, target, note: for the record


class StopsDesk:
    """GET, POST and DELETE below /api/stops.

    Any program on this machine may stop: that is the safe side. To let run again what was stopped is a decision.
    """

    def __init__(self, stopping: Stopping, decider: Decider, act: Act) -> None:
        self._stopping, self._decider, self._act = stopping, decider, act
        self.routes = (
            Route("/api/stops", self._list, methods=["GET"]),
            Route("/api/stops", self._stop, methods=["POST"]),
            Route("/api/stops/{key:int}", self._resume, methods=["DELETE"]),
        )
        self.paths = PATHS

    async def _list(self, request: Request) -> Response:
        return json_answer({"stops": holding(self._stopping.stops(), time.time())})

    async def _stop(self, request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await body_of(request) or b"{}", type=Wanted)
            target = target_of(wanted.server, wanted.tool, wanted.tenant, wanted.principal)
        except (StopFault, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return json_answer({"error": str(error)}, status=400)
        until = inf if wanted.seconds is None else time.time() + wanted.seconds

        async def stopped() -> Stop:
            made = await self._stopping.stop(target, wanted.reason, wanted.by, until)
            self._act("stop.made", f"stop {made.id}", f"{target} by {wanted.by}: {wanted.reason}")
            return made

        return await _told(stopped, 400)

    async def _resume(self, request: Request) -> Response:
        refusal = self._decider.refusal(request)
        if refusal is not None:
            return refusal
        key: int = request.path_params["key"]

        async def resumed() -> Stop:
            done = await self._stopping.resume(key, _BY)
            self._act("stop.resumed", f"stop {key}", str(done.target))
            return done

        return await _told(resumed, 404)


async def _told(work: Callable[[], Awaitable[Stop]], status: int) -> Response:
    try:
        return json_answer(described(await work(), time.time()))
    except StopFault as error:
        return json_answer({"error": str(error)}, status=status)
    except StateFault as error:
        return json_answer({"error": str(error)}, status=503)


_TEXT: Tree = {"type": "string"}
_TEXT_OR_NULL: Tree = {"type": ["string", "null"]}
_TIME_OR_NULL: Tree = {"type": ["number", "null"], "description": "Seconds since the epoch."}
STOP: Tree = object_of(
    id={"type": "integer", "minimum": 1},
    kind={"enum": list(KINDS)},
    name=_TEXT,
    tenant=_TEXT_OR_NULL,
    state={"enum": ["holds", "resumed", "over"]},
    reason=_TEXT,
    by=_TEXT,
    since=_TIME_OR_NULL,
    until=_TIME_OR_NULL,
    resumed=_TIME_OR_NULL,
    resumed_by=_TEXT_OR_NULL,
)
_WANTED: Tree = {
    "type": "object",
    "description": "One of server, tool, tenant and principal; a tenant may stand beside a principal.",
    "properties": {
        "server": _TEXT,
        "tool": {**_TEXT, "description": "server/tool, or a public name."},
        "tenant": _TEXT,
        "principal": _TEXT,
        "reason": {**_TEXT, "description": "Callers read it."},
        "seconds": {"type": "number", "description": "Absent: until it is resumed."},
        "by": _TEXT,
    },
    "additionalProperties": False,
}
_LOST: Tree = {"503": {"description": "The state folder cannot be used; the text says why."}}
PATHS: Tree = {
    "/api/stops": {
        "get": {
            "summary": "What the operator has stopped, and holds now",
            "responses": answers("All of it.", object_of(stops={"type": "array", "items": STOP})),
        },
        "post": {
            "summary": "Stop a server, a tool, a tenant or a principal, in every process within a second",
            "requestBody": {"required": True, "content": {"application/json": {"schema": _WANTED}}},
            "responses": {
                **answers("It is stopped.", STOP),
                "400": {"description": "It cannot be stopped; the text says why."},
                **_LOST,
            },
        },
    },
    "/api/stops/{id}": {
        "delete": {
            "summary": "Let it run again",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "responses": {
                **answers("It runs again.", STOP),
                **REFUSALS,
                "404": {"description": "There is no such stop."},
                **_LOST,
            },
        }
    },
}
