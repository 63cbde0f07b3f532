"""The end of a listener: what is under way finishes, nothing new begins, nothing is left."""

import asyncio
import contextlib

import pytest
from http1_kit import Hall, client, echo, hall, request, until

from narthex.edge.http1 import Exchange, Stream


def stopwatch() -> float:
    return asyncio.get_running_loop().time()


async def test_requests_under_way_finish_and_close_their_connection() -> None:
    release = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        await release.wait()
        exchange.respond(200)

    async with hall(wait) as stage, client(stage) as caller:
        await caller.send(request())
        await until(lambda: len(stage.seen) == 1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.listener.drain(5))
            await until(lambda: stage.listener.draining)
            release.set()
            answers = await caller.answers()
            caller.close()

        assert [(answer.status, answer.headers["connection"]) for answer in answers] == [(200, "close")]
        assert stage.listener.stats == (0, 0)


async def test_for_a_moment_new_connections_are_still_served() -> None:
    async with hall() as stage, asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(stage.listener.drain(5))
        await until(lambda: stage.listener.draining)
        async with client(stage) as caller:
            await caller.send(request())

            assert [answer.headers["connection"] for answer in await caller.answers()] == ["close"]
        await draining
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", stage.port)


async def test_idle_connections_do_not_hold_up_the_end() -> None:
    async with hall() as stage, client(stage) as caller:
        await caller.send(request())
        await caller.answer()
        started = stopwatch()
        await stage.listener.drain(30)

        assert stopwatch() - started < 2
        assert await caller.rest() == b""


async def test_streams_may_be_ended_by_their_owners() -> None:
    streams: list[Stream] = []

    async def hold(exchange: Exchange) -> None:
        streams.append(exchange.stream())

    async with hall(hold) as stage, client(stage) as caller:
        await caller.send(request())
        await until(lambda: len(streams) == 1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.listener.drain(5))
            await until(lambda: stage.listener.closed)
            streams[0].end(b"data: goodbye\n\n")

            assert (await caller.answer()).body.endswith(b"data: goodbye\n\n")
            assert await caller.rest() == b""
            caller.close()


async def test_what_does_not_end_is_ended() -> None:
    ended: list[str] = []

    async def forever(exchange: Exchange) -> None:
        exchange.on_disconnect = lambda: ended.append("told")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with hall(forever) as stage, client(stage) as caller:
        await caller.send(request())
        await until(lambda: len(stage.seen) == 1)
        started = stopwatch()
        await stage.listener.drain(0.2)

        assert stopwatch() - started < 3
        assert sorted(ended) == ["cancelled", "told"]
        assert stage.listener.stats == (0, 0)


async def test_a_second_drain_ends_at_once() -> None:
    async def forever(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async with hall(forever) as stage, client(stage) as caller:
        await caller.send(request())
        await until(lambda: len(stage.seen) == 1)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(stage.listener.drain(60))
            await until(lambda: stage.listener.draining)
            started = stopwatch()
            await stage.listener.drain(60)
            await first

        assert stopwatch() - started < 3
        assert stage.listener.stats == (0, 0)


async def test_a_handler_that_resists_its_end_is_reported() -> None:
    release = asyncio.Event()

    async def stubborn(exchange: Exchange) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with hall(stubborn) as stage:
        async with client(stage) as caller:
            await caller.send(request())
            await until(lambda: len(stage.seen) == 1)
            await stage.listener.abort()

            assert ["did not end" in str(fault) for fault in stage.faults] == [True]
        release.set()
        await until(lambda: stage.listener.stats == (0, 0))


async def test_clients_that_keep_calling_through_a_drain_see_no_failure() -> None:
    """Told to close, they connect again, until the port is shut. Whoever was answered once is always answered."""
    answered = 0

    async def call_on(stage: Hall) -> None:
        nonlocal answered
        first = True
        try:
            async with client(stage) as caller:
                while True:
                    await caller.send(request())
                    answer = await caller.answer()
                    answered += 1
                    first = False
                    if answer.headers.get("connection") == "close":
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            # The kernel had connected us, and nobody was there any more to accept: as good as refused.
            assert first
            raise ConnectionRefusedError from None

    async def call_until_refused(stage: Hall) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                await call_on(stage)

    async with hall(echo) as stage, asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(call_until_refused(stage))
        await until(lambda: answered > 200)
        before = answered
        await stage.listener.drain(5)

        assert answered > before
