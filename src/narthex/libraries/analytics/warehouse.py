"""The warehouse: a file of DuckDB, or of SQLite where DuckDB is not installed. Made once, opened for reading alone.

Knows: how tables get into either, and that an answer says which one it came from. Refuses to know: what is asked.
"""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from narthex.libraries.analytics.figures import Table, tables
from narthex.libraries.analytics.period import Period
from narthex.libraries.analytics.queries import Query

WITHOUT_DUCKDB = "Asked of SQLite, because duckdb is not installed here: pip install 'narthex[duckdb]'."
# This file, and nothing else: no other files, no network, no settings.
_DUCKDB = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "256MiB",
    "threads": "2",
    "lock_configuration": "true",
}


class Engine(Protocol):
    """A kind of database, and one file of it."""

    suffix: str

    def make(self, path: Path, table: Table) -> None: ...
    def open(self, path: Path) -> None: ...
    def ask(self, sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]: ...
    def close(self) -> None: ...


class Warehouse:
    def __init__(self, engine: Engine, name: str, note: str) -> None:
        self._of, self.engine, self.note = engine, name, note

    def ask(self, query: Query, period: Period, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of an approved query. A filter that is not given is NULL in it."""
        given = {**filters, "start": period.start, "end": period.end}
        names, rows = self._of.ask(query.sql, {name: given.get(name) for name in query.parameters})
        return [dict(zip(names, map(_plain, row), strict=True)) for row in rows]

    def close(self) -> None:
        self._of.close()


def opened_in(folder: Path, wanted: str = "") -> Warehouse:
    """The warehouse in this folder, made if it is not there: whole, or not at all."""
    engine, name, note = _engine(wanted)
    path = folder / f"warehouse.{engine.suffix}"
    if not path.is_file():
        _make(engine, path)
    engine.open(path)
    return Warehouse(engine, name, note)


def _engine(wanted: str) -> tuple[Engine, str, str]:
    if wanted not in ("", "duckdb", "sqlite"):
        raise ValueError("`engine` is duckdb or sqlite")
    if wanted == "sqlite":
        return Sqlite(), "SQLite", ""
    try:
        return Duckdb(), "DuckDB", ""
    except ModuleNotFoundError:
        if wanted:
            raise
        return Sqlite(), "SQLite", WITHOUT_DUCKDB


def _make(engine: Engine, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".warehouse-", dir=path.parent) as folder:
        made = Path(folder) / path.name
        for table in tables():
            engine.make(made, table)
        made.chmod(0o600)
        made.replace(path)


class Sqlite:
    suffix = "sqlite"

    def __init__(self) -> None:
        self._address = ""

    def make(self, path: Path, table: Table) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(_created(table))
            rows = [tuple(map(_as_text, row)) for row in table.rows]
            database.executemany(f"insert into {table.name} values ({', '.join('?' * len(table.columns))})", rows)  # noqa: S608 - our own name

    def open(self, path: Path) -> None:
        self._address = f"file:{quote(str(path.absolute()))}?mode=ro"

    def ask(self, sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        # A connection for each question: they are cheap, and belong to the thread that opened them.
        with closing(sqlite3.connect(self._address, uri=True)) as database:
            cursor = database.execute(sql, {name: _as_text(value) for name, value in values.items()})
            return [name for name, *_ in cursor.description], cursor.fetchall()

    def close(self) -> None:
        """Nothing is held open."""


class Duckdb:
    suffix = "duckdb"

    def __init__(self) -> None:
        """Raises ModuleNotFoundError."""
        import duckdb

        self._connect: Any = duckdb.connect
        self._database: Any = None

    def make(self, path: Path, table: Table) -> None:
        with closing(self._connect(str(path))) as database:
            database.execute(_created(table))
            # A list for each column: a thousand times as quick as a row at a time.
            columns = ", ".join(f"unnest(cast(? as {kind}[]))" for _, kind in table.columns)
            database.execute(f"insert into {table.name} select {columns}", [list(one) for one in zip(*table.rows)])  # noqa: B905 - rows of one length, our own name

    def open(self, path: Path) -> None:
        self._database = self._connect(str(path), read_only=True, config=_DUCKDB)

    def ask(self, sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        with closing(self._database.cursor()) as cursor:  # one for each thread
            cursor.execute(sql, values)
            return [name for name, *_ in cursor.description], cursor.fetchall()

    def close(self) -> None:
        self._database.close()


def _created(table: Table) -> str:
    return f"create table {table.name} ({', '.join(f'{name} {kind}' for name, kind in table.columns)})"


def _as_text(value: Any) -> Any:
    """SQLite knows no dates; as text they sort as they follow each other."""
    return value.isoformat() if isinstance(value, date) else value


def _plain(value: Any) -> Any:
    """Numbers as people read them, and the same whichever database has computed them."""
    if isinstance(value, float | Decimal):
        return round(float(value), 2)
    return value
