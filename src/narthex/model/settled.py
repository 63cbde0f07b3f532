"""What holds for a call, once all places that may speak of it were heard.

Knows: the rules of one tool (or of the rest of one server) for the callers of one tenant at one endpoint, each from
the most specific place, and which place that is. Refuses to know: who is calling.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from narthex.model.limit import ONE_UNIT, Limit, Tariff
from narthex.model.rules.approval import Approval
from narthex.model.rules.resilience import Bulkhead
from narthex.model.rules.rules import Rules
from narthex.model.rules.validation import AS_USUAL, Validation


@dataclass(frozen=True, slots=True)
class Sending:
    """How a call is sent to its server, where anything is laid down about that."""

    timeout_seconds: float | None = None
    bulkhead: Bulkhead | None = None
    place: str = ""  # where `bulkhead` stands: calls for which the same line holds share the places
    retries: int | None = None
    repeatable: bool | None = None
    hedge_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """One object for all things for which the same holds."""

    rules: Rules = Rules()  # noqa: RUF009 - frozen
    places: Mapping[str, str] = field(default_factory=dict)  # key -> where in the configuration it stands
    limits: tuple[Limit, ...] = ()  # `rate_limit` and `quota`, compiled
    tariff: Tariff = ONE_UNIT  # `cost`, compiled
    validation: Validation = AS_USUAL
    approval: Approval | None = None  # `approval`, where it asks somebody
    sending: Sending | None = None  # the keys of `rules/resilience`, compiled
    kit: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # what policies made of a key, once


NOTHING_SAID = Settled()


@dataclass(frozen=True, slots=True)
class Governed:
    """What holds for one thing: for callers of tenants with rules of their own, and for all others."""

    others: Settled = NOTHING_SAID
    tenants: Mapping[str, Settled] = field(default_factory=dict)

    def by(self, tenant: str) -> Settled:
        return self.tenants.get(tenant, self.others) if self.tenants else self.others


UNGOVERNED = Governed()
