"""What of the house goes to a collector, put together: spans as calls end, numbers now and then.

Knows: when. Refuses to know: who is traced, and who counts.
"""

import asyncio

from narthex.model.opentelemetry import OpenTelemetryConfig
from narthex.telemetry.metrics import Metrics
from narthex.telemetry.otel.metrics import MetricExport
from narthex.telemetry.otel.tracing import Say, Tracing


class NotInstalled(Exception):
    """The extra is missing; the text says how to get it."""


class Export:
    """One for the gateway, where the configuration has `opentelemetry`. Raises `NotInstalled`."""

    def __init__(self, config: OpenTelemetryConfig, say: Say) -> None:
        try:
            self.config, self.tracing = config, Tracing(config, say)
            self._metrics = MetricExport(config)
        except ImportError:
            raise NotInstalled("pip install 'narthex[otel]'") from None

    async def push(self, metrics: Metrics) -> None:
        """For ever, every `metrics_seconds`. A collector that was away gets the next sums, and has lost nothing."""
        while self.config.metrics_seconds is not None:
            await asyncio.sleep(self.config.metrics_seconds)
            await asyncio.to_thread(self._metrics.send, metrics.samples())

    async def aclose(self, metrics: Metrics) -> None:
        """What is waiting is sent, and the last sums."""
        if self.config.metrics_seconds is not None:
            await asyncio.to_thread(self._metrics.send, metrics.samples())
        await asyncio.gather(asyncio.to_thread(self._metrics.close), asyncio.to_thread(self.tracing.close))
