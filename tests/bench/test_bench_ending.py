"""A bench that is told to end, killed, or left alone leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
SECONDS_MAX = 60.0
# Two things that are started, one with a child and deaf to whoever asks politely; and work that goes on for ever, and
# says so when it is asked.
SMALL = """
import sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
sys.path.insert(0, {bench!r})
import running
from ending import end_when_told
from running import Running
end_when_told()
running.STOP_SECONDS_MAX = 1.0
with TemporaryDirectory(dir={folder!r}) as name:
    words = ["sh", "-c", "trap '' TERM; sleep 300 & echo ready; wait; sleep 300"]
    with Running("plain", ["sleep", "300"], Path(name, "plain")), Running("deaf", words, Path(name, "deaf")) as deaf:
        deaf.wait_until(lambda: "ready" in deaf.log.read_text())
        print("at work", flush=True)
        while True:
            print("still at work", flush=True) if sys.stdin.readline() else time.sleep(300)
"""


def until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


def begun(pid: int) -> str | None:
    """When it began, which tells it from another of the same number; None: it is not there, or only its record is."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def family(pid: int) -> dict[int, str]:
    """Everything that descends from it, itself included."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        todo += parents.get(one, [])
        if (began := begun(one)) is not None:
            found[one] = began
    return found


def is_over(those: dict[int, str]) -> bool:
    return not any(begun(pid) == began for pid, began in those.items())


def end_all(those: dict[int, str]) -> None:
    """What a failed test leaves behind must not stay."""
    for pid, began in those.items():
        if begun(pid) == began:
            os.kill(pid, signal.SIGKILL)


def small(folder: Path) -> str:
    return SMALL.format(bench=str(BENCH), folder=str(folder))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_of_a_bench_that_got_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", small(tmp_path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as bench:
        assert bench.stdout is not None
        assert bench.stdout.readline() == "at work\n"
        those = family(bench.pid)
        try:
            assert len(those) == 5  # the bench, its undertaker, and what it measures
            bench.send_signal(number)
            _, said = bench.communicate(timeout=SECONDS_MAX)
            until(lambda: is_over(those), "all have ended")
        finally:
            end_all(those)

    killed = number == signal.SIGKILL
    assert bench.returncode == (-number if killed else 128 + number)
    assert "Traceback" not in said
    assert (list(tmp_path.iterdir()) == []) is not killed


def test_nothing_is_left_of_a_bench_whose_parent_died(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {small(tmp_path)!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=pipe, stdout=pipe, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "at work\n"
        those = family(started.pid)
        try:
            assert len(those) == 6
            started.kill()
            started.wait(SECONDS_MAX)
            until(lambda: is_over(those), "all have ended")
        finally:
            end_all(those)


def test_under_nohup_it_outlives_whoever_started_it(tmp_path: Path) -> None:
    words = ["nohup", sys.executable, "-c", small(tmp_path)]
    parent = f"import subprocess; subprocess.run({words!r}, stderr=subprocess.DEVNULL)"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", parent], stdin=pipe, stdout=pipe, text=True) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stdout.readline() == "at work\n"
        those = family(started.pid)
        try:
            started.kill()
            started.wait(SECONDS_MAX)
            del those[started.pid]
            started.stdin.write("how are you?\n")
            started.stdin.flush()
            assert started.stdout.readline() == "still at work\n"
            assert all(begun(pid) == began for pid, began in those.items())
        finally:
            end_all(those)


@pytest.mark.slow
def test_nothing_is_left_of_the_whole_bench_when_it_is_told_to_end() -> None:
    command = [sys.executable, str(BENCH / "run.py"), "--quick"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr is not None
        those: dict[int, str] = {}
        try:
            assert any("round 1" in line for line in bench.stderr)  # gateways, nginx, servers, and their processes
            those = family(bench.pid)
            bench.terminate()
            bench.communicate(timeout=SECONDS_MAX)
            until(lambda: is_over(those), "all have ended")
        finally:
            bench.kill()
            end_all(those)

    assert len(those) > 6
    assert bench.returncode == 128 + signal.SIGTERM
