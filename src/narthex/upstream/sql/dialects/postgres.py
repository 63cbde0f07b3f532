"""PostgreSQL, through asyncpg: the extended protocol, which takes one statement and its values apart.

Knows: read-only transactions, cursors, settings for row security, what a cancelled statement leaves behind. Refuses to
know: queries and models.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from narthex.libraries.server import Refusal
from narthex.limits import sql_cancel_seconds_max, sql_connect_seconds_max, sql_fetch_rows, sql_prepared_max
from narthex.upstream.sql.address import Address
from narthex.upstream.sql.dialects.postgres_values import Unsuitable, adapted, converts_of
from narthex.upstream.sql.faults import DatabaseFault, Interrupted, SqlConfigError, Unreachable, mask, unusable
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.rows import Column, Gathering, Layout, Rows

_PROOF = """
    select current_setting('transaction_read_only') as read_only, r.rolsuper as super, r.rolbypassrls as bypasses
    from pg_catalog.pg_roles r where r.rolname = current_user
"""
_LOST = "The connection to the database was lost. Try again."


class PostgresConnector:
    def __init__(self, address: Address, *, guards_rows: bool) -> None:
        self._address, self._guards_rows = address, guards_rows

    async def connect(self) -> "PostgresConnection":
        import asyncpg

        address, seconds = self._address, int(sql_connect_seconds_max)
        try:
            found = await asyncpg.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password or "",  # never one that this machine keeps for somebody else
                database=address.database,
                passfile="/dev/null",
                ssl=_tls(address),
                timeout=seconds,
                server_settings=_SETTINGS,
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as fault:
            raise _unconnected(fault, address) from None
        try:
            await self._prove(found)
        except BaseException:
            found.terminate()
            raise
        return PostgresConnection(found, address)

    async def _prove(self, found: Any) -> None:
        """It cannot write unless it says so, and row security holds for it where something relies on that."""
        import asyncpg

        try:
            await found.execute("BEGIN READ ONLY")
            row = await found.fetchrow(_PROOF)
            await found.execute("ROLLBACK")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise _unconnected(fault, self._address) from None
        if row is None or row["read_only"] != "on":
            raise SqlConfigError("the database does not hold its connection to read-only transactions")
        if self._guards_rows and (row["super"] or row["bypasses"]):
            what = f"the role '{self._address.user}' passes over row security"
            raise SqlConfigError(what, "Use one that is no superuser, has no BYPASSRLS, and does not own the tables.")

    async def aclose(self) -> None:
        """Nothing is held besides the connections."""


_SETTINGS = {
    "application_name": "narthex",
    "default_transaction_read_only": "on",
    "client_encoding": "UTF8",
    "idle_in_transaction_session_timeout": "60000",  # should this process die in the middle, nothing stays locked
}


class _Prepared(NamedTuple):
    """A statement in the database, and what it has said of it."""

    found: Any
    wants: list[str]  # types of its parameters
    layout: Layout


class PostgresConnection:
    def __init__(self, found: Any, address: Address) -> None:
        self._found, self._address = found, address
        self._prepared: dict[str, _Prepared] = {}
        self.alive = True

    async def run(self, job: Job) -> Rows:
        import asyncpg

        sent = False
        try:
            await self._begin(job)
            sent = True
            rows = await self._rows(job)
            await self._found.execute("COMMIT")
            return rows
        # An InternalClientError too: a connection that was ended, and whose end has not been noticed yet.
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as fault:
            raise await self._after(fault, job, sent=sent) from None
        except BaseException:
            await self._roll_back()
            raise
        finally:
            self.alive = self.alive and not self._found.is_closed()

    async def _begin(self, job: Job) -> None:
        manner = "READ WRITE" if job.writes else "READ ONLY"
        # The database's own clock, should ours not be there to stop it; a little later, so that ours speaks first.
        milliseconds = int(job.seconds * 1000) + 1000
        await self._found.execute(f"BEGIN {manner}; SET LOCAL statement_timeout = {milliseconds}")
        if job.settings:
            await self._set(job.settings)

    async def _set(self, settings: Mapping[str, str]) -> None:
        """`SET LOCAL`, with the values bound: they are gone with the transaction."""
        calls = ", ".join(f"set_config(${2 * at + 1}, ${2 * at + 2}, true)" for at in range(len(settings)))
        await self._found.fetchrow(f"SELECT {calls}", *(word for pair in settings.items() for word in pair))

    async def _rows(self, job: Job) -> Rows:
        prepared = self._prepared.get(job.statement.text) or await self._prepare(job.statement.text)
        values = _adapted(job, prepared.wants)
        gathering = Gathering(prepared.layout, job.rows_max, job.bytes_max)
        if job.writes:
            gathering.take(await prepared.found.fetch(*values))  # a cursor cannot write
            return gathering.done(_changed(prepared.found.get_statusmsg()))
        # The first portion comes with the binding; each is as large as the first, for one row may be large too.
        async for row in prepared.found.cursor(*values, prefetch=min(sql_fetch_rows, job.rows_max + 1)):
            if not gathering.take((row,)):
                break
        return gathering.done()

    async def _prepare(self, text: str) -> "_Prepared":
        if len(self._prepared) >= sql_prepared_max:
            self._prepared.pop(next(iter(self._prepared)))
        found = await self._found.prepare(text)
        attributes = found.get_attributes()
        prepared = _Prepared(
            found,
            [kind.name for kind in found.get_parameters()],
            Layout([Column(one.name, one.type.name) for one in attributes], converts_of(attributes)),
        )
        self._prepared[text] = prepared
        return prepared

    async def _after(self, fault: Exception, job: Job, *, sent: bool) -> Exception:
        translated = _translated(fault, self._address, job, sent=sent and job.writes)
        if isinstance(translated, Unreachable):
            self._abandon()
        else:
            await self._roll_back()
        return translated

    async def _roll_back(self) -> None:
        """Also after a cancelled statement: asyncpg has told the database, and waits for its word first."""
        try:
            async with asyncio.timeout(sql_cancel_seconds_max):
                await self._found.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - whatever it was, a connection in an unknown state is of no use
            self._abandon()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        self.alive = False
        self._found.terminate()

    async def aclose(self) -> None:
        # No farewell: an idle connection has nothing to lose, and a dead one would keep us waiting.
        self._abandon()


def _adapted(job: Job, wants: list[str]) -> list[Any]:
    found = []
    for name, value, wanted in zip(job.statement.names, job.values, wants, strict=True):
        try:
            found.append(adapted(value, wanted))
        except Unsuitable as fault:
            raise DatabaseFault(f"for ':{name}' the database wants the type '{wanted}': {fault}") from None
    return found


def _changed(status: str) -> int | None:
    """ "INSERT 0 3", "UPDATE 2"."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdecimal() else None


