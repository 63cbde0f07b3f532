"""Event streams: framing, order, silence, slow readers, ends."""

import asyncio

import pytest
from http1_kit import Hall, client, hall, limits_with, request, until

from narthex.edge.http1 import Exchange, Stream
from narthex.edge.resumption import Replay
from narthex.limits import stream_gulp_bytes_max
from narthex.relay.shelf import Shelf

EVENT = b"data: %d\n\n"


async def three_events(exchange: Exchange) -> None:
    stream = exchange.stream()
    for number in range(3):
        stream.send(EVENT % number)
    stream.end(b"data: last\n\n")


async def test_events_arrive_in_order_and_the_connection_goes_on() -> None:
    async with hall(three_events) as stage, client(stage) as caller:
        for _ in range(3):
            await caller.send(request())
            answer = await caller.answer()

            assert answer.status == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["cache-control"] == "no-store, no-cache, no-transform"
            assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: last\n\n"


async def test_each_event_is_on_its_way_at_once() -> None:
    streams: list[Stream] = []

    async def keep(exchange: Exchange) -> None:
        streams.append(exchange.stream(((b"Mcp-Session-Id", b"s"),)))

    async with hall(keep) as stage, client(stage) as caller:
        await caller.send(request())
        _, headers = await caller.head()

        assert headers["mcp-session-id"] == "s"
        await until(lambda: stage.listener.stats == (1, 0))  # the handler returned, the stream lives on
        for number in range(5):
            streams[0].send(EVENT % number)
            assert await caller.chunk() == EVENT % number
        streams[0].end()
        streams[0].end()
        streams[0].send(b"data: too late\n\n")
        assert await caller.chunk() == b""
        assert streams[0].closed
        assert stage.faults == []


async def test_requests_sent_ahead_wait_for_the_end_of_the_stream() -> None:
    async with hall(three_events) as stage, client(stage) as caller:
        await caller.send(request() * 3)

        for _ in range(3):
            assert (await caller.answer()).body.endswith(b"data: last\n\n")


async def test_to_http_1_0_a_stream_ends_with_its_connection() -> None:
    async with hall(three_events) as stage, client(stage) as caller:
        await caller.send(request("/", "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"))
        status, headers = await caller.head()

        assert (status, headers["connection"], headers.get("transfer-encoding")) == (200, "close", None)
        assert await caller.rest() == b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: last\n\n"


async def test_to_head_a_stream_is_only_its_head() -> None:
    async with hall(three_events) as stage, client(stage) as caller:
        await caller.send(request(method="HEAD"))
        status, _ = await caller.head()
        await caller.send(request("/", "Connection: close", method="HEAD"))
        again, _ = await caller.head()

        assert (status, again) == (200, 200)
        assert await caller.rest() == b""
        assert stage.faults == []


async def test_silence_is_broken_by_comments() -> None:
    async def silent(exchange: Exchange) -> None:
        stream = exchange.stream()
        await asyncio.sleep(0.5)
        stream.end(b"data: done\n\n")

    async with hall(silent) as stage, client(stage) as caller:
        await caller.send(request())
        body = (await caller.answer()).body

        assert body.startswith(b": keep-alive\n\n" * 2)
        assert body.endswith(b"data: done\n\n")


async def test_a_busy_stream_carries_no_comments() -> None:
    async def busy(exchange: Exchange) -> None:
        stream = exchange.stream()
        for _ in range(20):
            stream.send(b"data: x\n\n")
            await asyncio.sleep(0.02)
        stream.end()

    async with hall(busy) as stage, client(stage) as caller:
        await caller.send(request())

        assert (await caller.answer()).body == b"data: x\n\n" * 20


@pytest.mark.parametrize("told", [True, False])
async def test_a_client_that_leaves_its_stream_closes_it(told: bool) -> None:
    streams: list[Stream] = []
    heard: list[str] = []

    async def hold(exchange: Exchange) -> None:
        if told:
            exchange.on_disconnect = lambda: heard.append("left")
        streams.append(exchange.stream())
        try:
            while not streams[0].closed:
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async with hall(hold) as stage:
        async with client(stage) as caller:
            await caller.send(request())
            await caller.head()
        await until(lambda: stage.listener.stats == (0, 0))

        assert streams[0].closed
        assert heard == ["left" if told else "cancelled"]
        streams[0].send(b"data: into the void\n\n")
        streams[0].end()


async def slow_reader(stage: Hall, caller) -> None:
    caller.reader._transport.pause_reading()
    await caller.send(request())
    await until(lambda: len(stage.seen) == 1)


async def test_a_slow_reader_makes_the_producer_wait_and_loses_nothing() -> None:
    event = b"data: " + b"x" * 60_000 + b"\n\n"
    waits = 0

    async def produce(exchange: Exchange) -> None:
        nonlocal waits
        stream = exchange.stream()
        for _ in range(400):
            stream.send(event)
            assert stream.queued_bytes < stream.queue_bytes_max + len(event) + 10
            if stream.queued_bytes:
                waits += 1
                await stream.ready()
        stream.end(b"data: last\n\n")

    async with hall(produce) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        await until(lambda: waits > 0)
        caller.reader._transport.resume_reading()
        answer = await caller.answer()

        assert answer.body == event * 400 + b"data: last\n\n"
        assert stage.faults == []


