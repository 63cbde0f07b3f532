"""What of a call goes into the audit log, and when: before it is sent, and before its answer is.

Knows: which calls are written down twice, once, or not at all, and what a record holds of one. Refuses to know: files
and chains (that is `store.audit`), and who else keeps something of a call.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Literal

import msgspec

from narthex.limits import audit_refusals_per_minute_max
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.model.call import Call
from narthex.model.identity import Principal
from narthex.model.outcome import Denial, Failure
from narthex.policy import redact
from narthex.relay.tracing import trace_id_of
from narthex.store.audit.log import AuditLog
from narthex.telemetry.event import CallEvent
from narthex.wire.faults import INTERNAL_ERROR
from narthex.wire.revisions import LISTS

REASON = "audit_unavailable"
_FILTER = "audit"
# What the gateway tells of itself, to whoever may know it: on record only where it was refused.
_TOLD = frozenset((*LISTS, "server/discover"))
_MINUTE = 60.0
_NAME_CHARS = 256
_CACHED = {"kept": "cached", "shared": "cached (of a call at the same time)"}


class Ledger:
    """One for the gateway. It writes nothing before `log` is there, which is before the first call.

    `waits`: an answer has to wait until its record is on the disk (`durability: power`).
    """

    def __init__(self, config: AuditConfig) -> None:
        self.log: AuditLog | None = None
        self.waits = config.enabled and config.durability == "power"
        self._refuses = config.when_broken == "refuse"
        self._digests = config.arguments != "none"
        self._arguments = config.arguments == "redacted"
        self._minute, self._refused, self._left_out = 0.0, 0, 0

    def started(self, call: Call) -> AuditRecord | None:
        """The record of a start, to be written before the call is sent; None where it needs none.

        Raises AuditUnavailable: it must not be sent.
        """
        log = self.log
        if log is None:
            return None
        if self._refuses and log.trouble is not None:  # nobody shall do what nobody will be told of
            raise AuditUnavailable(log.trouble)
        if not _twice(call):
            return None
        record = self._record(log, call, call.serial, "start")
        record.arguments = self._shown(call) if self._arguments else None
        return record

    def append(self, record: AuditRecord) -> int:
        """Write what `started` or `ended` made; its number. Raises AuditUnavailable."""
        return self.log.append(record) if self.log is not None else 0

    def write(self, records: Sequence[AuditRecord]) -> None:
        """The same of several, at once. Raises AuditUnavailable; some of them may be in then."""
        if self.log is not None:
            self.log.extend(records)

    def ended(self, call: Call, event: CallEvent) -> AuditRecord | None:
        """The record of an end, to be written before the answer is sent; None where there is none."""
        log = self.log
        if log is None or (event.outcome == "ok" and call.method in _TOLD):
            return None
        record = self._record(log, call, event.serial, "end")
        record.outcome, record.code = event.outcome, event.code
        if event.cost:
            record.cost = event.cost
        record.bytes_in, record.bytes_out = call.bytes_in, call.bytes_out
        record.duration_us = int(event.seconds * 1e6)
        if event.outcome == "denied":
            record.decision = "deny"
        if call.reason is not None or call.denied_by:
            record.filter, record.reason = call.denied_by, call.reason or ""
        if call.cached or call.shortened:
            record.note = ", ".join(word for word in (_CACHED.get(call.cached), call.shortened) if word)
        if self._arguments and not _twice(call):
            record.arguments = self._shown(call)
        return record

    async def durable(self, number: int) -> None:
        """Wait until a record is as safe as the operator wants it. Raises AuditUnavailable."""
        if self.log is not None:
            await self.log.durable(number)

    def refused(self, route: str, who: Principal | None, reason: str, peer: str, serial: int) -> bool:
        """Somebody was not let in; whether that was written down one by one: they are not to fill the disk with it."""
        if self.log is None:
            return False
        now = monotonic()
        if now - self._minute >= _MINUTE:
            self._minute, self._refused = now, 0
        self._refused += 1
        if self._refused > audit_refusals_per_minute_max:
            self._left_out += 1
            return False
        others, self._left_out = self._left_out, 0
        note = f"from {peer}" + (f"; {others:,} others before it were not written down" if others else "")
        record = AuditRecord(
            kind="end", call=serial, decision="deny", outcome="denied", filter="identity", reason=reason, note=note
        )
        record.endpoint = route
        if who is not None:
            record.principal, record.tenant = who.subject, who.tenant
        try:
            self.log.append(record)
        except AuditUnavailable:
            return False  # refused it is, in any case
        return True

    def act(self, action: str, target: str = "", who: Principal | None = None, note: str = "") -> None:
        """What an operator did. Raises AuditUnavailable: then it must not be done."""
        if self.log is None:
            return
        record = AuditRecord(kind="act", action=action, target=target, note=note)
        if who is not None:
            record.principal, record.tenant = who.subject, who.tenant
        self.log.append(record)

    def _record(self, log: AuditLog, call: Call, serial: int, kind: Literal["start", "end"]) -> AuditRecord:
        digest = call.digest
        if digest is None:
            arguments = call.params.get("arguments") if self._digests else None
            digest = call.digest = log.digest.of(arguments) if arguments is not None else ""
        who = call.principal
        return AuditRecord(
            kind=kind,
            call=serial,
            decision="allow" if call.serial else "",
            digest=digest,
            endpoint=call.endpoint.name,
            method=call.method,
            principal=who.subject,
            server=call.server,
            snapshot=call.world,
            tenant=who.tenant,
            tool=call.exposed or _asked_for(call),
            trace=trace_id_of(call),
        )

    def _shown(self, call: Call) -> msgspec.Raw | None:
        """The arguments as redaction left them, of a call that was let through: for its first record."""
        text = redact.to_write_down(call) if call.serial else None
        return msgspec.Raw(text) if text is not None else None


def refusal(call: Call) -> Denial:
    """What is told of a call that was not sent, because nothing could be written down of it."""
    message = (
        f"'{call.exposed}' was not called: this gateway lets nothing through that it cannot write down, and its audit "
        f"log cannot be written at the moment. Try again later; if that does not help, tell whoever runs it."
    )
    return Denial(_FILTER, REASON, message, code=INTERNAL_ERROR)


def withheld(call: Call) -> Failure:
    """What is told instead of an answer that could not be written down."""
    sent = " It was carried out, and may have taken effect: check before repeating." if call.serial else ""
    message = (
        f"The answer of '{call.exposed or call.method}' is withheld: this gateway gives no answer that it cannot write "
        f"down, and its audit log cannot be written at the moment.{sent}"
    )
    return Failure(INTERNAL_ERROR, message, {"reason": REASON, **({"outcome": "unknown"} if call.serial else {})})


def _asked_for(call: Call) -> str:
    """What a client named that nobody has."""
    name = call.params.get("name", call.params.get("uri"))
    return name[:_NAME_CHARS] if type(name) is str else ""


def _twice(call: Call) -> bool:
    """Whether it is written down before it is sent, too: whatever may change something."""
    tool = call.tool
    if call.method != "tools/call" or tool is None:
        return False
    return not (tool.read_only and call.endpoint.reach[call.server].trusted)  # the word of any other server is nothing
