"""Grants of users at servers, at rest: sealed rows, changed by several processes at once.

Knows: rows, versions, leases, and which have to go when there are too many. Refuses to know: what is in them, and what
a token is. Every method waits for the disk (`store/vault_desk.py` is where the event loop asks).
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from narthex.limits import connections_per_owner_max, vault_gone_seconds, vault_grants_max
from narthex.ports import Change, Changes, Kept, VaultFault
from narthex.store.database import Database
from narthex.wire.safe import GRANT, Damaged, Safe

_COLUMNS = "owner, server, issuer, content, since, due, void, version"
_THIS = "owner = ? AND server = ?"


class _Read(Protocol):
    """A question to the database, inside of a change to it or outside."""

    def __call__(self, sql: str, parameters: Sequence[Any] = ..., /) -> list[tuple[Any, ...]]: ...


class VaultGrants:
    """The grants of one state folder. Raises `StateFault` for the disk.

    `on_damage(server)`: a row could not be opened; it is treated as not there.
    """

    __slots__ = ("_database", "_on_damage", "_safe")

    def __init__(self, database: Database, safe: Safe, on_damage: Callable[[str], None]) -> None:
        self._database, self._safe, self._on_damage = database, safe, on_damage

    # Reading

    def find(self, owner: str, server: str) -> Kept | None:
        rows = self._rows(_THIS, (_blob(owner), server))
        return self._opened(rows[0]) if rows else None

    def of(self, owner: str) -> list[Kept]:
        return self._all_opened(self._rows("owner = ? ORDER BY server", (_blob(owner),)))

    def working(self, server: str, most: int) -> list[Kept]:
        return self._all_opened(self._rows("server = ? AND void = 0 ORDER BY since LIMIT ?", (server, most)))

    def all(self) -> list[Kept]:
        """Without what is in them."""
        return [_kept(row, b"") for row in self._rows("1 = 1 ORDER BY since", ())]

    def due(self, servers: tuple[str, ...], now: float, most: int) -> list[tuple[str, str]]:
        rows = self._database.read(
            "SELECT owner, server FROM vault_grants WHERE due IS NOT NULL AND due <= ? AND void = 0"
            " AND server IN (SELECT value FROM json_each(?)) AND (leased_until IS NULL OR leased_until <= ?)"
            " ORDER BY due LIMIT ?",
            (now, msgspec.json.encode(servers).decode(), now, most),
        )
        return [(_text(owner), str(server)) for owner, server in rows]

    def has_room(self, owner: str, server: str) -> None:
        """Raises VaultFault where one more could not be put."""
        if not self._rows(_THIS, (_blob(owner), server)):
            _has_room(self._database.read, _blob(owner))

    def changes(self, mark: int) -> Changes:
        """What was written after this mark; the mark -1 asks for where we are."""
        newest = self._counter(self._database.read)
        if mark < 0 or newest == mark:
            return Changes(newest, ())
        rows = self._database.read(
            "SELECT owner, server, version, since, void FROM vault_grants WHERE changed > ?", (mark,)
        )
        gone = self._database.read("SELECT owner, server FROM vault_gone WHERE changed > ?", (mark,))
        written = [Change(_text(row[0]), row[1], int(row[2]), float(row[3]), bool(row[4])) for row in rows]
        taken = [Change(_text(row[0]), row[1], None, 0.0, True) for row in gone]
        return Changes(newest, (*written, *taken), all=newest < mark)

    # Writing

    def put(self, kept: Kept) -> Kept:
        """In place of whatever was there. Raises VaultFault where there are too many."""
        with self._database.writing() as write:
            here = (_blob(kept.owner), kept.server)
            row = write.execute(f"SELECT version FROM vault_grants WHERE {_THIS}", here).fetchone()  # noqa: S608 - ours
            if row is None:
                _has_room(_reader(write), here[0])
            # Versions never repeat for one place, also after the row was gone: a late writer must not hit another row.
            version = max(int(row[0]) if row is not None else 0, self._counter(_reader(write))) + 1
            return self._write(write, _with(kept, version))

    def replace(self, kept: Kept) -> Kept | None:
        with self._database.writing() as write:
            row = write.execute(
                f"SELECT version FROM vault_grants WHERE {_THIS}",  # noqa: S608 - ours
                (_blob(kept.owner), kept.server),
            ).fetchone()
            if row is None or int(row[0]) != kept.version:
                return None
            return self._write(write, _with(kept, kept.version + 1))

    def remove(self, owner: str, server: str) -> Kept | None:
        with self._database.writing() as write:
            row = write.execute(
                f"DELETE FROM vault_grants WHERE {_THIS} RETURNING {_COLUMNS}",  # noqa: S608 - ours
                (_blob(owner), server),
            ).fetchone()
            if row is None:
                return None
            now = time.time()
            write.execute("DELETE FROM vault_gone WHERE at <= ?", (now - vault_gone_seconds,))
            write.execute(
                "INSERT OR REPLACE INTO vault_gone (owner, server, changed, at) VALUES (?, ?, ?, ?)",
                (_blob(owner), server, self._step(write), now),
            )
        return self._opened(row) or _kept(row, b"")

    def lease(self, owner: str, server: str, version: int, holder: str, now: float, until: float) -> bool | None:
        with self._database.writing() as write:
            row = write.execute(
                f"SELECT version, leased_by, leased_until FROM vault_grants WHERE {_THIS}",  # noqa: S608 - ours
                (_blob(owner), server),
            ).fetchone()
            if row is None or int(row[0]) != version:
                return None
            if row[1] not in (None, holder) and row[2] > now:
                return False
            write.execute(
                f"UPDATE vault_grants SET leased_by = ?, leased_until = ? WHERE {_THIS}",  # noqa: S608 - ours
                (holder, until, _blob(owner), server),
            )
            return True

    def release(self, owner: str, server: str, holder: str, due: float | None) -> None:
        with self._database.writing() as write:
            write.execute(
                "UPDATE vault_grants SET leased_by = NULL, leased_until = NULL, due = ?"
                " WHERE owner = ? AND server = ? AND leased_by = ?",
                (due, _blob(owner), server, holder),
            )

    # Rows

    def _write(self, write: sqlite3.Connection, kept: Kept) -> Kept:
        sealed = self._safe.seal(GRANT, _place(kept.owner, kept.server, kept.issuer), kept.content)
        here = (_blob(kept.owner), kept.server)
        write.execute(f"DELETE FROM vault_gone WHERE {_THIS}", here)  # noqa: S608 - ours
        write.execute(
            "INSERT OR REPLACE INTO vault_grants (owner, server, issuer, content, since, due, void, version, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*here, kept.issuer, sealed, kept.since, kept.due, int(kept.void), kept.version, self._step(write)),
        )
        return kept

    def _step(self, write: sqlite3.Connection) -> int:
        write.execute(
            "INSERT INTO counters (name, value) VALUES ('vault', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
        )
        return self._counter(_reader(write))

    def _counter(self, read: _Read) -> int:
        rows = read("SELECT value FROM counters WHERE name = 'vault'")
        return int(rows[0][0]) if rows else 0

    def _rows(self, where: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._database.read(f"SELECT {_COLUMNS} FROM vault_grants WHERE {where}", parameters)  # noqa: S608 - ours

    def _all_opened(self, rows: list[tuple[Any, ...]]) -> list[Kept]:
        return [kept for row in rows if (kept := self._opened(row)) is not None]

    def _opened(self, row: tuple[Any, ...]) -> Kept | None:
        owner, server, issuer, sealed = row[:4]
        try:
            return _kept(row, self._safe.open(GRANT, _place(_text(owner), server, issuer), sealed))
        except (Damaged, TypeError):
            self._on_damage(str(server))
            return None


def _place(owner: str, server: str, issuer: str) -> tuple[str, str, str]:
    return owner, server, issuer


def _kept(row: tuple[Any, ...], content: bytes) -> Kept:
    owner, server, issuer, _, since, due, void, version = row
    return Kept(
        owner=_text(owner),
        server=server,
        issuer=issuer,
        content=content,
        since=float(since),
        due=None if due is None else float(due),
        void=bool(void),
        version=int(version),
    )


def _with(kept: Kept, version: int) -> Kept:
    return Kept(
        owner=kept.owner,
        server=kept.server,
        issuer=kept.issuer,
        content=kept.content,
        since=kept.since,
        due=kept.due,
        void=kept.void,
        version=version,
    )


def _reader(write: sqlite3.Connection) -> _Read:
    return lambda sql, parameters=(): write.execute(sql, parameters).fetchall()


def _has_room(read: _Read, owner: bytes) -> None:
    if read("SELECT count(*) FROM vault_grants WHERE owner = ?", (owner,))[0][0] >= connections_per_owner_max:
        raise VaultFault(f"one user keeps {connections_per_owner_max} connections at most")
    if read("SELECT count(*) FROM vault_grants")[0][0] >= vault_grants_max:
        raise VaultFault(f"{vault_grants_max} grants are kept, and no more can be")


def _blob(owner: str) -> bytes:
    return owner.encode("utf-8", "surrogatepass")


def _text(owner: bytes) -> str:
    return bytes(owner).decode("utf-8", "surrogatepass")
