"""The thread that sees when a write does not come back, and so neither writes nor takes a lock itself.

Knows: since when a write is under way. Refuses to help: nobody can call a write back. The event loop hangs then, and
the log with it, so the sentence goes to standard error from here; and where the operator wants it the process ends, so
that another one, or none, answers instead of one that only seems to live.
"""

import os
import threading
import time

from narthex.limits import audit_blocked_seconds, audit_tick_seconds
from narthex.store.audit.journal import Journal

EXIT_BLOCKED = 74  # "input/output error", as sysexits.h has it


class Watch:
    """Over one journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="narthex-audit-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        self._stop.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        said = False
        while not self._stop.wait(audit_tick_seconds):
            since = self._journal.writing_since
            seconds = time.monotonic() - since if since else 0.0
            if seconds > audit_blocked_seconds and not said:
                self._say(
                    f"a write to the audit log has not come back for {seconds:.1f} s, and everything waits for it"
                )
            said = seconds > audit_blocked_seconds
            most = self._journal.config.blocked_seconds_max
            if most and seconds > most:
                self._say(f"a write to the audit log has not come back for {seconds:.1f} s: this process ends")
                os._exit(EXIT_BLOCKED)

    def _say(self, sentence: str) -> None:
        try:
            os.write(2, f"narthex: {sentence}\n".encode())
        except OSError:
            pass  # there is nobody left to tell
