"""Trace context on its way through (G-13): who began it, what a server behind is told of it, and whether we add to it.

Knows: that it comes in headers or in `_meta` (which goes first: it is nearer to the call), and goes on in both; which
calls are sampled. Refuses to know: the SDK (that is `telemetry/otel`).

A caller that says "sampled" is believed only for the share that the operator allows: nobody can make a gateway write
more traces than that.

Without `opentelemetry` in the configuration what came is handed on as it was, if it is valid. `baggage` ends here: it
is what anybody may have written, and the servers behind are another house.
"""

from collections.abc import Mapping
from random import random
from typing import Any

from narthex.model.call import Call
from narthex.telemetry.otel.tracing import Tracing
from narthex.wire.trace_context import TraceContext, read_meta

_NOTHING: Mapping[str, str] = {}
_IDS = 1 << 64


class Traces:
    """One for the gateway. `tracing` is None where nobody collects any."""

    def __init__(self, tracing: Tracing | None = None, share: float = 0.0) -> None:
        self._tracing, self._share = tracing, share if tracing is not None else 0.0
        self._owed = 0

    def takes(self) -> bool:
        """A call that nobody has begun a trace for shall be sampled; the next one that `begin` sees is.

        For the express way, which carries none that is.
        """
        if self._share and random() < self._share:  # noqa: S311 - which calls are looked at is no secret
            self._owed += 1
            return True
        return False

    def begin(self, call: Call) -> None:
        """Once for each call, before anything else."""
        meta = call.params.get("_meta")
        if type(meta) is dict and (said := read_meta(meta)) is not None:
            call.trace = said
        if self._tracing is None:
            return
        if self._samples(call.trace):
            call.spans = self._tracing.begin(call.trace)

    def onwards(self, call: Call) -> Mapping[str, str]:
        """What its server is told, in `_meta` and in headers."""
        if call.spans is not None:
            context: TraceContext = call.spans.asks(call.method, call.exposed, call.server)
            return context.fields()
        return call.trace.fields() if call.trace is not None else _NOTHING

    def _samples(self, parent: TraceContext | None) -> bool:
        if parent is not None:
            return parent.sampled and int(parent.trace_id[16:], 16) < self._share * _IDS
        if self._owed:
            self._owed -= 1
            return True
        return random() < self._share  # noqa: S311 - as above


def trace_id_of(call: Call) -> str:
    """Under which it can be found elsewhere; "" where nobody traces it."""
    if call.spans is not None:
        found: str = call.spans.trace_id
        return found
    return call.trace.trace_id if call.trace is not None else ""


def with_trace(meta: dict[str, Any], trace: Mapping[str, str]) -> dict[str, Any]:
    """A `_meta` that says it."""
    return {**meta, **trace} if trace else meta
