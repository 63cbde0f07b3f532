"""How the bench ends when it is told to: by unwinding, so that everybody who has started something ends it.

Knows: signals, and the parent. Refuses to know: what was started. What unwinding does not reach, because the bench was
killed, is the undertaker's.
"""

import ctypes
import os
import signal
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
TOLD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def end_when_told() -> None:
    """From now on SIGTERM, Ctrl-C, a terminal that closes, and the end of the parent are an orderly end.

    Under `nohup` the parent may go: that is what it is for.
    """
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    for number in TOLD:
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, _unwind)
    if sys.platform == "linux" and not outlives:
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(128 + signal.SIGTERM)  # it went in between


def _unwind(number: int, _frame: FrameType | None) -> None:
    for other in TOLD:
        signal.signal(other, signal.SIG_IGN)  # once is enough: a second one would cut the unwinding short
    raise SystemExit(128 + number)
