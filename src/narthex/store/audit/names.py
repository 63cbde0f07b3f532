"""What lies in an audit folder: the names of segments, and which chains they make.

Knows: names. Refuses to know: what the files say.

`20261123T072056.417Z-9f3a11c2.000001.jsonl` is the first segment of a chain, which is all that one process wrote.
It may end in `.gz`. `….lock` beside it is held for as long as that process lives.
"""

import os
import re
import time
from pathlib import Path
from typing import NamedTuple

_FORM = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{8})\.([0-9]{6,9})\.jsonl(\.gz)?")


class Segment(NamedTuple):
    """One file of a chain."""

    chain: str
    number: int
    path: Path

    @property
    def compressed(self) -> bool:
        return self.path.suffix == ".gz"


def new_chain() -> str:
    """A name that no other chain has, and that sorts by the time of its beginning."""
    now = time.time()
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z-{os.urandom(4).hex()}"


def segment_path(folder: Path, chain: str, number: int) -> Path:
    return folder / f"{chain}.{number:06d}.jsonl"


def lock_path(folder: Path, chain: str) -> Path:
    return folder / f"{chain}.lock"


def segment_of(path: Path) -> Segment | None:
    form = _FORM.fullmatch(path.name)
    return Segment(form[1], int(form[2]), path) if form else None


def chains(folder: Path) -> dict[str, list[Segment]]:
    """Every chain with its segments in order, the chains by the time of their beginning. Raises OSError.

    A segment that was being compressed when the process ended is there twice; the plain one counts.
    """
    found: dict[str, dict[int, Segment]] = {}
    for path in sorted(folder.iterdir()):  # `.jsonl` sorts before `.jsonl.gz`
        segment = segment_of(path)
        if segment is not None:
            found.setdefault(segment.chain, {}).setdefault(segment.number, segment)
    return {chain: [by_number[number] for number in sorted(by_number)] for chain, by_number in sorted(found.items())}
