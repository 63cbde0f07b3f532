"""Processes that a judge needs beside it: started in a group of their own, waited for, and always ended.

Knows how to start, wait and end; not what it starts.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
POLL_SECONDS = 0.02
LOG_BYTES_SHOWN_MAX = 2_000


class NotReady(Exception):
    """A process ended, or did not become ready in time; the message holds the end of its log."""


@contextmanager
def running(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command runs inside this block, with its whole group of processes, and writes to the log."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.terminate()
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pass  # the group is killed below, whatever it was waiting for
    finally:
        kill_group(process.pid)
        process.wait()


def kill_group(group: int) -> None:
    """What the process started and left behind must not outlive the judge."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_until(
    what: str,
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    log: Path,
    seconds_max: float = START_SECONDS_MAX,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Raises NotReady. Asked first whether it runs: another may answer at its address if it could not start."""
    deadline = time.monotonic() + seconds_max
    while True:
        if process.poll() is not None:
            raise NotReady(f"{what} ended with status {process.returncode}:\n{excerpt(log)}")
        if ready():
            return
        if time.monotonic() > deadline:
            raise NotReady(f"{what} was not ready after {seconds_max:g} s:\n{excerpt(log)}")
        time.sleep(poll_seconds)


def excerpt(log: Path) -> str:
    """How a log begins and how it ends: what went wrong is in one of the two."""
    text = log.read_bytes()
    if len(text) <= 2 * LOG_BYTES_SHOWN_MAX:
        return text.decode("utf-8", "replace")
    parts = (text[:LOG_BYTES_SHOWN_MAX], b"\n[...]\n", text[-LOG_BYTES_SHOWN_MAX:])
    return b"".join(parts).decode("utf-8", "replace")


def listens(url: str) -> bool:
    """Whether something accepts connections at the address."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "127.0.0.1", place.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether the address answers with success: how /readyz says yes."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
