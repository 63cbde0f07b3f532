"""One server as a channel of lines, with real processes that misbehave."""

import tracemalloc

import pytest
from stdio_children import ECHO, HELLO, Ear, alive, python, server, spawner

from narthex import limits
from narthex.upstream.stdio.faults import ChildBusy, ChildGone
from narthex.upstream.stdio.process import ChildProcess, State

MIB = limits.MIB


async def test_a_message_goes_there_and_comes_back() -> None:
    async with server(ECHO) as (child, ear):
        starting = child.state
        await ear.line()
        child.send(b'{"id":1}')
        child.send(b'{"id":2}')
        await ear.line(3)

        assert starting is State.STARTING
        assert child.state is State.RUNNING
        assert ear.lines == [HELLO, b'{"id":1}', b'{"id":2}']
        assert alive(child.pid)
        assert child.descendants() == (child.pid,)
        assert (child.rss_bytes() or 0) > MIB
        assert repr(child) == f"<ChildProcess test: pid {child.pid}, RUNNING>"


async def test_line_ends_between_the_tokens_of_a_message_do_not_split_it() -> None:
    async with server(ECHO) as (child, ear):
        child.send(b'{\r\n "id": 1,\r "x": 2\n}')

        assert await ear.line(2) == b'{   "id": 1,  "x": 2 }'


async def test_a_message_of_five_megabytes_passes_both_ways() -> None:
    message = b'{"x":"' + b"y" * 5 * MIB + b'"}'
    async with server(ECHO) as (child, ear):
        child.send(message)

        assert await ear.line(2) == message


async def test_a_line_of_twenty_megabytes_is_skipped_and_the_next_one_heard() -> None:
    script = """
hello(); out(b'{"x":"' + b"y" * (20 << 20) + b'"}\\n'); out(b'{"next":1}\\n'); sys.stdin.read()
"""
    async with server(
        script.replace("out(", "sys.stdout.buffer.write(").replace("sys.stdin", "sys.stdout.flush(); sys.stdin")
    ) as (
        child,
        ear,
    ):
        await ear.line(2)

        assert ear.lines == [HELLO, b'{"next":1}']
        assert child.garbage_lines == 1
        assert ear.shown[0].startswith('stdout (20971528 bytes, over the limit of 16777216): {"x":"yyy')


async def test_garbage_between_messages_is_survived_counted_and_shown() -> None:
    script = """
out(b"[INFO] starting\\n\\n \\x00\\xff\\xfe binary\\n{broken\\n"); hello()
out(b"\\xef\\xbb\\xbf" + b'{"marked":1}\\n'); out(b"42\\n" + b'{"last":1}\\r\\n'); sys.stdin.read()
"""
    async with server(script) as (child, ear):
        await ear.line(3)

        assert ear.lines == [HELLO, b'{"marked":1}', b'{"last":1}\r']
        assert child.garbage_lines == 4
        assert ear.shown[0] == "stdout (not a message): [INFO] starting"
        assert len(ear.shown) == 4


async def test_garbage_alone_ends_a_server() -> None:
    script = "hello()\nwhile True: out(b'DEBUG still here\\n')"
    async with server(script, garbage_lines_max=10) as (child, ear):
        report = await ear.exit()

        assert report.reason == "wrote 10 lines in a row to stdout that are no messages; logs belong on stderr"
        assert (report.asked, child.state) == (False, State.GONE)
        assert not alive(child.pid)


async def test_garbage_that_the_layer_above_finds_counts_too() -> None:
    def parse(line: bytes) -> None:
        if line == b"{no}":
            child.garbage(line, "not JSON")

    async with spawner(garbage_lines_max=3) as nursery:
        ear = Ear()
        script = "out(b'{no}\\n{no}\\n'); hello(); out(b'{no}\\n' * 3); sys.stdin.read()"
        child = await nursery.spawn(python(script), parse, ear.on_exit, ear.on_stderr)
        report = await ear.exit()

        assert report.garbage_lines == 5
        assert report.reason.startswith("wrote 3 lines in a row")
        assert ear.shown[0] == "stdout (not JSON): {no}"


async def test_a_partial_line_at_the_end_is_garbage_and_what_was_before_it_is_heard() -> None:
    script = """hello(); out(b'{"answer":1}\\n{"half":'); os.write(2, b"Traceback: no\\nTypeError"); sys.exit(3)"""
    async with server(script) as (child, ear):
        report = await ear.exit()

        assert ear.lines == [HELLO, b'{"answer":1}']
        assert (report.reason, report.code, report.signal, report.garbage_lines) == ("exited with code 3", 3, None, 1)
        assert report.stderr_tail == ("Traceback: no", "TypeError")
        assert 'stdout (unfinished line): {"half":' in ear.shown
        assert await child.wait() is report


