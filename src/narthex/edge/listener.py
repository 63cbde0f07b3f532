"""The listening socket, its connections, and the one clock tick that serves all their deadlines.

Knows: how many are let in, who owns each request's task, how to end. Refuses to know: HTTP (`http1`), meaning.
"""

import asyncio
import ssl as tls
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

from narthex.edge.http1 import Connection, Handler
from narthex.edge.http1_doors import LOOPBACK, Doors
from narthex.edge.http1_exchange import Exchange
from narthex.edge.http1_head import Refused
from narthex.edge.http1_known import KnownHeads
from narthex.limits import (
    Limits,
    accept_backlog_max,
    body_rate_grace_seconds,
    drain_accept_seconds,
    keepalive_comment_seconds,
    linger_seconds,
    lingering_connections_max,
    retry_after_seconds,
    stop_seconds_max,
    sweep_seconds,
)
from narthex.wire.addresses import address_key

_RETRY = ((b"Retry-After", b"%d" % retry_after_seconds),)


class Pace(NamedTuple):
    """How often, and how long: what no operator sets, and a test may hurry."""

    sweep_seconds: float = sweep_seconds
    comment_seconds: float = keepalive_comment_seconds
    body_grace_seconds: float = body_rate_grace_seconds
    linger_seconds: float = linger_seconds
    drain_accept_seconds: float = drain_accept_seconds


class Flying(Protocol):
    """What serves a request without a task."""

    def cancel(self) -> None:
        """Nobody waits for the answer: end, in a task that the listener has been told to `adopt` before this returns.

        Where the end is known already, `landed` comes in a moment.
        """


class Stats(NamedTuple):
    connections: int
    inflight: int  # handlers that have not returned


