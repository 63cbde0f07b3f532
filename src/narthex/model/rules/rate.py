"""How often something may be called, as the operator writes it.

Knows: numbers and windows. Refuses to know: clocks, and who counts.
"""

from typing import Annotated, Literal

import msgspec

Per = Literal["principal", "session", "tenant", "endpoint", "server", "tool"]
Mode = Literal["enforce", "warn"]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Ceiling = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Units = Annotated[float, msgspec.Meta(gt=0, le=1_000_000_000)]


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token bucket, a number of calls at one time, or both."""

    requests_per_second: Count | None = None
    requests_per_minute: Count | None = None
    requests_per_hour: Count | None = None
    burst: Count | None = None  # absent: as many as one window allows
    concurrent: Count | None = None  # calls at one time
    per: Per = "principal"  # whose calls are counted together, among those that this rule is about
    mode: Mode = "enforce"


class Quota(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So much in a day or a month of the calendar."""

    calls_per_day: Ceiling | None = None
    calls_per_month: Ceiling | None = None
    cost_per_day: Units | None = None  # in the units that `cost` says
    cost_per_month: Units | None = None
    time_zone: str = "UTC"  # whose midnight ends a day: a name of the IANA database
    per: Per = "principal"
    mode: Mode = "enforce"
