"""A caller may leave at any moment, also between two turns of the loop: nothing stays open for nobody."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from http_raw import HEAD_SSE, Peer, RawServer, answer, chunk, soon, until

from narthex.upstream.http import HttpClient

TURNS = 40  # more than any exchange on the loopback takes from its first step to its end


async def endless(peer: Peer) -> None:
    """Answers GET with a stream that does not end, everything else at once."""
    while (request := await peer.request()) is not None:
        if request.line.startswith(b"GET"):
            await peer.say(HEAD_SSE + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"data: 1\n\n"))
            await peer.wait_gone()
            return
        await peer.say(answer(b"{}"))


def post(client: HttpClient) -> Coroutine[Any, Any, Any]:
    return client.post(b"", b"{}", deadline=soon())


def stream(client: HttpClient) -> Coroutine[Any, Any, Any]:
    return client.open_stream("GET", deadline=soon())


async def leave_after(turns: int, work: Coroutine[Any, Any, Any]) -> Any:
    """What came of it, or None where the caller left first."""
    task = asyncio.ensure_future(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, asyncio.CancelledError):
        return None
    assert not isinstance(outcome, BaseException), outcome
    return outcome


@pytest.mark.parametrize("kind", [post, stream])
async def test_whoever_leaves_at_any_turn_leaves_no_connection_behind(
    kind: Callable[[HttpClient], Coroutine[Any, Any, Any]],
) -> None:
    async with RawServer(endless) as server:
        for turns in range(TURNS):
            client = server.client()
            for _ in range(3):
                outcome = await leave_after(turns, kind(client))
                if kind is stream and outcome is not None:
                    await outcome.aclose()
            await until(lambda: client.stats.open == client.stats.idle)  # noqa: B023 - awaited before client changes
            stats = client.stats
            async with asyncio.timeout(5):
                await client.aclose()

            assert stats.streams == 0
            assert stats.requests == stats.idle
            assert stats.waiting == 0
