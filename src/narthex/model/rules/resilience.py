"""What is done about servers that are slow, fail or are gone, as the operator writes it.

Knows: numbers. Refuses to know: clocks, and how a server is asked.
"""

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Places = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Row = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Retries = Annotated[int, msgspec.Meta(ge=0, le=5)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Bulkhead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many calls at one server at one time, and so many that wait for a place."""

    concurrent: Places
    waiting: Row = 16
    wait_seconds: Seconds = 2.0  # how long one of them waits at most


class BreakerRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a server is left alone for a while. What a tool itself says is wrong counts as an answer."""

    failures: Places = 5  # in a row
    share: Share | None = None  # of all calls; None: only what fails in a row counts
    calls: Places = 20  # at least, within the window, before the share is looked at
    window_seconds: Seconds = 10.0
    open_seconds: Seconds = 10.0  # until one call may try


AS_USUAL = BreakerRule()
