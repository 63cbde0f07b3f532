"""What is written down of a call, or of a decision of an administrator: one record, one line of the audit log.

Knows: the form of a record. Refuses to know: where it is kept, and how it is proven.

The fields stand in the order of the alphabet, because they are written in the order in which they stand: a line is
JSON with sorted keys and without blanks, and so the same record is always the same bytes.
"""

from typing import Literal

import msgspec

Kind = Literal["start", "end", "act"]
Decision = Literal["", "allow", "deny"]
Outcome = Literal["", "ok", "tool_error", "denied", "error", "cancelled", "input_required", "unknown"]


class AuditUnavailable(Exception):
    """It cannot be written down, so it must not happen. The text is for the operator, and names no secret."""


class AuditRecord(msgspec.Struct, gc=False, kw_only=True, omit_defaults=True):
    """Handed over once, and not touched again by whoever made it: the journal fills in what is its own.

    `start` is written before a call is sent that may change something, `end` before an answer is; they share `call`.
    `act` is a decision outside of calls (`key.created`, `tool.approved`), with its `action` and its `target`.
    The journal's own: `at` and `mono` (wall clock and monotonic clock, microseconds), `chain`, `seq`, `prev`.
    """

    action: str = ""  # what an administrator did
    arguments: msgspec.Raw | None = None  # redacted, as JSON; only where the operator chose so
    at: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    call: int = 0  # number of the call in this process, from 1
    chain: str = ""
    code: int | None = None  # JSON-RPC
    cost: float = 0.0  # units
    decision: Decision = ""
    digest: str = ""  # of the arguments, keyed: whoever has only the log cannot guess them
    duration_us: int = 0
    endpoint: str = ""
    filter: str = ""  # that made the decision
    kind: Kind
    method: str = ""
    mono: int = 0
    note: str = ""  # one sentence
    outcome: Outcome = ""
    prev: str = ""  # SHA-256 of the line before
    principal: str = ""
    reason: str = ""  # the machine's word
    seq: int = 0
    server: str = ""
    snapshot: int = 0  # serial of the world the call ran in
    target: str = ""  # what an administrator did it to
    tenant: str = ""
    tool: str = ""  # public name of the tool or prompt, or the resource's URI
    trace: str = ""

    def __repr__(self) -> str:
        subject = f"{self.action} {self.target}" if self.kind == "act" else f"{self.method} {self.tool}"
        return f"<AuditRecord {self.seq} {self.kind} {subject.strip()} by {self.principal or 'nobody'}: {self.outcome}>"
