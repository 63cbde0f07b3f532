"""What holds for every test: it is bounded in time, short tests go first, and no process outlives the run."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

# Ports that no two programs are given, and the judges.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))

# A test that hangs says so, instead of holding up the build: the alarm interrupts whatever it waits for.
SECONDS_MAX = 60.0
SECONDS_LONG_MAX = 900.0
AGAIN_SECONDS = 5.0  # for a test whose clean-up hangs too
LONG = ("slow", "suite", "clients", "fleet", "provider", "documents")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What fails in a second should not be told after twenty minutes."""
    items.sort(key=lambda item: any(item.get_closest_marker(mark) for mark in LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    seconds = SECONDS_LONG_MAX if any(item.get_closest_marker(mark) for mark in LONG) else SECONDS_MAX

    def too_long(_signal: int, _frame: FrameType | None) -> None:
        said = f"{item.nodeid} took longer than {seconds:g} s"
        tasks = running_tasks()
        for task in tasks:
            # uvloop swallows what a signal handler raises, and a sleeping loop does not see what a handler schedules.
            task.get_loop().call_soon_threadsafe(task.cancel, said)
        if not tasks:
            pytest.fail(said)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def running_tasks() -> set[asyncio.Task[object]]:
    try:
        return asyncio.all_tasks()
    except RuntimeError:  # no loop is running
        return set()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that a test started and did not end is that test's fault, and is ended here."""
    left = children_of(os.getpid())
    for pid, command in left.items():
        print(f"\nA test left a process behind: {pid} {command}")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def children_of(parent: int) -> dict[int, str]:
    """The living children of a process with their command lines; nothing where there is no /proc."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = stat.read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found[int(stat.parent.name)] = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return found
