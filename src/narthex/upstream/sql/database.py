"""A database with its queries: compiled from the configuration, then asked.

Knows: which dialect is which, and what is said of faults to whom. Refuses to know: MCP and models.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from narthex.limits import (
    sql_connections_default,
    sql_connections_sqlite,
    sql_queries_max,
    sql_row_settings_max,
    sql_tables_max,
)
from narthex.model.sql import DatabaseConfig, QueryConfig
from narthex.upstream.sql import address
from narthex.upstream.sql.address import LOCAL, Address, Dialect
from narthex.upstream.sql.dialects.missing import require
from narthex.upstream.sql.faults import Crowded, DatabaseFault, SqlConfigError, Unreachable, mask
from narthex.upstream.sql.identifiers import quoted
from narthex.upstream.sql.job import Connector, Job
from narthex.upstream.sql.parameters import Clock
from narthex.upstream.sql.pool import Pool
from narthex.upstream.sql.query import Query
from narthex.upstream.sql.rows import Rows

Say = Callable[[str, str], None]  # (level, sentence): a line for the operator
Away = Callable[[str | None], None]  # why it cannot be used; None: it can


def now() -> datetime:
    return datetime.now(UTC)


class Compiled:
    """What the configuration says, read and judged; nothing is connected. Raises SqlConfigError."""

    def __init__(
        self, url: str, queries: Mapping[str, QueryConfig], config: DatabaseConfig, clock: Clock = now
    ) -> None:
        self.address, self.config = address.parse(url, config.password), config
        dialect = self.address.dialect
        require(dialect)
        usual = sql_connections_sqlite if dialect == "sqlite" else sql_connections_default
        self.connections_max = config.connections_max or usual
        if config.row_settings and dialect != "postgres":
            raise SqlConfigError("'row_settings' is for PostgreSQL", "Bind a parameter to the claim.", ("database",))
        if len(config.row_settings) > sql_row_settings_max:
            raise SqlConfigError(f"more than {sql_row_settings_max} 'row_settings'", where=("database",))
        _tables(config, queries, dialect)
        if len(queries) > sql_queries_max:
            raise SqlConfigError(f"more than {sql_queries_max} queries", where=("queries",))
        self.queries: dict[str, Query] = {}
        for name, query in queries.items():
            try:
                self.queries[name] = Query(name, query, config, dialect, clock)
            except SqlConfigError as fault:
                raise SqlConfigError(fault.what, fault.remedy, ("queries", name, *fault.where)) from None
        self.writes = any(query.writes for query in queries.values())


def _tables(config: DatabaseConfig, queries: Mapping[str, QueryConfig], dialect: Dialect) -> None:
    if len(config.tables) > sql_tables_max:
        raise SqlConfigError(f"more than {sql_tables_max} tables", where=("database", "tables"))
    for table in config.tables:
        if " " in table:
            raise SqlConfigError(f"'{table:.60}' is not the name of a table", where=("database", "tables"))
        quoted(table, dialect)
    bound = any(parameter.bound for query in queries.values() for parameter in query.parameters.values())
    if config.sample_rows and bound and not config.row_settings:
        what = "'sample_rows' would show rows of everybody, while queries are bound to who calls"
        raise SqlConfigError(
            what, "Leave samples out, or let the database choose the rows ('row_settings').", ("database",)
        )


class Database:
    """Connected to when it is first asked. Faults that are the operator's are told to `say`, without any secret."""

    def __init__(self, compiled: Compiled, say: Say, away: Away = lambda _why: None) -> None:
        self.compiled, self._say, self._show = compiled, say, away
        self._pool = Pool(_connector(compiled), compiled.connections_max)
        self._away = False  # it was told already
        self._crowded = False  # so was this

    async def prove(self) -> None:
        """A first connection, which proves what it may. Raises SqlConfigError; being away is told, and no fault."""
        try:
            await self._pool.warm()
        except Unreachable as fault:
            self._tell(fault)
        except SqlConfigError as fault:
            raise SqlConfigError(self._hide(fault.what), fault.remedy) from None

    async def run(self, job: Job) -> Rows:
        """Raises Refusal for what a model can act on, and DatabaseFault for what only the operator can."""
        try:
            rows = await self._pool.run(job)
        except Crowded as fault:
            if not self._crowded:
                self._crowded = True
                self._say("error", f"the database ({self.compiled.address}): {fault}")
            raise
        except Unreachable as fault:
            self._tell(fault)
            raise
        except SqlConfigError as fault:
            raise DatabaseFault(self._hide(fault)) from None
        self._crowded = False
        if self._away:
            self._back()
        return rows

    async def look(self) -> None:
        """Whether it is back, if it is away; nobody has to call for it to be noticed."""
        if not self._away:
            return
        try:
            await self._pool.warm()
        except Unreachable:
            return  # as before, and told
        except SqlConfigError as fault:  # it is there, and not as it has to be; calls say so to the log
            self._show(self._hide(fault.what))
        else:
            self._back()

    def _tell(self, fault: Unreachable) -> None:
        """Once, until it is back: every call would say the same."""
        if not self._away:
            self._away = True
            sentence = f"the database ({self.compiled.address}) cannot be used: {self._hide(fault.why or fault)}"
            self._say("error", sentence)
            self._show(sentence)

    def _back(self) -> None:
        self._away = False
        self._say("info", f"the database ({self.compiled.address}) can be used again")
        self._show(None)

    def _hide(self, said: object) -> str:
        return mask(said, self.compiled.address.password)

    async def aclose(self) -> None:
        await self._pool.aclose()


def _connector(compiled: Compiled) -> Connector:
    found, config = compiled.address, compiled.config
    if found.dialect in LOCAL:
        return _local(found, compiled.connections_max, writes=compiled.writes)
    if found.dialect == "postgres":
        from narthex.upstream.sql.dialects.postgres import PostgresConnector

        return PostgresConnector(found, guards_rows=bool(config.row_settings))
    from narthex.upstream.sql.dialects.mysql import MysqlConnector

    return MysqlConnector(found, compiled.connections_max)


def _local(found: Address, connections_max: int, *, writes: bool) -> Connector:
    if found.dialect == "sqlite":
        from narthex.upstream.sql.dialects.sqlite import SqliteConnector

        return SqliteConnector(found, connections_max, writes=writes)
    from narthex.upstream.sql.dialects.duckdb import DuckdbConnector

    return DuckdbConnector(found, connections_max, writes=writes)
