"""What the listener does with requests that are served without a task: the same as with the others."""

import asyncio
from collections.abc import Callable

import pytest
from http1_kit import client, hall, limits_with, request, until

from narthex.edge.http1 import Exchange


class Flying:
    """Serves one exchange when it is told to; diverted, it becomes a task that waits for ever."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.task: asyncio.Task[None] | None = None
        self.cancelled = False

    def land(self) -> None:
        self.exchange.respond(200, b"landed")
        self.exchange.owner.landed(self.exchange)

    def cancel(self) -> None:
        if self.task is None:
            self.task = self.exchange.owner.adopt(self.exchange, self._rest())
            asyncio.get_running_loop().call_soon(self.task.cancel)

    async def _rest(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Airport:
    """Takes every request for `/fly`, and keeps what is in the air."""

    def __init__(self) -> None:
        self.flying: list[Flying] = []

    def express(self, exchange: Exchange) -> Flying | None:
        if exchange.path != "/fly":
            return None
        self.flying.append(Flying(exchange))
        return self.flying[-1]

    async def until_flying(self, count: int = 1) -> None:
        await until(lambda: len(self.flying) >= count)


@pytest.fixture
def airport() -> Airport:
    return Airport()


async def test_what_flies_needs_no_task_and_counts_as_in_flight(airport: Airport) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one:
        await one.send(request("/fly"))
        await airport.until_flying()
        assert stage.listener.stats.inflight == 1
        assert stage.seen == []
        airport.flying[0].land()

        assert (await one.answer()).body == b"landed"
        assert stage.listener.stats.inflight == 0


async def test_what_does_not_fly_goes_to_the_handler(airport: Airport) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one:
        await one.send(request("/walk"))

        assert (await one.answer()).status == 200
        assert stage.paths == ["/walk"]
        assert airport.flying == []


async def test_both_may_follow_each_other_on_one_connection(airport: Airport) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one:
        await one.send(request("/fly") + request("/walk") + request("/fly"))
        for count in (1, 2):
            await airport.until_flying(count)
            airport.flying[-1].land()
        bodies = [(await one.answer()).body[:6] for _ in range(3)]

    assert bodies == [b"landed", b'{"meth', b"landed"]
    assert stage.faults == []


async def test_who_leaves_in_mid_flight_has_it_diverted_and_cancelled(airport: Airport) -> None:
    async with hall(express=airport.express) as stage:
        async with client(stage) as one:
            await one.send(request("/fly"))
            await airport.until_flying()
        await until(lambda: stage.listener.stats == (0, 0))

    assert airport.flying[0].cancelled
    assert airport.flying[0].exchange.gone


async def test_a_flight_may_go_on_without_its_client(airport: Airport) -> None:
    left: list[bool] = []
    async with hall(express=airport.express) as stage:
        async with client(stage) as one:
            await one.send(request("/fly"))
            await airport.until_flying()
            airport.flying[0].exchange.on_disconnect = lambda: left.append(True)
        await until(lambda: left == [True])
        assert stage.listener.stats == (0, 1)
        airport.flying[0].land()
        assert stage.listener.stats == (0, 0)

    assert airport.flying[0].task is None


async def test_an_end_at_once_ends_what_flies(airport: Airport) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one, client(stage) as other:
        for each in (one, other):
            await each.send(request("/fly"))
        await airport.until_flying(2)
        airport.flying[0].exchange.on_disconnect = lambda: None
        await stage.listener.abort()

        assert [each.cancelled for each in airport.flying] == [True, True]
        assert stage.faults == []


async def test_a_drain_waits_for_what_flies(airport: Airport) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one:
        await one.send(request("/fly"))
        await airport.until_flying()
        draining = asyncio.create_task(stage.listener.drain(5.0))
        await until(lambda: stage.listener.closed)
        assert not draining.done()
        airport.flying[0].land()
        answer = await one.answer()
        one.close()
        await draining

    assert (answer.body, answer.headers["connection"]) == (b"landed", "close")
    assert not airport.flying[0].cancelled


async def test_what_flies_takes_places_from_the_others(airport: Airport) -> None:
    async with hall(express=airport.express, limits=limits_with(inflight_max=1)) as stage, client(stage) as one:
        await one.send(request("/fly"))
        await airport.until_flying()
        async with client(stage) as other:
            await other.send(request("/fly"))
            assert (await other.answer()).status == 503
            await other.send(request("/walk"))
            assert (await other.answer()).status == 503
        airport.flying[0].land()

        assert (await one.answer()).status == 200
        assert len(airport.flying) == 1


async def test_a_fault_at_the_start_is_answered_like_one_of_a_handler() -> None:
    def broken(_: Exchange) -> None:
        raise ZeroDivisionError

    async with hall(express=broken) as stage, client(stage) as one:
        await one.send(request("/fly"))
        answer = await one.answer()

        assert answer.status == 500
        assert answer.reason == "fault"
        await one.send(request("/fly"))  # the connection is sound
        assert (await one.answer()).status == 500
        assert [type(fault) for fault in stage.faults] == [ZeroDivisionError] * 2
        assert stage.listener.stats.inflight == 0


def fails_unanswered(flying: Flying) -> None:
    flying.exchange.owner.failed(flying.exchange, ZeroDivisionError())


def fails_in_mid_answer(flying: Flying) -> None:
    flying.exchange.stream().send(b"data: 1\n\n")
    flying.exchange.owner.failed(flying.exchange, ZeroDivisionError())


@pytest.mark.parametrize(("fails", "whole"), [(fails_unanswered, True), (fails_in_mid_answer, False)])
async def test_a_fault_in_mid_flight_is_seen_by_the_client(
    airport: Airport,
    fails: Callable[[Flying], None],
    whole: bool,
) -> None:
    async with hall(express=airport.express) as stage, client(stage) as one:
        await one.send(request("/fly"))
        await airport.until_flying()
        fails(airport.flying[0])
        if whole:
            assert (await one.answer()).status == 500
        else:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await one.answer()
        assert stage.listener.stats.inflight == 0
        assert [type(fault) for fault in stage.faults] == [ZeroDivisionError]
