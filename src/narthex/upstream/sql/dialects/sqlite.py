"""SQLite, through the standard library, in threads.

Knows: files opened for reading only, what an authorizer allows, interrupts. Refuses to know: queries and models.
"""

import sqlite3
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from narthex.libraries.server import Refusal
from narthex.limits import sql_value_bytes_max
from narthex.upstream.sql.address import Address
from narthex.upstream.sql.faults import DatabaseFault, Interrupted, SqlConfigError, Unreachable, unusable
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.kinds import Json
from narthex.upstream.sql.rows import Column, Gathering, Layout, Rows
from narthex.upstream.sql.statement import Statement
from narthex.upstream.sql.values import plain
from narthex.upstream.sql.workers import Stuck, Workers

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_CHANGING = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_TRANSACTION}
_DENIED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
# The columns of a table; what full-text search asks to see changes, which has no argument.
_ASKED_PRAGMAS = {("table_info", False), ("data_version", True)}
_BUSY_SECONDS = 2.0  # a writer elsewhere has the file


class SqliteConnector:
    def __init__(self, address: Address, connections_max: int, *, writes: bool) -> None:
        self._path, self._writes = address.path, writes
        self._workers = Workers(connections_max, "sqlite")

    async def connect(self) -> "SqliteConnection":
        found = await self._workers.get(self._open, sqlite3.Connection.close)
        return SqliteConnection(found, self._workers)

    def _open(self) -> sqlite3.Connection:
        manner = "rw" if self._writes else "ro"  # neither makes a file that is not there
        try:
            found = sqlite3.connect(
                f"file:{quote(self._path)}?mode={manner}",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # one thread at a time, and not always the same one
            )
        except sqlite3.Error as fault:
            raise Unreachable("The database cannot be opened at the moment. Try again later.", why=str(fault)) from None
        try:
            self._guard(found)
        except sqlite3.Error as fault:
            found.close()
            raise Unreachable("The database cannot be read at the moment. Try again later.", why=str(fault)) from None
        except BaseException:
            found.close()
            raise
        return found

    def _guard(self, found: sqlite3.Connection) -> None:
        found.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, sql_value_bytes_max)
        found.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        found.text_factory = _text
        found.execute("PRAGMA trusted_schema = OFF")  # a view of somebody else's making cannot call what has effects
        found.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a file that is no database is told here
        if not self._writes:
            found.execute("PRAGMA query_only = ON")
            _prove(found, Path(self._path).name)
        found.set_authorizer(_READ_ALONE)

    async def aclose(self) -> None:
        """Nothing is held besides the connections."""


class SqliteConnection:
    def __init__(self, found: sqlite3.Connection, workers: Workers) -> None:
        self._found, self._workers = found, workers
        self._may_change = False
        self._layouts: dict[str, tuple[list[str], Layout]] = {}  # by statement, as long as its columns stay the same
        self.alive = True

    async def run(self, job: Job) -> Rows:
        try:
            return await self._workers.run(lambda: self._run(job), self._found.interrupt)
        except Stuck:
            self.alive = False
            raise Interrupted("it did not stop") from None

    def _run(self, job: Job) -> Rows:
        found = self._found
        try:
            if job.writes is not self._may_change:
                self._may_change = job.writes
                found.set_authorizer(_READ_AND_CHANGE if job.writes else _READ_ALONE)
            if not job.writes:
                return self._rows(found.execute(job.statement.text, _bound(job)), job)
            found.execute("BEGIN IMMEDIATE")
            rows = self._rows(found.execute(job.statement.text, _bound(job)), job)
            found.execute("COMMIT")
            return rows
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as fault:
            raise self._translated(fault, job) from None
        finally:
            if found.in_transaction:
                found.rollback()

    def _rows(self, cursor: sqlite3.Cursor, job: Job) -> Rows:
        try:
            gathering = Gathering(self._layout(cursor, job.statement), job.rows_max, job.bytes_max)
            while True:
                wanted = gathering.wanted()
                found = cursor.fetchmany(wanted)
                if not gathering.take(found) or len(found) < wanted:
                    break
            if job.writes:
                cursor.fetchall()  # what is returned is part of the statement: to its end
            return gathering.done(cursor.rowcount if job.writes and cursor.rowcount >= 0 else None)
        finally:
            cursor.close()

    def _layout(self, cursor: sqlite3.Cursor, statement: Statement) -> Layout:
        names = [one[0] for one in cursor.description or ()]
        known = self._layouts.get(statement.text)
        if known is None or known[0] != names:
            known = self._layouts[statement.text] = names, Layout([Column(name, "") for name in names])
        return known[1]

    def _translated(self, fault: Exception, job: Job) -> Exception:
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            return Interrupted(str(fault))
        if isinstance(fault, sqlite3.IntegrityError):
            return Refusal("The database refuses the change: it breaks a rule about these rows.")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Refusal("Somebody else is writing to the database. Try again in a moment.")
        if code in (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH) or isinstance(fault, OverflowError):
            return unusable("" if job.discreet else str(fault))
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN):
            self.alive = False
            return Unreachable("The database cannot be read at the moment. Try again later.", why=str(fault))
        return DatabaseFault(f"the database says: {fault}")

    async def aclose(self) -> None:
        self.alive = False
        self._found.interrupt()
        await self._workers.run(self._found.close, _nothing)


def _bound(job: Job) -> list[Any]:
    return [_adapted(value) for value in job.values]


def _adapted(value: Any) -> Any:
    """SQLite knows numbers, texts and bytes; moments are texts that sort as they follow each other."""
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, (int, float, str, bytes)):
        return value
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds" if value.microsecond else "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return as_json(value) if isinstance(value, list) else value.text if isinstance(value, Json) else str(value)


def as_json(values: list[Any]) -> str:
    """A list, for `json_each(:name)` and its like."""
    import msgspec

    return msgspec.json.encode([plain(value) for value in values]).decode("utf-8")


def _allowed(actions: set[int]) -> Callable[..., int]:
    def judge(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _DENIED_FUNCTIONS:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
            return sqlite3.SQLITE_OK  # how virtual tables are declared; no statement can do it, whatever we say
        if action == sqlite3.SQLITE_PRAGMA and (first, second is None) in _ASKED_PRAGMAS:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_OK if action in actions else sqlite3.SQLITE_DENY

    return judge


_READ_ALONE = _allowed(_READING)
_READ_AND_CHANGE = _allowed(_READING | _CHANGING)


def _prove(found: sqlite3.Connection, name: str) -> None:
    """It is asked for the right to write, which it must not get."""
    try:
        found.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
            return
        raise
    found.rollback()
    raise SqlConfigError(f"the file '{name}' was opened for reading, and can be written")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _nothing() -> None:
    """There is nothing to interrupt."""
