"""A program that tells a secret: the helper of a secret store. It is run, and what it prints is taken.

Knows: how it is run, bounded, and ended with all that it started. Refuses to know: shells; what the secret is for; and
what the program says of itself, which may hold the secret: nobody hears its standard error.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import Self

from narthex.limits import secret_bytes_max, secret_command_seconds_max, stop_kill_seconds
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.secret import text_in
from narthex.upstream.stdio.environment import child_environment
from narthex.upstream.stdio.pipes import InPipe


class Helper:
    """`key` is where it stands in the configuration. `for_header`: it has to fit into one."""

    __slots__ = ("_argv", "_env", "_for_header", "_key", "_seconds")

    def __init__(
        self,
        key: str,
        argv: tuple[str, ...],
        inherit: tuple[str, ...] = (),
        own: Mapping[str, str] = os.environ,
        *,
        for_header: bool = False,
        seconds: float = secret_command_seconds_max,
    ) -> None:
        self._key, self._argv, self._for_header, self._seconds = key, argv, for_header, seconds
        self._env = child_environment(own, {}, inherit)

    def __repr__(self) -> str:
        return f"<Helper of {self._key}: {PurePath(self._argv[0]).name}>"

    async def ask(self) -> str:
        """What it prints, without the blanks around it. Raises CredentialFault."""
        try:
            async with asyncio.timeout(self._seconds):
                code, said = await self._run()
        except TimeoutError:
            raise self._fault(f"has told nothing in {self._seconds:g} s") from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no system takes its words"
            raise self._fault(f"cannot be started: {why}") from None
        if len(said) > secret_bytes_max:
            raise self._fault(f"prints more than {secret_bytes_max} bytes")
        if code != 0:
            raise self._fault(f"ended with {_ending(code)}")
        text = text_in(said)
        if not text:
            raise self._fault("prints no text")
        if self._for_header and not (text.isprintable() and text.isascii()):
            raise self._fault("prints what no header can carry")
        return text

    async def _run(self) -> tuple[int, bytes]:
        with _Output() as output:
            try:
                # A session of its own: a terminal cannot be asked, and all that it starts can be ended with it.
                process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output.theirs,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=self._env,
                    start_new_session=True,
                )
            finally:
                output.close_theirs()
            output.until_too_much(process)
            try:
                code = await process.wait()
            finally:
                await _end(process)
            return code, output.taken()

    def _fault(self, what: str) -> CredentialFault:
        name = PurePath(self._argv[0]).name
        return CredentialFault("its credentials are not available", f"the command '{name}' of `{self._key}` {what}")


class _Output:
    """What it prints. A pipe of our own: a process that escaped and holds it open does not keep us waiting."""

    def __init__(self) -> None:
        ours, self.theirs = os.pipe()
        self._bytes = bytearray()
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = InPipe(asyncio.get_running_loop(), ours, self._take, lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close_theirs()
        self._pipe.close()

    def close_theirs(self) -> None:
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def until_too_much(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def taken(self) -> bytes:
        self._pipe.drain()
        return bytes(self._bytes)

    def _take(self, data: bytes) -> None:
        self._bytes += data[: secret_bytes_max + 1 - len(self._bytes)]
        if len(self._bytes) > secret_bytes_max and self._process is not None:
            _kill(self._process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Whatever it left behind, too."""
    _kill(process)
    if process.returncode is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(stop_kill_seconds):
                await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone; or it took the rights of somebody else
        os.killpg(process.pid, signal.SIGKILL)


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"signal {-code}"
