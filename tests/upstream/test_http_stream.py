"""Answers that are event streams: delivered as they arrive, bounded, and ended properly or loudly."""

import asyncio
from collections.abc import Callable

import pytest
from http_raw import HEAD_SSE, Peer, RawServer, always, answer, chunk, chunked, soon, until

from narthex.limits import Limits
from narthex.model.client import Gate
from narthex.upstream.http import (
    HttpClient,
    HttpFault,
    Lost,
    Malformed,
    PoolFull,
    StopStream,
    TimedOut,
    TooLarge,
    Truncated,
)
from narthex.wire.sse import SseEvent

HEAD_CHUNKED = HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n"
EVENTS = b'\xef\xbb\xbf: hi\r\nid: 1\r\ndata: {"a":\rdata: 1}\n\nevent: ping\ndata\n\nid: 2\n\n'
PARSED = [SseEvent(data=b'{"a":\n1}', id="1"), SseEvent("ping"), SseEvent(id="2")]


async def test_events_are_delivered_before_the_stream_ends() -> None:
    seen: list[SseEvent] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        for count in range(3):
            await peer.say(chunk(b"data: %d\n\n" % count))
            await until(lambda: len(seen) == count + 1)  # noqa: B023 - awaited before count moves on
        await peer.say(b"0\r\n\r\n")
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon(), on_event=seen.append)
        stats = client.stats
        await client.aclose()

    assert [event.data for event in seen] == [b"0", b"1", b"2"]
    assert (reply.status, reply.content_type, reply.body, reply.streamed) == (200, b"text/event-stream", b"", True)
    assert (stats.idle, stats.streams) == (1, 0)


async def test_a_stream_may_be_cut_at_every_byte() -> None:
    whole = chunked(EVENTS[:20], EVENTS[20:], head=HEAD_SSE)
    cuts = iter(range(1, len(whole)))

    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            cut = next(cuts)
            await peer.say(whole[:cut])
            await asyncio.sleep(0)  # gives the first piece a chance to be read alone; nothing depends on it
            await peer.say(whole[cut:])

    async with RawServer(script) as server:
        client = server.client()
        for cut in range(1, len(whole)):
            seen: list[SseEvent] = []
            await client.post(b"", b"{}", deadline=soon(), on_event=seen.append)
            assert seen == PARSED, f"cut at {cut}"
        stats = client.stats
        await client.aclose()

    assert stats.opened == 1


@pytest.mark.parametrize(
    "response", [HEAD_SSE + b"\r\n" + EVENTS, answer(EVENTS, HEAD_SSE)], ids=["until close", "content-length"]
)
async def test_streams_need_not_be_chunked(response: bytes) -> None:
    seen: list[SseEvent] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(response)

    async with RawServer(script) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon(), on_event=seen.append)
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert reply.streamed
    assert seen == PARSED
    assert (stats.requests, stats.streams) == (0, 0)


async def test_without_a_reader_the_stream_is_a_body() -> None:
    async with RawServer(always(chunked(EVENTS, head=HEAD_SSE))) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon())
        await client.aclose()

    assert (reply.streamed, reply.body) == (False, EVENTS)


async def test_a_json_answer_goes_past_the_reader() -> None:
    async with RawServer(always(answer(b"{}"))) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: pytest.fail("no event was sent"))
        await client.aclose()

    assert (reply.streamed, reply.body) == (False, b"{}")


@pytest.mark.parametrize("how", ["true", "raise"])
@pytest.mark.parametrize("ended", [True, False])
async def test_a_reader_that_has_enough_returns_at_once(how: str, ended: bool) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.say(HEAD_CHUNKED + chunk(b"data: 1\n\ndata: 2\n\n") + (b"0\r\n\r\n" if ended else b""))

    seen: list[SseEvent] = []

    def first(event: SseEvent) -> bool:
        seen.append(event)
        if how == "raise":
            raise StopStream
        return True

    async with RawServer(script) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon(60), on_event=first)
        stats = client.stats
        await client.aclose()

    assert reply.streamed
    assert seen == [SseEvent(data=b"1")]
    assert stats.idle == (1 if ended else 0)


async def test_what_a_reader_raises_reaches_the_caller_and_closes_the_connection() -> None:
    def fail(_: SseEvent) -> None:
        raise LookupError("no such request")

    async with RawServer(always(chunked(EVENTS, head=HEAD_SSE))) as server:
        client = server.client()
        with pytest.raises(LookupError, match="no such request"):
            await client.post(b"", b"{}", deadline=soon(), on_event=fail)
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert (stats.requests, stats.streams) == (0, 0)


