"""The one event of a call, made at its end and given to whoever keeps something of it.

Knows: what of a call is told. Refuses to know: who listens.
"""

import time
from collections.abc import Callable
from time import perf_counter

import msgspec

from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.call import Call
from narthex.model.identity import Principal
from narthex.model.outcome import Denial, Failure, Outcome
from narthex.policy.cost import units_of
from narthex.relay.facts import Facts
from narthex.relay.ledger import REASON, Ledger, refusal, withheld
from narthex.telemetry.event import CallEvent, How
from narthex.wire.translate import is_complete

Record = Callable[[CallEvent], None]


class Recorder:
    """Numbers the calls of this process, from 1."""

    def __init__(self, facts: Facts, ledger: Ledger, record: Record) -> None:
        self.ledger = ledger
        self._facts, self._record = facts, record
        self._serial = 0
        self.aloft = 0  # calls that have begun and not ended

    def begin(self, call: Call) -> Denial | None:
        """The call may be sent. A refusal where it has to be written down first, and cannot be. Once for each call."""
        if call.serial:
            return None
        record = self.ready(call)
        if record is None or isinstance(record, Denial):
            return record
        try:
            call.recorded = self.ledger.append(record)
        except AuditUnavailable:
            return self.unsent(call)
        return None

    def ready(self, call: Call) -> AuditRecord | Denial | None:
        """As `begin`, but that its record is still to be written, if there is one: the caller sees to it."""
        call.serial = self._serial = self._serial + 1
        self.aloft += 1
        try:
            return self.ledger.started(call)
        except AuditUnavailable:
            return self.unsent(call)

    def unsent(self, call: Call) -> Denial:
        """It could not be written down, so it is not sent."""
        call.serial = 0
        self.aloft -= 1
        return refusal(call)

    async def begun(self, call: Call) -> Denial | None:
        """The same, as safe as the operator wants it."""
        refused = self.begin(call)
        if refused is None and self.ledger.waits and call.recorded:
            try:
                await self.ledger.durable(call.recorded)
            except AuditUnavailable:
                return refusal(call)
        return refused

    def note(self, call: Call, how: How, code: int | None) -> Failure | None:
        """The one event of a call, at its end. What is answered instead, where that could not be written down."""
        event, refused = self.over(call, how, code), None
        record = self.ledger.ended(call, event)
        if record is not None:
            try:
                call.recorded = self.ledger.append(record)
            except AuditUnavailable:
                refused = unwritten(call, event)
        self.tell(call, event)
        return refused

    def over(self, call: Call, how: How, code: int | None) -> CallEvent:
        """The call has ended: its event, which nobody has heard of yet."""
        if call.spent or call.room is not None:
            self._facts.ended(call)
        seconds, serial, cost = perf_counter() - call.started, call.serial, 0.0
        if serial:
            self.aloft -= 1
            cost = units_of(call.settled.tariff, call.bytes_out, call.rows)
        else:
            serial = self._serial = self._serial + 1
        warned = call.warned[0] if call.warned else None
        return CallEvent(
            at=time.time(),
            serial=serial,
            method=call.method,
            outcome="denied" if call.denied_by else how,
            seconds=seconds,
            endpoint=call.endpoint.name,
            tool=call.exposed,
            server=call.server,
            principal=call.principal.subject,
            tenant=call.principal.tenant,
            revision=call.revision,
            reason=call.reason,
            denied_by=call.denied_by,
            warned_by=warned.filter if warned is not None else "",
            warning=f"{warned.message} ({warned.note})" if warned is not None else "",
            code=code,
            bytes_in=call.bytes_in,
            bytes_out=call.bytes_out,
            cached=call.cached,
            shortened=call.shortened,
            cost=cost,
        )

    def tell(self, call: Call, event: CallEvent) -> None:
        self._record(event)
        if call.spans is not None:
            call.spans.end(event)

    def refused(self, route: str, who: Principal | None, reason: str, peer: str) -> None:
        """Somebody was not let in."""
        self._serial += 1
        self.ledger.refused(route, who, reason, peer, self._serial)

    async def kept(self, call: Call) -> Failure | None:
        """Wait until the end of a call is as safe as the operator wants it. What is answered instead, if it is not."""
        try:
            await self.ledger.durable(call.recorded)
        except AuditUnavailable:
            return withheld(call)
        return None


def unwritten(call: Call, event: CallEvent) -> Failure | None:
    """The end could not be written down: what is answered instead. None: that is a refusal already."""
    if event.outcome == "denied":
        return None
    refused = withheld(call)
    event.outcome, event.code, event.reason, call.reason = "error", refused.code, REASON, REASON
    return refused


def how_of(outcome: Outcome | None) -> tuple[How, int | None]:
    if outcome is None:
        return "cancelled", None
    if type(outcome) is Failure:
        return "error", outcome.code
    members = outcome.members  # type: ignore[union-attr]
    failed = members.get("isError")
    if failed is True or (type(failed) is msgspec.Raw and bytes(failed) == b"true"):
        return "tool_error", None
    return ("ok" if is_complete(members) else "input_required"), None
