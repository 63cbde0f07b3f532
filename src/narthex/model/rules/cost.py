"""What a call costs, in units of the operator's own choice.

Knows: numbers. Refuses to know: money, and what is done with the sum (`quota`, metering).
"""

from typing import Annotated

import msgspec

Price = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is named adds up. The short form, a number, is `per_call` alone."""

    per_call: Price = 0.0
    per_kb: Price = 0.0  # of the answer, 1,000 bytes
    per_row: Price = 0.0  # of the result: entries of its lists
