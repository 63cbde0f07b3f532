"""Nothing is left behind: not by a stop, a crash, a fork, a new session, or the death of the gateway."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stdio_children import ECHO, PRELUDE, Ear, alive, gone, python, server, spawner

from narthex.upstream.stdio.nursery.tree import children, descendants
from narthex.upstream.stdio.process import State

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see what is left")

STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nhello(); forever()"
FORKING = """
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0: pass
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        forever()
"""
# It leaves the group, the session and its parent, and keeps the pipes.
DAEMON = """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open(sys.argv[1], "w").write(str(os.getpid()))
            forever()
        os._exit(0)
    os.wait()
    while not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])): time.sleep(0.01)
"""


async def test_a_polite_server_leaves_when_its_input_ends() -> None:
    async with server(ECHO) as (child, ear):
        await ear.line()
        report = await child.stop()

        assert (report.reason, report.code, report.asked) == ("was stopped", 0, True)
        assert report.ran_seconds < 2.0
        assert not alive(child.pid)
        assert ear.report is report


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_server_that_only_heeds_sigterm_leaves_at_it() -> None:
    async with server("hello(); forever()") as (child, ear):
        await ear.line()
        report = await child.stop()

        assert report.signal == signal.SIGTERM
        assert 2.0 < report.ran_seconds < 4.0


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_server_that_ignores_its_input_and_sigterm_is_killed() -> None:
    async with server(STUBBORN) as (child, ear):
        await ear.line()
        first, second = await asyncio.gather(child.stop(), child.stop())

        assert first is second
        assert first.signal == signal.SIGKILL
        assert 5.0 < first.ran_seconds < 7.0
        assert not alive(child.pid)


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_stopping_goes_on_when_whoever_asked_is_cancelled() -> None:
    async with server("hello(); forever()") as (child, ear):
        await ear.line()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(child.stop(), 0.05)

        assert (await ear.exit()).signal == signal.SIGTERM


async def test_everything_a_server_forked_ends_with_it() -> None:
    async with server(FORKING + "hello(); forever()") as (child, ear):
        await ear.line()
        while len(tree := child.descendants()) < 7:
            await asyncio.sleep(0.01)
        child.kill("had to go")
        report = await child.wait()

        assert report.reason == "had to go"
        assert [pid for pid in tree if alive(pid)] == []


async def test_a_grandchild_that_left_the_session_and_holds_stdout_ends_with_a_crash(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    async with spawner() as nursery:
        ear = Ear()
        command = python(
            DAEMON + "daemon(); hello(); sys.exit(1)", argv=argv(DAEMON + "daemon(); hello(); sys.exit(1)", pid_file)
        )
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        report = await ear.exit()

        assert report.code == 1
        assert not alive(int(pid_file.read_text()))


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_grandchild_that_left_the_session_ends_with_a_stop() -> None:
    async with server(
        f"import sys; sys.argv[1:] = ['/dev/null']\n{FORKING}\nos.setsid() if os.fork() == 0 else None\n{ECHO}"
    ) as (
        child,
        ear,
    ):
        await ear.line()
        tree = child.descendants()
        report = await child.stop()

        assert report.asked
        assert [pid for pid in tree if alive(pid)] == []


async def test_a_fork_bomb_is_ended() -> None:
    bomb = """
hello()
end = time.monotonic() + 15
while time.monotonic() < end:
    if len(os.listdir('/proc')) < 400: os.fork()
