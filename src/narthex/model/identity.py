"""Who is asking.

Knows: subject, tenant, scopes, claims and how we know. Refuses to know: tokens and where they are checked.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller, as the edge proved them. `key` is what partitions sessions, caches and sealed tokens."""

    subject: str
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    claims: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)
    how: str = "none"

    @property
    def key(self) -> str:
        return f"{self.tenant}\x00{self.subject}"

    def __str__(self) -> str:
        return f"{self.subject}@{self.tenant}" if self.tenant else self.subject


# Without authentication the gateway serves the loopback only, and everybody there is one and the same person.
LOCAL = Principal(subject="local", how="loopback")
