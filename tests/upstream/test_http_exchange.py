"""One request and its answer over a real connection: what is sent, and every way in which it can go wrong."""

import asyncio

import pytest
from http_raw import (
    HEAD_JSON,
    HEAD_SSE,
    Peer,
    RawServer,
    Request,
    always,
    answer,
    chunked,
    echo,
    soon,
    until,
)

from narthex.limits import Limits, sweep_seconds
from narthex.model.deadline import Deadline
from narthex.upstream.http import (
    ConnectFailed,
    HttpClient,
    HttpFault,
    Lost,
    Malformed,
    TimedOut,
    TooLarge,
    Truncated,
    header_lines,
)

SLACK_SECONDS = 1.0  # for a busy machine; what is measured against it is a tick of a quarter second


async def test_a_post_says_what_it_must_and_nothing_else() -> None:
    seen: list[Request] = []

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            seen.append(request)
            await peer.say(answer(b'{"ok":true}'))

    async with RawServer(script) as server:
        client = HttpClient(
            f"http://127.0.0.1:{server.port}/mcp?x=1", Limits(), allow_private=True, headers=((b"x-key", b"k"),)
        )
        reply = await client.post(header_lines([(b"mcp-method", b"ping")]), b"{}", deadline=soon())
        await client.aclose()

    assert (reply.status, reply.content_type, reply.body, reply.streamed) == (
        200,
        b"application/json",
        b'{"ok":true}',
        False,
    )
    assert seen == [
        Request(
            b"POST /mcp?x=1 HTTP/1.1",
            {
                b"host": b"127.0.0.1:%d" % server.port,
                b"accept-encoding": b"identity",
                b"accept": b"application/json, text/event-stream",
                b"content-type": b"application/json",
                b"x-key": b"k",
                b"mcp-method": b"ping",
                b"content-length": b"2",
            },
            b"{}",
        )
    ]


async def test_other_methods_and_paths() -> None:
    seen: list[Request] = []

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            seen.append(request)
            await peer.say(answer(b""))

    async with RawServer(script) as server:
        client = server.client()
        await client.delete(b"mcp-session-id: s\r\n", deadline=soon())
        await client.request("GET", deadline=soon(), path="/a/b?c=%20d")
        await client.request("PUT", b"", b"body", deadline=soon())
        await client.post(b"", b"", deadline=soon(), path="/messages?session=1")
        await client.aclose()

    assert [request.line for request in seen] == [
        b"DELETE /mcp HTTP/1.1",
        b"GET /a/b?c=%20d HTTP/1.1",
        b"PUT /mcp HTTP/1.1",
        b"POST /messages?session=1 HTTP/1.1",
    ]
    assert [request.headers.get(b"content-length") for request in seen] == [None, None, b"4", b"0"]
    assert seen[0].headers[b"mcp-session-id"] == b"s"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
async def test_bodies_of_every_size_arrive_whole(size: int) -> None:
    body = bytes(index % 251 for index in range(size))
    async with RawServer(echo) as server:
        client = server.client()
        first, second = [await client.post(b"", body, deadline=soon()) for _ in range(2)]
        stats = client.stats
        await client.aclose()

    assert first.body == body == second.body
    assert stats.opened == 1


@pytest.mark.parametrize(
    "header", [(b"host", b"x"), (b"Content-Length", b"3"), (b"a b", b"x"), (b"x", b"a\r\nb: c"), (b"x", b"\0")]
)
def test_headers_that_could_change_the_meaning_of_a_request_are_refused(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="header"):
        header_lines([header])


async def test_redirects_are_answers_like_others() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with RawServer(always(redirect)) as server:
        client = server.client()
        reply = await client.post(b"", b"{}", deadline=soon())
        await client.post(b"", b"{}", deadline=soon())
        await client.aclose()

    assert (reply.status, reply.headers[b"location"]) == (302, b"http://127.0.0.1:1/")
    assert len(server.peers) == 1


