"""The keeper: starts one server, and stays until nothing of it is left.

Knows: one server's process, its limits, its tree. Refuses to know: time limits and reasons; the gateway sends those
as single letters (TERMINATE, KILL), and hears lines: `P pid keeper` started, `F stage errno` could not be started,
`X code` the server itself ended, `G` nothing is left.
"""

import os
import resource
import select
import signal
import socket

from narthex.upstream.stdio.nursery.order import SIZE_BYTES, Order, decode
from narthex.upstream.stdio.nursery.plumbing import (
    CHILD_SUBREAPER,
    NAME,
    PDEATHSIG,
    prctl,
    ready,
    run_and_exit,
    wake_on_child,
    watch,
)
from narthex.upstream.stdio.nursery.tree import HAS_TREES, descendants, reap, signal_all, signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

TERMINATE, KILL = b"T", b"K"
OUTSIDE_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a terminal or a unit sends them to everybody

_RETRY_MS_MIN, _RETRY_MS_MAX = 5, 500  # between two looks for what was forked while we killed
_CPU_SECONDS_TO_TIDY = 2  # from SIGXCPU to SIGKILL


def keep(files: list[int], gateway: int) -> None:
    """`files`: channel, stdin, stdout, stderr. `gateway`: readable when it is dead, or -1."""
    channel = socket.socket(fileno=files[0])
    order = _read_order(channel)
    if order is None:
        return
    prctl(NAME, b"narthex:" + order.name[:7])
    prctl(CHILD_SUBREAPER, 1)
    wake = wake_on_child()
    try:
        pid, failure = _start(order, files[1:])
    except OSError as error:
        _say(channel, refusal(b"fork", error))
        return
    for descriptor in files[1:]:
        os.close(descriptor)  # or the end of the server's output would never be seen
    if failure:
        os.waitpid(pid, 0)
        _say(channel, failure)
        return
    _say(channel, b"P %d %d\n" % (pid, os.getpid()))
    _Keeper(channel, wake, gateway, pid).run()
    _say(channel, b"G\n")


class _Keeper:
    def __init__(self, channel: socket.socket, wake: int, gateway: int, pid: int) -> None:
        self._channel = channel
        self._wake = wake
        self._gateway = gateway
        self._pid = pid
        self._running = True
        self._killing = False

    def run(self) -> None:
        poller = watch(self._channel.fileno(), self._wake, self._gateway)
        retry_ms = _RETRY_MS_MIN
        while self._reap():
            if self._killing:
                self._signal(signal.SIGKILL)
                retry_ms = min(retry_ms * 2, _RETRY_MS_MAX)
            seen = ready(poller, retry_ms if self._killing else None)
            if self._wake in seen:
                os.read(self._wake, 512)
            if not self._killing and seen != {self._wake}:
                self._obey(poller, dead=self._gateway in seen)

    def _reap(self) -> bool:
        """Whether anything of the tree is left: the kernel hands us every orphan of it."""
        ended, more = reap()
        for pid, code in ended:
            if pid == self._pid:
                self._running = False
                _say(self._channel, b"X %d\n" % code)
                if not HAS_TREES:
                    signal_group(self._pid, signal.SIGKILL)  # the last moment in which the number is ours
        return more

    def _obey(self, poller: select.poll, *, dead: bool) -> None:
        try:
            wish = KILL if dead else self._channel.recv(16)
        except ConnectionError:
            wish = KILL
        if not wish or KILL in wish:
            self._killing = True  # and there is nothing more to be told
            poller.unregister(self._channel.fileno())
            if self._gateway >= 0:
                poller.unregister(self._gateway)
        else:
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        tree = descendants(os.getpid())
        if self._running:  # until it was waited for, its number cannot become somebody else's
            signal_group(self._pid, number)
            tree.discard(self._pid)
        signal_all(tree, number)


def _start(order: Order, files: list[int]) -> tuple[int, bytes]:
    """The pid of the server, and a refusal when it could not be started."""
    report, failure = os.pipe()
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        run_and_exit(lambda: _become(order, files, keeper, failure))
    os.close(failure)
    said = os.read(report, 64)  # ends when the exec closes the other end
    os.close(report)
    return pid, said


def _become(order: Order, files: list[int], keeper: int, failure: int) -> "NoReturn":
    stage = b"start"
    try:
        os.setsid()
        prctl(PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(1)
        for target, descriptor in enumerate(files):
            os.dup2(descriptor, target)
        for number in (*OUTSIDE_SIGNALS, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)  # what is ignored stays ignored over an exec
        stage = b"cwd"
        if order.cwd:
            os.chdir(order.cwd)
        stage = b"exec"
        env = dict(entry.split(b"=", 1) for entry in order.env)
        _limit(order)
        os.execvpe(order.argv[0], order.argv, env)  # noqa: S606 - a shell would read the words again
    except OSError as error:
        os.write(failure, refusal(stage, error))
    os._exit(127)


def _limit(order: Order) -> None:
    _lower(resource.RLIMIT_NOFILE, order.files_max)
    _lower(resource.RLIMIT_CPU, order.cpu_seconds_max, _CPU_SECONDS_TO_TIDY)
    _lower(resource.RLIMIT_AS, order.memory_bytes_max)  # last, since it binds this very process


def _lower(what: int, limit: int | None, margin: int = 0) -> None:
    """Never above what the gateway itself may have."""
    if limit is None:
        return
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY:
        hard = limit + margin
    resource.setrlimit(what, (min(limit, hard), min(limit + margin, hard)))


def _read_order(channel: socket.socket) -> Order | None:
    size = int.from_bytes(channel.recv(SIZE_BYTES, socket.MSG_WAITALL), "big")
    body = channel.recv(size, socket.MSG_WAITALL)
    return decode(body) if body and len(body) == size else None


def refusal(stage: bytes, error: OSError) -> bytes:
    return b"F %s %d\n" % (stage, error.errno or 0)


def _say(channel: socket.socket, line: bytes) -> None:
    try:
        channel.sendall(line)
    except ConnectionError:
        pass  # the gateway is gone, as the next look at the channel will tell
