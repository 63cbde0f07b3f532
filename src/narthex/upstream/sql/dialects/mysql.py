"""MySQL and MariaDB, through PyMySQL, in threads.

Knows: read-only transactions, prepared statements, `KILL QUERY`. Refuses to know: queries and models.
"""

import contextlib
import socket
import ssl
from typing import Any

from narthex.libraries.server import Refusal
from narthex.limits import sql_cancel_seconds_max, sql_connect_seconds_max, sql_prepared_max
from narthex.upstream.sql.address import Address
from narthex.upstream.sql.dialects.mysql_values import literal
from narthex.upstream.sql.faults import DatabaseFault, Interrupted, SqlConfigError, Unreachable, mask, unusable
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.rows import Column, Gathering, Layout, Rows
from narthex.upstream.sql.values import Convert, from_json, plain
from narthex.upstream.sql.workers import Stuck, Workers

_INTERRUPTED = {1317, 1969, 3024, 1028}
_VALUES = {1264, 1292, 1366, 1406, 1690, 1365, 1411, 1525, 3141, 4038}
_RULES = {1048, 1062, 1216, 1217, 1451, 1452, 1557, 3819, 4025}
_ROWS_TAKEN = {1205, 1213, 1020}
_REFUSED = {1044, 1045, 1049, 1130, 1251, 1698, 2059, 3159}
_LOST_CODES = {0, 1040, 1053, 1080, 1152, 1156, 1158, 1159, 1160, 1161, 1184, 1927, 2003, 2006, 2013, 2014, 2055}
_ALL_ROWS = 2**64 - 1
_ASKED_TIMES_MAX = 5  # to end a statement, before its connection is cut


class MysqlConnector:
    def __init__(self, address: Address, connections_max: int) -> None:
        self._address = address
        self._workers = Workers(connections_max, "mysql")

    async def connect(self) -> "MysqlConnection":
        return await self._workers.get(lambda: MysqlConnection(self._address, self._workers), MysqlConnection.drop)

    async def aclose(self) -> None:
        """Nothing is held besides the connections."""


class MysqlConnection:
    """Connects where it is made, and proves that it can only read."""

    def __init__(self, address: Address, workers: Workers) -> None:
        import pymysql

        self._address, self._workers = address, workers
        self._prepared: dict[str, str] = {}
        self._number = self._asked = 0
        self.alive = True
        try:
            self._found = _connected(address, sql_connect_seconds_max)
            self._clock = self._begin()
        except (OSError, pymysql.MySQLError) as fault:
            raise _unconnected(fault, address) from None

    def _begin(self) -> str:
        """What this kind of server calls its own clock for statements."""
        with self._found.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute("SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_read_only', 'transaction_read_only')")
            proof = cursor.fetchall()
            cursor.execute("SHOW VARIABLES WHERE Variable_name IN ('max_statement_time', 'max_execution_time')")
            clocks = [name for name, _ in cursor.fetchall()]
        if not proof or any(value not in ("ON", "1") for _, value in proof):
            self._found.close()
            raise SqlConfigError("the database does not hold its connection to read-only transactions")
        return next(iter(sorted(clocks, reverse=True)), "")

    async def run(self, job: Job) -> Rows:
        self._asked = 0
        # Whatever else fails, a thread does not wait for ever for a server that says nothing.
        self._found._read_timeout = job.seconds + 2 * sql_cancel_seconds_max
        try:
            return await self._workers.run(lambda: self._run(job), self._interrupt)
        except Stuck:
            self._cut()
            raise Interrupted("it did not stop") from None

    def _run(self, job: Job) -> Rows:
        import pymysql

        sent = False
        try:
            with self._found.cursor() as cursor:
                cursor.execute(self._settings(job))
                cursor.execute("START TRANSACTION READ WRITE" if job.writes else "START TRANSACTION READ ONLY")
                name = self._prepare(cursor, job.statement.text)
            sent = job.writes
            rows = self._rows(name, job)
            if self.alive:
                self._found.commit()
            return rows
        except (OSError, pymysql.MySQLError, ValueError) as fault:
            raise self._translated(fault, job, sent=sent) from None

    def _settings(self, job: Job) -> str:
        """Bounds and values, in one statement of the session."""
        limit = _ALL_ROWS if job.writes else job.rows_max + 1
        words = [f"sql_select_limit = {limit}"]
        if self._clock == "max_statement_time":  # a little later than ours, so that ours speaks first
            words.append(f"max_statement_time = {job.seconds + 1:.3f}")
        elif self._clock == "max_execution_time":
            words.append(f"max_execution_time = {int(job.seconds * 1000) + 1000}")
        words += [f"@narthex_{at} = {literal(value)}" for at, value in enumerate(job.values)]
        return f"SET {', '.join(words)}"

    def _prepare(self, cursor: Any, text: str) -> str:
        name = self._prepared.get(text)
        if name is None:
            if len(self._prepared) >= sql_prepared_max:
                oldest = next(iter(self._prepared))
                cursor.execute(f"DEALLOCATE PREPARE {self._prepared.pop(oldest)}")
            self._number += 1
            name = f"narthex_{self._number}"
            cursor.execute(f"SET @narthex_text = {literal(text)}")
            cursor.execute(f"PREPARE {name} FROM @narthex_text")
            self._prepared[text] = name
        return name

    def _rows(self, name: str, job: Job) -> Rows:
        from pymysql.cursors import SSCursor

        given = ", ".join(f"@narthex_{at}" for at in range(len(job.values)))
        cursor = self._found.cursor(SSCursor)
        cursor.execute(f"EXECUTE {name} USING {given}" if given else f"EXECUTE {name}")
        columns = [Column(str(column[0]), _type(column[1])) for column in cursor.description or ()]
        gathering = Gathering(Layout(columns, [_convert(one) for one in columns]), job.rows_max, job.bytes_max)
        while columns:
            wanted = gathering.wanted()
            found = cursor.fetchmany(wanted)
            if not gathering.take(found):
                self._leave(cursor)
                break
            if len(found) < wanted:
                break
        changed = cursor.rowcount if job.writes and not columns else None
        if self.alive:
            cursor.close()
        return gathering.done(changed)

    def _leave(self, cursor: Any) -> None:
        """The rest of an answer has to be read before the next question; what is long is cut off instead."""
        if cursor.fetchmany(1):
            self._cut()

    def _interrupt(self) -> None:
        """In another thread. A connection that was told to stop is of no further use: it may hear it late."""
        import pymysql

        self.alive = False
        self._asked += 1
        if self._asked > _ASKED_TIMES_MAX:
            self._cut()
            return
        with contextlib.suppress(OSError, pymysql.MySQLError):
            other = _connected(self._address, sql_cancel_seconds_max / 2)
            try:
                with other.cursor() as cursor:
                    cursor.execute(f"KILL QUERY {self._found.thread_id():d}")
            finally:
                other.close()

    def _cut(self) -> None:
        self.alive = False
        found = getattr(self._found, "_sock", None)
        if isinstance(found, socket.socket):
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it; closing it would not

    def _translated(self, fault: Exception, job: Job, *, sent: bool) -> Exception:
        code = fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0
        said = mask(fault.args[1] if len(fault.args) > 1 else fault, self._address.password)
        translated = _by_code(code, said, job, sent=sent)
        if isinstance(translated, (Unreachable, Interrupted)):
            self._cut()
        elif self.alive:
            self._roll_back()
        return translated

    def _roll_back(self) -> None:
        import pymysql

        try:
            self._found.rollback()
        except (OSError, pymysql.MySQLError):
            self._cut()

    async def aclose(self) -> None:
        self._cut()
        await self._workers.run(self._close, _nothing)

    def drop(self) -> None:
        self._cut()
        self._close()

    def _close(self) -> None:
        import pymysql

        with contextlib.suppress(OSError, pymysql.MySQLError):
            self._found._force_close()  # its socket is cut: it cannot say goodbye


