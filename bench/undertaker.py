"""Ends what a bench that was killed could not end: a process of its own, at the other end of a pipe.

    undertaker.py      reads "+PID" and "-PID", one a line: groups of processes that are there, and that have ended

Knows: groups of processes. Refuses to know: what they are. When the pipe ends, so has the bench, and they are ended
with it. It hears no signal: whoever ends the bench's whole family means the others.
"""

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 5.0  # for those that are asked to end


class Undertaker:
    """The bench's end of the pipe. It costs a process that sleeps; none is started where nothing is."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            atexit.register(self._process.communicate)  # closes the pipe, and waits
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._say(f"-{group}\n")

    def _say(self, line: str) -> None:
        pipe = self._process.stdin if self._process is not None else None
        if pipe is not None:
            with suppress(BrokenPipeError):  # somebody killed it: then all hangs on us again
                pipe.write(line.encode())
                pipe.flush()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    end(groups)


def end(groups: Iterable[int]) -> None:
    """Ask, wait, then insist."""
    left = [group for group in groups if tell(group, signal.SIGTERM)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [group for group in left if tell(group, 0)]
    for group in left:
        tell(group, signal.SIGKILL)


def tell(group: int, number: int) -> bool:
    """False: there is nobody."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
