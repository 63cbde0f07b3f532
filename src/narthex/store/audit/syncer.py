"""Power: records are on the disk before somebody counts on it. One fdatasync for all who wait at the moment.

Knows: fdatasync and its errors, who waits. Refuses to append.

An error of fdatasync is told once: the system then takes the pages for clean and says yes the next time, with nothing
on the disk. So the file is given up, and what was not synced yet is nobody's promise.
"""

import asyncio
import os
import threading
from pathlib import Path

from narthex.model.audit import AuditUnavailable
from narthex.store.audit.file import SegmentFile
from narthex.store.audit.journal import Journal

Waiting = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Syncer:
    """A thread that syncs whenever somebody waits."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._lost: list[tuple[int, int]] = []  # what the disk refused: from, to
        self._folder_synced_for: SegmentFile | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="narthex-audit-sync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Sync what is left, and end; give up after `seconds` where the disk does not answer."""
        self._stopped = True
        self._wanted.set()
        self._thread.join(seconds)

    async def durable(self, seq: int) -> None:
        """Return once the record is on the disk. Raises AuditUnavailable where it will not be."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._check(seq)
            if seq <= self._journal.synced:
                return
            if self._stopped:
                raise AuditUnavailable("The audit log is closed.")
            done = loop.create_future()
            self._waiting.append((seq, loop, done))
        self._wanted.set()
        await done

    def _check(self, seq: int) -> None:
        if any(first <= seq <= last for first, last in self._lost):
            raise AuditUnavailable("The disk did not keep the audit record.")

    def _run(self) -> None:
        while not self._stopped:
            self._wanted.wait()
            self._wanted.clear()
            self._round()
        self._round()
        with self._lock:
            waiting, self._waiting = self._waiting, []
        _resolve(waiting, "The audit log is closed.")

    def _round(self) -> None:
        """Sync what was written until now: segments that ended, then the one that is written."""
        journal = self._journal
        seq, file = journal.written()
        ended = [journal.ended.popleft() for _ in range(len(journal.ended))]
        error = ""
        for one in ended:
            error = self._sync(one) or error
            one.close()
        if file is not None and file not in ended:
            error = self._sync(file) or error
            if error:
                journal.give_up(file, error)
        with self._lock:
            if error:
                self._lost.append((journal.synced + 1, seq))
            journal.synced = max(journal.synced, seq)
            due = [one for one in self._waiting if one[0] <= seq]
            self._waiting = [one for one in self._waiting if one[0] > seq]
        _resolve(due, f"The disk did not keep the audit record: {error}." if error else "")

    def _sync(self, file: SegmentFile) -> str:
        error = file.sync()
        if not error and self._folder_synced_for is not file:  # its name is new
            try:
                sync_folder(file.path.parent)
            except OSError as fault:
                return fault.strerror or str(fault)
            self._folder_synced_for = file
        return error


def sync_folder(folder: Path) -> None:
    """Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _resolve(waiting: list[Waiting], fault: str) -> None:
    for _seq, loop, done in waiting:
        try:
            loop.call_soon_threadsafe(_settle, done, fault)
        except RuntimeError:
            continue  # its loop has ended, and with it whoever waited


def _settle(done: "asyncio.Future[None]", fault: str) -> None:
    if done.done():  # whoever waited was cancelled
        return
    if fault:
        done.set_exception(AuditUnavailable(fault))
    else:
        done.set_result(None)
