"""The process that finds names in texts: started, asked in batches, given up on when it is silent, started again.

Knows: its pipes (`recogniser/__main__.py` has the protocol), how long it may take, when it may be started again.
Refuses to know: calls, and what follows when nobody answers.

One batch is out at a time: a process that is silent over it is stuck or stopped, and is killed. What waits behind it
waits no longer than its caller does.
"""

import asyncio
import random
import sys
from collections import deque
from collections.abc import Callable, Collection

import msgspec

from narthex.limits import (
    ner_batch_bytes_max,
    ner_batch_texts_max,
    ner_call_bytes_max,
    ner_start_seconds_max,
    ner_waiting_bytes_max,
)
from narthex.model.ner import NerConfig
from narthex.upstream.stdio.command import Command
from narthex.upstream.stdio.faults import StdioFault
from narthex.upstream.stdio.process import ChildProcess
from narthex.upstream.stdio.report import ExitReport
from narthex.upstream.stdio.restart import RestartNow, Run, plan, remember
from narthex.upstream.stdio.spawner import Spawner
from narthex.wire.strict import encode

Spans = tuple[tuple[int, int, str], ...]  # from, to (in signs), entity

_NAME = "the recogniser of names"
_PROGRAM = (sys.executable, "-P", "-m", "narthex.recogniser")  # -P: no module of the folder we happen to be in
# It computes on one core, and asks nobody: no mirror, no hub.
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1"),
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"), "1"),
}


class Gone(Exception):
    """Nobody has looked. The text completes "names have to be looked for, and …"."""


class TooLong(Gone):
    """Nobody will: it is more than may be asked at one time."""


class _Said(msgspec.Struct):
    id: int = 0
    ready: bool = False
    never: tuple[str, ...] = ()
    failed: str = ""
    found: tuple[Spans, ...] | None = None
    broken: str = ""


_read = msgspec.json.Decoder(_Said).decode


class _Wish:
    """What one caller waits for."""

    __slots__ = ("answer", "found", "left")

    def __init__(self, count: int) -> None:
        self.answer: asyncio.Future[dict[str, Spans]] = asyncio.get_running_loop().create_future()
        self.found: dict[str, Spans] = {}
        self.left = count


_Piece = tuple[_Wish, str, int]  # the text, and its size


