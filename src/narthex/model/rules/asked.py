"""What a library may lay down about its own tools, where it is the operator's own code.

Knows: the keys that can only make calls fewer, dearer or more looked at. Refuses to know: what the operator says of
the same, which goes before (`catalog/settling`); a rate limit holds beside the operator's.
"""

from typing import Annotated

import msgspec

from narthex.model.rules.approval import Approval
from narthex.model.rules.cost import Cost
from narthex.model.rules.rate import RateLimit
from narthex.model.rules.rules import Rules


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    rate_limit: RateLimit | tuple[RateLimit, ...] | None = None
    cost: Annotated[float, msgspec.Meta(ge=1, le=1_000_000)] | Cost | None = None
    approval: Approval | None = None

    def rules(self) -> Rules:
        cost = self.cost
        if isinstance(cost, Cost):  # a call costs one unit where nobody says anything: that is the least
            cost = msgspec.structs.replace(cost, per_call=max(1.0, cost.per_call))
        return Rules(rate_limit=self.rate_limit, cost=cost, approval=self.approval)
