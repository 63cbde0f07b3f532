"""Which segments may go: the oldest first, whole, never one that is written, and never without a trace.

Knows: ages and sizes. Refuses to know: what is in a segment, but for its last line.
"""

from pathlib import Path
from typing import NamedTuple

from narthex.store.audit.file import held
from narthex.store.audit.key import Signer
from narthex.store.audit.lines import digest
from narthex.store.audit.links import entry_of
from narthex.store.audit.names import Segment, chains, lock_path
from narthex.store.audit.reading import complete, last_line
from narthex.store.audit.retired import Removed, add_retired

_DAY_SECONDS = 86_400.0


class Aged(NamedTuple):
    segment: Segment
    written: float  # last, seconds since the epoch
    size: int


def retire(folder: Path, signer: Signer, now: float, keep_days: float | None, keep_bytes: int | None) -> list[Segment]:
    """Remove what is too old, and the oldest of what is too much; what was removed. Raises OSError."""
    if keep_days is None and keep_bytes is None:
        return []
    removable, fixed_bytes = _removable(folder)
    oldest = now - keep_days * _DAY_SECONDS if keep_days is not None else 0.0
    total = fixed_bytes + sum(aged.size for aged in removable)
    doomed = []
    for aged in removable:
        if aged.written >= oldest and (keep_bytes is None or total <= keep_bytes):
            break
        doomed.append(aged.segment)
        total -= aged.size
    if doomed:
        add_retired(folder, _removed(doomed), signer)
        for segment in doomed:
            segment.path.unlink(missing_ok=True)
    return doomed


def _removable(folder: Path) -> tuple[list[Aged], int]:
    """The oldest first; and how much else there is."""
    removable: list[Aged] = []
    fixed_bytes = 0
    for name, segments in chains(folder).items():
        aged = [_aged(segment) for segment in segments]
        if held(lock_path(folder, name)):
            ended = len(complete(segments))
            fixed_bytes += sum(one.size for one in aged[ended:])
            del aged[ended:]
        latest = 0.0
        for one in aged:  # a chain loses its beginning first, whatever the file system says of times
            latest = max(latest, one.written)
            removable.append(one._replace(written=latest))
    removable.sort(key=lambda one: (one.written, one.segment.chain, one.segment.number))
    return removable, fixed_bytes


def _aged(segment: Segment) -> Aged:
    stat = segment.path.stat()
    return Aged(segment, stat.st_mtime, stat.st_size)


def _removed(doomed: list[Segment]) -> dict[str, Removed]:
    """For each chain the end of the last segment that goes."""
    last = {segment.chain: segment for segment in doomed}
    found = {}
    for name, segment in last.items():
        line, _torn = last_line(segment)
        entry = entry_of(line) if line is not None else None
        if line is not None and entry is not None:
            found[name] = Removed(digest(line), segment.number, entry.seq)
    return found
