"""All that may be laid down about calls, and where: gateway, tenant, endpoint, server, tool.

Knows: the keys. Each may stand at every place; the most specific place that has a key wins, and the key is taken from
there whole. Refuses to know: which place is more specific (that is `catalog/settling`).
"""

import msgspec

from narthex.model.rules.approval import Approval
from narthex.model.rules.cache import Caching
from narthex.model.rules.cost import Cost, Price
from narthex.model.rules.definitions import Definitions
from narthex.model.rules.rate import Quota, RateLimit
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.resilience import BreakerRule, Bulkhead, Retries, Seconds
from narthex.model.rules.result import ResultSize
from narthex.model.rules.validation import Validation


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Absent: a less specific place decides."""

    rate_limit: RateLimit | tuple[RateLimit, ...] | None = None  # how often
    quota: Quota | tuple[Quota, ...] | None = None  # how much in a day or a month
    cost: Price | Cost | None = None  # what a call counts for in quotas and in what is metered
    redaction: Redaction | tuple[Redaction, ...] | None = None  # what may not be shown, or sent
    approval: Approval | None = None  # which calls need a human's yes
    definitions: Definitions | None = None  # what becomes of definitions that are new, changed, gone or suspect
    validation: Validation | None = None  # whether arguments and results are held against the tool's schemas
    result: ResultSize | None = None  # how large a result may be
    cache: Caching | None = None  # whether answers of tools that only read may be given again
    timeout_seconds: Seconds | None = None  # how long a server may be silent during a call
    bulkhead: Bulkhead | None = None  # how many calls at one time, and how many wait
    retries: Retries | None = None  # how often a call is sent anew, where that is safe
    repeatable: bool | None = None  # the operator's word that calling twice does no harm
    hedge_after_seconds: Seconds | None = None  # when a tool that only reads is asked a second time
    breaker: BreakerRule | None = None  # when a server is left alone: at a server, or at the gateway


KEYS: tuple[str, ...] = Rules.__struct_fields__
