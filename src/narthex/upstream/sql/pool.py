"""Connections to one database: a bounded number, kept while they are of use, each used by one call at a time.

Knows: places, idle connections, what becomes of one after a fault. Refuses to know: drivers and statements.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from narthex.limits import sql_cancel_seconds_max, sql_connect_seconds_max, sql_idle_seconds_max, sql_waiting_max
from narthex.upstream.sql.faults import Crowded, Interrupted, TimedOut, Unreachable
from narthex.upstream.sql.job import Connection, Connector, Job
from narthex.upstream.sql.rows import Rows

UNREACHABLE = "The database cannot be reached at the moment. Try again later."


class Pool:
    def __init__(self, connector: Connector, connections_max: int, clock: Callable[[], float] = monotonic) -> None:
        self._connector, self._clock = connector, clock
        self._places = asyncio.Semaphore(connections_max)
        self._idle: deque[tuple[Connection, float]] = deque()  # the last used is at the right
        self._used: set[Connection] = set()
        self._waiting = 0
        self._closed = False

    async def warm(self) -> None:
        """One connection, made and kept. Raises what `Connector.connect` raises."""
        async with self._places:
            connection = await self._connect()
            self._idle.append((connection, self._clock()))

    async def run(self, job: Job) -> Rows:
        """The rows, within the job's time. Raises what `Connection.run` raises, and TimedOut."""
        if self._waiting >= sql_waiting_max:
            raise Crowded(f"{sql_waiting_max} calls wait for this database already. Try again in a moment.")
        self._waiting += 1
        waits = True
        try:
            async with asyncio.timeout(job.seconds):
                async with self._places:
                    self._waiting -= 1
                    waits = False
                    return await self._run(job)
        except (TimeoutError, Interrupted):
            raise TimedOut(job.seconds) from None
        finally:
            self._waiting -= waits

    async def _run(self, job: Job) -> Rows:
        connection, fresh = await self._take()
        try:
            return await self._with(connection, job)
        except Unreachable as fault:
            # A connection that lay idle may have died meanwhile. What only reads is asked once more, on a new one.
            if fresh or not fault.lost or job.writes:
                raise
            await self._forget()
        return await self._with(await self._connect(), job)

    async def _with(self, connection: Connection, job: Job) -> Rows:
        self._used.add(connection)
        try:
            return await connection.run(job)
        finally:
            self._used.discard(connection)
            if connection.alive and not self._closed:
                self._idle.append((connection, self._clock()))
            else:
                await _let_go(connection)

    async def _take(self) -> tuple[Connection, bool]:
        await self._expire()
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.alive:
                return connection, False
            await _let_go(connection)
        return await self._connect(), True

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(sql_connect_seconds_max):
                return await self._connector.connect()
        except TimeoutError:
            raise Unreachable(UNREACHABLE, why=f"no answer within {sql_connect_seconds_max:g} seconds") from None

    async def _expire(self) -> None:
        oldest = self._clock() - sql_idle_seconds_max
        while self._idle and self._idle[0][1] < oldest:
            await _let_go(self._idle.popleft()[0])

    async def _forget(self) -> None:
        """The database has been started anew: what was connected before is of no use."""
        while self._idle:
            await _let_go(self._idle.pop()[0])

    async def aclose(self) -> None:
        self._closed = True
        await self._forget()
        for connection in tuple(self._used):
            await _let_go(connection)
        await _let_go(self._connector)


async def _let_go(one: Connection | Connector) -> None:
    """What does not end in time is left behind: nobody waits for a driver that is stuck."""
    try:
        async with asyncio.timeout(sql_cancel_seconds_max):
            await one.aclose()
    except TimeoutError:
        return
