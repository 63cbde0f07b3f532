"""Segments that are complete, made smaller.

Knows: gzip, and that the last segment of a chain stays as it is: whoever looks for the end of a chain reads its tail.
Refuses to know: what is in a segment. The lines stay the same bytes, so nothing has to be proven anew.
"""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from narthex.limits import audit_read_bytes
from narthex.store.audit.names import Segment, chains
from narthex.store.audit.reading import complete

_LEVEL = 1  # hashes do not become smaller: level 6 takes twice the time for a tenth of the size


def compress_ended(folder: Path, stopping: Callable[[], bool]) -> int:
    """Compress all that are complete; how many. Raises OSError."""
    done = 0
    for segments in chains(folder).values():
        for segment in complete(segments):
            if stopping():
                return done
            if not segment.compressed:
                compress(segment)
                done += 1
    return done


def compress(segment: Segment) -> Path:
    """Put `….gz` in the place of a segment. A machine that stops in between has both, and the plain one counts."""
    path = segment.path.with_name(segment.path.name + ".gz")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    stat = segment.path.stat()
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as raw, segment.path.open("rb") as plain:
            with gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed:
                shutil.copyfileobj(plain, packed, audit_read_bytes)
            raw.flush()
            os.fsync(raw.fileno())
        os.utime(draft, (stat.st_atime, stat.st_mtime))  # retention goes by when it was written
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    segment.path.unlink()
    return path