class Recogniser:
    """One for the gateway. `run` is its life; without a configuration there is no process."""

    def __init__(
        self,
        config: NerConfig | None,
        spawner: Spawner,
        say: Callable[[str, str], None],
        program: tuple[str, ...] = _PROGRAM,
    ) -> None:
        self.config, self._program = config, program
        self.restarts = self.texts = self.refused = self.passed = 0
        self._spawner, self._say = spawner, say
        self._child: ChildProcess | None = None
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._waiting: deque[_Piece] = deque()
        self._waiting_bytes = 0
        self._out: list[_Piece] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._why = "whoever does that is only just starting"
        self._back_at = 0.0  # when it is started again, at the earliest

    def __repr__(self) -> str:
        return f"<Recogniser: {'up' if self.is_up else 'down'}, {len(self._waiting)} texts waiting>"

    @property
    def is_up(self) -> bool:
        return self._ready.is_set()

    # ---- asking it

    async def until_up(self, config: NerConfig) -> None:
        """Raises `Gone`."""
        if not self._ready.is_set():
            if self._back_at - asyncio.get_running_loop().time() > config.seconds:
                raise Gone(self._why)  # nobody who waits would live to see it
            try:
                await asyncio.wait_for(self._ready.wait(), config.seconds)
            except TimeoutError:
                raise Gone(self._why) from None

    async def find(self, config: NerConfig, texts: Collection[str]) -> dict[str, Spans]:
        """The names in each of the texts. Raises `Gone`."""
        pieces = [(text, len(text.encode("utf-8", "surrogatepass"))) for text in texts]
        size = sum(size for _, size in pieces)
        if size > ner_call_bytes_max:
            raise TooLong(
                f"it holds {size} bytes of text, of which {ner_call_bytes_max} are looked through at one time"
            )
        if self._waiting_bytes + size > ner_waiting_bytes_max:
            raise Gone("whoever does that has too much to do at the moment; try again in a moment")
        if not pieces:
            return {}
        await self.until_up(config)
        wish = _Wish(len(pieces))
        self._waiting.extend((wish, text, size) for text, size in pieces)
        self._waiting_bytes += size
        self._hand_over()
        try:
            return await asyncio.wait_for(wish.answer, config.seconds)
        except TimeoutError:
            raise Gone(f"whoever does that has not answered in {config.seconds:g} s; try again in a moment") from None
        finally:
            if wish.left:
                self._forget(wish)

    # ---- its life

    async def run(self) -> None:
        history: tuple[Run, ...] = ()
        loop = asyncio.get_running_loop()
        while True:
            config = self.config
            self._changed.clear()
            step = plan(history, loop.time())
            if config is None or not isinstance(step, RestartNow):
                seconds = None if isinstance(step, RestartNow) else step.seconds
                self._back_at = loop.time() + (seconds or 0.0)
                await self._changed_within(seconds)
                if self.config != config:
                    history = ()
                continue
            started = loop.time()
            why = await self._lived(config)
            if self.config != config:
                history = ()
                continue
            history = remember(history, Run(started, loop.time(), random.random()))  # noqa: S311 - to spread restarts
            self.restarts += 1
            self._why = "whoever does that is not there at the moment; try again in a moment"
            self._say("warning", f"{_NAME} {why}; it is started again, and until then {_fate(config)}")

    async def _lived(self, config: NerConfig) -> str:
        """One life of the process, and how it ended."""
        command = Command(
            _NAME, self._program, _ENVIRONMENT, inherit=("PYTHONPATH",), memory_bytes_max=config.memory_mb << 20
        )
        failed: list[str] = []
        try:
            child = await self._spawner.spawn(
                command, lambda line: self._heard(config, line, failed), self._ended, lambda _: None
            )
        except StdioFault as fault:
            return f"could not be started: {fault}"
        self._child = child
        if self.config != config:
            child.kill("was replaced before it began")
        timer = asyncio.get_running_loop().call_later(ner_start_seconds_max, self._late)
        try:
            entities = list(config.entities)
            child.send(
                encode(
                    {"model": config.model, "language": config.language, "entities": entities, "score": config.score}
                )
            )
            report = await child.wait()
        except StdioFault:
            report = await child.wait()
        finally:
            timer.cancel()
        return f"could not begin: {failed[0]}" if failed else report.reason

    def adopt(self, config: NerConfig | None) -> None:
        """Another configuration: another process."""
        if config != self.config:
            self.config = config
            self._changed.set()
            if self._child is not None:
                self._child.kill("was replaced, since its configuration changed")

    async def aclose(self) -> None:
        """No other process follows this one."""
        self.config = None
        self._changed.set()
        if self._child is not None:
            await self._child.stop()

    async def _changed_within(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            pass  # the wait is over

    def _forget(self, wish: _Wish) -> None:
        """Nobody waits for the rest of it."""
        self._waiting = deque(piece for piece in self._waiting if piece[0] is not wish)
        self._waiting_bytes = sum(size for _, _, size in self._waiting)

    # ---- what it says

    def _heard(self, config: NerConfig, line: bytes, failed: list[str]) -> None:
        try:
            said = _read(line)
        except (msgspec.DecodeError, UnicodeError):
            self._break("said what is none of its words")
            return
        if said.failed:
            failed.append(said.failed)
        elif said.ready:
            self._ready.set()
            for entity in said.never:
                self._say("warning", f"ner: the model '{config.model}' has no label for {entity}: none is ever found")
            self._hand_over()
        elif self._out and said.id == self._number:
            self._answered(said)

    def _answered(self, said: _Said) -> None:
        out, self._out = self._out, []
        self._quiet()
        if said.found is None:
            self._fail(out, f"whoever does that could not read it ({said.broken})")
        elif len(said.found) != len(out):
            self._fail(out, "whoever does that answered something else")
            self._break("answered something else")
        else:
            self.texts += len(out)
            for (wish, text, _), spans in zip(out, said.found, strict=True):
                wish.found[text] = spans
                wish.left -= 1
                if not wish.left and not wish.answer.done():
                    wish.answer.set_result(wish.found)
        self._hand_over()

    def _hand_over(self) -> None:
        """The next batch, if it has none."""
        if self._out or self._child is None or not self._ready.is_set() or self.config is None:
            return
        size = 0
        while self._waiting and len(self._out) < ner_batch_texts_max:
            wish, _, bytes_of = piece = self._waiting[0]
            if not wish.answer.done():
                if self._out and size + bytes_of > ner_batch_bytes_max:
                    break
                self._out.append(piece)
                size += bytes_of
            self._waiting.popleft()
            self._waiting_bytes -= bytes_of
        if not self._out:
            return
        self._number += 1
        try:
            self._child.send(encode({"id": self._number, "texts": [text for _, text, _ in self._out]}))
        except StdioFault:
            self._break("takes nothing in")  # or has ended, and that is about to be told
            return
        self._timer = asyncio.get_running_loop().call_later(self.config.seconds, self._stuck)

    def _stuck(self) -> None:
        self._break("was silent for too long")

    def _late(self) -> None:
        if not self._ready.is_set():
            self._break("was not ready in time")

    def _break(self, why: str) -> None:
        if self._child is not None:
            self._child.kill(why)
        self._ready.clear()

    def _ended(self, report: ExitReport) -> None:
        self._child = None
        self._ready.clear()
        self._quiet()
        out, self._out = self._out, []
        self._fail(out, "whoever does that has ended over it; try again in a moment")

    def _fail(self, out: list[_Piece], why: str) -> None:
        for wish, _, _ in out:
            if not wish.answer.done():
                wish.answer.set_exception(Gone(why))

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _fate(config: NerConfig) -> str:
    return "calls that need it are refused" if config.when_gone == "refuse" else "calls pass without it"
