"""How servers are begun: the command, its folder, its environment, its limits, and how many at once."""

import asyncio
import json
import os
import resource
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdio_children import ECHO, HELLO, Ear, alive, bounded, python, server, spawner

from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.faults import SpawnFailed
from narthex.upstream.stdio.nursery.order import SIZE_BYTES, Order, decode, encode
from narthex.upstream.stdio.places import Places
from narthex.upstream.stdio.process import State
from narthex.upstream.stdio.spawner import Spawner

WORDS = st.binary(max_size=20).map(lambda word: word.replace(b"\0", b""))
NUMBERS = st.none() | st.integers(0, 2**40)


@given(WORDS, st.lists(WORDS, min_size=1), st.lists(WORDS), WORDS, NUMBERS, NUMBERS, NUMBERS)
def test_an_order_arrives_as_it_was_sent(
    name: bytes,
    argv: list[bytes],
    env: list[bytes],
    cwd: bytes,
    cpu: int | None,
    memory: int | None,
    files: int | None,
) -> None:
    sent = Order(name, argv, env, cwd, cpu, memory, files)

    body = encode(sent)
    arrived = decode(body[SIZE_BYTES:])

    assert int.from_bytes(body[:SIZE_BYTES], "big") == len(body) - SIZE_BYTES
    assert [getattr(arrived, field) for field in Order.__slots__] == [getattr(sent, field) for field in Order.__slots__]


async def refusal(command: Command, own: dict[str, str] | None = None) -> str:
    ear = Ear()
    async with spawner(own) as nursery:
        with pytest.raises(SpawnFailed) as failed:
            await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        assert nursery.children == frozenset()
    assert ear.report is None
    return str(failed.value)


async def test_a_program_that_is_not_there_is_named_with_a_remedy(tmp_path: Path) -> None:
    said = await refusal(Command("github", ("npx", "-y", "server"), {}), {"PATH": str(tmp_path)})

    assert said == (
        f"npx is not installed or not on PATH: it comes with Node.js (https://nodejs.org). Searched: {tmp_path}"
    )


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        (None, 0, "there is no file '{path}'; mend `command` in the configuration"),
        ("#!/no/such/interpreter\n", 0o755, "the interpreter that the first line of '{path}' names does not exist"),
        ("#!/bin/sh\n", 0o644, "'{path}' may not be executed; is it a program, and does its mode allow it (chmod +x)?"),
        ("hello", 0o755, "'{path}' is not a program; begin `command` with its interpreter, such as python3 or sh"),
    ],
)
async def test_a_file_that_cannot_be_run_says_why(tmp_path: Path, text: str | None, mode: int, expected: str) -> None:
    path = tmp_path / "server"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)

    assert await refusal(Command("s", (str(path),), {})) == expected.format(path=path)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = await refusal(python(ECHO, cwd=str(tmp_path / "no")))

    assert said == (
        f"the folder '{tmp_path}/no' cannot be entered (No such file or directory); mend `cwd` in the configuration"
    )


@pytest.mark.parametrize(
    "command",
    [
        Command("s", (), {}),
        Command("s", ("",), {}),
        Command("s", ("a\0b",), {}),
        Command("s", ("a",), {"A=B": "c"}),
        Command("s", ("a",), {"A": "b\0c"}),
    ],
)
async def test_a_command_that_no_system_can_start_is_refused(command: Command) -> None:
    assert await refusal(command)


async def test_arguments_folder_and_environment_arrive_as_configured(tmp_path: Path) -> None:
    script = "import json; print(json.dumps({'argv': sys.argv, 'cwd': os.getcwd(), 'env': dict(os.environ)}))"
    words = ["", "a b", "$HOME", "*", "ü", '"']
    command = Command(
        "s", (sys.executable, "-I", "-S", "-c", "import sys, os\n" + script, *words), {"KEY": "ü=1"}, str(tmp_path)
    )
    ear = Ear()
    async with spawner({"PATH": "/usr/bin", "SECRET": "hunter2", "LC_CTYPE": "C.UTF-8"}) as nursery:
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        told = json.loads(await ear.line())

    assert told["argv"][1:] == words
    assert told["cwd"] == str(tmp_path)
    assert told["env"] == {"PATH": "/usr/bin", "KEY": "ü=1", "LC_CTYPE": "C.UTF-8"}


