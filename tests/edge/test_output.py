"""Our own stdout, before a reader who does not read: a real pipe."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from io import FileIO
from typing import cast

import pytest
import uvloop

from narthex.edge.output import Output, for_transport
from narthex.limits import stdout_queued_bytes_max


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Output, int]]:
    theirs, ours = os.pipe()
    output = await Output.open(ours)
    os.close(ours)
    yield output, theirs
    output.close()
    os.close(theirs)
    await asyncio.sleep(0)


def fill(output: Output) -> bytes:
    """Write until it begins to wait; all that was written."""
    written = b""
    for number in range(100):
        line = b"%02d" % number + b"x" * 10_000
        assert output.write(line)
        written += line + b"\n"
        if not output.hint(b"{}"):
            return written
        written += b"{}\n"
    raise AssertionError("a pipe holds no megabyte")


async def read_all(output: Output, theirs: int, size: int) -> bytes:
    """What comes, as long as there is something; the reader is quicker than the writer."""
    loop, found = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(10):
        while len(found) < size:
            found += await loop.run_in_executor(None, os.read, theirs, 1 << 20)
    return bytes(found)


async def test_who_does_not_read_is_told_everything_later_and_in_order(ends: tuple[Output, int]) -> None:
    output, theirs = ends
    expected = fill(output)
    for number in range(50):
        assert output.write(b"answer %d" % number)
        assert output.say(b"changed")
        assert not output.hint(b"progress")
        expected += b"answer %d\n" % number + (b"changed\n" if number == 0 else b"")
    found = await read_all(output, theirs, len(expected))
    async with asyncio.timeout(5):
        await output.drained()

    assert found == expected
    assert output.say(b"changed")
    assert await read_all(output, theirs, 8) == b"changed\n"


async def test_what_waits_is_bounded_and_says_so(ends: tuple[Output, int]) -> None:
    output, theirs = ends
    expected = fill(output)
    large = b"y" * (stdout_queued_bytes_max // 4)
    taken = [output.write(large) for _ in range(6)]
    assert output.insist(b"dropped")
    expected += (large + b"\n") * 4 + b"dropped\n"
    found = await read_all(output, theirs, len(expected))

    assert taken == [True] * 4 + [False] * 2
    assert found == expected


async def test_an_empty_queue_takes_a_message_of_any_size(ends: tuple[Output, int]) -> None:
    output, theirs = ends
    expected = fill(output)
    large = b"y" * (stdout_queued_bytes_max + 1)
    assert output.write(large)
    assert not output.write(b"more")
    expected += large + b"\n"

    assert await read_all(output, theirs, len(expected)) == expected


async def test_everything_is_sent_or_nobody_reads(ends: tuple[Output, int]) -> None:
    output, theirs = ends
    expected = fill(output)
    assert output.write(b"last")
    expected += b"last\n"
    async with asyncio.timeout(5):
        await output.sent(0.05)  # nobody reads: it gives up
    sending = asyncio.create_task(output.sent(5.0))
    found = await read_all(output, theirs, len(expected))
    async with asyncio.timeout(5):
        await sending

    assert found == expected


async def test_when_the_reader_has_gone_nothing_is_kept(ends: tuple[Output, int]) -> None:
    output, theirs = ends
    fill(output)
    assert output.write(b"x")
    gone = os.dup(theirs)  # the fixture closes its own
    os.dup2(os.open(os.devnull, os.O_RDONLY), theirs)
    os.close(gone)
    async with asyncio.timeout(5):
        await output.drained()
        await output.sent(5.0)

    assert not output.write(b"x")
    assert not output.insist(b"x")


async def test_a_pipe_is_closed_and_only_once() -> None:
    """A second time, its number could be somebody else's."""
    ours, theirs = os.pipe()
    pipe = for_transport(ours, "rb")
    number = pipe.fileno()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(asyncio.Protocol, pipe)
    transport.close()
    async with asyncio.timeout(10):
        while not pipe.closed:
            await asyncio.sleep(0)

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    # libuv has closed the number already: the file must not.
    assert cast("FileIO", pipe).closefd != isinstance(asyncio.get_running_loop(), uvloop.Loop)
    os.close(ours)
    os.close(theirs)
