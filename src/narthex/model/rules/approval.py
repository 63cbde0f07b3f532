"""Which calls need a human's yes, and whose, as the operator writes it.

Knows: choices, words and times. Refuses to know: how anybody is asked, and what a yes is bound to.
"""

from typing import Annotated, Literal

import msgspec

Why = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Validity = Annotated[int, msgspec.Meta(ge=1, le=7 * 86_400)]
Patience = Annotated[int, msgspec.Meta(ge=0, le=300)]


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A yes is good for one call with exactly the arguments that were shown."""

    by: Literal["caller", "operator", "nobody"]  # who says yes; `nobody` takes back what a less specific place asks
    reason: Why | None = None  # what whoever is asked reads first
    expires_seconds: Validity = 900  # for the answer to come, and from then on for the call
    wait_seconds: Patience = 20  # how long a call waits for an operator, before it ends as pending
    show: Literal["exact", "redacted"] = "exact"  # the arguments, to whoever is asked
