"""After a process ended without closing its chain: what it left is named, its open calls are closed as unknown.

Knows: the ends of chains. Refuses to change a single byte of what is there: it adds a segment.

Whoever starts next in the folder does this, for every chain that has no end and whose lock nobody holds.
"""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from narthex.model.audit import AuditRecord
from narthex.store.audit.chain import Chain, end_unknown
from narthex.store.audit.file import Lock, SegmentFile, Torn
from narthex.store.audit.key import Signer
from narthex.store.audit.lines import GENESIS, Found, digest, read_opening, read_record
from narthex.store.audit.links import entry_of
from narthex.store.audit.names import Segment, chains, lock_path, segment_path
from narthex.store.audit.reading import Reading, last_line

NOTE = "the process ended before it was known"


def recover(folder: Path, signer: Signer, say: Callable[[str, str], None], by: str) -> int:
    """Close what is open; how many chains. A chain that cannot be closed now is left for the next start."""
    closed = 0
    for name, segments in chains(folder).items():
        if name == by or _is_closed(segments):
            continue
        try:
            lock = Lock.take(lock_path(folder, name))
            if lock is None:
                continue
            try:
                if not _is_closed(chains(folder).get(name, [])):
                    calls = _close(folder, name, signer, by)
                    closed += 1
                    say(
                        "warning",
                        f"The audit log {name} had no end and has one now; calls of unknown outcome: {calls}.",
                    )
            except BaseException:
                lock.release()
                raise
            lock.remove()
        except (OSError, Torn) as error:
            say("error", f"The audit log {name} has no end and cannot be given one now: {error}.")
    return closed


def _is_closed(segments: list[Segment]) -> bool:
    if not segments or segments[-1].compressed:  # the last one of a chain that goes on is never compressed
        return True
    line, torn = last_line(segments[-1])
    entry = entry_of(line) if line is not None else None
    return entry is not None and entry.kind == "close" and not torn


def _close(folder: Path, name: str, signer: Signer, by: str) -> int:
    """Write the last segment of the chain, in one piece; the number of calls that were open."""
    segments = chains(folder)[name]
    starts, found = _left(segments)
    chain = Chain(name, signer)
    chain.seq, chain.prev = found.seq, found.hash
    chain.segment = segments[-1].number + 1
    lines = [chain.opening(chain.segment, found=found, calls=(), after=(), by=by)]
    chain.took(lines)
    ends = chain.link([end_unknown(start, NOTE) for start in starts])
    chain.took(ends)
    lines += [*ends, chain.mark("close")]
    file = SegmentFile(segment_path(folder, name, chain.segment), chain.segment)
    try:
        file.write(b"\n".join(lines) + b"\n")
    except Torn:
        file.path.unlink(missing_ok=True)
        raise
    finally:
        file.close()
    return len(starts)


def _left(segments: list[Segment]) -> tuple[list[AuditRecord], Found]:
    """The starts without an end, and how the chain ends."""
    open_calls: dict[int, AuditRecord | None] = {}
    torn, seq = b"", 0
    last: bytes | None = None
    index = len(segments)
    while index > 0 and last is None:  # a segment without a whole line never began; its bytes are named all the same
        index -= 1
        reading = Reading(segments[index])
        for last in reading:
            entry = entry_of(last)
            seq = entry.seq if entry is not None else seq + 1
            if entry is not None and entry.kind in ("open", "start", "end"):
                _note(open_calls, last, entry.kind)
        torn = torn or reading.torn
    missing = {call for call, start in open_calls.items() if start is None}
    for segment in reversed(segments[:index]):
        if not missing:
            break
        missing -= _look_for(segment, missing, open_calls)
    starts = [start or AuditRecord(kind="start", call=call) for call, start in open_calls.items()]
    end = digest(last) if last is not None else GENESIS
    torn_hash = sha256(torn).hexdigest() if torn else ""
    return starts, Found(hash=end, segment=segments[-1].number, seq=seq, sha256=torn_hash, torn=len(torn))


def _note(open_calls: dict[int, AuditRecord | None], line: bytes, kind: str) -> None:
    try:
        if kind == "open":
            # Calls that were open when the segment began: their starts stand in an older one.
            for call in read_opening(line).calls:
                open_calls.setdefault(call, None)
            return
        record = read_record(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return  # damaged: `verify` says so
    if kind == "start":
        open_calls[record.call] = record
    else:
        open_calls.pop(record.call, None)


def _look_for(segment: Segment, missing: set[int], open_calls: dict[int, AuditRecord | None]) -> set[int]:
    """Find starts in an older segment; the calls whose starts it has."""
    found = set()
    for line in Reading(segment):
        entry = entry_of(line)
        if entry is None or entry.kind != "start":
            continue
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):  # damaged: `verify` says so
            record = read_record(line)
            if record.call in missing:
                open_calls[record.call] = record
                found.add(record.call)
    return found
