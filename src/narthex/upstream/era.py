"""What is known of a server's era, so that a restart need not probe anew.

Knows: era, revision, transport, when it was seen. Refuses to know: files and clocks.
"""

import msgspec

from narthex.limits import era_record_seconds_max
from narthex.model.offer import Era


class EraRecord(msgspec.Struct, frozen=True):
    """`at` is wall clock, seconds. A legacy record grows old: the server may have been upgraded (R1)."""

    era: Era
    transport: str  # "http", "http+sse", "stdio", "local"
    revision: str
    at: float

    def fresh(self, now: float) -> bool:
        return self.era == "modern" or now - self.at < era_record_seconds_max
