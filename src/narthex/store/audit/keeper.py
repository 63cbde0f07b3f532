"""The thread beside the journal: it does what takes time.

Knows: a clock, and what is due. Refuses to append.

It signs what has waited long enough, closes and syncs segments that ended, tries again while the log is down, and
keeps the folder in order. Everything it does may wait for the disk.
"""

import threading
import time
from collections.abc import Callable

from narthex.limits import (
    audit_head_seconds,
    audit_housekeeping_seconds,
    audit_retry_seconds,
    audit_tick_seconds,
)
from narthex.store.audit.journal import Journal


class Keeper:
    """`house`: puts the folder in order, and ends early once the event is set; after a segment ended, now and then."""

    def __init__(self, journal: Journal, house: Callable[[threading.Event], None], *, syncs: bool) -> None:
        self._journal = journal
        self._house = house
        self._syncs = syncs  # else somebody else syncs and closes
        self._stop = threading.Event()
        self._housework: threading.Thread | None = None
        self._house_due = True
        self._signed_at = self._tried_at = self._kept_at = 0.0
        self._thread = threading.Thread(target=self._run, name="narthex-audit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End, and leave no file open; give up after `seconds` where the disk does not answer."""
        self._stop.set()
        self._thread.join(seconds)
        if self._housework is not None:
            self._housework.join(seconds)

    def _run(self) -> None:
        while not self._stop.wait(audit_tick_seconds):
            try:
                self._tick(time.monotonic())
            except Exception as error:  # noqa: BLE001 - without this thread a log that is down would stay down
                self._journal.say("error", f"The keeper of the audit log stumbled: {error!r}.")
        if self._syncs:
            self._finish_files()

    def _tick(self, now: float) -> None:
        journal = self._journal
        if journal.down is not None and now - self._tried_at >= audit_retry_seconds:
            self._tried_at = now
            journal.try_again()
        if now - self._signed_at >= audit_head_seconds:
            self._signed_at = now
            journal.sign()
        ended = self._syncs and self._finish_files()
        self._house_due = self._house_due or ended or now - self._kept_at >= audit_housekeeping_seconds
        if self._house_due and (self._housework is None or not self._housework.is_alive()):
            self._start_housework(now)

    def _start_housework(self, now: float) -> None:
        """In a thread of its own: compressing takes seconds, and a log that is down must not wait for it."""
        self._house_due, self._kept_at = False, now
        self._housework = threading.Thread(
            target=self._house, args=(self._stop,), name="narthex-audit-house", daemon=True
        )
        self._housework.start()

    def _finish_files(self) -> bool:
        ended = self._journal.ended
        finished = False
        while ended:
            file = ended.popleft()
            file.sync()  # nobody asked for more than the operating system, so an error is nobody's
            file.close()
            finished = True
        return finished
