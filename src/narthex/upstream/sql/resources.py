"""What models may read of the tables themselves: columns, and a few rows as a sample.

Knows: the tables that the operator listed. Refuses to know: any other. A sample is read as the caller: where row
security holds, it holds here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from narthex.libraries.exchange import NOW, Fault
from narthex.libraries.server import NotFound, Refusal
from narthex.upstream.sql import bound
from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.database import Database
from narthex.upstream.sql.identifiers import quoted
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.rows import Rows
from narthex.upstream.sql.statement import Statement

Tree = dict[str, Any]
_SCHEME = "table:///"
_INTERNAL_ERROR = -32603
_DEFAULT_SCHEMA = {"postgres": "current_schema()", "duckdb": "current_schema()", "mysql": "database()"}


class Resources:
    """`table:///NAME`, and `table:///NAME/sample` where samples are shown."""

    def __init__(self, database: Database) -> None:
        config = database.compiled.config
        self._database, self._config = database, config
        self._tables = {f"{_SCHEME}{table}": table for table in config.tables}
        self._samples = {f"{_SCHEME}{table}/sample": table for table in config.tables} if config.sample_rows else {}

    def list(self) -> Sequence[Tree]:
        columns = [_resource(uri, table, f"The columns of {table}.") for uri, table in self._tables.items()]
        samples = [
            _resource(uri, f"{table} (sample)", f"A few rows of {table}.") for uri, table in self._samples.items()
        ]
        return columns + samples

    def templates(self) -> Sequence[Tree]:
        return ()

    async def read(self, uri: str) -> Sequence[Tree]:
        try:
            if uri in self._tables:
                found = await self._columns(self._tables[uri])
            elif uri in self._samples:
                found = await self._sample(self._samples[uri])
            else:
                raise NotFound(uri)
        except Refusal as refusal:
            raise Fault(_INTERNAL_ERROR, str(refusal)) from None
        said = msgspec.json.encode(found).decode("utf-8")
        return [{"uri": uri, "mimeType": "application/json", "text": said}]

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return ()

    async def _columns(self, table: str) -> Tree:
        schema, _, name = table.rpartition(".")
        statement = _columns_of(self._database.compiled.address.dialect, schema)
        values = [name, schema] if schema and len(statement.names) > 1 else [name]
        rows = await self._ask(statement, values)
        return {"table": table, "columns": rows.rows}

    async def _sample(self, table: str) -> Tree:
        name = quoted(table, self._database.compiled.address.dialect)
        rows = await self._ask(Statement(f"select * from {name} limit {self._config.sample_rows:d}", ()), [])  # noqa: S608
        return {"table": table, "rows": rows.rows}

    async def _ask(self, statement: Statement, values: Sequence[Any]) -> Rows:
        config = self._config
        settings = bound.settings(config.row_settings, NOW.get().principal) if config.row_settings else {}
        job = Job(
            statement, values, config.rows_max, config.bytes_max, config.timeout_seconds, False, settings, discreet=True
        )
        return await self._database.run(job)


def _resource(uri: str, name: str, description: str) -> Tree:
    return {"uri": uri, "name": name, "description": description, "mimeType": "application/json"}


def _columns_of(dialect: Dialect, schema: str) -> Statement:
    """Name, type, and whether it may be NULL; the table's name is bound, and its schema where there is one."""
    if dialect == "sqlite":
        said = 'select name, type, "notnull" = 0 as nullable from pragma_table_info(?) order by cid'
        return Statement(said, ("name",))
    first, second = ("?", "?") if dialect == "mysql" else ("$1", "$2")
    where = second if schema else _DEFAULT_SCHEMA[dialect]
    columns = "column_name as name, data_type as type, is_nullable = 'YES' as nullable"
    said = (
        f"select {columns} from information_schema.columns "  # noqa: S608 - names of ours alone
        f"where table_name = {first} and table_schema = {where} order by ordinal_position"
    )
    return Statement(said, ("name", "schema") if schema else ("name",))
