"""The writer: one chain of one process, and every record in the operating system before `append` returns.

Knows: the order of things, what to do when a file fails. Refuses to know: what a call is, and who reads.

Safe to be called from any thread. What takes time (closing, syncing, compressing, trying again) is a thread's work
(`keeper.py`). What cannot be helped: write(2) itself may block where the disk does, and nobody can call it back; the
keeper then says so, and ends the process where the operator wants that (docs/audit.md).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from narthex.limits import audit_blocked_seconds, audit_head_records, audit_retry_seconds
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.chain import Chain, line_of
from narthex.store.audit.file import Opener, SegmentFile, Torn, open_new
from narthex.store.audit.lines import Found, Link, digest
from narthex.store.audit.segments import Prepared, Segments
from narthex.store.audit.under_way import UnderWay

_CLOSE_ATTEMPTS = 2
Taken = TypeVar("Taken")
Say = Callable[[str, str], None]  # level and sentence, from any thread


class Down(NamedTuple):
    """The log cannot be written at the moment."""

    since: int  # wall clock, microseconds
    error: str


class Journal:
    """Made by `opening.py:open_journal`."""

    def __init__(self, folder: Path, chain: Chain, config: AuditConfig, say: Say, opener: Opener = open_new) -> None:
        self.folder = folder
        self.chain = chain
        self.config = config
        self.unrecorded = 0  # records refused or left out since the start
        self.down: Down | None = None
        self.writing_since = 0.0  # monotonic; 0.0: no write is under way
        self.ended: deque[SegmentFile] = deque()  # files for the keeper to sync and close
        self.file: SegmentFile | None = None  # the segment that is written
        self.found: Found | None = None  # how the one before ended, where it was not sealed
        self.under_way = UnderWay()
        self.synced = 0  # seq: what is on the disk, where somebody asked for that
        self.after: tuple[Link, ...] = ()  # how far other chains had come when this one began
        self.say = say
        self._segments = Segments(folder, chain.id, opener)
        self._lock = threading.Lock()
        self._fd = -1  # of `file`, or -1
        self._left_bytes = 0  # of the file that was left last
        self._missed = 0  # records that no gap speaks of yet
        self._head_at = 0  # seq at which a signature is due
        self._rotate_at = 0.0
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "down" if self.down else "open"
        return f"<Journal {self.chain.id} segment {self.chain.segment}, {self.chain.seq} lines, {state}>"

    def append(self, record: AuditRecord) -> int:
        """Write one record; its number. The bytes are in the operating system when this returns.

        Raises AuditUnavailable where that cannot be; where the operator chose to count, returns 0 instead.
        """
        with self._lock:
            if self._fd < 0:
                return self._unwritten(1)
            chain = self.chain
            now = time.monotonic_ns()
            record.at, record.mono = time.time_ns() // 1000, now // 1000
            record.chain, record.prev = chain.id, chain.prev
            record.seq = seq = chain.seq + 1
            line = line_of(record)
            data = line + b"\n"
            began = self.writing_since = now / 1e9
            try:
                taken = os.write(self._fd, data)
            except OSError as error:
                return self._elsewhere([record], [line], Torn(error, 0), began)
            if taken < len(data):
                return self._elsewhere([record], [line], Torn(OSError("only a part was written"), taken), began)
            ended = time.monotonic()
            self.writing_since = 0.0
            chain.seq = seq
            chain.prev = digest(line)
            file = self.file
            assert file is not None, "its descriptor was written to"
            size = file.size = file.size + taken
            self.under_way.took(record)
            if (
                seq >= self._head_at
                or size >= self.config.segment_bytes
                or ended >= self._rotate_at
                or ended - began > audit_blocked_seconds
            ):
                self._due(began, ended)
            return seq

    def extend(self, records: Sequence[AuditRecord]) -> int:
        """Write several with one write; the number of the last. As `append`; when it raises, some may be in."""
        with self._lock, self._watched():
            return self._extend(records)

    def end_unknown(self, note: str) -> None:
        """Close every call that is still open: nobody will tell how it ended. As `append`."""
        with self._lock, self._watched():
            self._extend(self.under_way.unknown(note))

    def sign(self) -> None:
        """Sign what is not signed yet."""
        with self._lock, self._watched():
            if self._fd >= 0 and self.chain.signed < self.chain.seq:
                self._mark("head")

    def written(self) -> tuple[int, SegmentFile | None]:
        """The number of the last line, and the file it is in."""
        with self._lock:
            return self.chain.seq, self.file

    def still(self, take: Callable[[], Taken]) -> tuple[Taken, int, int]:
        """What `take` gives while nothing is written; the segment, and the bytes of it that were written."""
        with self._lock:
            size = self.file.size if self.file is not None else self._left_bytes
            return take(), self.chain.segment, size

    def close(self) -> None:
        """End the chain. What is still open then is closed as unknown; a log that is down stays as it is."""
        with self._lock, self._watched():
            if self._closed:
                return
            if self._fd >= 0 and self.under_way:
                self._last_words()
            for _ in range(_CLOSE_ATTEMPTS):
                if self._fd < 0 or self._mark("close"):
                    break
            self._closed = True
            self._leave()

    @property
    def complete(self) -> bool:
        """Whether the chain has its proper end: nothing is left for another process to do."""
        return self._closed and self.down is None and self.found is None and self.chain.signed == self.chain.seq

    # When a file fails

    def give_up(self, file: SegmentFile, error: str) -> None:
        """The disk did not keep what it was given: nothing is written to this file any more. For the keeper."""
        with self._lock:
            if self.file is file:
                self._fail(error, b"", synced=self.synced)
                self._go_down(error)

    def try_again(self) -> None:
        """For the keeper alone, and off the event loop: a disk that blocks then blocks nobody else.

        Without the lock: as long as the log is down, nobody else touches the chain.
        """
        down = self.down
        if down is None or self._closed:
            return
        try:
            prepared = self._prepare()
        except (OSError, Torn):
            return  # it was said when it went down, and will be when it is back
        with self._lock:
            if self._closed:  # meanwhile; what was begun is left as it is, and the next process closes it
                self.ended.append(prepared.file)
                return
            self._adopt(prepared)
        missed = f"; {prepared.missed:,} records are missing, and it says so" if prepared.missed else ""
        self.say("warning", f"The audit log is written again, in {prepared.file.path.name}{missed}.")

    def start(self) -> None:
        """Begin the first segment, or go down."""
        with self._lock:
            try:
                self._adopt(self._prepare())
            except (OSError, Torn) as error:
                self._go_down(_said(error))

    def _elsewhere(self, records: list[AuditRecord], lines: list[bytes], torn: Torn, began: float) -> int:
        """After a file failed: take what it took whole, and write the rest to another at once."""
        with self._watched():
            return self._write_elsewhere(records, lines, torn, began)

    def _write_elsewhere(self, records: list[AuditRecord], lines: list[bytes], torn: Torn, began: float) -> int:
        left = self._after_tear(records, lines, torn)
        if time.monotonic() - began > audit_blocked_seconds:
            self._go_down(_said(torn))
        elif self._reopen(_said(torn)):
            try:
                lines = self.chain.link(left)
                self._put(lines)
            except Torn as again:
                left = self._after_tear(left, lines, again)
                self._go_down(_said(again))
            else:
                self._took(left, lines)
                return self.chain.seq
        return self._unwritten(len(left))

    def _after_tear(self, records: list[AuditRecord], lines: list[bytes], torn: Torn) -> list[AuditRecord]:
        """Count the lines that are whole; the records that are not in."""
        whole, rest = 0, torn.taken
        while rest > (len(lines[whole]) if whole < len(lines) else torn.taken):
            rest -= len(lines[whole]) + 1
            whole += 1
        self._took(records[:whole], lines[:whole])
        self._fail(_said(torn), lines[whole][:rest] if whole < len(lines) else b"")
        return records[whole:]

    def _fail(self, error: str, torn: bytes, synced: int | None = None) -> None:
        """Leave the file, and remember how."""
        chain = self.chain
        self.found = Found(
            hash=chain.prev,
            segment=chain.segment,
            seq=chain.seq,
            sha256=digest(torn) if torn else "",
            synced=synced,
            torn=len(torn),
        )
        self.say("error", f"The audit log cannot be written to {self._name()}: {error}.")
        self._leave()

    def _leave(self) -> None:
        if self.file is not None:
            self.ended.append(self.file)
            self._left_bytes = self.file.size
        self.file = None
        self._fd = -1

    def _reopen(self, error: str) -> bool:
        """Begin another segment at once, or go down."""
        try:
            self._adopt(self._prepare())
        except (OSError, Torn) as fault:
            self._go_down(_said(fault))
            return False
        self.say("warning", f"The audit log goes on in {self._name()} ({error}).")
        return True

    def _go_down(self, error: str) -> None:
        assert self._fd < 0, "the file was left"
        self.down = Down(time.time_ns() // 1000, error)
        meanwhile = "calls are refused" if self.config.when_broken == "refuse" else "calls are not recorded"
        self.say(
            "error",
            f"There is no audit log: {error}. Until it can be written again, {meanwhile}; "
            f"it is tried every {audit_retry_seconds:g} s.",
        )

    def _unwritten(self, count: int) -> int:
        if self._closed:
            raise AuditUnavailable("The audit log is closed.")
        self.unrecorded += count
        self._missed += count
        if self.config.when_broken == "count":
            return 0
        error = self.down.error if self.down else "it has not begun"
        raise AuditUnavailable(f"The audit log cannot be written: {error}.")

    # Segments

    def _prepare(self, file: SegmentFile | None = None) -> Prepared:
        """Begin a segment. Raises OSError and Torn, and then leaves nothing behind."""
        chain, missed, down = self.chain, self._missed, self.down
        file = file or self._segments.new()
        lines = [chain.opening(file.number, found=self.found, calls=tuple(self.under_way), after=self.after, by="")]
        if missed:
            error, since = (down.error, down.since) if down else ("", 0)
            refused = self.config.when_broken == "refuse"
            lines.append(chain.gap(lines[0], missed, error, since, "refused" if refused else "unrecorded"))
        self._segments.begin(file, lines)
        return Prepared(file, tuple(lines), missed)

    def _adopt(self, prepared: Prepared) -> None:
        file, chain = prepared.file, self.chain
        self.file, self._fd = file, file.fd
        self.found = self.down = None
        self.after = ()
        self._missed -= prepared.missed
        chain.segment = file.number
        chain.took(prepared.lines)
        chain.signed = chain.seq
        self._head_at = chain.seq + audit_head_records
        self._rotate_at = time.monotonic() + self.config.segment_seconds

    def _due(self, began: float, ended: float) -> None:
        """After a write that went well: a head to be signed, another segment, or it took too long."""
        with self._watched():
            self._do(began, ended)

    def _do(self, began: float, ended: float) -> None:
        file = self.file
        assert file is not None, "it was written to"
        if ended - began > audit_blocked_seconds:
            error = f"a write took {ended - began:.1f} s"
            self._fail(error, b"")
            self._go_down(error)  # and the keeper tries another file, where a disk that blocks blocks nobody else
        elif file.size >= self.config.segment_bytes or ended >= self._rotate_at:
            self._rotate(ended)
        else:
            self._mark("head")

    def _rotate(self, now: float) -> None:
        try:
            file = self._segments.new()
        except OSError as error:
            self._rotate_at = now + audit_retry_seconds
            self.say("warning", f"The audit log cannot begin another segment, and goes on: {_said(error)}.")
            return
        if not self._mark("seal"):
            file.close()
            file.path.unlink(missing_ok=True)
            return  # another segment was begun, or the log is down
        self._leave()
        try:
            self._adopt(self._prepare(file))
        except Torn as torn:
            self._reopen(_said(torn))

    def _mark(self, kind: Literal["head", "seal", "close"]) -> bool:
        """Write a signed line; False where that went wrong, and then another segment was begun, or the log is down."""
        line = self.chain.mark(kind)
        try:
            self._put([line])
        except Torn as torn:
            self._after_tear([], [line], torn)
            self._reopen(_said(torn))
            return False
        self._took([], [line])
        self.chain.signed = self.chain.seq
        self._head_at = self.chain.seq + audit_head_records
        return True

    def _extend(self, records: Sequence[AuditRecord]) -> int:
        if self._fd < 0:
            return self._unwritten(len(records))
        lines = self.chain.link(records)
        began = time.monotonic()
        try:
            self._put(lines)
        except Torn as torn:
            return self._write_elsewhere(list(records), lines, torn, began)
        self._took(records, lines)
        seq, ended, file = self.chain.seq, time.monotonic(), self.file
        assert file is not None, "it was written to"
        full = file.size >= self.config.segment_bytes
        if full or seq >= self._head_at or ended >= self._rotate_at or ended - began > audit_blocked_seconds:
            self._do(began, ended)
        return seq

    def _last_words(self) -> None:
        try:
            self._extend(self.under_way.unknown("the gateway ended first"))
        except AuditUnavailable:
            pass  # it was said; whoever goes on with this chain finds the calls open

    def _put(self, lines: Sequence[bytes]) -> None:
        assert self.file is not None, "only where a file is open"
        if lines:
            self.file.write(b"\n".join(lines) + b"\n")

    def _took(self, records: Sequence[AuditRecord], lines: Sequence[bytes]) -> None:
        self.chain.took(lines)
        for record in records:
            self.under_way.took(record)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """What happens meanwhile may wait for the disk, and the watch is to know since when."""
        self.writing_since = time.monotonic()
        try:
            yield
        finally:
            self.writing_since = 0.0

    def _name(self) -> str:
        return self.file.path.name if self.file is not None else str(self.folder)


def _said(error: Exception) -> str:
    inner = error.error if isinstance(error, Torn) else error
    return (inner.strerror if isinstance(inner, OSError) else None) or str(inner)
