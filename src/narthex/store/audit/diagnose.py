"""What happened to a segment whose lines do not follow each other.

Knows: lines, the hash of the last good line before them, and, where somebody names it, the hash of the last line there
was. Refuses to know: files and signatures.

Each line names the hash of the one before it. So, walking back from a line that is known to be true, every other line
that is true is found by its hash, wherever it stands. Where no line has the hash that is asked for, a record was
changed (a line stands in its place) or is missing (none does); the walk then goes on from what is there.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

from narthex.store.audit.lines import Entry, digest
from narthex.store.audit.links import entry_of


class Trouble(NamedTuple):
    """`line`: index in the segment, or None where nothing stands."""

    what: Literal["changed", "missing", "added", "moved"]
    seq: int
    line: int | None


class Truth(NamedTuple):
    """A record that is known from elsewhere."""

    seq: int
    hash: str


class Signed(NamedTuple):
    """Indexes of lines: those that are true beyond doubt, and those that only look like it."""

    good: frozenset[int]
    bad: frozenset[int]


UNSIGNED = Signed(frozenset(), frozenset())


class _Seen(NamedTuple):
    place: int
    entry: Entry | None
    hash: str


def diagnose(lines: Sequence[bytes], before: Truth, last: Truth | None, signed: Signed = UNSIGNED) -> list[Trouble]:
    """`before`: the last record of what comes before. `last`: what has to be the last record here, if anybody knows."""
    seen = [_Seen(index, entry_of(line), digest(line)) for index, line in enumerate(lines)]
    true, troubles = _walk_back(seen, before, last or _claimed_end(seen, before, signed))
    used = {one.place for one in true.values()} | {trouble.line for trouble in troubles}
    for one in seen:
        if one.place not in used:
            troubles.append(Trouble("added", one.entry.seq if one.entry else 0, one.place))
    troubles += [Trouble("moved", seq, true[seq].place) for seq in _out_of_order(true)]
    return sorted(troubles, key=lambda trouble: (trouble.seq, trouble.line or 0))


def _claimed_end(seen: Sequence[_Seen], before: Truth, signed: Signed) -> Truth:
    """Nobody knows the end: the highest number of a line that is proven, or that fits the line it names.

    Or the number of the last line, if so many records can have been here: what it names may have been changed.
    """
    proven = [Truth(one.entry.seq, one.hash) for one in seen if one.entry is not None and one.place in signed.good]
    seqs = {one.hash: one.entry.seq for one in seen if one.entry is not None} | {before.hash: before.seq}
    claimed = [
        Truth(one.entry.seq, one.hash)
        for one in seen
        if one.entry is not None and one.place not in signed.bad and seqs.get(one.entry.prev) == one.entry.seq - 1
    ]
    final = seen[-1] if seen else None
    number = final.entry.seq - before.seq if final is not None and final.entry is not None else 0
    if final is not None and final.place not in signed.bad and 0 < number <= 2 * len(seen) + 16:
        claimed.append(Truth(before.seq + number, final.hash))
    surest, furthest = max(proven, default=before), max(claimed, default=before)
    return furthest if furthest.seq > surest.seq else surest


def _walk_back(seen: Sequence[_Seen], before: Truth, last: Truth) -> tuple[dict[int, _Seen], list[Trouble]]:
    """The true lines by their numbers, and what is changed or missing among them."""
    by_hash = {line.hash: line for line in seen}
    by_seq: dict[int, list[_Seen]] = {}
    for line in seen:
        if line.entry is not None:
            by_seq.setdefault(line.entry.seq, []).append(line)
    true: dict[int, _Seen] = {}
    changed: dict[int, _Seen] = {}
    missing: list[int] = []
    wanted: str | None = last.hash
    for seq in range(last.seq, before.seq, -1):
        one: _Seen | None = by_hash.get(wanted) if wanted is not None else None
        if one is None or one.entry is None or one.entry.seq != seq:
            one = _linked_on(by_seq.get(seq, ()), by_hash, wanted)
            if one is not None:
                (true if wanted is None else changed)[seq] = one
            else:
                missing.append(seq)
        else:
            true[seq] = one
        wanted = one.entry.prev if one is not None and one.entry is not None else None
        if seq in changed and wanted not in by_hash:
            wanted = None  # a changed record may name anything
    troubles = [Trouble("changed", seq, one.place) for seq, one in changed.items()]
    return true, troubles + _gone(seen, missing, true, changed)


def _linked_on(candidates: Sequence[_Seen], by_hash: dict[str, _Seen], wanted: str | None) -> _Seen | None:
    """Of the lines that say they are this record, the one that fits what is before it; with nothing wanted, any."""
    fitting = [one for one in candidates if one.entry is not None and one.entry.prev in by_hash]
    return next(iter(fitting or candidates), None)


def _gone(
    seen: Sequence[_Seen], missing: list[int], true: dict[int, _Seen], changed: dict[int, _Seen]
) -> list[Trouble]:
    """Records that no line claims to be. One whose number was changed too still stands between its neighbours."""
    taken = {one.place for one in (*true.values(), *changed.values())}
    troubles = []
    for seq in missing:
        following = true.get(seq + 1) or changed.get(seq + 1)
        index = following.place - 1 if following is not None else len(seen) - 1
        stands = index >= 0 and index not in taken and _alone(seen[index], seq)
        if stands:
            taken.add(index)
        troubles.append(Trouble("changed" if stands else "missing", seq, index if stands else None))
    return troubles


def _alone(one: _Seen, seq: int) -> bool:
    """Whether a line is what is left of this record: it is no record, or says that it is another one."""
    return one.entry is None or one.entry.seq != seq


def _out_of_order(true: dict[int, _Seen]) -> list[int]:
    """The fewest records whose moving would explain the order: all that are in no longest rising sequence."""
    order = sorted(true)
    tails: list[int] = []  # of rising sequences, by length
    holders: list[int] = []  # position in `order` of each tail
    back: dict[int, int | None] = {}
    for position, seq in enumerate(order):
        index = true[seq].place
        length = bisect_left(tails, index)
        back[position] = holders[length - 1] if length else None
        if length == len(tails):
            tails.append(index)
            holders.append(position)
        else:
            tails[length], holders[length] = index, position
    kept = set()
    position_kept = holders[-1] if holders else None
    while position_kept is not None:
        kept.add(position_kept)
        position_kept = back[position_kept]
    return [seq for position, seq in enumerate(order) if position not in kept]