async def test_a_server_that_exits_at_once_is_told_once_and_cannot_be_spoken_to() -> None:
    async with server("sys.exit(0)") as (child, ear):
        report = await ear.exit()

        assert (report.code, report.asked) == (0, False)
        assert await child.stop() is report
        with pytest.raises(ChildGone, match="exited with code 0"):
            child.send(b"{}")
        assert child.descendants() == ()
        assert child.rss_bytes() is None


async def test_a_server_ended_by_a_signal_says_which() -> None:
    async with server("hello(); os.abort()") as (_, ear):
        report = await ear.exit()

        assert (report.code, report.signal, report.reason) == (None, 6, "was ended by SIGABRT")


async def test_a_million_notices_are_delivered() -> None:
    script = 'hello()\nblock = b\'{"method":"x"}\\n\' * 1000\nfor _ in range(1000): sys.stdout.buffer.write(block)'
    async with server(script) as (_, ear):
        await ear.exit()

        assert len(ear.lines) == 1 + 1_000_000


async def test_fifty_megabytes_of_stderr_neither_stall_a_server_nor_stay_in_memory() -> None:
    script = "for _ in range(50): os.write(2, (b'x' * 63 + b'\\n') * 16384)\nhello(); sys.stdin.read()"
    tracemalloc.start()
    async with server(script) as (child, ear):
        await ear.line()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        report = await child.stop()

        assert peak_bytes < 1 * MIB
        assert len(ear.shown) < 100 * limits.stderr_lines_per_second_max
        assert any(line.endswith("lines suppressed") for line in ear.shown)
        assert len(report.stderr_tail) == limits.stderr_tail_lines_max


async def test_a_server_that_does_not_read_fills_a_bounded_queue() -> None:
    async with server("hello(); forever()") as (child, ear):
        await ear.line()
        message = b'{"x":"' + b"y" * MIB + b'"}'
        with pytest.raises(ChildBusy, match="does not read"):
            send_often(child, message)

        queued_bytes = child._stdin._queued_bytes
        child.kill("did not read")

        assert queued_bytes <= limits.stdin_queued_bytes_max


async def test_drain_waits_until_a_slow_server_has_read() -> None:
    async with server(ECHO) as (child, ear):
        message = b'{"x":"' + b"y" * MIB + b'"}'
        for _ in range(30):
            child.send(message)
            await child.drain()
        await ear.line(31)

        assert set(ear.lines[1:]) == {message}


async def test_reading_can_be_paused_so_that_the_server_waits() -> None:
    async with server(ECHO) as (child, ear):
        await ear.line()
        child.pause_reading()
        child.send(b'{"id":1}')
        child.pause_reading()
        await child.drain()
        heard = len(ear.lines)
        child.resume_reading()
        child.resume_reading()

        assert heard == 1
        assert await ear.line(2) == b'{"id":1}'


@pytest.mark.parametrize(
    ("descriptor", "reason"), [(1, "closed its output and stayed"), (0, "closed its input and stayed")]
)
async def test_a_server_that_closes_a_pipe_and_stays_is_ended(descriptor: int, reason: str) -> None:
    async with server(f"os.close({descriptor}); os.write(2, b'closed\\n'); forever()") as (child, ear):
        await ear.until(lambda: ear.shown == ["closed"])
        if descriptor == 0:
            with pytest.raises(ChildGone, match="closed its input"):
                child.send(b"{}")
        report = await ear.exit()

        assert (report.reason, report.signal) == (reason, 9)


async def test_one_noisy_server_does_not_hold_up_another() -> None:
    flood = python("while True: os.write(2, b'x' * 65536)", name="flood")
    async with spawner() as nursery, server(ECHO) as (child, ear):
        noise = Ear()
        noisy = await nursery.spawn(flood, noise.on_line, noise.on_exit, noise.on_stderr)
        for number in range(1, 200):
            child.send(b'{"id":1}')
            await ear.line(number + 1)
        state = noisy.state
        noisy.kill("was heard enough of")

        assert state is State.STARTING
        assert len(ear.lines) == 200


def send_often(child: ChildProcess, message: bytes) -> None:
    for _ in range(100):
        child.send(message)