async def test_a_server_begins_with_a_clean_slate() -> None:
    """Its own session and group, three descriptors, no ignored or blocked signal; and it dies with its keeper."""
    script = """
import json
import os
import resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "session": os.getsid(0), "group": os.getpgid(0), "pid": os.getpid(),
    "files": sorted(int(name) for name in os.listdir("/proc/self/fd")),
    "blocked": int(status["SigBlk"], 16),
}))
"""
    ear = Ear()
    async with spawner() as nursery:
        command = Command("s", (sys.executable, "-I", "-S", "-c", "import sys, os\n" + script), {})
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        told = json.loads(await ear.line())
        shell = Command("s", ("/bin/sh", "-c", 'echo "{\\"$(grep SigIgn /proc/self/status)\\":1}"'), {})
        ignored = Ear()
        await nursery.spawn(shell, ignored.on_line, ignored.on_exit, ignored.on_stderr)
        status = await ignored.line()

    assert told["session"] == told["group"] == told["pid"]
    assert told["files"][:3] == [0, 1, 2]
    assert len(told["files"]) <= 4  # the fourth is the folder being listed
    assert told["blocked"] == 0
    # Signals 32 and 33 belong to the C library, and no program can change what it was given of them.
    assert int(status.split(b"\t")[1].split(b'"')[0], 16) & ~(0b11 << 31) == 0


LIMITS = """
import json, resource
names = ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_NOFILE")
print(json.dumps({name: resource.getrlimit(getattr(resource, name)) for name in names})); sys.stdout.flush()
"""


async def test_limits_are_set_when_configured_and_only_then() -> None:
    with_limits = {"cpu_seconds_max": 7, "memory_bytes_max": 1 << 30, "files_max": 64}
    bound, free = Ear(), Ear()
    async with spawner() as nursery:
        await nursery.spawn(python(LIMITS, **with_limits), bound.on_line, bound.on_exit, bound.on_stderr)
        await nursery.spawn(python(LIMITS), free.on_line, free.on_exit, free.on_stderr)
        told, default = json.loads(await bound.line()), json.loads(await free.line())

    assert told == {"RLIMIT_CPU": [7, 9], "RLIMIT_AS": [1 << 30, 1 << 30], "RLIMIT_NOFILE": [64, 64]}
    assert default["RLIMIT_CPU"] == default["RLIMIT_AS"] == [-1, -1]


async def test_a_server_over_its_cpu_time_is_ended_and_the_report_says_so() -> None:
    ear = Ear()
    async with spawner() as nursery:
        command = python("hello()\nwhile True: pass", cpu_seconds_max=1)
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)

        assert (await ear.exit()).reason == "was ended by SIGXCPU (its limit of CPU time)"


async def test_a_server_over_its_memory_fails_alone() -> None:
    ear = Ear()
    async with spawner() as nursery:
        command = python("hello(); b'x' * (1 << 30)", memory_bytes_max=256 << 20)
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        report = await ear.exit()

        assert (report.code, report.stderr_tail[-1]) == (1, "MemoryError")


async def test_forty_servers_start_four_at_a_time(tmp_path: Path) -> None:
    """Each writes a file while it starts, and counts the files it sees."""
    script = f"""
import glob
mine = "{tmp_path}/" + str(os.getpid())
open(mine, "w").close()
time.sleep(0.02)
seen = len(glob.glob("{tmp_path}/*"))
os.unlink(mine)
out(b'{{"seen":%d}}\\n' % seen)
sys.stdin.read()
"""
    ears = [Ear() for _ in range(40)]
    async with spawner(spawns_concurrent_max=4) as nursery:
        async with asyncio.TaskGroup() as tasks:
            for ear in ears:
                tasks.create_task(nursery.spawn(python(script), ear.on_line, ear.on_exit, ear.on_stderr))
        seen = [json.loads(await ear.line())["seen"] for ear in ears]

        assert 2 <= max(seen) <= 4
        assert len(nursery.children) == 40


async def test_slow_starts_are_bounded_too(tmp_path: Path) -> None:
    """All of them take longer than the moment after which a start counts as slow: twice as many as places, no more."""
    script = f"""
import glob
mine = "{tmp_path}/" + str(os.getpid())
open(mine, "w").close()
time.sleep(0.3)
seen = len(glob.glob("{tmp_path}/*"))
os.unlink(mine)
out(b'{{"seen":%d}}\\n' % seen)
sys.stdin.read()
"""
    ears = [Ear() for _ in range(12)]
    nursery = Spawner(bounded(spawns_concurrent_max=2), os.environ, slow_after_seconds=0.05)
    try:
        async with asyncio.TaskGroup() as tasks:
            for ear in ears:
                tasks.create_task(nursery.spawn(python(script), ear.on_line, ear.on_exit, ear.on_stderr))
        seen = [json.loads(await ear.line())["seen"] for ear in ears]
    finally:
        await nursery.aclose()

    assert 3 <= max(seen) <= 4


