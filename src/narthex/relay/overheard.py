"""What a server says to a session outside of any call, or asks it: looked through like an answer.

Knows: which rules hold for what is no tool of a server, at the moment it speaks. Refuses to know: what is hidden.
"""

from collections.abc import Callable
from typing import Any

from narthex.model.client import Client, Gate
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome
from narthex.policy import redact
from narthex.relay.hushed import Hushed
from narthex.relay.naming import Naming
from narthex.relay.slot import Slot
from narthex.relay.trial import trial
from narthex.wire.faults import INTERNAL_ERROR


class Overheard:
    """The client of one session, as one server speaks to it."""

    __slots__ = ("_client", "_endpoint", "_naming", "_server", "_slot", "_who")

    def __init__(
        self,
        slot: Slot,
        endpoint: str,
        who: Callable[[], Principal],
        server: str,
        client: Client,
        naming: Naming | None,
    ) -> None:
        """`who`: the principal of the session, as it is at the moment it is asked for."""
        self._naming = naming
        self._slot, self._endpoint, self._who, self._server, self._client = slot, endpoint, who, server, client

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        client = self._now()
        return client.notify(method, params) if client is not None else None

    def parted(self) -> None:
        self._client.parted()

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        client = self._now()
        if client is None:
            return Failure(INTERNAL_ERROR, "Nobody is left here whom this could be asked.")
        return await client.ask(method, params)

    def _now(self) -> Client | None:
        """None: the endpoint, or the server behind it, was taken away; what held for it is not known any more."""
        endpoint = self._slot.current.endpoints.get(self._endpoint)
        governed = endpoint.governed.get(self._server) if endpoint is not None else None
        if endpoint is None or governed is None:
            return None
        who = self._who()
        call = trial(endpoint, who, "notifications/message", {})
        call.server, call.settled = self._server, governed.by(who.tenant)
        return Hushed(call, self._client, self._naming) if redact.looks(call) else self._client
