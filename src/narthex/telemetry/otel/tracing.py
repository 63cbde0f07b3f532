"""Where spans go: OTLP over HTTP, in batches, from a thread of the SDK's.

Knows: the SDK. Refuses to know: what a call is made of (that is `spans`), and which are traced (`relay.tracing`).
"""

import logging
from collections.abc import Callable
from typing import Any

from narthex import __version__
from narthex.model.opentelemetry import OpenTelemetryConfig
from narthex.telemetry.otel.spans import CallSpans
from narthex.wire.trace_context import TraceContext

Say = Callable[[str, str], None]


class Tracing:
    """One for the gateway, where the configuration has `opentelemetry`. Raises `ImportError` without the SDK."""

    def __init__(self, config: OpenTelemetryConfig, say: Say) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        self._told = ToldOfFaults(say)
        # Which calls are sampled is decided before (`relay.tracing`): a span that nobody keeps costs, too.
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource_of(config), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(config.at("traces"), headers=dict(config.headers), timeout=config.timeout_seconds)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("narthex", __version__)

    def begin(self, parent: TraceContext | None) -> CallSpans:
        """The spans of a call that begins now. What it is called is known when it is over."""
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span("call", _context(parent), SpanKind.SERVER)
        return CallSpans(self._tracer, span, parent.state if parent is not None else "")

    def close(self) -> None:
        """What is waiting is sent, for as long as the exporter's own time allows. Blocks: meant for a thread."""
        self._provider.shutdown()
        self._told.close()


def resource_of(config: OpenTelemetryConfig) -> Any:
    from opentelemetry.sdk.resources import Resource

    return Resource.create({"service.name": config.service_name, "service.version": __version__})


def _context(parent: TraceContext | None) -> Any:
    """What the SDK makes a span a child of. An empty one where there is nobody: it must not look elsewhere."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

    if parent is None:
        return Context()
    found = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
        trace_state=TraceState.from_header([parent.state]) if parent.state else None,
    )
    return set_span_in_context(NonRecordingSpan(found), Context())


class ToldOfFaults(logging.Handler):
    """What the SDK logs of a collector that is away: one line of ours for each kind, without what was to be sent."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say, self._said = say, frozenset[str]()
        self._logger = logging.getLogger("opentelemetry")
        self._propagated = self._logger.propagate
        self._logger.propagate = False  # it would go to standard error, in a form of its own
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg not in self._said:
            self._said |= {str(record.msg)}
            self._say("warning", f"OpenTelemetry: {record.name.rpartition('.')[2]} could not export; it is tried again")

    def close(self) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        super().close()