"""
    async with server(bomb) as (child, ear):
        await ear.line()
        while len(child.descendants()) < 30:
            await asyncio.sleep(0.01)
        child.kill("was a bomb")
        await child.wait()

        assert not alive(child.pid)
        assert child.descendants() == ()


async def test_no_zombie_and_no_descriptor_is_left() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    others = set(children(os.getpid()))  # whatever other tests keep running
    async with spawner() as nursery:
        for _ in range(20):
            ear = Ear()
            child = await nursery.spawn(python("hello()"), ear.on_line, ear.on_exit, ear.on_stderr)
            await ear.exit()
        door = nursery._door.pid or 0
        while descendants(door):
            await asyncio.sleep(0.01)
        left = set(children(os.getpid())) - others

        assert left == {door}
        assert not alive(child.pid)
    assert not alive(door)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_the_death_of_a_keeper_ends_its_server_and_what_it_left() -> None:
    async with server(FORKING + "hello(); forever()") as (child, ear):
        await ear.line()
        tree = child.descendants()
        os.kill(child._keeper, signal.SIGKILL)
        report = await ear.exit()
        await gone(*tree)

        assert report.reason == "lost its keeper"


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_keeper_that_somebody_stopped_does_not_save_its_server() -> None:
    async with server(FORKING + "hello(); forever()") as (child, ear):
        await ear.line()
        tree = child.descendants()
        os.kill(child._keeper, signal.SIGSTOP)
        child.kill("had to go")
        report = await ear.exit()
        await gone(*tree)

        assert report.reason == "had to go"


async def test_after_the_death_of_the_nursery_servers_run_on_and_others_can_be_started() -> None:
    async with spawner() as nursery:
        ear, other = Ear(), Ear()
        child = await nursery.spawn(python(ECHO), ear.on_line, ear.on_exit, ear.on_stderr)
        os.kill(nursery._door.pid or 0, signal.SIGKILL)
        while alive(nursery._door.pid or 0) and not zombie(nursery._door.pid or 0):
            await asyncio.sleep(0.01)
        await nursery.spawn(python(ECHO), other.on_line, other.on_exit, other.on_stderr)
        child.send(b'{"id":1}')

        assert await ear.line(2) == b'{"id":1}'
        assert await other.line() == b'{"hello":1}'


async def test_signals_for_everybody_reach_the_servers_through_the_gateway_alone() -> None:
    async with server(ECHO) as (child, ear):
        await ear.line()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(child._keeper, number)
        child.send(b'{"id":1}')

        assert await ear.line(2) == b'{"id":1}'
        assert child.state is State.RUNNING


GATEWAY = """
import asyncio, sys
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.spawner import Spawner

async def main():
    spawner = Spawner()
    for number, script in enumerate(sys.argv[2:]):
        argv = (sys.executable, "-I", "-S", "-c", script, f"{sys.argv[1]}{number}")
        await spawner.spawn(Command("s", argv, {}), lambda line: print("ready", flush=True), print, print)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_kill_9_of_the_gateway_leaves_nothing(tmp_path: Path) -> None:
    scripts = [
        PRELUDE + STUBBORN,
        PRELUDE + FORKING + "if os.fork() == 0: os.setsid()\n" + STUBBORN,
        PRELUDE + DAEMON + "daemon()\n" + STUBBORN,
    ]
    gateway = subprocess.Popen([sys.executable, "-c", GATEWAY, tmp_path / "pid", *scripts], stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    heard = [gateway.stdout.readline() for _ in range(4)]  # the second one says it twice
    whole = 1 + 3 + 1 + 8 + 2  # the nursery, three keepers, three servers and what they forked
    tree = grown(gateway.pid, whole)
    gateway.kill()
    gateway.wait()
    left = wait_gone(tree)
    gateway.stdout.close()

    assert heard == [b"ready\n"] * 4
    assert int((tmp_path / "pid2").read_text()) in tree
    assert len(tree) == whole
    assert left == set()


def grown(pid: int, count: int) -> set[int]:
    """Its descendants, once they are so many: one may say that it is ready a moment before its own last fork."""
    end = time.monotonic() + 10.0
    while len(tree := descendants(pid)) != count and time.monotonic() < end:
        time.sleep(0.01)
    return tree


def wait_gone(tree: set[int]) -> set[int]:
    """What is left of it after ten seconds, the target; it takes a few milliseconds."""
    end = time.monotonic() + 10.0
    while (left := {pid for pid in tree if alive(pid) and not zombie(pid)}) and time.monotonic() < end:
        time.sleep(0.01)
    return left


def argv(script: str, *more: object) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", PRELUDE + script, *map(str, more))


def zombie(pid: int) -> bool:
    """Ended, and whoever inherited it, such as the first process of a container, has not asked about it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True  # asked about just now
