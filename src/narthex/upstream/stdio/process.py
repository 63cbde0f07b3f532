"""One running stdio server, as a channel of lines.

Knows: its pipes, its keeper, its states, and how to end it. Refuses to know: JSON-RPC, when to start it again.

    STARTING --first message or ready()--> RUNNING --stop(), its end, or a breach--> STOPPING --nothing left--> GONE

Ending is a ladder of timers, not a task: whoever awaits `stop()` may be cancelled, and the ladder goes on.
Its end is told by the keeper, never guessed from a closed pipe: a grandchild may hold the pipe for hours, and a
server may close its output and live on.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from narthex import limits
from narthex.limits import Limits
from narthex.upstream.mask import Mask
from narthex.upstream.stdio.faults import ChildGone
from narthex.upstream.stdio.framing import LineFramer, looks_like_message
from narthex.upstream.stdio.nursery.keeper import KILL, TERMINATE
from narthex.upstream.stdio.nursery.tree import descendants
from narthex.upstream.stdio.pipes import InPipe, OutPipe
from narthex.upstream.stdio.report import ExitReport, how_it_ended
from narthex.upstream.stdio.stderr import StderrLog


class State(Enum):
    STARTING = auto()
    RUNNING = auto()
    STOPPING = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Wires:
    """What the spawner hands over. `said`: what the keeper said after its first line."""

    keeper: int
    channel: socket.socket
    stdin: int
    stdout: int
    stderr: int
    said: bytes = b""


class ChildProcess:
    """Callbacks are synchronous, run on the loop, and must not raise.

    `on_line` gets each line that looks like a message; `on_exit` comes last, once, when the tree is gone and all
    that it wrote was delivered; `on_stderr` gets what may be shown; `on_oversize` the ends of a line too long to be
    one, and its size.
    """

    def __init__(
        self,
        name: str,
        pid: int,
        wires: Wires,
        bounds: Limits,
        on_line: Callable[[bytes], None],
        on_exit: Callable[[ExitReport], None],
        on_stderr: Callable[[str], None],
        on_settled: Callable[[], None],
        on_oversize: Callable[[bytes, int], None] = lambda _sample, _size: None,
        mask: Mask = Mask(),
    ) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.pid = pid
        self.state = State.STARTING
        self.started_at = loop.time()
        self.garbage_lines = 0
        self._loop = loop
        self._bounds = bounds
        self._on_line = on_line
        self._on_exit = on_exit
        self._on_settled = on_settled  # started, or failed to: the next one may begin
        self._keeper = wires.keeper
        self._garbage_in_a_row = 0
        self._reason = ""  # why we ended it, when we did
        self._asked = False
        self._code: int | None = None  # as the keeper says it, negative for a signal
        self._gone: asyncio.Future[ExitReport] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self._log = StderrLog(on_stderr, mask)
        self._line_bytes_max = min(bounds.line_bytes_max, bounds.result_bytes_max)
        self._on_oversize = on_oversize
        self._framer = LineFramer(self._line_bytes_max, self._oversize)
        self._channel = wires.channel
        self._heard = b""
        self._stdin = OutPipe(loop, wires.stdin, self._stdin_broken)
        self._stdout = InPipe(loop, wires.stdout, self._take, self._stdout_ended)
        self._stderr = InPipe(loop, wires.stderr, self._take_stderr, lambda: None)
        loop.add_reader(self._channel, self._listen)
        if wires.said:
            loop.call_soon(self._hear, wires.said)  # it was quick to end; the owner has to have us first

    def __repr__(self) -> str:
        return f"<ChildProcess {self.name}: pid {self.pid}, {self.state.name}>"

    def adopt(self, bounds: Limits) -> None:
        """Other limits from now on, for the next line."""
        self._bounds = bounds
        self._line_bytes_max = self._framer.line_bytes_max = min(bounds.line_bytes_max, bounds.result_bytes_max)

    # speaking to it

    def send(self, line: bytes) -> None:
        """One JSON message, without its line end. ChildBusy when the queue is full, ChildGone when it is over."""
        if self.state not in _ALIVE:
            raise ChildGone(f"{self.name} {self._reason}")
        if b"\n" in line or b"\r" in line:
            # Between the tokens of JSON they are blanks, and inside a string they cannot be. Some servers take a
            # lone carriage return for a line end too.
            line = line.replace(b"\n", b" ").replace(b"\r", b" ")
        self._stdin.write(line + b"\n")

    async def drain(self) -> None:
        await self._stdin.drain()

    def ready(self) -> None:
        """It counts as started: the next server may be."""
        if self.state is State.STARTING:
            self.state = State.RUNNING
            self._on_settled()

    def garbage(self, line: bytes, why: str = "not a message") -> None:
        """Count a line that is none; the layer above may find that out after us."""
        self.garbage_lines += 1
        self._garbage_in_a_row += 1
        self._log.say(b"stdout (" + why.encode() + b"): " + line[: limits.garbage_sample_bytes_max], self._loop.time())
        self._flush_later()
        if self._garbage_in_a_row >= self._bounds.garbage_lines_max:
            count = self._garbage_in_a_row
            self._breach(f"wrote {count} lines in a row to stdout that are no messages; logs belong on stderr")

    def pause_reading(self) -> None:
        """Its next messages wait in the pipe, and then it waits itself."""
        self._stdout.pause()

    def resume_reading(self) -> None:
        self._stdout.resume()

    # ending it

    async def stop(self) -> ExitReport:
        """Close its input, wait, SIGTERM, wait, SIGKILL; returns when nothing of its tree is left."""
        if self.state in _ALIVE:
            self._asked = True
            self._leave("was stopped")
            self._stdin.close()
            self._climb(limits.stop_stdin_seconds, self._terminate)
        return await self.wait()

    async def wait(self) -> ExitReport:
        return await asyncio.shield(self._gone)

    def kill(self, reason: str) -> None:
        """At once. `reason` completes the sentence "<server> …"."""
        self._breach(reason)

    def hasten(self) -> None:
        """It is being ended, or is to be: without patience from now on."""
        if self.state is not State.GONE:
            self._asked = True
            self._leave("was stopped")
            self._kill()

    # looking at it

    def descendants(self) -> tuple[int, ...]:
        """The processes of its tree, itself among them; empty where the system cannot tell."""
        return tuple(sorted(descendants(self._keeper))) if self.state is not State.GONE else ()

    def rss_bytes(self) -> int | None:
        """Resident memory of the whole tree; pages shared inside it count once for each process."""
        pids = self.descendants()
        return sum(_resident_pages(pid) for pid in pids) * os.sysconf("SC_PAGE_SIZE") if pids else None

    # what the pipes bring

    def _take(self, data: bytes) -> None:
        for line in self._framer.feed(data):
            if looks_like_message(line):
                self._message(line)
            else:
                self._doubtful(line)

    def _message(self, line: bytes) -> None:
        if self.state is State.STARTING:
            self.ready()
        garbage_lines = self.garbage_lines
        self._on_line(line)
        if garbage_lines == self.garbage_lines:  # the layer above did not find it to be some after all
            self._garbage_in_a_row = 0

    def _doubtful(self, line: bytes) -> None:
        if line.startswith(_BYTE_ORDER_MARK) and looks_like_message(line[len(_BYTE_ORDER_MARK) :]):
            self._message(line[len(_BYTE_ORDER_MARK) :])  # some runtimes open their output with one
        elif line.strip():
            self.garbage(line)

    def _oversize(self, sample: bytes, size: int) -> None:
        self.garbage(sample, f"{size} bytes, over the limit of {self._line_bytes_max}")
        self._on_oversize(sample, size)

    def _take_stderr(self, data: bytes) -> None:
        self._log.feed(data, self._loop.time())
        self._flush_later()

    def _flush_later(self) -> None:
        if self._log.has_suppressed and self._flush_timer is None:
            self._flush_timer = self._loop.call_later(1.0, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        self._log.flush(self._loop.time())
        self._flush_later()

    def _stdout_ended(self) -> None:
        self._expect_end("closed its output and stayed")

    def _stdin_broken(self) -> None:
        self._expect_end("closed its input and stayed")

    def _expect_end(self, reason: str) -> None:
        """Mostly the keeper is about to say that it has ended; if not, it is of no use any more."""
        if self.state in _ALIVE:
            self._climb(limits.stop_stdin_seconds, lambda: self._breach(reason))

    # what the keeper says

    def _listen(self) -> None:
        try:
            said = self._channel.recv(256)
        except BlockingIOError:
            return
        except ConnectionError:
            said = b""
        self._hear(said)

    def _hear(self, said: bytes) -> None:
        *lines, self._heard = (self._heard + said).split(b"\n")
        for line in lines:
            if line.startswith(b"X "):
                self._ended(int(line[2:]))
            elif line == b"G":
                self._finish()
        if not said:
            self._leave("lost its keeper")
            self._finish()

    def _ended(self, code: int) -> None:
        self._code = code
        if self.state in _ALIVE:
            self._breach(how_it_ended(code))  # nobody can speak to what it left behind
        elif self._asked:
            self._terminate()  # it obeyed; what it left behind gets the next step of the ladder

    # the ladder

    def _leave(self, reason: str) -> None:
        if self.state in _ALIVE:
            self.state, self._reason = State.STOPPING, reason
            self._on_settled()

    def _breach(self, reason: str) -> None:
        if self.state in _ALIVE:
            self._leave(reason)
            self._kill()

    def _terminate(self) -> None:
        self._tell(TERMINATE)
        self._climb(limits.stop_term_seconds, self._kill)

    def _kill(self) -> None:
        self._tell(KILL)
        self._climb(limits.stop_kill_seconds, self._replace_keeper)

    def _replace_keeper(self) -> None:
        """Somebody stopped it, or its work cannot be done. Without it the tree is the nursery's to kill."""
        try:
            os.kill(self._keeper, signal.SIGKILL)  # its channel is open, so the number is still its own
        except ProcessLookupError:
            pass  # or was open a moment ago
        self._climb(limits.stop_kill_seconds, self._give_up)

    def _give_up(self) -> None:
        left = ", ".join(map(str, self.descendants()))
        self._reason += f"; not even SIGKILL ended {left or 'all of it'}"
        self._finish()

    def _climb(self, seconds: float, step: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, step)

    def _tell(self, wish: bytes) -> None:
        try:
            self._channel.send(wish)
        except OSError:
            pass  # the keeper has gone, and our next look at the channel tells so

    def _finish(self) -> None:
        if self.state is State.GONE:
            return
        self._stdout.drain()
        rest = self._framer.rest()
        if rest and rest.strip():
            self.garbage(rest, "unfinished line")
        self._stderr.drain()
        self._log.close()
        self.state = State.GONE
        for timer in (self._timer, self._flush_timer):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._channel)
        for end in (self._channel, self._stdin, self._stdout, self._stderr):
            end.close()
        report = self._report()
        self._on_exit(report)
        self._gone.set_result(report)

    def _report(self) -> ExitReport:
        code = self._code
        return ExitReport(
            reason=self._reason,
            code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            asked=self._asked,
            ran_seconds=self._loop.time() - self.started_at,
            stderr_tail=self._log.tail(),
            garbage_lines=self.garbage_lines,
        )


_ALIVE = (State.STARTING, State.RUNNING)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError):
        return 0  # it ended while we looked
