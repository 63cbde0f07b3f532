"""Who gets a connection, when it is kept, and when it is not."""

import asyncio
import socket

import pytest
from http_raw import HEAD_SSE, Peer, RawServer, always, answer, chunk, chunked, echo, soon, until

from narthex.limits import Limits, upstream_idle_connection_seconds_max, upstream_idle_probe_seconds
from narthex.upstream.http import HttpClient, HttpFault, HttpReply, Lost, PoolFull


async def test_connections_are_reused_and_the_last_used_is_the_first_taken() -> None:
    async with RawServer(echo) as server:
        client = server.client()
        for _ in range(20):
            await client.post(b"", b"{}", deadline=soon())
        one = client.stats
        await asyncio.gather(*(client.post(b"", b"{}", deadline=soon()) for _ in range(5)))
        five = client.stats
        await client.aclose()

    assert (one.opened, one.idle) == (1, 1)
    assert (five.opened, five.idle) == (5, 5)


async def test_a_server_that_closes_an_idle_connection_is_noticed_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"{}"))

    async with RawServer(script) as server:
        client = server.client()
        for count in range(1, 4):
            await client.post(b"", b"{}", deadline=soon())
            await until(lambda: client.stats.open == 0)
            assert client.stats.opened == count
        stats = client.stats
        await client.aclose()

    assert (stats.idle, stats.requests) == (0, 0)


@pytest.mark.parametrize("junk", [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"\r\n", b"x"])
async def test_a_server_that_writes_into_an_idle_connection_loses_it(junk: bytes) -> None:
    speak = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"{}"))
        await speak.wait()
        await peer.say(junk)
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        assert client.stats.idle == 1
        speak.set()
        await until(lambda: client.stats.open == 0)
        assert client.stats.idle == 0
        await client.aclose()


async def test_two_answers_to_one_request_poison_nobody() -> None:
    async with RawServer(always(answer(b'{"mine":1}') + answer(b'{"evil":1}'))) as server:
        client = server.client()
        replies = [await client.post(b"", b"{}", deadline=soon()) for _ in range(3)]
        await client.aclose()

    assert [reply.body for reply in replies] == [b'{"mine":1}'] * 3
    assert len(server.peers) == 3


async def test_death_of_a_reused_connection_before_any_answer_is_called_stale() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"{}"))
        await peer.request()  # and close

    async with RawServer(script) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        with pytest.raises(Lost) as caught:
            await client.post(b"", b"{}", deadline=soon())
        await client.post(b"", b"{}", deadline=soon())
        await client.aclose()

    assert (caught.value.stale, caught.value.sent) == (True, True)


async def test_an_end_the_loop_has_not_seen_yet_is_asked_for_before_a_long_idle_connection_is_used() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}/", Limits(), allow_private=True)

        async def serve_one() -> socket.socket:
            accepted, _ = await loop.sock_accept(listener)
            await loop.sock_recv(accepted, 65536)
            await loop.sock_sendall(accepted, answer(b"{}"))
            return accepted

        server_end, _ = await asyncio.gather(serve_one(), client.post(b"", b"{}", deadline=soon()))
        # As if time had passed; then the server closes, and the request comes before the loop has looked.
        client._pool.idle[0].idle_since -= upstream_idle_probe_seconds * 2
        server_end.close()
        call = client.post(b"", b"{}", deadline=soon())
        again, reply = await asyncio.gather(serve_one(), call)
        again.close()
        stats = client.stats
        await client.aclose()

    assert reply.body == b"{}"
    assert stats.opened == 2


