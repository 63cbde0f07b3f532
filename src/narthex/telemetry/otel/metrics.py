"""The numbers of the house as OTLP metrics: the same that Prometheus reads, pushed now and then.

Knows: which of them have a name in the semantic conventions for MCP. Refuses to know: who counts.
"""

import time
from collections.abc import Iterable
from typing import Any

from narthex import __version__
from narthex.model.opentelemetry import OpenTelemetryConfig
from narthex.telemetry.exposition import Sample
from narthex.telemetry.families import FAMILIES, SECONDS, Family
from narthex.telemetry.metrics import METHODS
from narthex.telemetry.otel.tracing import resource_of

DURATION = "mcp.server.operation.duration"
_UNKNOWN: Any = None  # we keep no extremes, and the form lets them be absent
_FAMILIES = {family.name: family for family in FAMILIES}


class MetricExport:
    """One for the gateway. `send` blocks: meant for a thread."""

    def __init__(self, config: OpenTelemetryConfig) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        self._exporter = OTLPMetricExporter(
            config.at("metrics"), headers=dict(config.headers), timeout=config.timeout_seconds
        )
        self._resource = resource_of(config)
        self._since = time.time_ns()

    def send(self, samples: Iterable[Sample]) -> bool:
        """Whether they were taken. The SDK's exporter tries again by itself, within its time."""
        from opentelemetry.sdk.metrics.export import MetricExportResult

        return self._exporter.export(self.data(samples)) is MetricExportResult.SUCCESS

    def data(self, samples: Iterable[Sample]) -> Any:
        from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            by_name.setdefault(sample.name, []).append(sample)
        now = time.time_ns()
        metrics = [self._metric(_FAMILIES[name], found, now) for name, found in by_name.items()]
        calls = by_name.get("narthex_call_seconds", [])
        metrics.append(_histogram(DURATION, "How long requests took.", map(_of_mcp, calls), calls, self._since, now))
        scope = ScopeMetrics(InstrumentationScope("narthex", __version__), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def close(self) -> None:
        self._exporter.shutdown()

    def _metric(self, family: Family, samples: list[Sample], now: int) -> Any:
        from opentelemetry.sdk.metrics.export import (
            AggregationTemporality,
            Gauge,
            Metric,
            NumberDataPoint,
            Sum,
        )

        attributes = [dict(zip(family.labels, sample.labels, strict=True)) for sample in samples]
        if family.kind == "histogram":
            return _histogram(family.name, family.help, attributes, samples, self._since, now)
        points = [
            NumberDataPoint(named, self._since, now, sample.value)
            for named, sample in zip(attributes, samples, strict=True)
        ]
        if family.kind == "gauge":
            return Metric(family.name, family.help, "", Gauge(points))
        name = family.name.removesuffix("_total")
        return Metric(name, family.help, "", Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True))


def _histogram(
    name: str, told: str, attributes: Iterable[dict[str, str]], samples: list[Sample], since: int, now: int
) -> Any:
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

    points = [
        HistogramDataPoint(
            named,
            since,
            now,
            count=sum(sample.buckets),
            sum=sample.value,
            bucket_counts=sample.buckets,
            explicit_bounds=SECONDS,
            min=_UNKNOWN,
            max=_UNKNOWN,
        )
        for named, sample in zip(attributes, samples, strict=True)
    ]
    return Metric(name, told, "s", Histogram(points, AggregationTemporality.CUMULATIVE))


def _of_mcp(sample: Sample) -> dict[str, str]:
    """Labels of `narthex_call_seconds` by the names of the conventions: a tool has a server, a method may have none."""
    server, tool = sample.labels
    named = {"narthex.server": server} if server else {}
    if tool in METHODS:
        return {"mcp.method.name": tool, **named}
    return {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool, "gen_ai.operation.name": "execute_tool", **named}
