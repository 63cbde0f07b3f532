"""The connections to one server, and who may have one.

Knows: the two accounts (requests, streams), the idle list, and the queue of those who wait.
Refuses to know: HTTP, and the passing of time (the sweep comes and looks).
"""

import asyncio
from collections import deque

from narthex.limits import Limits, upstream_connections_reserved, waiting_share
from narthex.model.deadline import Deadline, moment_of
from narthex.upstream.http.connection import Connection, State
from narthex.upstream.http.dial import dial
from narthex.upstream.http.fault import ConnectFailed, HttpFault, Lost, PoolFull
from narthex.upstream.http.known import KnownAnswers
from narthex.upstream.http.origin import Origin
from narthex.upstream.http.sweep import Sweep
from narthex.upstream.http.tls import Tls


class Waiter:
    """Somebody in the queue. The future brings a connection, or None: the right to open one."""

    __slots__ = ("deadline", "future")

    def __init__(self, future: "asyncio.Future[Connection | None]", deadline: Deadline | float) -> None:
        self.future = future
        self.deadline = deadline


class Pool:
    """Every open or opening connection is in exactly one account.

    `requests` counts what serves short requests: opening, busy, lingering, promised or idle. `streams` counts
    open-ended streams, and calls whose answer became a stream: those must never use up the connections that
    other requests need, above all the answers to what a server asks in the middle of such a call.
    """

    __slots__ = (
        "_emptied",
        "_requests_reserved",
        "allow_private",
        "closed",
        "connections",
        "idle",
        "known",
        "limits",
        "lingering",
        "loop",
        "opened",
        "origin",
        "requests",
        "streams",
        "sweep",
        "tls",
        "waiters",
    )

    def __init__(self, origin: Origin, limits: Limits, tls: Tls, *, allow_private: bool) -> None:
        self.origin = origin
        self.tls = tls
        self.allow_private = allow_private
        self.loop: asyncio.AbstractEventLoop  # known when the first request starts the sweep
        self.sweep = Sweep(self)
        self.connections: set[Connection] = set()  # from connection_made to connection_lost
        self.known = KnownAnswers()
        self.idle: list[Connection] = []  # the last in is the first out: the rest may grow old and close
        self.lingering: dict[Connection, None] = {}
        self.waiters: deque[Waiter] = deque()
        self.requests = 0
        self.streams = 0
        self.opened = 0
        self.closed = False
        self._requests_reserved = 0
        self._emptied: asyncio.Future[None] | None = None
        self.adopt(limits)

    def adopt(self, limits: Limits) -> None:
        """Other limits from now on."""
        self.limits = limits
        self._requests_reserved = min(upstream_connections_reserved, limits.upstream_connections_max // 2)
        for connection in self.connections:
            connection.response.limits = limits

    # For requests.

    def take(self) -> Connection | None:
        """An idle connection, if there is one that has not visibly died."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if connection.idle_since < self.sweep.fresh_since and connection.gone_stale(self.sweep.now):
                connection.close()
                continue
            return connection
        return None

    async def acquire(self, deadline: Deadline | float) -> Connection:
        """A connection of one's own: opened, or handed on by the one who is done with it. Raises HttpFault."""
        first = False
        while True:
            if self.closed:
                raise Lost(f"{self.origin}: the client is closed")
            if self.requests < self.limits.upstream_connections_max:
                self.requests += 1
                break
            if self.lingering and not self.waiters:
                next(iter(self.lingering)).close()
                continue
            connection = await self._wait(deadline, first=first)
            if connection is None:
                break
            if connection.state is State.PROMISED:
                return connection
            first = True  # it died on the way to us: the place at the head of the queue is still ours
        try:
            return await self._open(deadline)
        except BaseException:
            self._free()
            raise

    def release(self, connection: Connection) -> None:
        """The answer is complete and the connection sound."""
        if not self._back_among_requests(connection):
            connection.close()
            return
        self.lingering.pop(connection, None)
        waiter = self._next_waiter()
        if waiter is not None:
            connection.state = State.PROMISED
            waiter.future.set_result(connection)
            return
        connection.state = State.IDLE
        connection.idle_since = self.sweep.now
        self.idle.append(connection)

    def linger(self, connection: Connection) -> None:
        """The answer is had, its end is not here yet. No lingering while somebody waits for a place."""
        if self.waiters or not self._back_among_requests(connection):
            connection.close()
            return
        connection.state = State.LINGERING
        connection.idle_since = self.sweep.now
        self.lingering[connection] = None

    # For streams.

    async def acquire_stream(self, deadline: Deadline | float) -> Connection:
        """Always a new connection: no race with a server that is just closing an idle one."""
        if self.closed:
            raise Lost(f"{self.origin}: the client is closed")
        if self.streams >= self.limits.upstream_streams_max:
            raise self.no_room_for_streams(sent=False)
        self.streams += 1
        try:
            connection = await self._open(deadline)
        except BaseException:
            self.streams -= 1
            raise
        connection.long = True
        return connection

    def promote(self, connection: Connection) -> bool:
        """An answer turned out to be a stream: move it to the other account, so that its place is free.

        With that account full it may stay where it is, as long as the reserve for requests is not touched.
        """
        if self.streams < self.limits.upstream_streams_max:
            connection.long = True
            self.streams += 1
            self._free()
            return True
        return self.requests <= self.limits.upstream_connections_max - self._requests_reserved

    def no_room_for_streams(self, *, sent: bool) -> HttpFault:
        return PoolFull(f"{self.origin}: {self.streams} streams are open, which is the limit", sent=sent)

    # What connections tell.

    def arrived(self, connection: Connection) -> None:
        self.opened += 1
        self.connections.add(connection)

    def forget(self, connection: Connection, before: State) -> None:
        """It is being closed: its place is free from now on."""
        if before is State.IDLE and connection in self.idle:
            self.idle.remove(connection)
        self.lingering.pop(connection, None)
        if connection.long:
            self.streams -= 1
        else:
            self._free()

    def departed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections and not self._emptied.done():
            self._emptied.set_result(None)

    def awake(self) -> float:
        """Make sure that the sweep is running, and tell the time."""
        if not self.sweep.running:
            self.sweep.start()
        return self.sweep.now

    async def aclose(self) -> None:
        """Close everything, tell everybody who waits, and wait until the last connection is gone."""
        self.closed = True
        self.sweep.stop()
        while (waiter := self._next_waiter()) is not None:
            waiter.future.set_exception(Lost(f"{self.origin}: the client was closed"))
        for connection in list(self.connections):
            connection.fail(Lost(f"{self.origin}: the client was closed", sent=True))
        if self.connections:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    # Places.

    async def _open(self, deadline: Deadline | float) -> Connection:
        made: list[Connection] = []

        def make() -> Connection:
            made.append(Connection(self))
            return made[-1]

        at = moment_of(deadline)
        until = min(at, self.loop.time() + self.limits.connect_seconds_max)
        try:
            connection = await dial(self.origin, self.tls, make, allow_private=self.allow_private, until=until)
            if self.closed:
                raise Lost(f"{self.origin}: the client was closed")
            if connection.state is not State.OPENING:
                raise ConnectFailed(f"{self.origin}: the server closed the connection at once")
        except BaseException:
            for each in made:  # a connection that came up while its opening was given up
                each.close()
                self.departed(each)  # uvloop closes the transport of a cancelled opening without `connection_lost`
            raise
        connection.state = State.PROMISED
        return connection

    async def _wait(self, deadline: Deadline | float, *, first: bool) -> Connection | None:
        if len(self.waiters) >= max(1, self.limits.inflight_max // waiting_share):
            raise PoolFull(f"{self.origin}: {len(self.waiters)} requests wait for a connection already")
        self.awake()
        waiter = Waiter(self.loop.create_future(), deadline)
        if first:
            self.waiters.appendleft(waiter)
        else:
            self.waiters.append(waiter)
        try:
            return await waiter.future
        except BaseException:
            self._leave(waiter)
            raise

    def _leave(self, waiter: Waiter) -> None:
        """The waiting was given up; what was handed over in the same moment goes to the next."""
        future = waiter.future
        if waiter in self.waiters:
            self.waiters.remove(waiter)
        if not future.done() or future.cancelled() or future.exception() is not None:
            return
        connection = future.result()
        if connection is None:
            self._free()
        elif connection.state is State.PROMISED:
            self.release(connection)

    def _back_among_requests(self, connection: Connection) -> bool:
        """What served a stream may serve requests, if there is a place for it."""
        if connection.long:
            if self.requests >= self.limits.upstream_connections_max:
                return False
            connection.long = False
            self.streams -= 1
            self.requests += 1
        return True

    def _free(self) -> None:
        """One place for requests less in use, or rather: handed to whoever is next."""
        waiter = None if self.closed else self._next_waiter()
        if waiter is None:
            self.requests -= 1
        else:
            waiter.future.set_result(None)

    def _next_waiter(self) -> Waiter | None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.future.done():
                return waiter
        return None