@pytest.mark.parametrize(
    ("announced", "opened"), [(b"timeout=5", 2), (b"timeout=5, max=100", 2), (b"timeout=60", 1), (b"max=3", 1)]
)
async def test_a_server_that_announces_when_it_will_close_is_believed(announced: bytes, opened: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: " + announced + b"\r\n"
    async with RawServer(always(answer(b"{}", head))) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        client._pool.idle[0].idle_since -= 4.5
        await client.post(b"", b"{}", deadline=soon())
        stats = client.stats
        await client.aclose()

    assert stats.opened == opened


async def test_small_writes_are_not_held_back() -> None:
    """Nagle against delayed acknowledgement costs 44 ms per call."""
    async with RawServer(echo) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        transport = client._pool.idle[0]._transport
        assert transport is not None
        with socket.fromfd(transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM) as ours:
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await client.aclose()


async def test_idle_connections_are_closed_when_they_are_old() -> None:
    async with RawServer(echo) as server:
        client = server.client()
        await asyncio.gather(*(client.post(b"", b"{}", deadline=soon()) for _ in range(3)))
        for connection in client._pool.idle[:2]:
            connection.idle_since -= upstream_idle_connection_seconds_max
        await until(lambda: client.stats.open == 1)
        await client.post(b"", b"{}", deadline=soon())
        stats = client.stats
        await client.aclose()

    assert (stats.opened, stats.idle, stats.requests) == (3, 1, 1)


async def test_the_clock_stands_still_when_there_is_nothing_to_wait_for() -> None:
    async with RawServer(always(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        await until(lambda: not client._pool.sweep.running)
        assert client._pool.sweep._handle is None
        await client.aclose()


async def test_no_more_connections_than_allowed_and_first_come_first_served() -> None:
    order: list[bytes] = []
    gate = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            order.append(request.body)
            await gate.acquire()
            await peer.say(answer(request.body))

    async with RawServer(script) as server:
        client = server.client(Limits(upstream_connections_max=2))
        calls = []
        for number in range(10):
            calls.append(asyncio.create_task(client.post(b"", b"%d" % number, deadline=soon())))
            await asyncio.sleep(0)
        await until(lambda: len(order) == 2)
        most = client.stats
        for _ in range(10):
            gate.release()
        replies = await asyncio.gather(*calls)
        stats = client.stats
        await client.aclose()

    assert (most.requests, most.waiting) == (2, 8)
    assert [reply.body for reply in replies] == [b"%d" % number for number in range(10)]
    assert sorted(order[:2]) == [b"0", b"1"]
    assert order[2:] == [b"%d" % number for number in range(2, 10)]
    assert (stats.opened, stats.waiting) == (2, 0)


async def test_who_waits_in_vain_is_told_and_leaves_no_trace() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client(Limits(upstream_connections_max=1, inflight_max=8))
        holder = asyncio.create_task(client.post(b"", b"{}", deadline=soon(60)))
        await until(lambda: client.stats.open == 1)
        patient = asyncio.create_task(client.post(b"", b"{}", deadline=soon(60)))
        hasty = asyncio.create_task(client.post(b"", b"{}", deadline=soon(0.1)))
        await until(lambda: client.stats.waiting == 2)
        with pytest.raises(PoolFull) as at_once:
            await client.post(b"", b"{}", deadline=soon(60))
        with pytest.raises(PoolFull) as late:
            await hasty
        patient.cancel()
        await until(lambda: client.stats.waiting == 0)
        holder.cancel()
        await asyncio.gather(holder, patient, return_exceptions=True)
        stats = client.stats
        await client.aclose()

    assert not at_once.value.sent
    assert not late.value.sent
    assert (stats.requests, stats.waiting) == (0, 0)


async def test_a_place_given_to_one_who_has_just_left_goes_to_the_next() -> None:
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            await gate.wait()
            await peer.say(chunked(b"data: 1\n\n", head=HEAD_SSE))

    async with RawServer(script) as server:
        client = server.client(Limits(upstream_connections_max=1))
        loop = asyncio.get_running_loop()
        calls: list[asyncio.Task[HttpReply]] = []

        def leave(_: object) -> None:
            # Runs after the connection has been promised to the second, and before the second wakes up.
            loop.call_soon(calls[1].cancel)

        calls.append(asyncio.create_task(client.post(b"", b"1", deadline=soon(), on_event=leave)))
        await until(lambda: client.stats.open == 1)
        calls += [
            asyncio.create_task(client.post(b"", b"2", deadline=soon(), on_event=lambda _: None)) for _ in range(2)
        ]
        await until(lambda: client.stats.waiting == 2)
        gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        stats = client.stats
        await client.aclose()

    assert [type(outcome) for outcome in outcomes] == [HttpReply, asyncio.CancelledError, HttpReply]
    assert (stats.opened, stats.idle, stats.requests, stats.waiting) == (1, 1, 1, 0)


async def test_when_connections_fail_those_who_wait_are_told_one_by_one() -> None:
    async with RawServer(echo) as server:
        pass
    client = server.client(Limits(upstream_connections_max=2))
    outcomes = await asyncio.gather(
        *(client.post(b"", b"{}", deadline=soon()) for _ in range(20)), return_exceptions=True
    )
    stats = client.stats
    await client.aclose()

    assert all(isinstance(outcome, HttpFault) and not outcome.sent for outcome in outcomes)
    assert (stats.requests, stats.waiting) == (0, 0)


async def mixed(peer: Peer) -> None:
    """Answers `stream` with an event stream that does not end, everything else at once."""
    while (request := await peer.request()) is not None:
        if request.body == b"stream":
            await peer.say(HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n" + chunk(b": open\n\n"))
            await peer.wait_gone()
            return
        await peer.say(answer(request.body))


async def test_calls_that_became_streams_do_not_starve_short_requests() -> None:
    async with RawServer(mixed) as server:
        client = server.client(Limits(upstream_connections_max=4, upstream_streams_max=20))
        calls = [
            asyncio.create_task(client.post(b"", b"stream", deadline=soon(60), on_event=lambda _: None))
            for _ in range(20)
        ]
        await until(lambda: client.stats.streams == 20)
        replies = await asyncio.gather(*(client.post(b"", b"%d" % each, deadline=soon()) for each in range(10)))
        stats = client.stats
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        after = client.stats
        await client.aclose()

    assert [reply.body for reply in replies] == [b"%d" % each for each in range(10)]
    assert stats.streams == 20
    assert after.streams == 0


async def test_with_all_places_for_streams_taken_a_reserve_stays_for_short_requests() -> None:
    async with RawServer(mixed) as server:
        client = server.client(Limits(upstream_connections_max=8, upstream_streams_max=2))
        calls = [
            asyncio.create_task(client.post(b"", b"stream", deadline=soon(60), on_event=lambda _: None))
            for _ in range(12)
        ]
        # Two are streams, four stay among the requests, and the rest is refused: four places are the reserve.
        await until(lambda: sum(call.done() for call in calls) == 6)
        outcomes = [call.exception() for call in calls if call.done()]
        replies = await asyncio.gather(*(client.post(b"", b"%d" % each, deadline=soon()) for each in range(10)))
        stats = client.stats
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await client.aclose()

    assert all(isinstance(outcome, PoolFull) and outcome.sent for outcome in outcomes)
    assert [reply.body for reply in replies] == [b"%d" % each for each in range(10)]
    assert stats.streams == 2


async def test_after_the_answer_a_stream_may_end_in_its_own_time_and_keeps_its_connection() -> None:
    end = asyncio.Event()

    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.say(HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"data: {}\n\n"))
            await end.wait()
            await peer.say(b"0\r\n\r\n")

    async with RawServer(script) as server:
        client = server.client()
        for _ in range(3):
            end.clear()
            reply = await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: True)
            assert reply.streamed
            assert client.stats.idle == 0
            end.set()
            await until(lambda: client.stats.idle == 1)
        stats = client.stats
        await client.aclose()

    assert (stats.opened, stats.streams, stats.requests) == (1, 0, 1)


@pytest.mark.parametrize("flood", [b"", chunk(b": x\n" * 2000)], ids=["silence", "flood"])
async def test_a_stream_that_does_not_end_after_the_answer_is_closed(flood: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"data: {}\n\n"))
        await peer.say(flood)
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: True)
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert (stats.streams, stats.requests) == (0, 0)


