"""Starting stdio servers, a few at a time, and stopping all of them.

Knows: how many may be starting at once, and which are there. Refuses to know: when one should be started again.

A place is held until the server has said its first message, `ready()` was called, or it has ended: forty `npx` that
install their packages at once would starve each other and us. Those that take long have places of their own (see
`places`), so four that hang do not keep the others from starting.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

from narthex import limits
from narthex.limits import Limits
from narthex.upstream.mask import Mask, of_variables, of_words
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.door import Door
from narthex.upstream.stdio.environment import child_environment
from narthex.upstream.stdio.faults import SpawnFailed, why_not_started
from narthex.upstream.stdio.nursery.order import Order, encode
from narthex.upstream.stdio.places import Places
from narthex.upstream.stdio.process import ChildProcess, Wires
from narthex.upstream.stdio.report import ExitReport


class Spawner:
    """One for each gateway process. `own` is the environment from which servers get what the allow-list names."""

    def __init__(
        self,
        bounds: Limits = limits.DEFAULTS,
        own: Mapping[str, str] = os.environ,
        slow_after_seconds: float = limits.place_seconds_max,
    ) -> None:
        self.bounds = bounds
        self._own = own
        self._places = Places(bounds.spawns_concurrent_max, slow_after_seconds)
        self._door = Door()
        self._children: set[ChildProcess] = set()
        self._closed = False

    @property
    def children(self) -> frozenset[ChildProcess]:
        return frozenset(self._children)

    async def spawn(
        self,
        command: Command,
        on_line: Callable[[bytes], None],
        on_exit: Callable[[ExitReport], None],
        on_stderr: Callable[[str], None],
        on_oversize: Callable[[bytes, int], None] = lambda _sample, _size: None,
    ) -> ChildProcess:
        """Waits for a place. SpawnFailed says why it could not be, with a remedy."""
        order = self._order(command)
        place = await self._places.take(command.name)
        try:
            pid, wires = await self._begin(command, order)
        except BaseException:
            place.give_back()
            raise

        def ended(report: ExitReport) -> None:
            self._children.discard(child)
            on_exit(report)

        heard = (on_line, ended, on_stderr, place.give_back, on_oversize)
        child = ChildProcess(command.name, pid, wires, self.bounds, *heard, self._mask(command))
        self._children.add(child)
        if self._closed:
            await child.stop()
            raise SpawnFailed(_TOO_LATE)
        return child

    def adopt(self, bounds: Limits) -> None:
        """Other limits, for every spawn from now on."""
        self.bounds = bounds
        self._places.resize(bounds.spawns_concurrent_max)

    def hasten(self) -> None:
        """End all at once, those too that are being stopped politely."""
        for child in self.children:
            child.hasten()

    async def aclose(self) -> None:
        """Stop all; returns when nothing of any of them is left."""
        self._closed = True
        await asyncio.gather(*(child.stop() for child in self._children))
        await self._door.aclose()

    def _mask(self, command: Command) -> Mask:
        """What it may not show of what it was given, wherever that came from."""
        env = child_environment(self._own, command.env, command.inherit)
        return Mask([*of_variables(command.env), *of_variables(env, opaque=False), *of_words(command.argv)])

    def _order(self, command: Command) -> Order:
        env = child_environment(self._own, command.env, command.inherit)
        words = (command.name, *command.argv, *env, *env.values(), command.cwd or "")
        if not command.argv or not command.argv[0]:
            raise SpawnFailed(f"{command.name} has an empty `command`; write the program and its arguments")
        if any("\0" in word for word in words) or any("=" in name for name in env):
            raise SpawnFailed(f"{command.name} has a NUL in its `command` or `env`, or a '=' in a name there")
        return Order(
            name=os.fsencode(command.name),
            argv=[os.fsencode(word) for word in command.argv],
            env=[os.fsencode(f"{name}={value}") for name, value in env.items()],
            cwd=os.fsencode(command.cwd or ""),
            cpu_seconds_max=command.cpu_seconds_max,
            memory_bytes_max=command.memory_bytes_max,
            files_max=command.files_max,
        )

    async def _begin(self, command: Command, order: Order) -> tuple[int, Wires]:
        if self._closed:
            raise SpawnFailed(_TOO_LATE)
        try:
            ends = _Ends()
        except OSError as error:
            raise SpawnFailed(f"there are no descriptors left for {command.name} ({error.strerror})") from error
        try:
            self._door.hand(ends.theirs())
            ends.close_theirs()
            async with asyncio.timeout(limits.start_seconds_max):
                first, said = await _converse(ends.channel, encode(order))
        except TimeoutError:
            ends.close()
            raise SpawnFailed(f"{command.name} was not started in {limits.start_seconds_max:.0f} s") from None
        except BaseException:
            ends.close()  # and so the keeper ends what it has begun
            raise
        kind, *words = first.split()
        if kind != b"P":
            ends.close()
            raise SpawnFailed(_why(command, order, words))
        stdin, stdout, stderr = ends.ours
        return int(words[0]), Wires(int(words[1]), ends.channel, stdin, stdout, stderr, said)


_TOO_LATE = "the gateway is stopping and starts no more servers"


class _Ends:
    """Both ends of the keeper's channel and of the three pipes. Pipes and not sockets: /dev/stdout must work."""

    def __init__(self) -> None:
        self.ours: list[int] = []
        self._theirs: list[int] = []
        self.channel, self._keepers = socket.socketpair()
        self.channel.setblocking(False)
        try:
            for ours_reads in (False, True, True):  # stdin, stdout, stderr
                read_end, write_end = os.pipe()
                self.ours.append(read_end if ours_reads else write_end)
                self._theirs.append(write_end if ours_reads else read_end)
        except OSError:
            self.close()
            raise

    def theirs(self) -> list[int]:
        return [self._keepers.fileno(), *self._theirs]

    def close_theirs(self) -> None:
        self._keepers.close()
        while self._theirs:
            os.close(self._theirs.pop())

    def close(self) -> None:
        self.close_theirs()
        self.channel.close()
        for descriptor in self.ours:
            os.close(descriptor)


async def _converse(channel: socket.socket, order: bytes) -> tuple[bytes, bytes]:
    """Send the order; what the keeper answers, and what it may have said after that."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(channel, order)
        said = b""
        while b"\n" not in said:
            more = await loop.sock_recv(channel, 256)
            if not more:
                raise ConnectionResetError
            said += more
    except ConnectionError as error:
        raise SpawnFailed("the process that starts servers ended before it had started this one") from error
    first, _, rest = said.partition(b"\n")
    return first, rest


def _why(command: Command, order: Order, words: list[bytes]) -> str:
    stage, number = words
    path = next((entry[5:] for entry in order.env if entry.startswith(b"PATH=")), os.defpath.encode())
    return why_not_started(command.argv[0], command.cwd, os.fsdecode(path), stage.decode(), int(number))
