"""OpenTelemetry: traces and metrics over OTLP. The SDK is an extra, and nothing of it is imported without need."""
