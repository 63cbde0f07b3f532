"""The client of one call, as the far side sees it: somebody to tell, and perhaps somebody to ask.

Knows: the shape of that somebody. Refuses to know: the connection behind them.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from narthex.model.outcome import Outcome


class Client(Protocol):
    """The client of one call, as the far side sees it."""

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """A notification that belongs to this call (progress, log). Never waits; dropped if nobody can hear it."""

    def parted(self) -> None:
        """The server closed its stream before the response, and will be asked for the rest (2025-11-25, polling)."""

    def ask(self, method: str, params: dict[str, Any]) -> Awaitable[Outcome]:
        """A question of the server in mid-call (legacy revisions only). A client that cannot answer gives a Failure."""
        ...


@dataclass(frozen=True, slots=True)
class Sitting:
    """A legacy session downstream, as servers see it: one conversation upstream may belong to it alone (H3)."""

    key: str
    capabilities: Mapping[str, Any]  # what this client said, at `initialize`, that it can be asked
    client: Client  # who hears and answers what belongs to no call in particular

    @property
    def interactive(self) -> bool:
        return any(name in self.capabilities for name in ("elicitation", "sampling", "roots"))