def _tls(address: Address) -> Any:
    manner = address.tls
    if address.host.startswith("/"):
        return False
    if manner in ("disable", "prefer", "require"):
        return manner
    context = ssl.create_default_context(cafile=address.certificate or None)
    context.check_hostname = manner == "verify-full"
    return context


def _unconnected(fault: Exception, address: Address) -> Exception:
    import asyncpg

    said = mask(fault, address.password)
    if isinstance(fault, (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)):
        return SqlConfigError(f"the database refuses the connection: {said}")
    if isinstance(fault, ssl.SSLCertVerificationError):
        return SqlConfigError(f"the database's certificate is not to be trusted: {said}", "See 'sslmode' in the URL.")
    return Unreachable("The database cannot be reached at the moment. Try again later.", why=said)


def _translated(fault: Exception, address: Address, job: Job, *, sent: bool) -> Exception:
    import asyncpg

    said = mask(fault, address.password)
    state = getattr(fault, "sqlstate", None) or ""
    if isinstance(fault, asyncpg.exceptions.InvalidCachedStatementError):
        return Unreachable(_LOST, lost=True, why=said)
    if state == "57014":
        return Interrupted(said)
    if isinstance(fault, asyncpg.DataError) or state[:2] == "22":  # made by asyncpg, or by the server
        return unusable("" if job.discreet else said)
    if state[:2] == "23":
        return Refusal("The database refuses the change: it breaks a rule about these rows.")
    if state[:2] in ("40", "55"):
        return Refusal("Somebody else changes the same rows at this moment. Try again.")
    if not state or state[:2] in ("08", "53", "57"):
        return Unreachable(_LOST, lost=True, sent=sent, why=said)
    return DatabaseFault(f"the database says: {said} ({state})")
