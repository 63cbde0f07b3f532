"""Reading on: what was written since the last look, over the ends of segments, in every chain of a folder.

Knows: places. Refuses to know: what lines say, and to wait.
"""

import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from narthex.limits import audit_follow_bytes_max
from narthex.store.audit.links import entry_of
from narthex.store.audit.names import Segment, chains
from narthex.store.audit.reading import has_begun, opened


class Item(NamedTuple):
    """A whole line, and the chain it is of."""

    chain: str
    line: bytes


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """In a chain: everything before is read. The offset counts uncompressed bytes; -1: the chain has ended."""

    segment: int
    offset: int


ENDED = -1
BEGINNING = Place(0, 0)
NO_END = Place(1 << 62, 0)
_LINE_BYTES = 1_024  # of a usual line, and more: what is not enough is read in two goes
_COARSE_SECONDS = 2.0  # the system's clock for files may stand still while two things happen


class Follower:
    """`places`: how far each chain is read; chains that are not in it are read from their beginning.

    `only`: the one chain that is read. `until`: where reading a chain ends. `missed`: segments that were removed before
    they were read. `holds`: a file stays open from one look to the next, and `close` has to be called.
    """

    def __init__(
        self, folder: Path, places: dict[str, Place] | None = None, only: str | None = None, *, holds: bool = False
    ) -> None:
        self.folder = folder
        self._holds = holds
        self.places = dict(places or {})
        self.only = only
        self.until: dict[str, Place] = {}
        self.missed = 0
        self._held: tuple[str, int, BinaryIO] | None = None  # the file that was read last, where it is kept open
        self._listed: dict[str, list[Segment]] = {}
        self._listed_for = -1  # the folder's time of change

    def _hold(self, segment: Segment, offset: int, lines_max: int) -> tuple[list[bytes], int]:
        """As `_lines`, keeping the file open: it may be compressed meanwhile, and what is compressed has no middle."""
        held = self._held
        if held is None or held[:2] != (segment.chain, segment.number):
            self.close()
            try:
                held = self._held = segment.chain, segment.number, opened(segment)
            except FileNotFoundError:
                return [], 0
        return _whole(held[2], offset, lines_max)

    def close(self) -> None:
        """Let go of the file that was kept open."""
        held, self._held = self._held, None
        if held is not None:
            held[2].close()

    def skip(self, but: str = "") -> None:
        """Go to the end of everything that is there, but for one chain. Raises OSError."""
        for name, segments in chains(self.folder).items():
            if name != but:
                last = segments[-1]
                self.places[name] = Place(last.number, _whole_bytes(last))

    def read(self, lines_max: int) -> list[Item]:
        """The next lines; empty where there are none now. Raises OSError."""
        items: list[Item] = []
        found = self._chains()
        for name in [name for name in self.places if name not in found]:
            del self.places[name]
        for name, segments in found.items():
            if (self.only is None or name == self.only) and len(items) < lines_max:
                self._read_chain(name, segments, items, lines_max)
        return items

    def _chains(self) -> dict[str, list[Segment]]:
        """What is in the folder, listed anew only when something came or went."""
        changed = self.folder.stat().st_mtime_ns
        if changed != self._listed_for or time.time() - changed / 1e9 < _COARSE_SECONDS:
            self._listed = chains(self.folder)
            self._listed_for = changed
        return self._listed

    def _read_chain(self, name: str, segments: list[Segment], items: list[Item], lines_max: int) -> None:
        while len(items) < lines_max:
            place, until = self.places.get(name, BEGINNING), self.until.get(name, NO_END)
            if place.offset == ENDED or place >= until:
                return
            segment = next((one for one in segments if one.number >= place.segment), None)
            if segment is None:
                return
            if segment.number != place.segment:
                self.missed += segment.number - place.segment - 1 if place != BEGINNING else 0
                place = Place(segment.number, 0)
            # Looked at before this one is read: a segment that has begun says that nothing is added to this one.
            after = next((one for one in segments if one.number > segment.number), None)
            complete = after is not None and has_begun(after)
            take = self._hold if self._holds else _lines
            lines, size = take(segment, place.offset, lines_max - len(items))
            if Place(segment.number, place.offset + size) > until:
                lines, size = _up_to(lines, until.offset - place.offset if segment.number == until.segment else 0)
            items += [Item(name, line) for line in lines]
            place = Place(segment.number, place.offset + size)
            if complete and not lines and after is not None:
                place = Place(after.number, 0)
            elif after is None and lines and _is_close(lines[-1]):
                place = Place(segment.number, ENDED)
            self.places[name] = place
            if not lines and not complete:
                return


def _is_close(line: bytes) -> bool:
    entry = entry_of(line)
    return entry is not None and entry.kind == "close"


def _lines(segment: Segment, offset: int, lines_max: int) -> tuple[list[bytes], int]:
    """Whole lines from there on, and how many bytes they are."""
    try:
        with opened(segment) as file:
            return _whole(file, offset, lines_max)
    except FileNotFoundError:  # compressed or removed since the folder was listed; the next look sees it
        return [], 0


def _whole(file: BinaryIO, offset: int, lines_max: int) -> tuple[list[bytes], int]:
    file.seek(offset)
    block = file.read(min(lines_max * _LINE_BYTES, audit_follow_bytes_max))
    end = block.rfind(b"\n") + 1
    if not end:  # a line that is longer than others, or none that is whole
        block += file.read(audit_follow_bytes_max - len(block))
        end = block.rfind(b"\n") + 1
    if not end and len(block) == audit_follow_bytes_max:
        return [], len(block)  # no line is so long: `verify` has the words for that
    lines = block[:end].split(b"\n")[:-1][:lines_max]
    return lines, sum(map(len, lines)) + len(lines)


def _up_to(lines: list[bytes], most: int) -> tuple[list[bytes], int]:
    """As many lines as end there or before, and how many bytes they are."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        if size + len(line) >= most:  # its end of line is one more
            break
        taken.append(line)
        size += len(line) + 1
    return taken, size


def _whole_bytes(segment: Segment) -> int:
    """Bytes up to the last end of line."""
    size = 0
    with opened(segment) as file:
        if not segment.compressed:
            end = file.seek(0, 2)
            start = max(0, end - audit_follow_bytes_max)
            file.seek(start)
            return start + file.read().rfind(b"\n") + 1
        while block := file.read(audit_follow_bytes_max):
            size += len(block)
    return size
