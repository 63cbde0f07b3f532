"""The client of a call whose server may not be heard, or asked, word for word.

Knows: that everything between the two goes through the filter. Refuses to know: what the filter makes of it
(`policy/redact`).
"""

from typing import Any

from narthex.model.call import Call
from narthex.model.client import Client, Gate
from narthex.model.outcome import Failure, Outcome, Result
from narthex.policy import redact
from narthex.policy.redaction.redactor import kinds_by_model
from narthex.policy.redaction.tail import Tail
from narthex.relay.naming import Look, Naming
from narthex.wire.faults import INTERNAL_ERROR


class Hushed:
    """Stands before a client. One for each call."""

    __slots__ = ("_call", "_client", "_naming", "_tail")

    def __init__(self, call: Call, client: Client, naming: Naming | None = None) -> None:
        """`naming`: who finds names. Questions wait for that; messages do not, and where nobody has looked before they
        are withheld."""
        self._call, self._client, self._naming, self._tail = call, client, naming, Tail()

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        return self._client.notify(method, redact.message(self._call, method, params, self._tail))

    def parted(self) -> None:
        self._client.parted()

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        await self._look(lambda probe: redact.question(probe, params))
        question = redact.question(self._call, params)
        if question is None:
            return Failure(INTERNAL_ERROR, "The gateway withheld this question: it may not be shown to the client.")
        outcome = await self._client.ask(method, question)
        if not isinstance(outcome, Result):
            return outcome
        await self._look(lambda probe: redact.reply(probe, outcome.members))
        reply = redact.reply(self._call, outcome.members)
        if reply is None:
            return Failure(INTERNAL_ERROR, "The gateway withheld the client's answer: it may not be shown to a server.")
        return Result(reply)

    async def _look(self, look: Look) -> None:
        if self._naming is not None and kinds_by_model(self._call.settled):
            await self._naming.look(self._call, look)
