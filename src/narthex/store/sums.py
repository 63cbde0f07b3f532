"""What records of calls come to, day by day: how a record is counted, wherever it is met.

Knows: which record is a call, whose it is, and what it adds. Refuses to know: files, and whether one was met before.
"""

from datetime import UTC, datetime

import msgspec

from narthex.model.audit import AuditRecord

KEYS = ("day", "tenant", "principal", "server", "tool")
SUMS = ("calls", "errors", "denied", "cost", "bytes_in", "bytes_out")  # costs in thousandths of a unit: sums are exact
UNKNOWN = "unknown"  # a tool that nobody has: what clients make up is not kept name by name

_ERRORS = frozenset(("error", "tool_error", "unknown"))
_DAY = 86_400_000_000  # microseconds

Key = tuple[str, str, str, str, str]


class Counted(msgspec.Struct, gc=False):
    """Of a record, what is summed."""

    kind: str
    at: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    cost: float = 0.0
    method: str = ""
    outcome: str = ""
    principal: str = ""
    server: str = ""
    tenant: str = ""
    tool: str = ""


class Sums:
    """`by_key`: in the order of `SUMS`."""

    __slots__ = ("_day", "_day_begins", "_day_ends", "by_key")

    def __init__(self) -> None:
        self.by_key: dict[Key, list[int]] = {}
        self._day, self._day_begins, self._day_ends = "", 0, 0

    def add(self, one: Counted | AuditRecord) -> bool:
        """Count it, if it is a call. Whether it is the first of its kind."""
        if one.kind != "end" or not one.method:  # somebody who was not let in made no call
            return False
        if not self._day_begins <= one.at < self._day_ends:
            self._turn(one.at // _DAY)
        tool = one.tool if one.method == "tools/call" else one.method
        key = (self._day, one.tenant, one.principal, one.server, tool if one.server else UNKNOWN)
        sum_ = self.by_key.get(key)
        first = sum_ is None
        if sum_ is None:
            sum_ = self.by_key[key] = [0] * len(SUMS)
        sum_[0] += 1
        sum_[3] += round(one.cost * 1_000)
        sum_[4] += one.bytes_in
        sum_[5] += one.bytes_out
        if one.outcome != "ok":
            sum_[1] += one.outcome in _ERRORS
            sum_[2] += one.outcome == "denied"
        return first

    def _turn(self, day: int) -> None:
        self._day = datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
        self._day_begins, self._day_ends = day * _DAY, (day + 1) * _DAY

    def merge(self, other: "Sums") -> None:
        """What the other has, too. What is in the other stays as it is."""
        for key, more in other.by_key.items():
            mine = self.by_key.get(key)
            self.by_key[key] = more if mine is None else [a + b for a, b in zip(mine, more, strict=True)]
