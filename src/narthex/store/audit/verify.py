"""Proof that nothing of a folder was changed, removed, added or moved; and where, if it was.

Knows: chains, signatures, what somebody kept of them elsewhere. Refuses to repair anything.

What proves what: each line names the hash of the one before (an edit shows at once); signed lines stand every thousand
records, every few seconds, and at both ends of a segment (whoever computes all hashes anew cannot sign them); a new
chain names how far the others had come, and an anchor kept elsewhere does too (what was cut off at an end is missed).
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from narthex.limits import audit_findings_max
from narthex.store.audit.diagnose import Signed, Trouble, Truth, diagnose
from narthex.store.audit.file import held
from narthex.store.audit.key import PublicKey
from narthex.store.audit.lines import (
    GENESIS,
    SIGNED,
    Entry,
    Link,
    Mark,
    Opening,
    digest,
    read_entry,
    read_opening,
    signed_part,
)
from narthex.store.audit.links import entry_of
from narthex.store.audit.names import Segment, chains, lock_path
from narthex.store.audit.reading import Reading, first_line
from narthex.store.audit.report import ChainReport, Finding, Report
from narthex.store.audit.retired import BadRetired, Removed, proven_retired

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ATTEMPTS = 3
_read_mark = msgspec.json.Decoder(Mark).decode


def verify(
    folder: Path,
    keys: Iterable[PublicKey],
    anchors: Iterable[Link] = (),
    progress: Callable[[Path], None] | None = None,
) -> Report:
    """Read everything; `progress` hears of each file. Raises OSError where the folder cannot be read at all."""
    report = Report()
    known = {key.id: key for key in keys}
    anchors = tuple(anchors)
    found = chains(folder)
    kept = [*_named(found), *anchors]
    for name in found:
        chain = _proven(folder, name, known, [link for link in kept if link.chain == name], progress)
        if chain is not None:
            report.chains.append(chain)
    try:
        retired = proven_retired(folder, known)
    except BadRetired as bad:
        retired = {}
        report.findings.append(Finding(chain="", what="changed", note=f"retired.json: {bad}"))
    there = {chain.chain for chain in report.chains}
    report.findings += _gone(kept, there, retired)
    return report


def _proven(
    folder: Path,
    name: str,
    keys: Mapping[str, PublicKey],
    kept: list[Link],
    progress: Callable[[Path], None] | None,
) -> ChainReport | None:
    """One chain; None where it is no longer there. What goes because of its age may go while we read."""
    for _ in range(_ATTEMPTS):
        segments = chains(folder).get(name, [])
        live = held(lock_path(folder, name))
        try:
            while live and segments and first_line(segments[-1]) is None:
                segments.pop()  # just begun: the one before it may not have its last line yet
            if not segments:
                return None
            walk = _Walk(name, segments, keys, _removed(folder, name, keys), kept, live=live)
            walk.progress = progress
            return walk.run()
        except FileNotFoundError:
            continue
    return None


def _removed(folder: Path, name: str, keys: Mapping[str, PublicKey]) -> Removed | None:
    """Asked after the folder was listed: what is gone by then is on record by then."""
    try:
        return proven_retired(folder, keys).get(name)
    except BadRetired:
        return None


def _named(found: Mapping[str, list[Segment]]) -> list[Link]:
    """How far the chains had come by the word of those that began later."""
    kept: list[Link] = []
    for segments in found.values():
        try:
            line = first_line(segments[0])
            kept += read_opening(line).after if line is not None else ()
        except (*UNREADABLE, FileNotFoundError):
            continue  # damaged, and the walk says so; or removed since the folder was listed
    return kept


def _gone(kept: Iterable[Link], there: Iterable[str], retired: Mapping[str, Removed]) -> list[Finding]:
    """Chains of which nothing is left, and that nobody removed because of their age."""
    furthest: dict[str, int] = {}
    for link in kept:
        removed = retired.get(link.chain)
        if link.chain not in there and (removed is None or removed.seq < link.seq):
            furthest[link.chain] = max(furthest.get(link.chain, 0), link.seq)
    return [
        Finding(chain=name, what="missing", first=1, last=seq, note="the whole chain") for name, seq in furthest.items()
    ]


class _Stretch(NamedTuple):
    what: str
    seq: int
    last: int
    line: int | None


def _joined(troubles: Iterable[Trouble]) -> list[_Stretch]:
    """Records that are missing one after another are one finding."""
    stretches: list[_Stretch] = []
    for trouble in troubles:
        before = stretches[-1] if stretches else None
        if before is not None and before.what == trouble.what == "missing" and before.last == trouble.seq - 1:
            stretches[-1] = before._replace(last=trouble.seq)
        else:
            stretches.append(_Stretch(trouble.what, trouble.seq, trouble.seq, trouble.line))
    return stretches


class _Walk:
    """One chain from its beginning to its end."""

    def __init__(
        self,
        name: str,
        segments: list[Segment],
        keys: Mapping[str, PublicKey],
        removed: Removed | None,
        kept: list[Link],
        *,
        live: bool,
    ) -> None:
        self.report = ChainReport(chain=name, segments=len(segments))
        self.progress: Callable[[Path], None] | None = None
        self._segments = segments
        self._keys = keys
        self._removed = removed
        self._live = live
        self._seq = 0
        self._hash = GENESIS
        self._kept = sorted({(link.seq, link.hash) for link in kept}, reverse=True)  # the next one last
        self._last_kind = ""
        self._lines: list[bytes] = []

    def run(self) -> ChainReport:
        report = self.report
        self._begin()
        report.first = self._seq + 1
        number = self._segments[0].number
        for index, segment in enumerate(self._segments):
            if segment.number != number:
                self._leap(index, number)
            number = segment.number + 1
            following = self._opening(index + 1)
            self._segment(segment, following if following is None or following.segment == number else None)
        report.last, report.hash = self._seq, self._hash
        report.state = "closed" if self._last_kind == "close" else "written" if self._live else "open"
        for seq, _hash in self._kept:
            self._note("missing", self._seq + 1, seq, number - 1, note="somebody kept a record of them")
            break
        return report

    def _begin(self) -> None:
        """Where the chain begins: with nothing, or behind what was removed because of its age."""
        first, removed = self._segments[0].number, self._removed
        if first == 1:
            return
        if removed is not None and removed.segment >= first - 1:
            opening = self._opening(0)
            self._seq, self._hash = removed.seq, removed.hash
            if opening is not None and removed.segment > first - 1:  # removed on record, and still there
                self._seq, self._hash = opening.seq - 1, opening.prev
            while self._kept and self._kept[-1][0] <= self._seq:
                self._kept.pop()
            return
        opening = self._opening(0)
        if opening is not None:
            self._seq, self._hash = opening.seq - 1, opening.prev
        self._note("missing", 1, max(1, self._seq), 1, note=f"segments 1 to {first - 1}")

    def _leap(self, index: int, number: int) -> None:
        """Over segments that are not there. Where none was ever written under such a number, the chain goes on."""
        opening = self._opening(index)
        if opening is not None and (opening.seq - 1, opening.prev) != (self._seq, self._hash):
            note = f"segments {number} to {self._segments[index].number - 1}"
            self._note("missing", self._seq + 1, max(self._seq + 1, opening.seq - 1), number, note=note)
            self._seq, self._hash = opening.seq - 1, opening.prev

    def _opening(self, index: int) -> Opening | None:
        """The first line of a segment, if it is what it should be and signed."""
        if index >= len(self._segments):
            return None
        line = first_line(self._segments[index])
        if line is None or self._signature(line) is not None:
            return None
        try:
            return read_opening(line)
        except UNREADABLE:
            return None

    def _segment(self, segment: Segment, following: Opening | None) -> None:
        """Check one file, the usual way first: as long as all is well, nothing is kept."""
        if self.progress is not None:
            self.progress(segment.path)
        before = Truth(self._seq, self._hash)
        reading = Reading(segment)
        marks: list[tuple[int, int, bytes]] = []
        sound = self._follows(reading, marks)
        last = Truth(following.seq - 1, following.prev) if following is not None else None
        if sound and last is not None and (self._seq, self._hash) != last:
            sound = False
        if not sound:
            marks = self._diagnose(segment, before, last)
        self._check_marks(segment, marks)
        if reading.broken:
            self._note("unreadable", self._seq, self._seq, segment.number, note=reading.broken)
        self._check_torn(segment, reading.torn, following)

    def _follows(self, reading: Reading, marks: list[tuple[int, int, bytes]]) -> bool:
        """Whether each line follows the one before; `marks`: number, line and text of what is signed."""
        seq, hash_, kind, number = self._seq, self._hash, self._last_kind, 0
        next_kept = self._kept[-1][0] if self._kept else 0
        try:
            for line in reading:
                number += 1
                entry = read_entry(line)
                if entry.seq != seq + 1 or entry.prev != hash_:
                    return False
                seq += 1
                hash_ = sha256(line).hexdigest()
                kind = entry.kind
                if kind in SIGNED:
                    marks.append((seq, number, line))
                if seq == next_kept:
                    next_kept = self._compare(seq, hash_)
        except UNREADABLE:
            return False
        self._seq, self._hash, self._last_kind = seq, hash_, kind
        return True

    def _compare(self, seq: int, hash_: str) -> int:
        """A record of which somebody kept the hash; the number of the next such one."""
        while self._kept and self._kept[-1][0] <= seq:
            kept_seq, kept_hash = self._kept.pop()
            if kept_seq == seq and kept_hash != hash_:
                self._note("anchor", seq, seq, 0)
        return self._kept[-1][0] if self._kept else 0

    def _diagnose(self, segment: Segment, before: Truth, last: Truth | None) -> list[tuple[int, int, bytes]]:
        """Say what is wrong, and go on behind it; what is signed, but for what is known to be changed."""
        lines = list(Reading(segment))
        entries = [entry_of(line) for line in lines]
        troubles = diagnose(lines, before, last, self._signed(segment, lines, entries))
        for stretch in _joined(troubles):
            place = stretch.line + 1 if stretch.line is not None else 0
            self._note(stretch.what, stretch.seq, stretch.last, segment.number, line=place)
        bad = {trouble.line for trouble in troubles}
        good = [(entry.seq, digest(lines[n])) for n, entry in enumerate(entries) if entry is not None and n not in bad]
        self._seq, self._hash = last or max(good, default=before)
        if not troubles:  # each line is where it belongs, and yet the next segment does not follow
            self._note("changed", self._seq, self._seq, segment.number)
        for seq, hash_ in sorted(good):
            if self._kept and self._kept[-1][0] <= seq:
                self._compare(seq, hash_)
        self._last_kind = entries[-1].kind if entries and entries[-1] is not None else ""
        return [
            (entry.seq, n + 1, lines[n])
            for n, entry in enumerate(entries)
            if entry is not None and entry.kind in SIGNED and n not in bad
        ]

    def _signed(self, segment: Segment, lines: list[bytes], entries: list[Entry | None]) -> Signed:
        marks = {n for n, entry in enumerate(entries) if entry is not None and entry.kind in SIGNED}
        good = {n for n in marks if self._signature(lines[n]) is None and self._in_place(segment, lines[n])}
        return Signed(frozenset(good), frozenset(marks - good))

    def _check_marks(self, segment: Segment, marks: Iterable[tuple[int, int, bytes]]) -> None:
        for seq, number, line in marks:
            fault = self._signature(line)
            if fault is None and not self._in_place(segment, line):
                fault = "rewritten"
            if fault is None:
                self.report.signed = max(self.report.signed, seq)
            elif fault == "unsigned":
                self._note("unsigned", seq, seq, segment.number, line=number)
            else:
                self._note("rewritten", min(self.report.signed + 1, seq), seq, segment.number, line=number)

    def _signature(self, line: bytes) -> str | None:
        """What is wrong with it; None: nothing."""
        parts = signed_part(line)
        try:
            key = self._keys.get(_read_mark(line).key)
        except UNREADABLE:
            return "rewritten"
        if parts is None:
            return "rewritten"
        if key is None:
            return "unsigned"
        return None if key.made(parts[1], parts[0]) else "rewritten"

    def _in_place(self, segment: Segment, line: bytes) -> bool:
        mark = _read_mark(line)
        return (mark.chain, mark.segment) == (segment.chain, segment.number)

    def _check_torn(self, segment: Segment, torn: bytes, following: Opening | None) -> None:
        """A torn line is what a crash leaves. The next segment has named it, or there is none yet."""
        if segment is self._segments[-1]:
            self.report.torn = len(torn)
            if torn and self._last_kind == "close":
                self._note("added", self._seq + 1, self._seq + 1, segment.number, note="behind the end of the chain")
            return
        named = following.found if following is not None else None
        if torn and (named is None or named.segment != segment.number or named.sha256 != digest(torn)):
            self._note("torn", self._seq, self._seq, segment.number)

    def _note(self, what: str, first: int, last: int, segment: int, line: int = 0, note: str = "") -> None:
        finding = Finding(
            chain=self.report.chain,
            what=what,  # type: ignore[arg-type]
            first=first,
            last=last,
            segment=segment,
            line=line,
            note=note,
        )
        self.report.add(finding, audit_findings_max)
