"""Resident memory of other processes.

Knows: /proc. Refuses to know: whose processes they are. Where there is no /proc it knows nothing, and says 0.
"""

import os
from collections.abc import Iterable
from pathlib import Path


def resident_bytes(pids: Iterable[int]) -> int:
    """The sum over `pids`; a process that has ended meanwhile counts nothing."""
    return sum(map(_resident_bytes, pids))


def _resident_bytes(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_bytes().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
