"""Whoever is slow, silent or greedy with our time is let go at a deadline; whoever is only far away is not."""

import asyncio

import pytest
from http1_kit import client, echo, hall, limits_with, request, until

from narthex.edge.http1 import Exchange

HASTE = limits_with(
    header_seconds_max=0.2,
    body_seconds_max=0.6,
    keepalive_seconds_max=0.2,
    stream_stalled_seconds_max=0.2,
)


async def trickle(caller, data: bytes, seconds: float = 0.02) -> None:
    """One byte after another until the other end has had enough."""
    try:
        for byte in data:
            await caller.send(bytes((byte,)))
            await asyncio.sleep(seconds)
    except ConnectionError:
        return


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"G", request()[:-2]])
async def test_an_unfinished_header_is_let_go(sent: bytes) -> None:
    async with hall(limits=HASTE) as stage, client(stage) as caller:
        await caller.send(sent)
        answers = await caller.answers()

        expected = [(408, "header_timeout")] if sent else []  # nothing was asked: nothing is answered
        assert [(answer.status, answer.reason) for answer in answers] == expected
        assert stage.seen == []


async def test_a_trickled_header_does_not_gain_time_by_each_byte() -> None:
    async with hall(limits=HASTE) as stage, client(stage) as caller, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(trickle(caller, request("/" + "a" * 500)))
        started = asyncio.get_running_loop().time()
        answers = await caller.answers()

        assert [answer.reason for answer in answers] == ["header_timeout"]
        assert asyncio.get_running_loop().time() - started < 1.0
        sending.cancel()


async def test_the_header_of_a_second_request_has_a_deadline_too() -> None:
    async with hall(limits=HASTE) as stage, client(stage) as caller:
        await caller.send(request() + request()[:-2])

        assert [answer.status for answer in await caller.answers()] == [200, 408]


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with hall(limits=HASTE) as stage, client(stage) as caller:
        await caller.send(request())

        assert [answer.status for answer in await caller.answers()] == [200]


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
async def test_a_body_that_comes_too_slowly_is_let_go(framing: str) -> None:
    start = b"ffff\r\n" if "chunked" in framing else b""
    async with hall(limits=HASTE) as stage, client(stage) as caller, asyncio.TaskGroup() as tasks:
        await caller.send(request("/", framing, method="POST") + start)
        sending = tasks.create_task(trickle(caller, b"x" * 500))

        assert [(answer.status, answer.reason) for answer in await caller.answers()] == [(408, "body_too_slow")]
        sending.cancel()


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
async def test_a_body_that_never_ends_is_let_go_however_fast(framing: str) -> None:
    start = b"fffff\r\n" if "chunked" in framing else b""
    limits = limits_with(body_seconds_max=0.3, body_bytes_per_second_min=10)
    async with hall(limits=limits) as stage, client(stage) as caller:
        await caller.send(request("/", framing, method="POST") + start + b"x" * 50_000)

        assert [(answer.status, answer.reason) for answer in await caller.answers()] == [(408, "body_timeout")]


async def test_a_body_that_comes_steadily_is_taken() -> None:
    limits = limits_with(body_bytes_per_second_min=100)
    async with hall(limits=limits) as stage, client(stage) as caller:
        raw = request(method="POST", body=b"x" * 4_000)
        await caller.send(raw[:-4_000])
        for _ in range(10):  # 0.3 s, three times the grace
            await caller.send(b"x" * 400)
            await asyncio.sleep(0.03)

        assert (await caller.answer()).status == 200
        assert len(stage.seen[0].body) == 4_000


async def test_a_handler_has_all_the_time_it_wants() -> None:
    async def ponder(exchange: Exchange) -> None:
        await asyncio.sleep(0.8)  # longer than every limit in HASTE
        exchange.respond(200)

    async with hall(ponder, limits=HASTE) as stage, client(stage) as caller:
        await caller.send(request())

        assert (await caller.answer()).status == 200


async def test_a_reader_that_takes_nothing_is_let_go() -> None:
    async def flood(exchange: Exchange) -> None:
        exchange.respond(200, b"x" * 16_000_000)

    async with hall(flood, limits=HASTE) as stage, client(stage) as caller:
        caller.reader._transport.pause_reading()
        await caller.send(request())
        await until(lambda: len(stage.seen) == 1)
        await until(lambda: stage.listener.stats == (0, 0))


async def test_a_reader_that_takes_its_time_gets_everything() -> None:
    async def flood(exchange: Exchange) -> None:
        exchange.respond(200, b"x" * 8_000_000)

    limits = limits_with(stream_stalled_seconds_max=0.5, keepalive_seconds_max=0.2)
    async with hall(flood, limits=limits) as stage, client(stage) as caller:
        await caller.send(request("/", "Connection: close"))
        _, headers = await caller.head()
        left = int(headers["content-length"])
        while left:
            data = await caller.reader.read(500_000)
            assert data, "closed before the end"
            left -= len(data)
            await asyncio.sleep(0.01)


async def test_thousands_of_slow_clients_are_let_go_while_a_good_one_is_served() -> None:
    limits = limits_with(header_seconds_max=0.5)
    async with hall(echo, limits=limits) as stage:
        slow = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(400)]
        for _, writer in slow:
            writer.write(request()[:-2])
        async with client(stage) as good:
            for _ in range(20):
                await good.send(request())
                assert (await good.answer()).status == 200
        await until(lambda: stage.listener.stats.connections == 400 or stage.refusals != [])
        ends = await asyncio.gather(*(reader.read() for reader, _ in slow))

        assert all(b"408 Request Timeout" in end for end in ends)
        for _, writer in slow:
            writer.close()
        await until(lambda: stage.listener.stats.connections == 0)
