"""The counts of limits in the state folder: for every process of one machine, across restarts of any of them.

Knows: buckets by their full moment, quotas by what is used up, and what may be believed after a restart. Refuses to
know: who is counted; a key is a digest.

A lease is on record before anybody spends it, so a process that is killed takes with it what it had leased, and never
more. Times are those of the monotonic clock, which no setting of the wall clock moves. It starts anew with the machine;
then what the file says is believed only if the last process ended in good order. If not, buckets are taken to be empty:
the last writes may have been lost with the power.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar
from uuid import uuid4

from narthex.limits import (
    counters_forgotten_at_once_max,
    counters_kept_max,
    counters_lock_seconds_max,
    counters_sweep_seconds,
    quota_kept_days,
    worker_seen_seconds,
)
from narthex.model.limit import TICKS_PER_SECOND
from narthex.policy import gcra
from narthex.ports import CountersLost, Grant, Return, Want
from narthex.store.database import Database, StateDamaged
from narthex.store.desk import Desk
from narthex.store.folder import StateFault
from narthex.store.machine import boot_id

T = TypeVar("T")

FILE = "counters.db"
STEPS = (
    # 1. Times are ticks of the monotonic clock of the machine's run that `boot` names.
    """
    CREATE TABLE house (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        boot TEXT NOT NULL,
        high INTEGER NOT NULL,      -- the latest moment anybody wrote at
        born INTEGER NOT NULL,      -- every bucket was empty then; 0: nobody says so
        clean INTEGER NOT NULL      -- 1: the last process ended in good order
    );
    CREATE TABLE buckets (key BLOB PRIMARY KEY, full INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX buckets_by_full ON buckets (full);
    CREATE TABLE quotas (
        key BLOB NOT NULL,
        window TEXT NOT NULL,       -- "2026-11-23", "2026-11"
        used INTEGER NOT NULL,      -- thousandths
        PRIMARY KEY (key, window)
    ) WITHOUT ROWID;
    CREATE INDEX quotas_by_window ON quotas (window);
    CREATE TABLE workers (id TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
    """,
)
_SEEN = int(worker_seen_seconds * TICKS_PER_SECOND)
_SWEEP = int(counters_sweep_seconds * TICKS_PER_SECOND)
_OVERFLOW = b"overflow:"


def _monotonic() -> int:
    return time.monotonic_ns() * TICKS_PER_SECOND // 1_000_000_000


class StoredCounters:
    """The counts in one state folder. `clock`: ticks of this run of the machine; `boot`: which run it is."""

    shared = False
    remark = ""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], int] = _monotonic,
        boot: str = "",
        today: Callable[[], float] = time.time,
        kept_max: int = counters_kept_max,
    ) -> None:
        self._folder, self._clock, self._today, self._kept_max = folder, clock, today, kept_max
        self._boot = boot or boot_id()
        self._id = uuid4().hex
        self._desk = Desk("counters")
        self._database: Database | None = None
        self._seen = self._swept = -_SEEN
        self._crowded = False
        self._wanted = False  # there are limits at all; where there are none, there is no file
        self.workers = 1

    async def start(self) -> None:
        if self._wanted:
            await self._do(self._open)

    async def lease(self, wants: Sequence[Want]) -> list[Grant]:
        return await self._do(lambda: self._lease(wants))

    async def give_back(self, returns: Sequence[Return]) -> None:
        await self._do(lambda: self._give_back(returns))

    async def beat(self) -> None:
        """Whoever leases is seen; for the others nobody need write to a disk."""

    async def aclose(self) -> None:
        try:
            await self._do(self._close)
        except CountersLost:
            pass  # then the next start finds that it was not in good order
        self._desk.close()

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await self._desk.do(work)
        except StateFault as fault:
            raise CountersLost(str(fault)) from None

    # ---- in the thread -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        try:
            database, lost = self._opened(), False
        except StateDamaged:
            for file in self._folder.glob(f"{FILE}*"):  # no count is worth a gateway that does not start
                file.unlink(missing_ok=True)
            database, lost = self._opened(), True
        with database.writing() as write:
            self._greet(write, lost=lost)
        self._database = database

    def _opened(self) -> Database:
        return Database(self._folder, counters_lock_seconds_max, STEPS, FILE)

    def _greet(self, write: Connection, *, lost: bool) -> None:
        """What may be believed of what the last run left."""
        now = self._clock()
        row = write.execute("SELECT boot, high, clean FROM house").fetchone()
        if row is None:
            first = (self._boot, now, now if lost else 0)
            write.execute("INSERT INTO house VALUES (1, ?, ?, ?, 0)", first)
            return
        boot, high, clean = row
        if boot == self._boot and now >= high:
            write.execute("UPDATE house SET clean = 0")
            return
        write.execute("DELETE FROM workers")
        if clean:  # as if no time had passed
            write.execute("UPDATE buckets SET full = full - ?", (high - now,))
            write.execute("UPDATE house SET born = CASE born WHEN 0 THEN 0 ELSE born - ? END", (high - now,))
        else:
            write.execute("DELETE FROM buckets")
            write.execute("UPDATE house SET born = ?", (now,))
        write.execute("UPDATE house SET boot = ?, high = ?, clean = 0", (self._boot, now))

    def _lease(self, wants: Sequence[Want]) -> list[Grant]:
        database = self._there()
        # Counts of a month are worth a disk's time; a bucket is taken to be empty after a power cut anyway.
        database.power_safe(safe=any(want.window for want in wants))
        with database.writing() as write:
            high, born = write.execute("SELECT high, born FROM house").fetchone()
            now = max(self._clock(), high)
            grants = [
                self._of_quota(write, want) if want.window else self._of_rate(write, want, now, born) for want in wants
            ]
            write.execute("UPDATE house SET high = ?, clean = 0", (now,))
            if now - self._seen > _SEEN // 3:
                self._be_seen(write, now)
            if now - self._swept > _SWEEP:
                self._sweep(write, now)
        return grants

    def _of_rate(self, write: Connection, want: Want, now: int, born: int) -> Grant:
        interval, burst = want.limit.interval, want.limit.burst
        key, full = self._bucket(write, want.key, want.limit.identity)
        if born:
            full = max(full, born + burst * interval)
        if want.floor:
            full = max(full, now + want.floor)
        taken = gcra.take(full, now, interval, burst, want.amount)
        if taken.calls or want.floor:
            write.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (key, taken.full))
        return Grant(taken.calls, taken.first - now, taken.full - now, taken.wait)

    def _bucket(self, write: Connection, key: bytes, identity: str) -> tuple[bytes, int]:
        row = write.execute("SELECT full FROM buckets WHERE key = ?", (key,)).fetchone()
        if row is None and self._crowded:
            key = _OVERFLOW + identity.encode()
            row = write.execute("SELECT full FROM buckets WHERE key = ?", (key,)).fetchone()
        return key, 0 if row is None else row[0]

    def _of_quota(self, write: Connection, want: Want) -> Grant:
        row = write.execute("SELECT used FROM quotas WHERE key = ? AND window = ?", (want.key, want.window)).fetchone()
        before = 0 if row is None else row[0]
        used = max(before, want.floor) + want.charge
        left = want.limit.ceiling - used
        count = min(want.amount, left) if left >= want.need else 0
        if used + count != before:
            write.execute("INSERT OR REPLACE INTO quotas VALUES (?, ?, ?)", (want.key, want.window, used + count))
        return Grant(count, 0, used + count, 0)

    def _give_back(self, returns: Sequence[Return]) -> None:
        database = self._there()
        database.power_safe(safe=any(one.window for one in returns))
        with database.writing() as write:
            now = max(self._clock(), write.execute("SELECT high FROM house").fetchone()[0])
            for one in returns:
                if one.window:
                    found = (one.amount, one.key, one.window)
                    write.execute("UPDATE quotas SET used = MAX(0, used - ?) WHERE key = ? AND window = ?", found)
                    continue
                row = write.execute("SELECT full FROM buckets WHERE key = ?", (one.key,)).fetchone()
                if row is not None:
                    full = gcra.given_back(row[0], now, one.amount)
                    write.execute("UPDATE buckets SET full = ? WHERE key = ?", (full, one.key))

    def _be_seen(self, write: Connection, now: int) -> None:
        write.execute("INSERT OR REPLACE INTO workers VALUES (?, ?)", (self._id, now))
        write.execute("DELETE FROM workers WHERE seen < ?", (now - _SEEN,))
        self.workers = write.execute("SELECT COUNT(*) FROM workers").fetchone()[0]
        self._seen = now

    def _sweep(self, write: Connection, now: int) -> None:
        """A bucket that is full is as good as one that was never there."""
        self._swept = now
        full = "SELECT key FROM buckets WHERE full <= ? LIMIT ?"
        write.execute(f"DELETE FROM buckets WHERE key IN ({full})", (now, counters_forgotten_at_once_max))  # noqa: S608 - ours
        self._crowded = write.execute("SELECT COUNT(*) FROM buckets").fetchone()[0] >= self._kept_max
        day = time.strftime("%Y-%m-%d", time.gmtime(self._today() - quota_kept_days * 86_400))
        write.execute("DELETE FROM quotas WHERE window < ?", (day,))

    def _close(self) -> None:
        database = self._database
        if database is None:
            return
        database.power_safe(safe=True)
        with database.writing() as write:
            now = max(self._clock(), write.execute("SELECT high FROM house").fetchone()[0])
            write.execute("DELETE FROM workers WHERE id = ? OR seen < ?", (self._id, now - _SEEN))
            alone = write.execute("SELECT COUNT(*) FROM workers").fetchone()[0] == 0
            write.execute("UPDATE house SET high = ?, clean = ?", (now, int(alone)))
        database.read("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        self._database = None

    def _there(self) -> Database:
        self._wanted = True
        if self._database is None:
            self._open()
        assert self._database is not None
        return self._database
