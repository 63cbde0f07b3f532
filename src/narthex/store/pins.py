"""Definitions on disk: every one that was seen, and what was decided about it.

Knows: a row for each definition, and that one of a thing is pinned at most. Refuses to know: what follows from it, and
how two definitions differ. Every time is seconds since the epoch, and handed in. Every method waits for the disk.

Pins belong to a server and not to a tenant: a server is asked for its definitions once, for everybody.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from narthex.limits import pins_bytes_per_server_max, pins_per_server_max, pins_waiting_max
from narthex.model.pin import Kind, Known, Pin, PinState, Sighting, known_of
from narthex.store.database import Database
from narthex.store.folder import StateFault

_COLUMNS = "server, kind, name, fingerprint, definition, version, state, first_seen, decided, decided_by"
_SELECT = f"SELECT {_COLUMNS} FROM pins"  # noqa: S608 - ours
_LEAN = _COLUMNS.replace("definition,", "CASE state WHEN 'pinned' THEN definition ELSE x'' END,")
_SELECT_LEAN = f"SELECT {_LEAN} FROM pins"  # noqa: S608 - ours
_ONE = "server = ? AND kind = ? AND name = ?"


class PinFault(ValueError):
    """It cannot be done. The text says why, and what can."""


class PinStore:
    """The pins of one state folder. Raises `PinFault` for what cannot be done, `StateFault` for the disk."""

    __slots__ = ("_bytes_max", "_database", "_per_server_max", "_waiting_max")

    def __init__(
        self,
        database: Database,
        waiting_max: int = pins_waiting_max,
        per_server_max: int = pins_per_server_max,
        bytes_max: int = pins_bytes_per_server_max,
    ) -> None:
        self._database, self._waiting_max, self._per_server_max = database, waiting_max, per_server_max
        self._bytes_max = bytes_max

    def pins(self) -> list[Pin]:
        """All of them, in one order."""
        rows = self._database.read(f"{_SELECT} ORDER BY server, kind DESC, name, first_seen, fingerprint")
        return [self._pin(row) for row in rows]

    def known(self) -> dict[str, Known]:
        """The same, as the catalogue asks for it: by server, and without definitions that nothing is compared with."""
        rows = self._database.read(f"{_SELECT_LEAN} ORDER BY server, kind DESC, name, first_seen, fingerprint")
        return known_of([self._pin(row) for row in rows])

    def changes(self) -> int:
        """How often anything was seen for the first time, or decided."""
        rows = self._database.read("SELECT value FROM counters WHERE name = 'pins'")
        return int(rows[0][0]) if rows else 0

    def observe(self, server: str, version: str, seen: Iterable[Sighting], now: float) -> tuple[Pin, ...]:
        """Keep what was never seen before. The first of a thing is pinned, though by nobody; all others wait."""
        with self._database.writing() as write:
            there = {
                row[:3] for row in _rows(write, "SELECT kind, name, fingerprint FROM pins WHERE server = ?", server)
            }
            fresh = [one for one in seen if (one.kind, one.name, one.fingerprint) not in there]
            if not fresh:
                return ()
            names = {row[:2] for row in there}
            added = []
            room = self._bytes_max - _bytes(write, server)
            for one in self._fitting(write, server, fresh, len(there)):
                room -= len(one.definition)
                if room < 0:
                    break
                state: PinState = "pending" if (one.kind, one.name) in names else "pinned"
                names.add((one.kind, one.name))
                _insert(write, server, version, one, state, now)
                self._make_room(write, server, one)
                added.append(one)
            if added:
                _note_change(write)
            return tuple(self._found(write, server, one.kind, one.name, one.fingerprint) for one in added)

    def lock(self, server: str, version: str, seen: Sequence[Sighting], by: str, now: float) -> tuple[Pin, ...]:
        """Approve of all that is offered now. Returns what was not approved before. Of two definitions under one name
        neither is: whoever looks at them chooses with `approve`."""
        self.observe(server, version, seen, now)
        counts: dict[tuple[str, str], int] = {}
        for one in seen:
            counts[one.named] = counts.get(one.named, 0) + 1
        changed = []
        with self._database.writing() as write:
            for one in seen:
                row = write.execute(f"{_SELECT} WHERE {_ONE} AND fingerprint = ?", _key(server, one)).fetchone()
                if row is None or counts[one.named] > 1:
                    continue
                pin = self._pin(row)
                if not pin.approved:
                    changed.append(self._approve(write, pin, by, now))
            if changed:
                _note_change(write)
        return tuple(changed)

    def approve(self, server: str, kind: Kind, name: str, fingerprint: str, by: str, now: float) -> Pin:
        """Exactly this definition is the pinned one from now on; the one before it is past."""
        with self._database.writing() as write:
            pin = self._found(write, server, kind, name, fingerprint)
            if pin.approved:
                return pin
            pin = self._approve(write, pin, by, now)
            _note_change(write)
        return pin

    def reject(self, server: str, kind: Kind, name: str, fingerprint: str, by: str, now: float) -> Pin:
        """Never show exactly this definition, whatever the rules say; also not when it was pinned before."""
        with self._database.writing() as write:
            pin = self._found(write, server, kind, name, fingerprint)
            if pin.state != "rejected":
                self._decide(write, pin, "rejected", by, now)
                _note_change(write)
            return self._found(write, server, kind, name, fingerprint)

    def forget(self, server: str, kind: Kind | None = None, name: str | None = None) -> int:
        """All that is known of a server, or of one thing. Returns how many definitions it was."""
        where, values = ("server = ?", [server]) if name is None or kind is None else (_ONE, [server, kind, name])
        with self._database.writing() as write:
            gone = write.execute(f"DELETE FROM pins WHERE {where}", values).rowcount  # noqa: S608 - ours
            if gone:
                _note_change(write)
        return gone

    # ---- inside of a transaction

    def _fitting(self, write: sqlite3.Connection, server: str, fresh: list[Sighting], there: int) -> list[Sighting]:
        """As many as there is room for, once what waits longest of this server has gone."""
        beyond = there + len(fresh) - self._per_server_max
        if beyond <= 0:
            return fresh
        gone = write.execute(
            "DELETE FROM pins WHERE id IN (SELECT id FROM pins WHERE server = ? AND state = 'pending'"
            " ORDER BY first_seen, id LIMIT ?)",
            (server, beyond),
        ).rowcount
        return fresh[: max(0, len(fresh) - (beyond - gone))]

    def _make_room(self, write: sqlite3.Connection, server: str, one: Sighting) -> None:
        write.execute(
            f"DELETE FROM pins WHERE id IN (SELECT id FROM pins WHERE {_ONE} AND state = 'pending'"  # noqa: S608 - ours
            " ORDER BY first_seen DESC, id DESC LIMIT -1 OFFSET ?)",
            (server, one.kind, one.name, self._waiting_max),
        )

    def _approve(self, write: sqlite3.Connection, pin: Pin, by: str, now: float) -> Pin:
        write.execute(
            f"UPDATE pins SET state = 'past' WHERE {_ONE} AND state = 'pinned' AND fingerprint <> ?",  # noqa: S608
            (pin.server, pin.kind, pin.name, pin.fingerprint),
        )
        self._decide(write, pin, "pinned", by, now)
        return self._found(write, pin.server, pin.kind, pin.name, pin.fingerprint)

    def _decide(self, write: sqlite3.Connection, pin: Pin, state: PinState, by: str, now: float) -> None:
        write.execute(
            f"UPDATE pins SET state = ?, decided = ?, decided_by = ? WHERE {_ONE} AND fingerprint = ?",  # noqa: S608
            (state, now, by, pin.server, pin.kind, pin.name, pin.fingerprint),
        )

    def _found(self, write: sqlite3.Connection, server: str, kind: str, name: str, fingerprint: str) -> Pin:
        values = (server, kind, name, fingerprint)
        row = write.execute(f"{_SELECT} WHERE {_ONE} AND fingerprint = ?", values).fetchone()
        if row is None:
            raise PinFault(f"No {kind} {name!r} of '{server}' with the fingerprint {fingerprint[:12]} was ever seen.")
        return self._pin(row)

    def _pin(self, row: tuple[object, ...]) -> Pin:
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        values["by"] = values.pop("decided_by") or ""
        try:
            return msgspec.convert(values, Pin)
        except msgspec.ValidationError as error:
            raise StateFault(f"{self._database.path} holds a pin that no version wrote: {error}.") from None


def _rows(write: sqlite3.Connection, sql: str, *values: object) -> list[tuple[str, ...]]:
    return write.execute(sql, values).fetchall()


def _bytes(write: sqlite3.Connection, server: str) -> int:
    row = write.execute("SELECT TOTAL(LENGTH(definition)) FROM pins WHERE server = ?", (server,)).fetchone()
    return int(row[0])


def _key(server: str, one: Sighting) -> tuple[str, ...]:
    return server, one.kind, one.name, one.fingerprint


def _insert(write: sqlite3.Connection, server: str, version: str, one: Sighting, state: PinState, now: float) -> None:
    write.execute(
        f"INSERT INTO pins ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",  # noqa: S608 - ours
        (*_key(server, one), one.definition, version, state, now),
    )


def _note_change(write: sqlite3.Connection) -> None:
    write.execute(
        "INSERT INTO counters (name, value) VALUES ('pins', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )
