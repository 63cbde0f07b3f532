"""The gateway's side of the nursery: starts it when first needed, hands it descriptors, sees it out.

Knows: one helper process. Refuses to know: what is started through it.
"""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import narthex
from narthex import limits
from narthex.upstream.stdio.faults import SpawnFailed

# Isolated, and without site-packages: the environment of the gateway cannot change what runs here.
_BEGIN = "import sys; sys.path.append({root!r}); from narthex.upstream.stdio.nursery.main import main; main()"

_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # some builds of Python cannot start without


class Door:
    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def hand(self, files: list[int]) -> None:
        """The nursery gets its own copies of `files`. Should it have been killed, another takes its place."""
        if self._process is not None and self._process.poll() is not None:
            self._forget()
        if self._socket is None:
            self._open()
        assert self._socket is not None
        try:
            socket.send_fds(self._socket, [b"+"], files)
        except OSError as error:
            self._forget()
            raise SpawnFailed(f"the process that starts servers does not answer ({error.strerror})") from error

    async def aclose(self) -> None:
        """Returns when it has ended, which is when the last of its trees is gone."""
        if self._socket is None:
            return
        self._socket.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(limits.nursery_close_seconds_max):
                await asyncio.get_running_loop().sock_recv(self._socket, 1)
        except (ConnectionError, TimeoutError):
            pass  # it was killed, or waits for what not even SIGKILL ends
        self._forget()

    def _open(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        root = str(Path(narthex.__file__).parent.parent)
        arguments = [sys.executable, "-I", "-S", "-c", _BEGIN.format(root=root)]
        with theirs:
            # Its own session, so that Ctrl-C in a terminal reaches the gateway alone; next to no environment,
            # which would be one more copy of our secrets.
            self._process = subprocess.Popen(
                [*arguments, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={name: os.environ[name] for name in _LIBRARY_PATHS if name in os.environ},
                start_new_session=True,
            )
        self._socket = ours

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()  # mostly it has ended; one that somebody stopped would hold us up for ever
            self._process.wait()
        self._socket = self._process = None
