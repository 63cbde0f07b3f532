"""How large a result may be, and what becomes of one that is larger, as the operator writes it.

Knows: numbers and choices. Refuses to know: what a result looks like, and where one is cut.
"""

from typing import Annotated, Literal

import msgspec

from narthex.limits import result_rule_bytes_min, token_bytes

Size = Annotated[int, msgspec.Meta(ge=result_rule_bytes_min, le=1_000_000_000)]
Tokens = Annotated[int, msgspec.Meta(ge=result_rule_bytes_min // token_bytes, le=250_000_000)]
Hint = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
KeptSeconds = Annotated[int, msgspec.Meta(ge=10, le=86_400)]


class ResultSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the two bounds has to be there; of both the smaller one holds."""

    bytes_max: Size | None = None
    tokens_max: Tokens | None = None  # by the estimate of the house: so many bytes are one token
    when_larger: Literal["truncate", "offload", "refuse"] = "truncate"
    hint: Hint | None = None  # how to ask for less, in the words of this tool: "limit=10"
    keep_seconds: KeptSeconds = 600  # of what was offloaded

    @property
    def most(self) -> int:
        """Bytes of a result that pass as they are."""
        bounds = [one for one in (self.bytes_max, self.tokens_max and self.tokens_max * token_bytes) if one]
        return min(bounds, default=0)
