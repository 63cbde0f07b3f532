"""What becomes of a call: a result, or one well-formed error. A "no" is an answer; a breakage is an exception.

Knows: whose fault it is, and the codes of revision 2026-07-28 (basic/index, error codes). Refuses to know: HTTP bytes.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from narthex.model.scope import NONE
from narthex.wire.faults import INTERNAL_ERROR, PeerFault


class Result(msgspec.Struct):
    """A result in modern shape: the members of the JSON object; values may be `msgspec.Raw`, passed unread."""

    members: dict[str, Any]


class Failure(msgspec.Struct):
    """A JSON-RPC error. `status` is the HTTP status a modern client gets (pre-dispatch 4xx, post-dispatch 200)."""

    code: int
    message: str
    data: Any = None
    status: int = 200
    has_data: bool = False
    scopes: frozenset[str] = NONE  # a 403: all that the operation needs, for the challenge (RFC 6750, 3.1)

    def __post_init__(self) -> None:
        self.has_data = self.has_data or self.data is not None


Outcome = Result | Failure


def failure_of(fault: PeerFault) -> Failure:
    return Failure(fault.code, str(fault), fault.data, fault.status)


@dataclass(frozen=True, slots=True)
class Denial:
    """A "no" of the policy chain: which filter, the machine's word for the reason, the sentence for the model."""

    filter: str
    reason: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    code: int | None = None  # a protocol error with this code; None: a tool result with isError (the model can mend it)
    status: int = 200
    scopes: frozenset[str] = NONE  # all that the operation needs, where a caller with these would be let in
    note: str = ""  # what only the operator is told


class UpstreamFault(Exception):
    """A server behind us failed; our client did nothing wrong.

    `reason` is the machine's word (`upstream_lost`, `upstream_timeout`, `upstream_unavailable`, `upstream_too_large`,
    `upstream_malformed`, `upstream_stream_truncated`, ...). `sent`: the request may have been executed. `note`: what
    the operator is told instead of `detail`; it may name files and folders, so no client ever sees it.
    """

    def __init__(
        self,
        server: str,
        reason: str,
        detail: str,
        *,
        sent: bool = False,
        retry_after_ms: int | None = None,
        note: str | None = None,
        status: int | None = None,
        scopes: frozenset[str] = NONE,
    ) -> None:
        super().__init__(f"{server}: {note or detail}")
        self.server, self.reason, self.detail = server, reason, detail
        self.sent, self.retry_after_ms, self.note = sent, retry_after_ms, note
        self.status = status  # the server's HTTP status, where that was all it said
        self.scopes = scopes  # what the caller's grant there lacks, where the server said so

    def failure(self) -> Failure:
        data: dict[str, Any] = {"reason": self.reason, "server": self.server}
        if self.sent:
            data["outcome"] = "unknown"
        if self.retry_after_ms is not None:
            data["retryAfterMs"] = self.retry_after_ms
        unknown = " The request had been sent: whether it took effect is unknown, check before repeating."
        return Failure(INTERNAL_ERROR, f"Server '{self.server}': {self.detail}.{unknown if self.sent else ''}", data)
