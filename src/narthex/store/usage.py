"""What was used, by whom: sums over the audit log, each record of it counted exactly once.

Knows: the log's lines, the sums, and how far the log was read for them; the last two change in one transaction. Refuses
to know: the event loop, and who looks at the sums.

Several processes may fold the same log: whoever writes first, the others read on from there.
"""

from collections.abc import Iterable
from pathlib import Path
from sqlite3 import Connection

import msgspec

from narthex.store.audit.follow import BEGINNING, Follower, Item, Place
from narthex.store.database import Database, Mark
from narthex.store.stretch import Stretch
from narthex.store.sums import KEYS, SUMS, Counted, Sums

FILE = "usage.db"
STEPS = (
    # 1: sums, and places in the log. Costs are thousandths of a unit, so that sums are exact.
    """
    CREATE TABLE usage (
        day TEXT NOT NULL,          -- 2026-11-23, in UTC
        tenant TEXT NOT NULL,
        principal TEXT NOT NULL,
        server TEXT NOT NULL,
        tool TEXT NOT NULL,         -- public name; of what is no tool, the method
        calls INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        denied INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        bytes_in INTEGER NOT NULL,
        bytes_out INTEGER NOT NULL,
        PRIMARY KEY (day, tenant, principal, server, tool)
    ) WITHOUT ROWID;
    CREATE TABLE places (
        chain TEXT PRIMARY KEY,
        segment INTEGER NOT NULL,
        offset INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)
_END = b'"kind":"end"'
_ADD = f"""INSERT INTO usage ({", ".join((*KEYS, *SUMS))}) VALUES ({", ".join("?" * len((*KEYS, *SUMS)))})
    ON CONFLICT ({", ".join(KEYS)})
    DO UPDATE SET {", ".join(f"{one} = {one} + excluded.{one}" for one in SUMS)}"""  # noqa: S608 - names of ours
_MOVE = "INSERT OR REPLACE INTO places (chain, segment, offset) VALUES (?, ?, ?)"

_read = msgspec.json.Decoder(Counted).decode


class Usage:
    """Of one state folder and the log in `audit`. Raises `StateFault` where its file cannot be used."""

    def __init__(self, state: Path, audit: Path) -> None:
        self._database = Database(state, steps=STEPS, file=FILE)
        self._database.power_safe(safe=False)  # sums and places go together: what is lost is read again
        self._follower = Follower(audit, holds=True)
        self._mark: Mark | None = None  # of the file, when the follower's places were what it holds
        self.missed = 0  # files of the log that were removed before they were read
        self.more = False  # the last fold left something to read

    def close(self) -> None:
        self._follower.close()
        self._database.close()

    def fold(self, records_max: int, own: Stretch | None = None) -> int:
        """Read on, and add up; how many records were, and 0 once there are no more. Raises OSError.

        `own`: what a journal of this process wrote, as long as it was not kept: it was when more than 0 is returned.
        """
        mark = self._database.mark()
        self.more = False
        if self._mark == mark and not self._waiting(own):
            return 0  # nobody has to wait for a transaction about nothing
        with self._database.writing() as connection:
            mark = mark[0], self._changes()  # from here on nobody else writes
            if self._mark != mark:
                self._follower.places = _places(connection)
            self._mark = None  # until it is written
            before, missed = dict(self._follower.places), self._follower.missed
            sums, count = self._taken(own)
            items = self._follower.read(records_max)
            sums.merge(_summed(items))
            if count or items:
                _write(connection, sums, before, self._follower.places)
        self._mark = mark
        self.more = len(items) >= records_max
        self.missed += self._follower.missed - missed
        return count + len(items)

    def _waiting(self, own: Stretch | None) -> bool:
        """Whether there is anything to add up."""
        if own is None:
            return self._look()
        fits = self._fits(own)
        self._follower.until[own.chain] = own.since if fits else own.until
        return (fits and own.records > 0) or self._look()

    def _fits(self, own: Stretch) -> bool:
        """Whether it begins exactly where the log was read to."""
        return own.sums is not None and self._follower.places.get(own.chain, BEGINNING) == own.since

    def _taken(self, own: Stretch | None) -> tuple[Sums, int]:
        """What is summed already, and of how many records; the rest is to be read."""
        if own is None:
            return Sums(), 0
        self._follower.until[own.chain] = own.until
        if own.sums is None or not self._fits(own):
            return Sums(), 0
        self._follower.places[own.chain] = own.until
        sums = Sums()
        sums.merge(own.sums)  # a copy: should this be for nothing, it is asked for again
        return sums, own.records

    def sums(self, by: Iterable[str], first: str, last: str) -> list[tuple[str | int, ...]]:
        """What was used from day to day, both included: the keys in `by`, then `SUMS`; the most calls first."""
        keys = [key for key in KEYS if key in set(by)]
        shown = ", ".join((*keys, *(f"SUM({one}) AS {one}" for one in SUMS)))
        group = f"GROUP BY {', '.join(keys)} " if keys else ""
        order = ", ".join((*(("day",) if "day" in keys else ()), "calls DESC", *keys))
        sql = f"SELECT {shown} FROM usage WHERE day >= ? AND day <= ? {group}ORDER BY {order}"  # noqa: S608 - our names
        return [row for row in self._database.read(sql, (first, last)) if row[-1] is not None]

    def _changes(self) -> int:
        """Another number after another connection wrote."""
        return int(self._database.read("PRAGMA data_version")[0][0])

    def _look(self) -> bool:
        """Whether there is anything to read. Leaves the place where it was."""
        before, missed = dict(self._follower.places), self._follower.missed
        try:
            return bool(self._follower.read(1))
        finally:
            self._follower.places, self._follower.missed = before, missed


def _places(connection: Connection) -> dict[str, Place]:
    rows = connection.execute("SELECT chain, segment, offset FROM places").fetchall()
    return {chain: Place(segment, offset) for chain, segment, offset in rows}


def _summed(items: list[Item]) -> Sums:
    sums = Sums()
    for item in items:
        if _END not in item.line:  # looking costs a tenth of reading; arguments that look so are read, and passed over
            continue
        try:
            line = _read(item.line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # damaged: `verify` says so
        sums.add(line)
    return sums


def _write(connection: Connection, sums: Sums, before: dict[str, Place], after: dict[str, Place]) -> None:
    connection.executemany(_ADD, [(*key, *sum_) for key, sum_ in sums.by_key.items()])
    moved = [(chain, *_numbers(place)) for chain, place in after.items() if before.get(chain) != place]
    connection.executemany(_MOVE, moved)
    connection.executemany("DELETE FROM places WHERE chain = ?", [(chain,) for chain in before.keys() - after.keys()])


def _numbers(place: Place) -> tuple[int, int]:
    return place.segment, place.offset
