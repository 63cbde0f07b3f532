"""DuckDB, in threads: one file, opened without a way to other files, the network, or its own settings.

Knows: its configuration, transactions, interrupts. Refuses to know: queries and models.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from narthex.libraries.server import Refusal
from narthex.limits import MIB, sql_embedded_memory_bytes_max, sql_embedded_threads_max
from narthex.upstream.sql.address import Address
from narthex.upstream.sql.faults import DatabaseFault, Interrupted, SqlConfigError, Unreachable, unusable
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.kinds import Json
from narthex.upstream.sql.rows import Column, Gathering, Layout, Rows
from narthex.upstream.sql.values import Convert, from_json, plain
from narthex.upstream.sql.workers import Stuck, Workers

_CONFIG = {
    "enable_external_access": "false",  # no file but this one, no network
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": f"{sql_embedded_memory_bytes_max // MIB}MiB",
    "threads": str(sql_embedded_threads_max),
    "lock_configuration": "true",  # and no statement can take any of this back
}
_PROOF = """
    select d.readonly, current_setting('enable_external_access'), current_setting('lock_configuration')
    from duckdb_databases() d where d.database_name = current_database()
"""


class DuckdbConnector:
    """One database in this process, whose connections are cursors of it."""

    def __init__(self, address: Address, connections_max: int, *, writes: bool) -> None:
        self._path, self._writes = address.path, writes
        self._workers = Workers(connections_max, "duckdb")
        self._database: Any = None

    async def connect(self) -> "DuckdbConnection":
        return DuckdbConnection(await self._workers.get(self._open, lambda found: found.close()), self._workers)

    def _open(self) -> Any:
        import duckdb

        if not Path(self._path).is_file():  # it would be made
            raise Unreachable("The database cannot be opened at the moment. Try again later.", why="no such file")
        try:
            if self._database is None:
                self._database = self._opened(duckdb)
            return self._database.cursor()
        except duckdb.Error as fault:
            why = " ".join(str(fault).split())[:400]
            raise Unreachable("The database cannot be opened at the moment. Try again later.", why=why) from None

    def _opened(self, duckdb: Any) -> Any:
        found = duckdb.connect(self._path, read_only=not self._writes, config=_CONFIG)
        proof = found.execute(_PROOF).fetchone()
        if proof != (not self._writes, False, True):
            found.close()
            raise SqlConfigError("DuckDB does not keep to what it was opened for")
        return found

    async def aclose(self) -> None:
        await self._workers.settled()
        database, self._database = self._database, None
        if database is not None:
            await self._workers.run(database.close, _nothing)


class DuckdbConnection:
    def __init__(self, found: Any, workers: Workers) -> None:
        self._found, self._workers = found, workers
        self.alive = True

    async def run(self, job: Job) -> Rows:
        try:
            return await self._workers.run(lambda: self._run(job), self._found.interrupt)
        except Stuck:
            self.alive = False
            raise Interrupted("it did not stop") from None

    def _run(self, job: Job) -> Rows:
        import duckdb

        found, begun = self._found, False
        try:
            found.execute("BEGIN TRANSACTION" if job.writes else "BEGIN TRANSACTION READ ONLY")
            begun = True
            rows = _rows(found.execute(job.statement.text, [_adapted(value) for value in job.values]), job)
            found.execute("COMMIT")
            begun = False
            return rows
        except (duckdb.Error, OverflowError) as fault:
            raise self._translated(duckdb, fault, job) from None
        finally:
            if begun:
                self._roll_back(duckdb)

    def _roll_back(self, duckdb: Any) -> None:
        try:
            self._found.execute("ROLLBACK")
        except duckdb.Error:
            self.alive = False  # in an unknown state, it is of no use

    def _translated(self, duckdb: Any, fault: Exception, job: Job) -> Exception:
        said = " ".join(str(fault).split())[:400]
        if isinstance(fault, duckdb.InterruptException):
            return Interrupted(said)
        if isinstance(fault, duckdb.ConstraintException):
            return Refusal("The database refuses the change: it breaks a rule about these rows.")
        if isinstance(fault, (duckdb.ConversionException, duckdb.OutOfRangeException, OverflowError)):
            return unusable("" if job.discreet else said)
        if isinstance(fault, duckdb.TransactionException) and "conflict" in said.lower():
            return Refusal("Somebody else changes the same rows at this moment. Try again.")
        if isinstance(fault, duckdb.OutOfMemoryException):
            return Refusal("The query needs more memory than it may take. Ask for less.")
        if isinstance(fault, (duckdb.FatalException, duckdb.IOException)):
            self.alive = False
            return Unreachable("The database cannot be read at the moment. Try again later.", why=said)
        return DatabaseFault(f"the database says: {said}")

    async def aclose(self) -> None:
        self.alive = False
        self._found.interrupt()
        await self._workers.run(self._found.close, _nothing)


def _rows(cursor: Any, job: Job) -> Rows:
    described = cursor.description or ()
    columns = [Column(str(name), str(kind)) for name, kind, *_ in described]
    gathering = Gathering(Layout(columns, [_convert(one) for one in columns]), job.rows_max, job.bytes_max)
    while True:
        wanted = gathering.wanted()
        found = cursor.fetchmany(wanted)
        if not gathering.take(found) or len(found) < wanted:
            return gathering.done(_changed(columns, found) if job.writes else None)


def _changed(columns: list[Column], found: list[tuple[Any, ...]]) -> int | None:
    """What a statement without rows of its own says of itself."""
    return int(found[0][0]) if [column.name for column in columns] == ["Count"] and len(found) == 1 else None


def _convert(column: Column) -> Convert:
    return from_json if column.type == "JSON" else plain


def _adapted(value: Any) -> Any:
    if isinstance(value, list):
        return [_adapted(item) for item in value]
    if isinstance(value, datetime):  # moments with a zone are computed with by an extension, which may not be there
        return value.replace(tzinfo=None)
    return value.text if isinstance(value, Json) else value


def _nothing() -> None:
    """There is nothing to interrupt."""