ANSWERS = {
    "content-length": answer(b'{"jsonrpc":"2.0"}'),
    "chunked": chunked(b'{"jsonrpc":', b'"2.0"}'),
    "events": chunked(b"data: 1\n\n", b"data: 2\n\n", head=HEAD_SSE),
    "until close": HEAD_JSON + b"\r\n{}",
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_server_that_dies_at_any_byte_is_told_apart_from_one_that_answers(kind: str, how: str) -> None:
    response = ANSWERS[kind]
    body_starts = response.index(b"\r\n\r\n") + 4
    cuts: list[int] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        cut = cuts[-1]
        await peer.say(response[:cut])
        if how == "reset":
            peer.reset()

    async with RawServer(script) as server:
        client = server.client()
        for cut in range(len(response) + 1):
            cuts.append(cut)
            outcome = await outcome_of(client)
            # An RST may overtake bytes that were sent before it, so it may look like an earlier death.
            if cut == 0:
                assert isinstance(outcome, Lost), f"died at {cut}: {outcome!r}"
            elif cut == len(response) or (kind == "until close" and cut >= body_starts):
                assert outcome == 200 or (how == "reset" and isinstance(outcome, (Lost, Truncated))), cut
            else:
                assert isinstance(outcome, (Lost, Truncated) if how == "reset" else Truncated), f"{cut}: {outcome!r}"
            if isinstance(outcome, HttpFault):
                assert outcome.sent
                assert not outcome.stale
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert (stats.requests, stats.streams, stats.idle) == (0, 0, 0)


async def outcome_of(client: HttpClient) -> int | HttpFault:
    try:
        return (await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: None)).status
    except HttpFault as fault:
        return fault


HANGS = {
    "silence": b"",
    "half a status line": b"HTTP/1.1 2",
    "half the headers": HEAD_JSON,
    "half the body": HEAD_JSON + b"content-length: 10\r\n\r\n{",
    "half a chunk": HEAD_JSON + b"transfer-encoding: chunked\r\n\r\n10\r\n{",
    "a stream without end": HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("kind", HANGS)
async def test_a_server_that_hangs_is_left_at_the_deadline(kind: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HANGS[kind])
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimedOut) as caught:
            await client.post(b"", b"{}", deadline=soon(0.1), on_event=lambda _: None)
        took = asyncio.get_running_loop().time() - began
        await asyncio.wait_for(server.peers[0].gone.wait(), 5)
        await client.aclose()

    assert caught.value.sent
    assert 0.1 <= took < 0.1 + sweep_seconds + SLACK_SECONDS


async def test_headers_that_drip_do_not_extend_the_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for byte in HEAD_JSON * 100:
            await peer.say(bytes([byte]))
            await asyncio.sleep(0.01)
            if peer.gone.is_set():
                return

    async with RawServer(script) as server:
        client = server.client()
        with pytest.raises(TimedOut):
            await client.post(b"", b"{}", deadline=soon(0.2))
        await client.aclose()


async def test_a_deadline_can_be_moved_while_the_request_is_out() -> None:
    release = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await release.wait()
        await peer.say(answer(b"{}"))

    async with RawServer(script) as server:
        client = server.client()
        deadline = Deadline(soon(0.3))
        call = asyncio.create_task(client.post(b"", b"{}", deadline=deadline))
        await until(lambda: server.peers)
        passed = deadline.at + sweep_seconds * 2
        deadline.at = soon(10)
        await until(lambda: asyncio.get_running_loop().time() > passed)
        release.set()
        reply = await call
        await client.aclose()

    assert reply.body == b"{}"


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with RawServer(echo) as server:
        client = server.client()
        with pytest.raises(TimedOut) as caught:
            await client.post(b"", b"{}", deadline=soon(-1))
        await client.aclose()

    assert not caught.value.sent
    assert server.peers == []


