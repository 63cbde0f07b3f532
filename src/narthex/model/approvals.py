"""Approvals by a second person: what was asked, and what became of it; and the key `approvals:`.

Knows: the form of both. Refuses to know: where requests are kept, and who decides.
"""

from typing import Annotated, Literal

import msgspec

State = Literal["pending", "approved", "rejected", "used"]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Token = Annotated[str, msgspec.Meta(min_length=16, max_length=1024)]


class WebhookConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is told that somebody has to decide. Nobody decides there."""

    url: Word
    secret: Token  # signs what is sent (HMAC-SHA256)

    def __repr__(self) -> str:
        return "<WebhookConfig>"


class ApprovalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key `approvals:`."""

    webhook: WebhookConfig | None = None

    def __repr__(self) -> str:
        return "<ApprovalsConfig>"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call that waits, or waited, for somebody's yes. Times are seconds since the epoch."""

    handle: str
    digest: bytes  # of all that the yes is bound to
    holder: bytes  # a digest of the caller
    state: State
    subject: str
    tenant: str
    endpoint: str
    server: str
    tool: str  # as the caller knows it
    arguments: bytes  # JSON, as it may be shown
    reason: str
    by: str  # who is asked: "caller", where nobody could ask them, or "operator"
    created: float
    expires: float  # while pending, for the answer; then for the call
    valid_seconds: float
    decided: float | None = None
    decided_by: str = ""
    used: float | None = None

    def told(self) -> dict[str, object]:
        """What was asked, as it is named outside: no arguments, and nothing of what became of it."""
        return {
            "tool": self.tool,
            "server": self.server,
            "endpoint": self.endpoint,
            "caller": self.subject,
            "tenant": self.tenant or None,
            "asked": self.by,
            "reason": self.reason or None,
            "digest": self.digest.hex(),
            "created": self.created,
            "expires": self.expires,
        }

    def __repr__(self) -> str:
        return f"<Request {self.handle} {self.tool} of {self.subject}: {self.state}>"


class Consent(msgspec.Struct):
    """A yes, in the hands of the one call that has it. It fits one digest, and is used up before the call is sent."""

    digest: bytes
    expires: float  # wall clock
    ticket: str = ""  # what is used up where it is kept; "": it was given to this very call, and is nowhere else
    handle: str = ""  # of the request it comes from
    by: str = "its user"  # whose it is, for the record
    answered: bool = False  # the client's answer came with the call, and is still to be read
    spent: bool = False
