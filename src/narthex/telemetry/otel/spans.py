"""Two spans for a call: ours as its server, and one for each time a server behind is asked (MCP semantic conventions).

Knows: names, kinds and attributes. Refuses to know: who samples, and where spans go. Nothing of what is said in a call
is in them: no arguments, no results, no text of an error, and not who calls.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from narthex.telemetry.event import CallEvent
from narthex.wire.trace_context import SAMPLED, TraceContext

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

Attributes = Mapping[str, str | int]
_GOOD = frozenset({"ok", "input_required"})
_NANOSECONDS = 1_000_000_000


class CallSpans:
    """Of one sampled call. Made when it begins."""

    __slots__ = ("_client", "_server", "_state", "_tracer")

    def __init__(self, tracer: "Tracer", server: "Span", state: str) -> None:
        self._tracer, self._server, self._state = tracer, server, state
        self._client: Span | None = None

    @property
    def trace_id(self) -> str:
        return f"{self._server.get_span_context().trace_id:032x}"

    def asks(self, method: str, target: str, server: str) -> TraceContext:
        """The server is asked now; what it is told of the trace. Asked again: another span."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        self.answered("superseded")
        self._client = self._tracer.start_span(
            span_name(method, target),
            set_span_in_context(self._server),
            SpanKind.CLIENT,
            attributes={**target_of(method, target), "narthex.server": server},
        )
        found = self._client.get_span_context()
        return TraceContext(f"{found.trace_id:032x}", f"{found.span_id:016x}", SAMPLED, self._state)

    def answered(self, error: str | None = None) -> None:
        """It has answered, or never will: `error` is the machine's word for why."""
        if self._client is not None:
            _close(self._client, error)
            self._client = None

    def end(self, event: CallEvent) -> None:
        """The call is over."""
        error = None if event.outcome in _GOOD else event.outcome
        self.answered(error)
        target = event.tool if event.server else ""  # what a client made up is not to become the name of a span
        self._server.update_name(span_name(event.method, target))
        self._server.set_attributes(_of_event(event, target))
        _close(self._server, error)


def span_name(method: str, target: str) -> str:
    """`{mcp.method.name} {target}`; a URI is no target, there are too many of them."""
    return f"{method} {target}" if target and method in _TARGETS else method


_TARGETS = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}


def target_of(method: str, target: str) -> dict[str, str]:
    """Which method, and of what."""
    found = {"mcp.method.name": method}
    if method == "tools/call":
        found["gen_ai.operation.name"] = "execute_tool"
    if target and method in _TARGETS:
        found[_TARGETS[method]] = target
    return found


def _of_event(event: CallEvent, target: str) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        **target_of(event.method, target),
        "mcp.protocol.version": event.revision,
        "narthex.outcome": event.outcome,
        "narthex.call": event.serial,
    }
    if event.code is not None:
        found["rpc.response.status_code"] = str(event.code)
    named = (("endpoint", event.endpoint), ("server", event.server), ("reason", event.reason or ""))
    found |= {f"narthex.{name}": value for name, value in (*named, ("denied_by", event.denied_by)) if value}
    return found


def _close(span: "Span", error: str | None) -> None:
    if error is not None:
        from opentelemetry.trace import Status, StatusCode

        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
    span.end()
