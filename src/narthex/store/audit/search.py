"""Looking for records: by who, what, where, how it was decided, and when.

Knows: filters, and the newest records of a folder. Refuses to know: how records are shown.
"""

import heapq
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import msgspec

from narthex.store.audit.follow import Item
from narthex.store.audit.names import Segment, chains
from narthex.store.audit.reading import Reading

RECORDS = frozenset(("start", "end", "act", "gap"))  # what says something of the world; the rest speaks of the log


class Shown(msgspec.Struct, gc=False):
    """Of a line, what is looked for."""

    kind: str
    action: str = ""
    at: int = 0
    decision: str = ""
    endpoint: str = ""
    outcome: str = ""
    principal: str = ""
    seq: int = 0
    server: str = ""
    tenant: str = ""
    tool: str = ""


class Match(NamedTuple):
    """A line that was found."""

    at: int
    chain: str
    seq: int
    line: bytes


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """All that is named has to fit. Texts may be globs; times are microseconds since the epoch, `until` excluded."""

    principal: str = ""
    tenant: str = ""
    endpoint: str = ""
    server: str = ""
    tool: str = ""
    decision: str = ""
    outcome: str = ""
    since: int = 0
    until: int = 0
    everything: bool = False  # also what the log says of itself

    def fits(self, shown: Shown) -> bool:
        if not self.everything and shown.kind not in RECORDS:
            return False
        if shown.at < self.since or (self.until and shown.at >= self.until):
            return False
        return all(fnmatchcase(getattr(shown, name), wanted) for name in _TEXTS if (wanted := getattr(self, name)))


_COARSE_SECONDS = 1.0  # the system's clock for files is behind by a tick, on some file systems by a second
_TEXTS = ("principal", "tenant", "endpoint", "server", "tool", "decision", "outcome")
_read = msgspec.json.Decoder(Shown).decode


def matches(items: Iterator[Item] | list[Item], wanted: Filter) -> Iterator[Match]:
    """Those that fit, in the order in which they come. Damaged lines are left to `verify`."""
    for chain, line in items:
        try:
            shown = _read(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if wanted.fits(shown):
            yield Match(shown.at, chain, shown.seq, line)


def search(folder: Path, wanted: Filter) -> Iterator[Match]:
    """Everything that fits, chain by chain. Raises OSError."""
    for segments in chains(folder).values():
        for segment in segments:
            if _written(segment) >= wanted.since / 1e6:
                yield from matches(_items(segment), wanted)


def newest(folder: Path, wanted: Filter, count: int) -> list[Match]:
    """The last `count` that fit, by time. Raises OSError."""
    found: list[Match] = []
    if not count:
        return found
    segments = sorted(
        ((_written(segment), segment) for one in chains(folder).values() for segment in one), reverse=True
    )
    for written, segment in segments:
        if written < wanted.since / 1e6 or (len(found) >= count and written < found[0].at / 1e6):
            break
        for match in matches(_items(segment), wanted):
            if len(found) < count:
                heapq.heappush(found, match)
            elif match > found[0]:
                heapq.heapreplace(found, match)
    return sorted(found)


def _items(segment: Segment) -> Iterator[Item]:
    try:
        for line in Reading(segment):
            yield Item(segment.chain, line)
    except FileNotFoundError:
        return  # removed since the folder was listed


def _written(segment: Segment) -> float:
    """No line was written later, seconds since the epoch. Unknown counts as any time."""
    try:
        return segment.path.stat().st_mtime + _COARSE_SECONDS
    except FileNotFoundError:
        return float("inf")
