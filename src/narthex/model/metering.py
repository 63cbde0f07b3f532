"""What is counted of calls, as the operator wrote it.

Knows: the names that a configuration has for it. Refuses to know: which metrics these are (that is `telemetry`).
"""

from typing import Literal

import msgspec

Metered = Literal["tool_calls", "latency", "error_rate", "denials", "cost"]


class MeteringConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key `metering:`."""

    backend: Literal["prometheus"] = "prometheus"
    metrics: tuple[Metered, ...] | None = None  # absent: all
