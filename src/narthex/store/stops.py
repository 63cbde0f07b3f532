"""What an operator has stopped, on disk: stopped, resumed, listed.

Knows: a row for each stop. Refuses to know: calls, and what a stop does to them.
Every time is seconds since the epoch, and handed in. Every method waits for the disk (`store/database.py`).
"""

import sqlite3
from collections.abc import Iterable
from math import inf

import msgspec

from narthex.limits import (
    stop_days_max,
    stop_name_chars_max,
    stop_reason_chars_max,
    stops_kept_max,
    stops_max,
    subject_chars_max,
)
from narthex.model.stop import KINDS, Stop, Target
from narthex.store.database import Database
from narthex.store.folder import StateFault

_COLUMNS = "id, kind, name, tenant, reason, stopped_by, since, until, resumed, resumed_by"
_SELECT = f"SELECT {_COLUMNS} FROM stops"  # noqa: S608 - ours
_HOLDS = "resumed IS NULL AND (until IS NULL OR until > ?)"


class StopFault(ValueError):
    """It cannot be done. The text says why, and what can."""


class TargetFault(StopFault):
    """What was asked for is no stop at all: a wrong name, reason or time."""


class StopStore:
    """The stops of one state folder. Raises `StopFault` for what cannot be done, `StateFault` for the disk."""

    __slots__ = ("_database", "_stops_max")

    def __init__(self, database: Database, stops_max: int = stops_max) -> None:
        self._database, self._stops_max = database, stops_max

    def stop(self, target: Target, reason: str, by: str, until: float, now: float) -> Stop:
        """From now on. What is stopped already stays the same stop, and ends no earlier than it would have: whoever
        may stop need not be one who may resume.
        """
        _check(target, reason, by, until, now)
        with self._database.writing() as write:
            found = write.execute(
                f"{_SELECT} WHERE kind = ? AND name = ? AND tenant IS ? AND {_HOLDS}",
                (target.kind, target.name, target.tenant, now),
            ).fetchone()
            end = None if until == inf else until
            if found is not None:
                before = self._stop(found)
                key, end = before.id, None if inf in (before.until, until) else max(before.until, until)
                again = "UPDATE stops SET reason = ?, stopped_by = ?, until = ? WHERE id = ?"
                write.execute(again, (reason or before.reason, by, end, key))
            else:
                self._make_room(write, now)
                values = (target.kind, target.name, target.tenant, reason, by, now, end)
                key = _inserted(write, values)
            _note_change(write)
            return self._found(write, key)

    def resume(self, key: int, by: str, now: float) -> Stop:
        """It holds no longer. Again: nothing changes."""
        with self._database.writing() as write:
            if self._found(write, key).holds(now):
                self._end(write, (key,), by, now)
            return self._found(write, key)

    def resume_all(self, by: str, now: float) -> tuple[Stop, ...]:
        """Nothing is stopped any more."""
        with self._database.writing() as write:
            keys = [int(row[0]) for row in write.execute(f"SELECT id FROM stops WHERE {_HOLDS}", (now,))]  # noqa: S608
            self._end(write, keys, by, now)
            return tuple(self._found(write, key) for key in keys)

    def stops(self) -> list[Stop]:
        """All that are kept, also those that are over, the oldest first."""
        return [self._stop(row) for row in self._database.read(f"{_SELECT} ORDER BY id")]

    def changes(self) -> int:
        """How often anything was stopped or resumed."""
        rows = self._database.read("SELECT value FROM counters WHERE name = 'stops'")
        return int(rows[0][0]) if rows else 0

    def _end(self, write: sqlite3.Connection, keys: Iterable[int], by: str, now: float) -> None:
        ended = [(now, by, key) for key in keys]
        write.executemany("UPDATE stops SET resumed = ?, resumed_by = ? WHERE id = ?", ended)
        if ended:
            _note_change(write)

    def _make_room(self, write: sqlite3.Connection, now: float) -> None:
        holding = write.execute(f"SELECT count(*) FROM stops WHERE {_HOLDS}", (now,)).fetchone()[0]  # noqa: S608
        if holding >= self._stops_max:
            raise StopFault(
                f"{holding} things are stopped already, and no more can be. Resume what runs again, or stop a whole "
                "server or tenant."
            )
        write.execute(
            f"DELETE FROM stops WHERE NOT ({_HOLDS}) AND id NOT IN (SELECT id FROM stops ORDER BY id DESC LIMIT ?)",  # noqa: S608
            (now, stops_kept_max),
        )

    def _found(self, write: sqlite3.Connection, key: int) -> Stop:
        row = write.execute(f"{_SELECT} WHERE id = ?", (key,)).fetchone()
        if row is None:
            raise StopFault(f"There is no stop {key} in this state folder. 'narthex stops' shows all.")
        return self._stop(row)

    def _stop(self, row: tuple[object, ...]) -> Stop:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        target = {name: values.pop(name) for name in ("kind", "name", "tenant")}
        until = values.pop("until")
        values |= {"target": target, "by": values.pop("stopped_by"), "until": inf if until is None else until}
        try:
            return msgspec.convert(values, Stop)
        except msgspec.ValidationError as error:
            raise StateFault(f"{self._database.path} holds a stop that no version wrote: {error}.") from None


def _check(target: Target, reason: str, by: str, until: float, now: float) -> None:
    if target.kind not in KINDS:
        raise TargetFault(f"'{target.kind}' cannot be stopped; these can: {', '.join(KINDS)}.")
    if not 0 < len(target.name) <= stop_name_chars_max or not target.name.isprintable():
        raise TargetFault(f"A name has 1 to {stop_name_chars_max} printable characters.")
    if target.tenant is not None and target.kind != "principal":
        raise TargetFault("Only a principal is looked for in one tenant. To stop a whole tenant, name nothing else.")
    if len(reason) > stop_reason_chars_max or not reason.isprintable():
        raise TargetFault(f"A reason is one line of up to {stop_reason_chars_max} printable characters.")
    if len(by) > subject_chars_max or not by.isprintable():
        raise TargetFault(f"Whoever stops it has a name of up to {subject_chars_max} printable characters.")
    if not until > now:
        raise TargetFault("It would be over before it began.")
    if now + stop_days_max * 86_400.0 < until < inf:
        raise TargetFault(f"A stop that ends by itself ends within {stop_days_max} days.")


def _inserted(write: sqlite3.Connection, values: tuple[object, ...]) -> int:
    cursor = write.execute(
        "INSERT INTO stops (kind, name, tenant, reason, stopped_by, since, until, resumed, resumed_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, NULL, '')",
        values,
    )
    assert cursor.lastrowid is not None, "a row was inserted"
    return cursor.lastrowid


def _note_change(write: sqlite3.Connection) -> None:
    write.execute(
        "INSERT INTO counters (name, value) VALUES ('stops', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )
