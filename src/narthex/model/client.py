"""The client of one call, as the far side sees it: somebody to tell, and perhaps somebody to ask.

Knows: the shape of that somebody. Refuses to know: the connection behind them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from narthex.model.outcome import Outcome


class Gate(Protocol):
    """Where what is told queues, because somebody reads slower than it comes."""

    def when_ready(self, told: Callable[[], None]) -> None:
        """`told` is called once: there is room again, or nobody reads any more."""

    def ready(self) -> Awaitable[None]:
        """The same, to wait for."""
        ...


class Client(Protocol):
    """The client of one call, as the far side sees it."""

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        """A notification that belongs to this call (progress, log). Never waits; dropped if nobody can hear it.

        A gate asks whoever can to say no more until it is ready again; what comes all the same is still taken, up to
        the limit of its queue.
        """

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
    of_server: Callable[[str], Client] | None = None  # the same for one server, where something may have to be hidden

    def hears(self, server: str) -> Client:
        """Who hears and answers one server."""
        return self.client if self.of_server is None else self.of_server(server)

    @property
    def interactive(self) -> bool:
        return any(name in self.capabilities for name in ("elicitation", "sampling", "roots"))
