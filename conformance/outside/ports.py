"""Ports for what is told beforehand where to listen. Knows which are free, and that nobody else was given them."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

RANGE = (12_000, 32_000)  # below those that the system gives to connections: one of these would be gone again by then
TRIED_MAX = 100
CLAIMS = Path(tempfile.gettempdir()) / f"narthex-ports-{os.getuid()}"

_claimed: list[int] = []
"""Open files, a lock on each, until this process ends."""


def free_port() -> int:
    """None is given twice, to no process of this user: who got it may not be listening on it yet."""
    CLAIMS.mkdir(mode=0o700, exist_ok=True)
    for _ in range(TRIED_MAX):
        port = random.randrange(*RANGE)
        if claimed(port) and bindable(port):
            return port
    raise OSError("no free port was found")


def claimed(port: int) -> bool:
    """Whether it is this process's from now on. The lock goes with the process, however that ends."""
    claim = os.open(CLAIMS / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    _claimed.append(claim)
    return True


def bindable(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