async def test_not_even_an_exception_that_futures_cannot_carry_is_lost() -> None:
    def fail(_: SseEvent) -> None:
        raise StopIteration

    async with RawServer(always(chunked(EVENTS, head=HEAD_SSE))) as server:
        client = server.client()
        with pytest.raises(RuntimeError, match="StopIteration"):
            await client.post(b"", b"{}", deadline=soon(), on_event=fail)
        await client.aclose()


LIMITS = Limits(sse_event_bytes_max=100, sse_stream_bytes_max=1000, sse_stream_events_max=5, result_bytes_max=500)


@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ([b"data: " + b"x" * 101 + b"\n\n"], TooLarge),
        ([b"data: " + b"x" * 60] * 2, TooLarge),
        ([b": " + b"x" * 90 + b"\n"] * 12, TooLarge),
        ([b"data: 1\n\n"] * 6, TooLarge),
        ([b"data: \xff\n\n"], Malformed),
    ],
    ids=["event", "line without end", "stream bytes", "events", "not UTF-8"],
)
@pytest.mark.parametrize("together", [True, False])
async def test_streams_have_limits(pieces: list[bytes], fault: type[HttpFault], together: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if together:
            await peer.say(chunked(*pieces, head=HEAD_SSE))
        else:
            await peer.say(HEAD_CHUNKED)
            for piece in pieces:
                await peer.say(chunk(piece))
                await asyncio.sleep(0)
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client(LIMITS)
        with pytest.raises(fault) as caught:
            await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: None)
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert caught.value.sent
    assert (stats.requests, stats.streams) == (0, 0)


