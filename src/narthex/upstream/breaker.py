"""When to stop trying a server that does not answer, and when to try again.

Knows: the last failures, and how many calls there were. Refuses to read a clock: the time is given.

Closed: everybody may ask. Open, after too many failures: nobody may, for a while. Then half open: one call may try, and
nobody else until it is known how it went; answered, it closes the breaker, failed, it opens it again.
"""

from collections import deque

from narthex.limits import breaker_failures_kept_max
from narthex.model.deadline import Deadline
from narthex.model.rules.resilience import AS_USUAL, BreakerRule


class Breaker:
    """One per server. `opened` counts how often it did."""

    __slots__ = ("_by_calls", "_failed_at", "_probe", "_seen", "failures", "open_until", "opened", "rule", "tripped")

    def __init__(self, rule: BreakerRule = AS_USUAL) -> None:
        self.rule = rule
        self.failures = 0  # in a row
        self.tripped = False
        self.open_until = 0.0
        self.opened = 0
        self._by_calls = False  # calls failed while the server may still answer something else
        self._probe: Deadline | None = None  # of the one that tries
        self._failed_at: deque[float] = deque(maxlen=breaker_failures_kept_max)
        self._seen: deque[tuple[float, int]] = deque()  # moments, and how many calls there had been by then

    def state(self, now: float) -> str:
        """As the operator is shown it."""
        if not self.tripped:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def wait(self, now: float, deadline: Deadline | None = None) -> float:
        """Seconds until a request may be tried; 0.0 means now, and that whoever asked is the one to try.

        `deadline`: of whoever asks. It is taken to be trying until then, unless it says that it gave up.
        """
        if not self.tripped:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        probe = self._probe
        if probe is not None and probe is not deadline and now < probe.at:
            return min(probe.at - now, self.rule.open_seconds)
        self._probe = deadline if deadline is not None else Deadline(now + self.rule.open_seconds)
        return 0.0

    def gave_up(self, deadline: Deadline) -> None:
        """Whoever tried was cancelled, and knows nothing: the next one may try at once."""
        if self._probe is deadline:
            self._probe = None

    def succeeded(self, *, lists: bool = False) -> bool:
        """It answered. `lists`: only what the gateway asks it by itself, which says nothing where it is calls that
        fail. True: the breaker was open, and is closed."""
        if lists and self._by_calls:
            return False
        closed, self.tripped, self.failures = self.tripped, False, 0
        self._by_calls, self._probe = False, None
        if closed:  # what was before is forgiven
            self._failed_at.clear()
            self._seen.clear()
        return closed

    def failed(self, now: float, *, by_call: bool = False) -> bool:
        """True: that was one too many, and the breaker is open from now on."""
        self.failures += 1
        self._failed_at.append(now)
        self._by_calls = by_call and (self._by_calls or not self.tripped)
        self._probe = None
        news = not self.tripped and (self.failures >= self.rule.failures or self._too_many(now))
        if news:
            self.tripped, self.opened = True, self.opened + 1
        if self.tripped:
            self.open_until = now + self.rule.open_seconds
        return news

    def said(self, server: str, why: str) -> str:
        """For the operator, when it opens."""
        return f"{server} is left alone for {self.rule.open_seconds:g} s after {self.failures} failures: {why}"

    def tick(self, now: float, calls: int) -> None:
        """How many calls there have been by now. Only who looks at a share has to know."""
        if self.rule.share is None:
            return
        self._seen.append((now, calls))
        while self._seen[0][0] < now - self.rule.window_seconds:
            self._seen.popleft()

    def _too_many(self, now: float) -> bool:
        if self.rule.share is None or not self._seen:
            return False
        begins = now - self.rule.window_seconds
        failed = sum(1 for at in self._failed_at if at > begins)
        # Calls of this very moment are not counted yet, but those of them that failed are.
        calls = max(self._seen[-1][1] - self._seen[0][1], failed)
        return calls >= self.rule.calls and failed >= self.rule.share * calls