async def test_who_asks_for_it_is_told_once_when_there_is_room_and_what_comes_until_then_is_taken() -> None:
    event = b"data: " + b"x" * 60_000 + b"\n\n"
    told: list[int] = []
    held = 0

    async def produce(exchange: Exchange) -> None:
        nonlocal held
        stream = exchange.stream()
        stream.when_ready(lambda: told.append(-1))  # nothing waits: at once
        while stream.slow is None:
            stream.send(event)
            await asyncio.sleep(0)
            held += 1
        stream.slow.when_ready(lambda: told.append(stream.queued_bytes))
        while stream.queued_bytes < stream.queue_bytes_max + stream_gulp_bytes_max // 2:
            stream.send(event)
            held += 1
        assert told == [-1]
        await stream.ready()
        assert stream.slow is None
        stream.end(b"data: last\n\n")

    async with hall(produce) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        await until(lambda: told)
        caller.reader._transport.resume_reading()
        answer = await caller.answer()

        assert told == [-1, 0]
        assert answer.body == event * held + b"data: last\n\n"
        assert stage.faults == []


async def test_who_waits_is_told_when_the_reader_leaves() -> None:
    told: list[bool] = []
    waiting = asyncio.Event()

    async def produce(exchange: Exchange) -> None:
        exchange.on_disconnect = lambda: None
        stream = exchange.stream()
        while stream.slow is None:
            stream.send(b"data: " + b"x" * 60_000 + b"\n\n")
            await asyncio.sleep(0)
        stream.slow.when_ready(lambda: told.append(stream.closed))
        stream.when_ready(lambda: told.append(stream.closed))
        waiting.set()

    async with hall(produce) as stage:
        async with client(stage) as caller:
            await slow_reader(stage, caller)
            await until(waiting.is_set)
        await until(lambda: told == [True, True])
        assert stage.faults == []


async def test_all_that_was_kept_for_a_slow_client_reaches_it_when_it_is_back() -> None:
    """It is more than a queue holds: sent event by event, it would end the stream each time the client comes."""

    async def produce(exchange: Exchange) -> None:
        replay = Replay(1, Shelf(lambda: 0.0))
        for _ in range(16):
            replay.send(b"x" * 60_000)
        replay.resume(-1, exchange.stream())
        replay.send(b"last", last=True)

    async with hall(produce, limits=limits_with(stream_queue_bytes_max=70_000)) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        caller.reader._transport.resume_reading()
        answer = await caller.answer()

        assert answer.body.count(b"x" * 60_000) == 16
        assert answer.body.endswith(b"data: last\n\n")


async def test_a_producer_that_does_not_wait_loses_the_stream_not_single_events() -> None:
    streams: list[Stream] = []

    async def pour(exchange: Exchange) -> None:
        exchange.on_disconnect = lambda: None
        streams.append(stream := exchange.stream())
        while not stream.closed:
            assert stream.queued_bytes < stream.queue_bytes_max + 10_020
            stream.send(b"data: " + b"x" * 10_000 + b"\n\n")
            await asyncio.sleep(0)

    async with hall(pour) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        await until(lambda: stage.listener.stats == (0, 0))

        assert streams[0].closed
        assert stage.faults == []


async def test_a_stalled_stream_is_let_go() -> None:
    stalled = asyncio.Event()

    async def produce(exchange: Exchange) -> None:
        stream = exchange.stream()
        while not stream.stalled:
            stream.send(b"data: " + b"x" * 300_000 + b"\n\n")
            await asyncio.sleep(0)
        stalled.set()
        await stream.ready()

    async with hall(produce, limits=limits_with(stream_stalled_seconds_max=0.2)) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        async with asyncio.timeout(5):
            await stalled.wait()
        await until(lambda: stage.listener.stats == (0, 0))


async def test_a_stream_that_is_not_stalled_takes_an_event_of_any_size() -> None:
    large = b"data: " + b"x" * 12_000_000 + b"\n\n"

    async def produce(exchange: Exchange) -> None:
        stream = exchange.stream()
        stream.send(large)  # the transport takes it, and pauses
        stream.send(large)  # the queue takes it
        assert stream.stalled
        stream.end(b"data: last\n\n")  # an end is always taken

    async with hall(produce) as stage, client(stage) as caller:
        await slow_reader(stage, caller)
        caller.reader._transport.resume_reading()

        assert (await caller.answer()).body == large * 2 + b"data: last\n\n"


async def test_a_thousand_streams_are_held_and_all_hear_the_same() -> None:
    streams: list[Stream] = []

    async def hold(exchange: Exchange) -> None:
        streams.append(exchange.stream())

    async with hall(hold) as stage:
        callers = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(1_000)]
        for _, writer in callers:
            writer.write(request())
        await until(lambda: len(streams) == 1_000)
        for stream in streams:
            stream.end(b"data: all\n\n")
        heads = await asyncio.gather(*(reader.readuntil(b"0\r\n\r\n") for reader, _ in callers))

        assert all(b"data: all\n\n" in head for head in heads)
        for _, writer in callers:
            writer.close()
        await until(lambda: stage.listener.stats == (0, 0))
