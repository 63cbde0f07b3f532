"""The words of `control.words` for OpenTelemetry.

Knows: sentences. Refuses to know: types and defaults; those come from `model.opentelemetry`.
"""

from narthex.control.wording import Words

OPENTELEMETRY = Words(
    "Where traces and metrics are sent by OTLP. Absent: nowhere; trace context is handed on all the same. Needs the "
    "extra `[otel]`.",
    '{url: "http://collector.internal:4318", sample: 0.05}',
)

WORDS: dict[str, dict[str, Words]] = {
    "OpenTelemetryConfig": {
        "url": Words(
            "A collector that speaks OTLP over HTTP. `/v1/traces` and `/v1/metrics` are appended.",
            "http://collector.internal:4318",
        ),
        "headers": Words("Headers of every export.", '{Authorization: "Bearer ${OTLP_TOKEN}"}'),
        "service_name": Words("`service.name` of what is sent.", "narthex-emea"),
        "sample": Words(
            "Share of the calls that are traced, from 0 to 1. Also of those that a caller wants to have traced: no "
            "caller can make a gateway write more.",
            "0.05",
        ),
        "metrics_seconds": Words("How often the metrics are sent. `null`: never, traces alone.", "15"),
        "timeout_seconds": Words("How long one export may take.", "5"),
    }
}
