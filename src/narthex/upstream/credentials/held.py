"""A grant of a user as it is held in memory: what is shown of it, and how renewing it goes.

Knows: one version of it. Refuses to know: where it is kept.
"""

import asyncio

from narthex.limits import access_token_refused_seconds, access_token_retry_seconds_min, renewal_retry_seconds_max
from narthex.upstream.credentials.entry import Trouble
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.user_grant import UserGrant
from narthex.upstream.http.passes import Pass


class Held:
    """`now` is the wall clock where a token's life is meant, and the loop's where a wait of ours is."""

    __slots__ = ("dropped", "end", "failures", "flight", "grant", "refused_until", "shown", "trouble", "version")

    def __init__(self, grant: UserGrant, version: int) -> None:
        self.failures = 0
        self.trouble: Trouble | None = None
        self.dropped = False  # the server refuses it
        self.refused_until = 0.0
        self.flight: asyncio.Task[None] | None = None
        self.grant = grant
        self.adopt(grant, version)

    def __repr__(self) -> str:
        return f"<Held {self.grant}>"

    def adopt(self, grant: UserGrant, version: int) -> None:
        """Another version of it. What is noted of tokens that the server refuses does not make them any better."""
        self.dropped = self.dropped and grant.has_tokens_of(self.grant)
        self.grant, self.version = grant, version
        self.trouble, self.failures = None, 0
        self.end = 0.0 if self.dropped else grant.end
        self.shown: Pass | None = None
        if not grant.void:
            self.shown = Pass(b"authorization: Bearer " + grant.access_token.encode("ascii") + b"\r\n", grant)

    def good(self, now: float) -> Pass | None:
        return self.shown if self.end is None or now < self.end else None

    def is_troubled(self, now: float) -> bool:
        """It could not be renewed a moment ago, and is not to be tried again yet."""
        return self.trouble is not None and now < self.trouble.until

    def failed(self, fault: CredentialFault, now: float) -> float:
        """It could not be renewed. The seconds until that is tried again."""
        wait = min(access_token_retry_seconds_min * 2.0 ** min(self.failures, 16), renewal_retry_seconds_max)
        wait = max(wait, fault.retry_seconds or 0.0)
        self.failures += 1
        self.trouble = Trouble(str(fault), fault.note, now + wait)
        return wait

    def refuse(self, now: float) -> bool:
        """The server refuses it: it is not shown again. False: it was got a moment ago because the one before was
        refused.

        Whoever was shown it says so, many at once and some of them late: that is one refusal, not one after another.
        """
        if not self.dropped:
            if now < self.refused_until:
                return False
            self.refused_until = now + access_token_refused_seconds
            self.dropped, self.end = True, 0.0
            self.trouble = None  # of a renewal that was not needed yet: now it is
        return True