def _connected(address: Address, seconds: float) -> Any:
    import pymysql

    by_socket = address.host.startswith("/")
    return pymysql.connect(
        host=None if by_socket else address.host,
        unix_socket=address.host if by_socket else None,
        port=address.port,
        user=address.user,
        password=address.password or "",
        database=address.database,
        charset="utf8mb4",
        autocommit=True,  # transactions are begun by their own statement
        connect_timeout=max(1, int(seconds)),
        read_timeout=max(1, int(seconds)),  # the first alone does not bound the greeting
        write_timeout=max(1, int(seconds)),
        program_name="narthex",
        **_tls(address),
    )


def _tls(address: Address) -> dict[str, Any]:
    manner = address.tls
    if manner == "disable" or address.host.startswith("/"):
        return {"ssl_disabled": True}
    if manner == "prefer":
        return {}
    context = ssl.create_default_context(cafile=address.certificate or None)
    context.check_hostname = manner == "verify-full"
    if manner == "require":
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _unconnected(fault: Exception, address: Address) -> Exception:
    code = fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0
    said = mask(fault.args[1] if len(fault.args) > 1 else fault, address.password)
    if code in _REFUSED:
        return SqlConfigError(f"the database refuses the connection: {said}")
    return Unreachable("The database cannot be reached at the moment. Try again later.", why=said)


def _by_code(code: int, said: str, job: Job, *, sent: bool) -> Exception:
    if code in _INTERRUPTED:
        return Interrupted(said)
    if code in _VALUES:
        return unusable("" if job.discreet else said)
    if code in _RULES:
        return Refusal("The database refuses the change: it breaks a rule about these rows.")
    if code in _ROWS_TAKEN:
        return Refusal("Somebody else changes the same rows at this moment. Try again.")
    if code in _LOST_CODES:
        return Unreachable("The connection to the database was lost. Try again.", lost=True, sent=sent, why=said)
    return DatabaseFault(f"the database says: {said} ({code})")


def _type(code: int) -> str:
    from pymysql.constants import FIELD_TYPE

    return next((name.lower() for name, number in vars(FIELD_TYPE).items() if number == code and name[0] != "_"), "")


def _convert(column: Column) -> Convert:
    return from_json if column.type == "json" else plain


def _nothing() -> None:
    """There is nothing to interrupt."""
