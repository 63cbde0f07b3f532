"""One access token through its life: asked for, shown, replaced before its end, refused.

Knows: the moments. Refuses to know: clocks (the time is handed in), and how a token is got.
"""

import asyncio
import random
from typing import NamedTuple

from narthex.limits import (
    access_token_margin_seconds,
    access_token_refresh_share,
    access_token_refused_seconds,
    access_token_retry_seconds_max,
    access_token_retry_seconds_min,
)
from narthex.model.identity import Voucher
from narthex.upstream.credentials.challenge import NO_CHALLENGE, Challenge
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.token import Token
from narthex.upstream.http.passes import Pass


class Trouble(NamedTuple):
    """Why the last attempt brought no token. Told anew each time: an exception keeps what it passed through."""

    text: str
    note: str
    until: float  # nobody is asked before


class Entry:
    """`shown` is there as long as it may be shown. Times are of the loop."""

    __slots__ = (
        "challenge",
        "dropped",
        "failures",
        "flight",
        "refresh_at",
        "refused_until",
        "scopes",
        "shown",
        "step_ups",
        "timer",
        "token",
        "trouble",
        "until",
        "voucher",
    )

    def __init__(self, voucher: Voucher | None) -> None:
        self.voucher = voucher
        self.token: Token | None = None
        self.shown: Pass | None = None
        self.until = 0.0
        self.refresh_at = 0.0
        self.scopes: frozenset[str] = frozenset()  # that the server asked for beyond those that are asked for anyway
        self.challenge: Challenge = NO_CHALLENGE  # what the server said last
        self.step_ups = 0
        self.failures = 0
        self.trouble: Trouble | None = None
        self.refused_until = 0.0
        self.dropped = False  # the server refuses it
        self.flight: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Entry {'of a caller' if self.voucher else 'of our own'}: {self.token}>"

    def good(self, now: float) -> Pass | None:
        return self.shown if now < self.until else None

    def got(self, token: Token, now: float) -> None:
        self.token, self.trouble, self.failures, self.dropped = token, None, 0, False
        self.shown = Pass(b"authorization: Bearer " + token.value.encode("ascii") + b"\r\n", token)
        self.until = now + token.seconds - min(access_token_margin_seconds, token.seconds / 10)
        share = access_token_refresh_share - random.uniform(0.0, 0.1)  # noqa: S311 - jitter, not a secret
        self.refresh_at = now + token.seconds * share

    def failed(self, fault: CredentialFault, now: float) -> None:
        wait = access_token_retry_seconds_min * 2.0 ** min(self.failures, 16)
        wait = min(max(wait, fault.retry_seconds or 0.0), access_token_retry_seconds_max)
        self.failures += 1
        self.trouble = Trouble(str(fault), fault.note, now + wait)
        self.refresh_at = now + wait

    def drop(self, now: float) -> bool:
        """The server refuses it. False: it was got a moment ago because the one before was refused."""
        if now < self.refused_until:
            return False
        self.refused_until = now + access_token_refused_seconds
        self.until, self.dropped = 0.0, True
        return True

    def over(self, now: float) -> bool:
        """Nobody needs it any more."""
        return self.flight is None and now >= max(self.until, self.trouble.until if self.trouble else 0.0)
