"""When GitHub may be asked again.

Knows: the headers of its primary and secondary rate limits, for each token apart. Refuses to know: requests.

Waits are reckoned on GitHub's own clock, which it says in `Date`, and kept on one that nobody sets.
"""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from narthex.libraries.github.bounds import (
    callers_max,
    strike_seconds,
    strikes_max,
    wait_seconds_max,
    write_pause_seconds,
)

SEARCH, CORE = "search", "core"  # GitHub counts them apart
_ALL = "all"


class Pace:
    """`who` is whose limits they are: everything that is remembered is theirs alone."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}
        self._strikes: dict[str, int] = {}
        self._turns: dict[str, float] = {}

    def wait(self, who: str, resource: str) -> int:
        """Seconds until these may be asked for; 0: at once."""
        now = time.monotonic()
        until = max(self._until.get((who, resource), now), self._until.get((who, _ALL), now))
        return math.ceil(until - now)

    def turn(self, who: str) -> float:
        """Seconds until this one may change something; who asks has taken the turn."""
        now = time.monotonic()
        if len(self._turns) >= callers_max:
            self._turns = {other: turn for other, turn in self._turns.items() if turn > now}
        turn = max(self._turns.get(who, now), now)
        self._turns[who] = turn + write_pause_seconds
        return turn - now

    def heard(self, who: str, resource: str, status: int, headers: Mapping[str, str], said: str) -> int | None:
        """What an answer says of limits. The seconds to wait if it was a refusal for their sake, else None."""
        left = headers.get("x-ratelimit-remaining", "").strip()
        after = _seconds_after(headers)
        if status not in (403, 429):
            self._strikes.pop(who, None)
            if left == "0":
                self._block(who, resource, _seconds_to_reset(headers))
            return None
        if after is not None:
            return self._block(who, _ALL, after)
        if left == "0":
            return self._block(who, resource, _seconds_to_reset(headers))
        if status == 429 or "rate limit" in said.lower() or "abuse" in said.lower():
            strikes = self._strikes[who] = min(self._strikes.get(who, 0) + 1, strikes_max)
            return self._block(who, _ALL, strike_seconds * 2 ** (strikes - 1))
        return None

    def _block(self, who: str, resource: str, seconds: float) -> int:
        if len(self._until) >= callers_max:
            self._forget()
        seconds = min(max(math.ceil(seconds), 1), wait_seconds_max)
        self._until[who, resource] = time.monotonic() + seconds
        return int(seconds)

    def _forget(self) -> None:
        """Those that hold no more, and if none do, the one that was said first."""
        now = time.monotonic()
        self._until = {key: until for key, until in self._until.items() if until > now}
        while len(self._until) >= callers_max:
            del self._until[next(iter(self._until))]
        self._strikes = {who: number for who, number in self._strikes.items() if (who, _ALL) in self._until}


def _seconds_to_reset(headers: Mapping[str, str]) -> float:
    reset = headers.get("x-ratelimit-reset", "").strip()
    if not (reset.isascii() and reset.isdigit() and len(reset) <= 12):
        return strike_seconds
    return int(reset) - (_moment(headers.get("date", "")) or time.time())


def _seconds_after(headers: Mapping[str, str]) -> float | None:
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit() and len(after) <= 12:
        return float(after)
    moment = _moment(after)
    return None if moment is None else moment - (_moment(headers.get("date", "")) or time.time())


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError, OverflowError):
        return None