async def test_starts_that_hang_do_not_keep_others_from_starting() -> None:
    nursery = Spawner(bounded(spawns_concurrent_max=2), os.environ, slow_after_seconds=0.2)
    try:
        silent = Ear()
        for number in range(2):
            hanging = python("forever()", name=f"hangs {number}")
            await nursery.spawn(hanging, silent.on_line, lambda report: None, silent.on_stderr)
        async with asyncio.timeout(5):
            for _ in range(3):
                ear = Ear()
                await nursery.spawn(python(ECHO), ear.on_line, ear.on_exit, ear.on_stderr)
                assert await ear.line() == HELLO
    finally:
        nursery.hasten()
        await nursery.aclose()


async def test_who_was_slow_once_waits_among_the_slow_until_it_was_quick() -> None:
    places = Places(1, 0.02)
    async with asyncio.timeout(5):
        for name in ("hangs", "hangs too"):
            slow = await places.take(name)
            (await places.take("quick")).give_back()  # it has moved
            slow.give_back()
        first = await places.take("hangs")
        second = asyncio.create_task(places.take("hangs too"))
        for _ in range(3):
            await asyncio.sleep(0)
            (await places.take("quick")).give_back()
        waited = not second.done()
        first.give_back()  # in time, for once
        kept = await second
        both = await places.take("hangs"), kept  # one is quick now, the other still among the slow

    assert waited
    for place in both:
        place.give_back()


async def test_a_place_is_free_again_after_an_end_a_failure_and_ready() -> None:
    async with spawner(spawns_concurrent_max=1) as nursery:
        silent, ended = Ear(), Ear()
        child = await nursery.spawn(python("sys.stdin.read()"), silent.on_line, silent.on_exit, silent.on_stderr)
        assert child.state is State.STARTING
        child.ready()
        assert child.state is State.RUNNING
        await nursery.spawn(python("sys.exit(1)"), ended.on_line, ended.on_exit, ended.on_stderr)
        with pytest.raises(SpawnFailed):
            await nursery.spawn(Command("s", ("/no/such",), {}), ended.on_line, ended.on_exit, ended.on_stderr)
        last = Ear()
        await nursery.spawn(python(ECHO), last.on_line, last.on_exit, last.on_stderr)

        assert await last.line() == HELLO


async def test_a_spawn_that_is_cancelled_leaves_no_server_and_no_place_taken() -> None:
    async with spawner(spawns_concurrent_max=1) as nursery:
        ear = Ear()
        for seconds in (0.0, 0.001, 0.003, 0.01):
            try:
                async with asyncio.timeout(seconds):
                    child = await nursery.spawn(python(ECHO), ear.on_line, lambda report: None, ear.on_stderr)
            except TimeoutError:
                continue
            await child.stop()
        child = await nursery.spawn(python(ECHO), ear.on_line, ear.on_exit, ear.on_stderr)

        assert nursery.children == {child}


async def test_without_descriptors_a_spawn_is_refused_and_leaks_none() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with server(ECHO) as (_, ear), spawner() as nursery:
        await ear.line()
        free = os.dup(0)
        os.close(free)
        try:
            for room in range(8):
                resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, hard))
                with pytest.raises(SpawnFailed, match="no descriptors left"):
                    await nursery.spawn(python(ECHO), ear.on_line, ear.on_exit, ear.on_stderr)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        again = Ear()
        await nursery.spawn(python(ECHO), again.on_line, again.on_exit, again.on_stderr)

        assert await again.line() == HELLO


async def test_after_aclose_nothing_runs_and_nothing_starts() -> None:
    nursery = Spawner()
    ears = [Ear() for _ in range(5)]
    children = [await nursery.spawn(python(ECHO), ear.on_line, ear.on_exit, ear.on_stderr) for ear in ears[:4]]
    await nursery.aclose()
    await nursery.aclose()
    with pytest.raises(SpawnFailed, match="stopping"):
        await nursery.spawn(python(ECHO), ears[4].on_line, ears[4].on_exit, ears[4].on_stderr)

    assert [child.pid for child in children if alive(child.pid)] == []
    assert [ear.report is not None for ear in ears] == [True] * 4 + [False]


async def test_what_starts_servers_knows_the_standard_library_alone() -> None:
    """It is in memory for as long as the gateway is, and once more, in part, for each server."""
    heavy = {"typing", "dataclasses", "pathlib", "re", "asyncio", "msgspec", "narthex.limits"}
    async with server(ECHO) as (child, ear):
        await ear.line()
        maps = Path(f"/proc/{child._keeper}/smaps_rollup").read_text()
        private = sum(int(line.split()[1]) for line in maps.splitlines() if line.startswith("Private_"))
    root = str(Path(__file__).parents[2] / "src")
    script = f"import sys; sys.path.append({root!r}); import narthex.upstream.stdio.nursery.main; print(*sys.modules)"
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", script, stdout=asyncio.subprocess.PIPE
    )
    modules, _ = await asked.communicate()

    assert heavy.intersection(modules.decode().split()) == set()
    assert private < 2_500  # kB
