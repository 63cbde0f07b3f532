"""The nursery: forks a keeper for each order it is handed, and ends what a fallen keeper leaves behind.

Knows: its keepers. Refuses to know: their servers; it never reads an order, so no order can hold it up.
"""

import gc
import os
import signal
import socket
import sys

from narthex.upstream.stdio.nursery.keeper import OUTSIDE_SIGNALS, keep, refusal
from narthex.upstream.stdio.nursery.plumbing import (
    CHILD_SUBREAPER,
    NAME,
    death_of,
    prctl,
    ready,
    run_and_exit,
    wake_on_child,
    watch,
)
from narthex.upstream.stdio.nursery.tree import children, descendants, reap, signal_all

FILES_PER_ORDER = 4  # channel, stdin, stdout, stderr

_KEEPERS_MS_MAX = 5_000  # a keeper that is there after it was stopped by somebody


class Nursery:
    def __init__(self, door: socket.socket, gateway: int) -> None:
        self._door = door
        self._gateway = gateway
        self._wake = wake_on_child()
        self._keepers: set[int] = set()

    def run(self) -> None:
        """Until the gateway closes the door or dies; then until the keepers have cleared their trees."""
        poller = watch(self._door.fileno(), self._wake, self._gateway)
        while True:
            seen = ready(poller, None)
            if self._wake in seen:
                self._reap()
            if self._gateway in seen:
                break
            if self._door.fileno() in seen and not self._serve():
                break
        self._see_keepers_out()  # the door closes with this process: that is how the gateway knows

    def _serve(self) -> bool:
        """False when there will be no further orders."""
        try:
            knock, files, _, _ = socket.recv_fds(self._door, 1, FILES_PER_ORDER)
        except ConnectionError:
            return False
        if len(files) == FILES_PER_ORDER:
            self._fork(files)
        for descriptor in files:
            os.close(descriptor)
        return bool(knock)

    def _fork(self, files: list[int]) -> None:
        for descriptor in files:
            os.set_inheritable(descriptor, False)
        try:
            pid = os.fork()
        except OSError as error:
            os.write(files[0], refusal(b"fork", error))  # its tools are full; those that run need not suffer
            return
        if pid == 0:
            self._door.close()
            run_and_exit(lambda: keep(files, self._gateway))
        self._keepers.add(pid)

    def _reap(self) -> bool:
        """A keeper that fell left its tree to us, and nobody can speak for it any more."""
        os.read(self._wake, 512)
        ended, more = reap()
        fallen = any(code != 0 or pid not in self._keepers for pid, code in ended)
        self._keepers.difference_update(pid for pid, _ in ended)
        if fallen:
            orphans = set(children(os.getpid())) - self._keepers
            for orphan in orphans:
                signal_all({orphan, *descendants(orphan)}, signal.SIGKILL)
        return more

    def _see_keepers_out(self) -> None:
        poller = watch(self._wake)
        more = bool(children(os.getpid()) or self._keepers)
        while more:
            if ready(poller, _KEEPERS_MS_MAX):
                more = self._reap()
            else:
                signal_all(descendants(os.getpid()), signal.SIGKILL)


def main() -> None:
    """Arguments: the descriptor of the door, the pid of the gateway."""
    door, gateway = int(sys.argv[1]), int(sys.argv[2])
    for number in OUTSIDE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    prctl(NAME, b"narthex:nursery")
    prctl(CHILD_SUBREAPER, 1)
    gc.disable()
    gc.freeze()  # a collection would write to, and so copy, every page that the keepers share
    Nursery(socket.socket(fileno=door), death_of(gateway)).run()