async def test_lingering_connections_give_way_to_requests() -> None:
    async with RawServer(always(chunked(b"data: {}\n\n", head=HEAD_SSE)[:-5])) as server:
        client = server.client(Limits(upstream_connections_max=1))
        for _ in range(5):
            await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: True)
        stats = client.stats
        await client.aclose()

    assert stats.opened == 5
    assert stats.requests <= 1


async def test_random_trouble_leaves_the_accounts_in_order() -> None:
    """Many callers, few places, servers that die and callers that leave: in the end nothing is in use."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            number = int(request.body)
            if number % 7 == 0:
                return
            if number % 11 == 0:
                await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")
                return
            if number % 5 == 0:
                await peer.say(chunked(b"data: a\n\n", b"data: b\n\n", head=HEAD_SSE))
            else:
                await peer.say(answer(request.body))

    async with RawServer(script) as server:
        client = server.client(Limits(upstream_connections_max=3, upstream_streams_max=2))

        async def one(number: int) -> bytes | None:
            try:
                async with asyncio.timeout(0.001 if number % 13 == 0 else 10):
                    reply = await client.post(b"", b"%d" % number, deadline=soon(), on_event=lambda _: number % 2 == 0)
            except (HttpFault, TimeoutError):
                return None
            return b"%d" % number if reply.streamed else reply.body

        outcomes = await asyncio.gather(*(one(number) for number in range(1, 500)))
        stats = client.stats
        await client.aclose()

    assert all(outcome in (None, b"%d" % number) for number, outcome in enumerate(outcomes, 1))
    assert sum(outcome is not None for outcome in outcomes) > 300
    assert (stats.waiting, stats.streams) == (0, 0)
    assert client.stats[:5] == (0, 0, 0, 0, 0)
