"""Processes of the bench: started in a group of their own, measured from /proc, ended by their id, whatever happens.

Knows: processor time, memory, ports. Refuses to know: what they serve.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from undertaker import Undertaker

HERE = Path(__file__).resolve().parent
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
UNDERTAKER = Undertaker()  # one for all: it is there for when this process is not
TICKS = os.sysconf("SC_CLK_TCK")


class Running(AbstractContextManager["Running"]):
    """One started program with its children. What it prints goes to `log`."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path) -> None:
        self.name, self.log = name, log
        self.started = time.perf_counter()
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        UNDERTAKER.watch(self.process.pid)

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask, wait, then insist; children that outlive their parent are of its group."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        UNDERTAKER.forget(self.process.pid)

    def wait_until(self, ready: Callable[[], bool], every_seconds: float = 0.02) -> None:
        """Wait, within START_SECONDS_MAX; what does not become ready is ended, so that nobody has to remember it."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(every_seconds)

    def cpu_seconds(self, without: str = "stdio_upstream.py") -> float:
        """Processor time of the process and its descendants; those that are measured apart are left out."""
        return sum(cpu_seconds(pid) for pid in family(self.process.pid) if without not in command_of(pid))

    def memory_bytes(self) -> int:
        return memory_bytes(self.process.pid)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            try:
                todo += [int(child) for child in children.read_text().split()]
            except OSError:
                continue  # it ended while we looked
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def cpu_seconds(pid: int) -> float:
    """User and system time: in nanoseconds where the kernel keeps them, in clock ticks otherwise."""
    try:
        tasks = [task.read_text().split()[0] for task in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        if tasks:
            return sum(int(nanoseconds) for nanoseconds in tasks) / 1e9
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except OSError:
        return 0.0


def memory_bytes(pid: int) -> int:
    """What the process holds in memory (resident set)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    """Whether anything answers there, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def python(*arguments: str | Path) -> list[str]:
    return [sys.executable, *(str(argument) for argument in arguments)]