class Listener:
    """`refuse(status, reason, message)` builds the body of an error; `on_fault` hears of a handler that raised.

    `hosts` None means: the names of the loopback, and only a loopback address may be bound.
    `on_refusal(status, reason)` counts.
    """

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        handler: Handler,
        limits: Callable[[], Limits],
        *,
        hosts: frozenset[str] | None,
        origins: frozenset[str] = frozenset(),
        ssl: tls.SSLContext | None = None,
        refuse: Callable[[int, str, str], bytes],
        on_fault: Callable[[BaseException], None],
        on_refusal: Callable[[int, str], None] = lambda _status, _reason: None,
        pace: Pace = Pace(),
        express: Callable[[Exchange], Flying | asyncio.Task[None] | None] = lambda _: None,
    ) -> None:
        self._handler = handler
        self._express = express
        self._read_limits = limits
        self._hosts = hosts
        self._ssl = ssl
        self._on_fault = on_fault
        self._on_refusal = on_refusal
        self._connections: set[Connection] = set()
        self._per_address: dict[str, int] = {}
        self._tasks: dict[Exchange, asyncio.Task[None] | Flying] = {}
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._aborted = asyncio.Event()
        self._quiet = asyncio.Event()
        self.heads = KnownHeads()
        self.doors = Doors(LOOPBACK if hosts is None else hosts, origins)
        self.pace = pace
        self.refuse = refuse
        self.limits = limits()
        self.draining = False
        self.closed = False  # no new connections
        self.now = 0.0
        self.date_line = b""

    @property
    def stats(self) -> Stats:
        return Stats(len(self._connections), len(self._tasks))

    @property
    def full(self) -> bool:
        return len(self._tasks) >= self.limits.inflight_max

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (`port` 0: one the system chose). ValueError: open to others without `hosts`."""
        if self._hosts is None and not _is_loopback(host):
            raise ValueError(f"listening on {host} needs the host names that clients will use")
        loop = self._loop = asyncio.get_running_loop()
        self._tick()
        handshake = None if self._ssl is None else self.limits.header_seconds_max
        self._server = await loop.create_server(
            lambda: Connection(self),
            host,
            port,
            backlog=accept_backlog_max,
            ssl=self._ssl,
            ssl_handshake_timeout=handshake,
        )
        self._sweeper = asyncio.create_task(self._sweep(), name="edge.sweep")
        return int(self._server.sockets[0].getsockname()[1])

    # The clock

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.pace.sweep_seconds)
            self._tick()
            for connection in tuple(self._connections):
                if connection.deadline <= self.now or connection.drain_deadline <= self.now:
                    self._expire(connection)

    def _tick(self) -> None:
        self.now = self._loop.time()
        self.limits = self._read_limits()
        self.date_line = b"Date: %b\r\n" % formatdate(usegmt=True).encode("ascii")

    def _expire(self, connection: Connection) -> None:
        try:
            if connection.drain_deadline <= self.now:
                connection.expire_drain()
            if connection.deadline <= self.now:
                connection.expire(self.now)
        except Exception as fault:  # noqa: BLE001 - one broken connection must not end the clock of all others
            self._on_fault(fault)
            connection.abort()

    # Connections

    def admit(self, connection: Connection) -> Refused | None:
        """Count a new connection. A refusal, if there is no room; it still counts until it is gone."""
        self._connections.add(connection)
        connection.address = address_key(connection.peer)
        here = self._per_address.get(connection.address, 0) + 1
        self._per_address[connection.address] = here
        limits, total = self.limits, len(self._connections)
        if total <= limits.connections_max and here <= limits.connections_per_address_max:
            return None
        return Refused(503, "connections", "The gateway is at its limit of connections. Retry in a moment.")

    def overrun(self, connection: Connection) -> bool:
        """Too many even to be told so."""
        limits = self.limits
        return (
            len(self._connections) > limits.connections_max + lingering_connections_max
            or self._per_address[connection.address] > limits.connections_per_address_max + lingering_connections_max
        )

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        here = self._per_address.get(connection.address, 0) - 1
        if here > 0:
            self._per_address[connection.address] = here
        else:
            self._per_address.pop(connection.address, None)
        self._note_quiet()

    def note_refusal(self, refusal: Refused) -> None:
        self._on_refusal(refusal.status, refusal.reason)

    # Requests

    def serve(self, exchange: Exchange) -> None:
        """Give the request to the handler, in a task that this listener owns."""
        if self.full:
            refusal = Refused(503, "inflight", "The gateway is at its limit of requests. Retry in a moment.")
            self.note_refusal(refusal)
            body = self.refuse(refusal.status, refusal.reason, refusal.message)
            exchange.respond(refusal.status, body, headers=_RETRY)
            return
        exchange.owner = self
        try:
            flying = self._express(exchange)
        except Exception as fault:  # noqa: BLE001 - as with a handler: the client gets an answer
            self._fail(exchange, fault)
            return
        if flying is not None:
            self._tasks[exchange] = flying
        else:
            self.adopt(exchange, self._handler(exchange))

    def adopt(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Own a task that serves this exchange."""
        # Half the price of `asyncio.create_task`; and a given name saves making one up for each request.
        task = asyncio.Task(self._run(exchange, work), loop=self._loop, name="edge.request")
        self._tasks[exchange] = task
        return task

    def landed(self, exchange: Exchange) -> None:
        """What served it without a task is done."""
        del self._tasks[exchange]
        if self.closed:
            self._note_quiet()

    def failed(self, exchange: Exchange, fault: BaseException) -> None:
        self._fail(exchange, fault)
        self.landed(exchange)

    async def _run(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            if not exchange.answered and not exchange.gone:
                raise RuntimeError(f"the handler returned and left {exchange!r}")
        except asyncio.CancelledError as fault:
            if not exchange.gone and not self._aborted.is_set():
                self._fail(exchange, fault)  # cancelled by something of ours: the client still waits
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a handler raises, the client gets an answer
            self._fail(exchange, fault)
        finally:
            self._release(exchange)

    def _fail(self, exchange: Exchange, fault: BaseException) -> None:
        self._on_fault(fault)
        if exchange.gone:
            return
        if exchange.answered:
            exchange.break_off()
        else:
            exchange.respond(500, self.refuse(500, "fault", "The gateway failed to answer this request."))

    def _release(self, exchange: Exchange) -> None:
        self._tasks.pop(exchange, None)
        if self.closed:
            self._note_quiet()

    def client_left(self, exchange: Exchange) -> None:
        """The client of an unfinished exchange is gone: tell the handler, by call or by cancellation."""
        exchange.gone = True
        if exchange.on_disconnect is None:
            self._cancel(exchange)
            return
        try:
            exchange.on_disconnect()
        except Exception as fault:  # noqa: BLE001 - called from the transport, which would only log it
            self._on_fault(fault)

    def _cancel(self, exchange: Exchange) -> None:
        task = self._tasks.get(exchange)
        if task is not None and not isinstance(task, asyncio.Task):
            task.cancel()
        elif task is not None:
            # Not now: cancelled before its first step, a task would never clean up.
            self._loop.call_soon(_cancel_once, task)

    # The end

    async def drain(self, seconds: float) -> None:
        """Stop listening, let requests and streams finish for `seconds`, then end what is left.

        For `drain_accept_seconds` more we accept: load balancers take us out by then. Every answer from now
        on closes its connection. Called again: ends at once.
        """
        if self.draining:
            await self.abort()
            return
        self.draining = True
        await _wait_for_any(self.pace.drain_accept_seconds, self._aborted)
        self._stop_listening()
        for connection in tuple(self._connections):
            connection.close_if_idle(fresh_until=self.now + self.pace.drain_accept_seconds)
        self._note_quiet()
        await _wait_for_any(seconds, self._aborted, self._quiet)
        await self.abort()

    async def abort(self) -> None:
        """End at once: no answer, no goodbye. Returns when every task of a request has ended."""
        self.draining = True
        self._aborted.set()
        self._stop_listening()
        for connection in tuple(self._connections):
            connection.abort()
        for exchange in tuple(self._tasks):
            self._cancel(exchange)
        tasks = tuple(task for task in self._tasks.values() if isinstance(task, asyncio.Task))
        await self._bury(tasks)
        self._note_quiet()
        await _wait_for_any(stop_seconds_max, self._quiet)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait((self._sweeper,))

    async def _bury(self, tasks: tuple[asyncio.Task[None], ...]) -> None:
        if not tasks:
            return
        _, stuck = await asyncio.wait(tasks, timeout=stop_seconds_max)
        if stuck:
            self._on_fault(RuntimeError(f"{len(stuck)} requests did not end when cancelled"))

    def _stop_listening(self) -> None:
        self.closed = True
        if self._server is not None:
            self._server.close()

    def _note_quiet(self) -> None:
        if self.closed and not self._connections and not self._tasks:
            self._quiet.set()


def _cancel_once(task: asyncio.Task[None]) -> None:
    if not task.cancelling():  # a second time would interrupt its cleaning up
        task.cancel()


async def _wait_for_any(seconds: float, *events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
