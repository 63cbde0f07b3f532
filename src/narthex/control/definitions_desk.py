"""Definitions on the admin address: listed, shown, approved, rejected.

Knows: addresses and forms. Refuses to know: where pins are kept, and who is shown what.

Every definition has its own address, by its fingerprint: whoever approves of one approves of what was shown.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narthex.control.answering import Tree, answers, json_answer, object_of
from narthex.control.deciding import BODY, REFUSALS, Decider
from narthex.control.definitions import Row, compared, described, rows, shown_at, standings, suspicion
from narthex.model.endpoint import Endpoint
from narthex.model.pin import KINDS, Pin
from narthex.relay.watching import Watching
from narthex.store.folder import StateFault
from narthex.store.pins import PinFault
from narthex.telemetry.metrics import Metrics


class DefinitionsDesk:
    """GET and POST below /api/definitions."""

    def __init__(
        self,
        watching: Watching,
        endpoints: Callable[[], Mapping[str, Endpoint]],
        decider: Decider,
        act: Callable[[str, str, str], None],
    ) -> None:
        """`act(what, about what, note)`: for the record."""
        self._watching, self._endpoints, self._decider, self._act = watching, endpoints, decider, act
        self.routes = (
            Route("/api/definitions", self._list, methods=["GET"]),
            Route("/api/definitions/{server}/{fingerprint}", self._show, methods=["GET"]),
            Route("/api/definitions/{server}/{fingerprint}/approve", self._approve, methods=["POST"]),
            Route("/api/definitions/{server}/{fingerprint}/reject", self._reject, methods=["POST"]),
        )
        self.paths = PATHS

    def measure(self, metrics: Metrics) -> None:
        """Give the metrics their readings."""
        metrics.read("narthex_definitions", lambda: standings(self._endpoints()))
        metrics.read(
            "narthex_definitions_suspect",
            lambda: [((server,), float(count)) for server, count in self._watching.suspects().items()],
        )
        metrics.read("narthex_pins_up", lambda: [((), float(not self._watching.blind))])

    async def _list(self, request: Request) -> Response:
        """In a thread: a large catalogue is a large page."""
        return json_answer(await asyncio.to_thread(self._all))

    async def _show(self, request: Request) -> Response:
        row = await self._row(request)
        if row is None:
            return _unknown()
        return json_answer(await asyncio.to_thread(self._compared, row))

    async def _approve(self, request: Request) -> Response:
        return await self._decide(request, self._watching.approve)

    async def _reject(self, request: Request) -> Response:
        return await self._decide(request, self._watching.reject)

    async def _decide(self, request: Request, decide: Callable[..., Any]) -> Response:
        by = await self._decider.named(request)
        if isinstance(by, Response):
            return by
        row = await self._row(request)
        if row is None or row.offered is None:
            return _unknown()
        one = row.offered
        try:
            pin: Pin = await decide(row.server, one.kind, one.name, one.fingerprint, by)
        except PinFault as error:
            return json_answer({"error": str(error)}, status=404)
        except StateFault as error:
            return json_answer({"error": str(error)}, status=503)
        told = _decided(pin)
        self._act(
            f"definition.{told['state']}", f"{pin.server}/{pin.kind}/{pin.name}", f"{pin.fingerprint} by {pin.by}"
        )
        return json_answer(told)

    # ---- in a thread

    def _all(self) -> Tree:
        found = rows(self._watching.seen(), self._watching.known())
        scores, shown = self._watching.scores(), shown_at(self._endpoints())
        told = [described(row, scores.get((row.server, row.fingerprint)), shown) for row in found]
        return {"waiting": sum(row.waits for row in found), "definitions": told}

    def _compared(self, row: Row) -> Tree:
        return compared(row, suspicion(row, self._watching.names()), shown_at(self._endpoints()))

    async def _row(self, request: Request) -> Row | None:
        server, fingerprint = request.path_params["server"], request.path_params["fingerprint"]
        seen = {name: there for name, there in self._watching.seen().items() if name == server}
        found = await asyncio.to_thread(rows, seen, self._watching.known())
        return next((row for row in found if row.fingerprint == fingerprint), None)


def _decided(pin: Pin) -> Tree:
    state = "rejected" if pin.state == "rejected" else "approved"
    named = {"server": pin.server, "kind": pin.kind, "name": pin.name, "fingerprint": pin.fingerprint}
    return {**named, "state": state, "decided": pin.decided, "by": pin.by}


def _unknown() -> Response:
    return json_answer({"error": "No server offers a definition with this fingerprint now."}, status=404)


_TEXT: Tree = {"type": "string"}
_TEXT_OR_NULL: Tree = {"type": ["string", "null"]}
_TEXTS_OR_NULL: Tree = {"type": ["array", "null"], "items": _TEXT, "description": 'Names of endpoints; "" is /mcp.'}
_TIME_OR_NULL: Tree = {"type": ["number", "null"], "description": "Seconds since the epoch."}
_CLASS: Tree = {"enum": ["breaking", "text", "compatible"]}
_STATES: Tree = {"enum": ["approved", "first seen", "new", "changed", "rejected", "removed"]}
_ROW: Tree = {
    "server": _TEXT,
    "kind": {"enum": list(KINDS)},
    "name": _TEXT,
    "state": _STATES,
    "fingerprint": _TEXT,
    "pinned_fingerprint": _TEXT_OR_NULL,
    "classes": {"type": "array", "items": _CLASS},
    "was_called": _TEXT_OR_NULL,
    "version": _TEXT_OR_NULL,
    "pinned_version": _TEXT_OR_NULL,
    "first_seen": _TIME_OR_NULL,
    "decided": _TIME_OR_NULL,
    "by": _TEXT_OR_NULL,
    "score": {"type": ["number", "null"], "description": "How much it looks like an attack; null: nobody looked."},
    "quarantined": _TEXTS_OR_NULL,
    "held": _TEXTS_OR_NULL,
}
_CHANGE: Tree = {"type": "object", "properties": {"class": _CLASS, "where": _TEXT, "what": _TEXT}}
_FINDING: Tree = object_of(kind=_TEXT, where=_TEXT, excerpt=_TEXT, why=_TEXT, weight={"type": "number"})
_SHOWN: Tree = object_of(
    **_ROW,
    changes={"type": "array", "items": _CHANGE},
    findings={"type": "array", "items": _FINDING},
    before={},
    after={},
)
_DECIDED: Tree = object_of(
    state={"enum": ["approved", "rejected"]},
    **{name: _ROW[name] for name in ("server", "kind", "name", "fingerprint", "decided", "by")},
)
_PARAMETERS = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in ("server", "fingerprint")]
_NONE: Tree = {"404": {"description": "No server offers it now."}}


def _decision(summary: str) -> Tree:
    return {
        "post": {
            "summary": summary,
            "parameters": _PARAMETERS,
            "requestBody": BODY,
            "responses": {
                **answers("It is decided.", _DECIDED),
                "400": {"description": "The body cannot be read; the text says why."},
                **REFUSALS,
                **_NONE,
                "503": {"description": "The state folder cannot be used; the text says why."},
            },
        }
    }


PATHS: Tree = {
    "/api/definitions": {
        "get": {
            "summary": "What servers say of their tools, prompts and themselves, and what was decided about it",
            "responses": answers(
                "All of it, without the definitions.",
                object_of(
                    waiting={"type": "integer", "minimum": 0},
                    definitions={"type": "array", "items": object_of(**_ROW)},
                ),
            ),
        }
    },
    "/api/definitions/{server}/{fingerprint}": {
        "get": {
            "summary": "One definition, compared with the pinned one",
            "parameters": _PARAMETERS,
            "responses": {**answers("It, and what looks like an attack in it.", _SHOWN), **_NONE},
        }
    },
    "/api/definitions/{server}/{fingerprint}/approve": _decision("Approve of exactly this definition"),
    "/api/definitions/{server}/{fingerprint}/reject": _decision("Never show exactly this definition to anybody"),
}
