"""Where traces and metrics go by OTLP, as the operator wrote it.

Knows: an address, how much is sampled. Refuses to know: spans, the SDK.
"""

from typing import Annotated

import msgspec

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class OpenTelemetryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key `opentelemetry:`."""

    url: Word  # of the collector, OTLP over HTTP; `/v1/traces` and `/v1/metrics` are appended
    headers: dict[Word, Word] = {}  # values may be secrets
    service_name: Word = "narthex"
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0  # share of the traces, also of those that callers began
    metrics_seconds: Annotated[float, msgspec.Meta(ge=1)] | None = 60.0  # null: no metrics
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0

    def __repr__(self) -> str:
        return f"<OpenTelemetryConfig {self.service_name}>"

    def at(self, signal: str) -> str:
        """The address for `traces` or `metrics` (OTLP exporter specification, endpoint URLs)."""
        return f"{self.url.rstrip('/')}/v1/{signal}"
