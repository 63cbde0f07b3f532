"""What the nursery and its keepers need from the system, apart from trees.

Knows: descriptors, prctl, forking without a return. Refuses to know: who waits for what.
"""

import os
import select
import signal
import sys
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PDEATHSIG, NAME, CHILD_SUBREAPER = 1, 15, 36  # of prctl(2)


def prctl(option: int, value: int | bytes) -> None:
    """Linux alone has it; elsewhere the end of the channel is what ends a tree."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def wake_on_child() -> int:
    """A descriptor that turns readable when a child ends."""
    wake, bell = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(bell, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    return wake


def watch(*descriptors: int) -> select.poll:
    poller = select.poll()
    for descriptor in descriptors:
        if descriptor >= 0:
            poller.register(descriptor, select.POLLIN)
    return poller


def ready(poller: select.poll, wait_ms: int | None) -> set[int]:
    return {descriptor for descriptor, _ in poller.poll(wait_ms)}


def death_of(pid: int) -> int:
    """Readable when `pid` is dead, even while a fork of it holds its sockets open; -1 where there is none."""
    if sys.platform != "linux":
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1  # dead already, or a kernel before 5.3: the end of the socket must tell


def run_and_exit(body: Callable[[], None]) -> "NoReturn":
    """A forked child must never return into the loop of its parent, whatever happens in it."""
    code = 1
    try:
        body()
        code = 0
    except BaseException as error:  # noqa: BLE001 - shown, and then this process is over
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(code)