class Shut:
    """A gate that a test opens."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def when_ready(self, told: Callable[[], None]) -> None:
        self.waiting.append(told)

    async def ready(self) -> None:
        raise AssertionError("nobody waits here")

    def open(self) -> None:
        for told in self.waiting:
            told()


async def test_a_slow_reader_can_hold_the_server_back() -> None:
    sent = 0
    gate = Shut()
    seen: list[SseEvent] = []

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        for _ in range(400):
            await peer.say(chunk(b"data: " + b"x" * 50_000 + b"\n\n"))
            sent += 1
        await peer.say(b"0\r\n\r\n")
        await peer.wait_gone()

    def read(event: SseEvent) -> Gate | None:
        seen.append(event)
        return gate if len(seen) < 3 else None

    async with RawServer(script) as server:
        client = server.client()
        call = asyncio.create_task(client.post(b"", b"{}", deadline=soon(30), on_event=read))
        await until(lambda: seen)
        stuck = -1
        while stuck != sent:  # until the buffers between us are full and nothing moves any longer
            stuck = sent
            await asyncio.sleep(0.1)
        held_back = (len(seen), sent)
        gate.open()
        reply = await call
        gate.open()  # late, and of a request that is over: nothing follows
        stats = client.stats
        await client.aclose()

    assert len(gate.waiting) == 1
    assert held_back[0] < 20
    assert held_back[1] < 400
    assert (reply.streamed, len(seen)) == (True, 400)
    assert stats.idle == 1


# Long streams, opened on purpose.


async def test_a_long_stream_is_iterated_and_closed() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        assert request is not None
        assert request.line == b"GET /mcp HTTP/1.1"
        assert request.headers[b"accept"] == b"text/event-stream"
        await peer.say(HEAD_CHUNKED + chunk(EVENTS))
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        seen = []
        async with await client.open_stream("GET", deadline=soon()) as stream:
            assert (stream.reply.status, stream.reply.streamed) == (200, True)
            async for event in stream:
                seen.append(event)
                if len(seen) == 3:
                    break
            open_stats = client.stats
        await asyncio.wait_for(server.peers[0].gone.wait(), 5)
        stats = client.stats
        await client.aclose()

    assert seen == PARSED
    assert (open_stats.streams, open_stats.requests) == (1, 0)
    assert (stats.streams, stats.requests) == (0, 0)


async def test_a_stream_outlives_the_deadline_of_its_head() -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        await go.wait()
        await peer.say(chunk(b"data: late\n\n") + b"0\r\n\r\n")

    async with RawServer(script) as server:
        client = server.client()
        stream = await client.open_stream("POST", b"", b"{}", deadline=soon(0.2))
        past = soon(0.8)
        await until(lambda: asyncio.get_running_loop().time() > past)
        go.set()
        seen = [event async for event in stream]
        await stream.aclose()
        await client.aclose()

    assert seen == [SseEvent(data=b"late")]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (HEAD_CHUNKED + chunk(b"data: 1\n\n"), Truncated),
        (HEAD_CHUNKED + chunk(b"data: 1\n\n") + b"zz\r\n", Malformed),
        (HEAD_CHUNKED + chunk(b"data: 1\n\ndata: \xff\n\n"), Malformed),
    ],
    ids=["truncated", "bad chunk", "not UTF-8"],
)
async def test_a_stream_that_ends_badly_says_so_after_its_last_event(said: bytes, fault: type[HttpFault]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for start in range(0, len(said), 50):
            await peer.say(said[start : start + 50])

    async with RawServer(script) as server:
        client = server.client()
        seen, ends = await read_to_the_end(client)
        stats = client.stats
        await client.aclose()

    assert len(seen) <= 1
    assert [type(end) for end in ends] in ([fault, fault], [fault])
    assert stats.streams == 0


async def read_to_the_end(client: HttpClient) -> tuple[list[SseEvent], list[HttpFault]]:
    """The events of a stream, and how it ended when asked twice (once, if its head was never handed out)."""
    seen: list[SseEvent] = []
    ends: list[HttpFault] = []
    try:
        stream = await client.open_stream("GET", deadline=soon())
    except HttpFault as fault:
        return seen, [fault]
    while len(ends) < 2:
        try:
            seen.append(await anext(stream))
        except HttpFault as fault:
            ends.append(fault)
    return seen, ends


async def test_an_answer_that_is_no_stream_is_handed_out_whole() -> None:
    refusal = (
        b"HTTP/1.1 405 Method Not Allowed\r\nallow: POST\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nno"
    )
    async with RawServer(always(refusal)) as server:
        client = server.client()
        stream = await client.open_stream("GET", deadline=soon())
        events = [event async for event in stream]
        await stream.aclose()
        reply = await client.request("GET", deadline=soon())
        stats = client.stats
        await client.aclose()

    assert (stream.reply.status, stream.reply.streamed, stream.reply.body) == (405, False, b"no")
    assert events == []
    assert reply.status == 405
    assert (stats.opened, stats.streams, stats.requests) == (1, 0, 1)


async def test_a_stream_whose_head_does_not_come_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        with pytest.raises(TimedOut):
            await client.open_stream("GET", deadline=soon(0.1))
        opening = asyncio.create_task(client.open_stream("GET", deadline=soon(60)))
        await until(lambda: len(server.peers) == 2)
        opening.cancel()
        await asyncio.wait_for(server.peers[1].gone.wait(), 5)
        await asyncio.gather(opening, return_exceptions=True)
        stats = client.stats
        await client.aclose()

    assert stats.streams == 0


async def test_streams_have_a_limit_of_their_own() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client(Limits(upstream_streams_max=2))
        streams = [await client.open_stream("GET", deadline=soon()) for _ in range(2)]
        with pytest.raises(PoolFull) as caught:
            await client.open_stream("GET", deadline=soon())
        await streams[0].aclose()
        streams.append(await client.open_stream("GET", deadline=soon()))
        for stream in streams:
            await stream.aclose()
        stats = client.stats
        await client.aclose()

    assert not caught.value.sent
    assert stats.streams == 0


async def test_a_stream_that_nobody_reads_stops_the_server_and_then_ends() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        while not peer.gone.is_set():
            await peer.say(chunk(b"data: " + b"x" * 10_000 + b"\n\n"))
            sent += 10_000

    limits = Limits(stream_queue_bytes_max=100_000, stream_stalled_seconds_max=0.5, sse_stream_bytes_max=1 << 30)
    async with RawServer(script) as server:
        client = server.client(limits)
        stream = await client.open_stream("GET", deadline=soon())
        await until(lambda: client.stats.streams == 0)
        queued = stream._bytes
        with pytest.raises(TimedOut):
            async for _ in stream:
                pass
        await client.aclose()

    assert queued < limits.stream_queue_bytes_max + 300_000  # one read of the socket more
    assert sent < 100_000_000


async def test_a_stream_that_is_read_slowly_loses_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        for count in range(2000):
            await peer.say(chunk(b"data: %d %b\n\n" % (count, b"x" * 1000)))
        await peer.say(b"0\r\n\r\n")

    async with RawServer(script) as server:
        client = server.client(Limits(stream_queue_bytes_max=10_000))
        stream = await client.open_stream("GET", deadline=soon())
        seen = []
        async for event in stream:
            seen.append(int(event.data.split()[0]))
            if len(seen) % 100 == 0:
                await asyncio.sleep(0.001)
        await client.aclose()

    assert seen == list(range(2000))


async def test_closing_the_client_ends_its_streams() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_CHUNKED)
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        stream = await client.open_stream("GET", deadline=soon())
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(Lost):
            await reading

    assert client.stats[:5] == (0, 0, 0, 0, 0)
