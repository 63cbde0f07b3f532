"""How a server's process ended, in fields and in a sentence.

Knows: exit codes and signals. Refuses to know: what follows from it.
"""

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExitReport:
    """How it ended. `reason` is a sentence for the log, the console and the error."""

    reason: str
    code: int | None  # None: ended by a signal, or not known
    signal: int | None
    asked: bool  # stop() came first
    ran_seconds: float
    stderr_tail: tuple[str, ...]
    garbage_lines: int


_HINTS = {
    signal.SIGXCPU: " (its limit of CPU time)",
    signal.SIGKILL: " (by somebody, or by the system when memory ran out)",
}


def how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    try:
        number = signal.Signals(-code)
    except ValueError:
        return f"was ended by signal {-code}"
    return f"was ended by {number.name}{_HINTS.get(number, '')}"