@pytest.mark.parametrize("when", ["before the answer", "in the head", "in the body"])
async def test_cancelling_the_caller_closes_the_connection_at_once(when: str) -> None:
    said = {
        "before the answer": b"",
        "in the head": HEAD_JSON,
        "in the body": HEAD_JSON + b"content-length: 9\r\n\r\n{",
    }
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said[when])
        asked.set()
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        call = asyncio.create_task(client.post(b"", b"{}", deadline=soon(60)))
        await asyncio.wait_for(asked.wait(), 5)
        call.cancel()
        began = asyncio.get_running_loop().time()
        await asyncio.wait_for(server.peers[0].gone.wait(), 5)
        took = asyncio.get_running_loop().time() - began
        with pytest.raises(asyncio.CancelledError):
            await call
        stats = client.stats
        await client.aclose()

    assert took < sweep_seconds
    assert stats.requests == 0


async def test_a_cancel_that_comes_with_the_answer_leaves_the_connection_to_others() -> None:
    async with RawServer(always(chunked(b"data: 1\n\n", head=HEAD_SSE))) as server:
        client = server.client()
        calls: list[asyncio.Task[object]] = []

        def leave(_: object) -> bool:
            # Events are delivered while the answer is being read, just before the caller is woken.
            calls[-1].cancel()
            return True

        for _ in range(3):
            calls.append(asyncio.create_task(client.post(b"", b"{}", deadline=soon(), on_event=leave)))
            with pytest.raises(asyncio.CancelledError):
                await calls[-1]
        reply = await client.post(b"", b"{}", deadline=soon(), on_event=lambda _: None)
        stats = client.stats
        await client.aclose()

    assert reply.streamed
    assert (stats.opened, stats.requests, stats.streams) == (1, 1, 0)


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (answer(b"x" * 2000), TooLarge),
        (chunked(*[b"x" * 100] * 20), TooLarge),
        (HEAD_JSON + b"x: " + b"y" * 3000 + b"\r\n\r\n", TooLarge),
        (HEAD_JSON + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}", Malformed),
        (b"ICY 200 OK\r\n\r\n", Malformed),
        (HEAD_JSON + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", Malformed),
    ],
    ids=["length", "chunks", "headers", "gzip", "not HTTP", "two framings"],
)
async def test_an_answer_we_refuse_costs_its_connection(response: bytes, fault: type[HttpFault]) -> None:
    async with RawServer(always(response)) as server:
        client = server.client(Limits(result_bytes_max=1000, upstream_header_bytes_max=2000))
        with pytest.raises(fault) as caught:
            await client.post(b"", b"{}", deadline=soon())
        await until(lambda: client.stats.open == 0)
        stats = client.stats
        await client.aclose()

    assert caught.value.sent
    assert (stats.requests, stats.idle) == (0, 0)


async def test_an_open_connection_takes_over_other_limits() -> None:
    async with RawServer(always(answer(b"x" * 2000))) as server:
        client = server.client()
        await client.post(b"", b"{}", deadline=soon())
        client.adopt(Limits(result_bytes_max=1000))
        with pytest.raises(TooLarge):
            await client.post(b"", b"{}", deadline=soon())
        opened = client.stats.opened
        client.adopt(Limits())
        reply = await client.post(b"", b"{}", deadline=soon())
        await client.aclose()

    assert opened == 1, "it was the same connection"
    assert len(reply.body) == 2000


async def test_an_answer_before_the_request_was_read_costs_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        reply = await client.post(b"", b"x" * 20_000_000, deadline=soon())
        await until(lambda: client.stats.open == 0)
        await client.aclose()

    assert reply.status == 413


async def test_nobody_listening() -> None:
    async with RawServer(echo) as server:
        pass
    client = server.client()
    with pytest.raises(ConnectFailed) as caught:
        await client.post(b"", b"{}", deadline=soon())
    stats = client.stats
    await client.aclose()

    assert not caught.value.sent
    assert (stats.requests, stats.open) == (0, 0)


async def test_closing_the_client_ends_what_is_out_and_refuses_what_comes() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.wait_gone()

    async with RawServer(script) as server:
        client = server.client()
        call = asyncio.create_task(client.post(b"", b"{}", deadline=soon(60)))
        await until(lambda: client.stats.open == 1)
        await client.aclose()
        with pytest.raises(Lost):
            await call
        with pytest.raises(Lost) as caught:
            await client.post(b"", b"{}", deadline=soon())

    assert not caught.value.sent
    assert client.stats.open == 0
