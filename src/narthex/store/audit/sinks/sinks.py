"""The sinks of a process: a thread each, which reads what was written and hands it on.

Knows: places, locks, waits. Refuses to know: how a sink is spoken to.

Nobody who writes waits for a sink: the folder is its buffer, and the place up to which it has everything is kept in
`sinks/NAME.json`. So a receiver that was away, or a gateway that was, misses nothing that is still in the folder; what
was on its way when either ended comes twice. Where processes share a folder, one of them serves each sink.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from narthex import __version__
from narthex.limits import (
    audit_follow_seconds,
    audit_sink_batch_records_max,
    audit_sink_retry_seconds_max,
    audit_sink_retry_seconds_min,
)
from narthex.model.audit_config import SinkConfig
from narthex.store.audit.file import Lock
from narthex.store.audit.follow import Follower, Item, Place
from narthex.store.audit.sinks.files import FileSink, StdoutSink
from narthex.store.audit.sinks.otlp import OtlpSink, Rejected
from narthex.store.audit.sinks.sink import Sink, SinkFault
from narthex.store.audit.sinks.syslog import SyslogSink
from narthex.store.audit.sinks.webhook import WebhookSink
from narthex.store.folder import replace_file

FOLDER = "sinks"
_SAVE_SECONDS = 1.0  # between two writings of a place; what is sent twice after a crash
_LOCK_SECONDS = 1.0  # between two looks whether the process that served a sink is gone
Say = Callable[[str, str], None]


class Sinks:
    """All of them."""

    def __init__(self, folder: Path, chain: str, configs: Sequence[SinkConfig], say: Say) -> None:
        self.all = tuple(Runner(folder, chain, config, make(config), say) for config in configs)

    def start(self) -> None:
        for runner in self.all:
            runner.start()

    def close(self, seconds: float) -> None:
        """Hand on what was written until now, and end; give up after `seconds`."""
        ends = time.monotonic() + seconds
        for runner in self.all:
            runner.stop()
        for runner in self.all:
            runner.join(max(0.0, ends - time.monotonic()))


def make(config: SinkConfig) -> Sink:
    """The sink that is meant; `wrong_with` has found it sound."""
    if config.type == "file":
        return FileSink(Path(config.path or "").expanduser())
    if config.type == "syslog":
        return SyslogSink(config.address or "", config.facility, config.timeout_seconds)
    if config.type == "otlp":
        return OtlpSink(config.url or "", config.headers, __version__, config.timeout_seconds)
    if config.type == "webhook":
        return WebhookSink(config.url or "", config.headers, config.secret, config.timeout_seconds)
    return StdoutSink()


class Runner:
    """One sink and its thread. `behind`: why it does not take anything at the moment."""

    def __init__(self, folder: Path, chain: str, config: SinkConfig, sink: Sink, say: Say) -> None:
        self.name = config.called
        self.sent = 0
        self.behind = ""
        self._folder = folder
        self._chain = chain
        self._own = config.type == "stdout"  # what is said to this process's output is its own
        self._sink = sink
        self._say = say
        self._stop = threading.Event()
        self._saved_at = 0.0
        self._dirty = False
        self._missed = 0
        self._thread = threading.Thread(target=self._run, name=f"narthex-audit-{self.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    @property
    def _places(self) -> Path:
        return self._folder / FOLDER / f"{self.name}.json"

    def _run(self) -> None:
        lock = None if self._own else self._lead()
        if lock is None and not self._own:
            return  # somebody else served it all the time
        follower = self._follower()
        try:
            while not self._stop.is_set():
                if not self._step(follower):
                    self._stop.wait(audit_follow_seconds)
            while self._step(follower):  # what was written before the end; one attempt each
                continue
        finally:
            self._sink.close()
            if lock is not None:
                lock.release()

    def _lead(self) -> Lock | None:
        """Wait until nobody else serves this sink; None when it is the end."""
        path = self._folder / FOLDER / f"{self.name}.lock"
        while not self._stop.is_set():
            try:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                lock = Lock.take(path, attempts=1)
            except OSError as error:
                self._away(f"{path}: {error.strerror or error}")
                lock = None
            if lock is not None:
                return lock
            self._stop.wait(_LOCK_SECONDS)
        return None

    def _follower(self) -> Follower:
        if self._own:
            return Follower(self._folder, only=self._chain)
        try:
            return Follower(self._folder, msgspec.json.decode(self._places.read_bytes(), type=dict[str, Place]))
        except (OSError, msgspec.MsgspecError):  # new, or damaged: from now on
            follower = Follower(self._folder)
            try:
                follower.skip(but=self._chain)
            except OSError as error:
                self._say("warning", f"The audit sink {self.name} gets everything: {error.strerror or error}.")
            return follower

    def _step(self, follower: Follower) -> bool:
        """Read and hand on one batch; False where there is none, or where it was not taken at the end."""
        try:
            items = follower.read(audit_sink_batch_records_max)
        except OSError as error:
            self._away(str(error.strerror or error))
            return False
        if follower.missed > self._missed:
            self._missed = follower.missed
            self._say("warning", f"The audit sink {self.name} missed segments that were removed before it was back.")
        taken = bool(items) and self._hand_on(items)
        self._dirty = self._dirty or taken
        if taken or not items:
            self._save(follower, idle=not items)
        return taken

    def _hand_on(self, items: Sequence[Item]) -> bool:
        wait = audit_sink_retry_seconds_min
        while True:
            try:
                self._send(items)
            except SinkFault as fault:
                self._away(str(fault))
                if self._stop.wait(min(max(wait, fault.retry_seconds or 0.0), audit_sink_retry_seconds_max)):
                    return False
                wait = min(wait * 2, audit_sink_retry_seconds_max)
            else:
                self.sent += len(items)
                if self.behind:
                    self.behind = ""
                    self._say("info", f"The audit sink {self.name} takes records again.")
                return True

    def _send(self, items: Sequence[Item]) -> None:
        try:
            self._try(items)
        except Rejected as rejected:
            self._say("error", f"The audit sink {self.name}: {rejected}.")
        except SinkFault as fault:
            if not fault.too_large:
                raise
            if len(items) == 1:
                self._say("error", f"The audit sink {self.name} cannot take a record of {len(items[0].line)} bytes.")
                return
            self._send(items[: len(items) // 2])
            self._send(items[len(items) // 2 :])

    def _try(self, items: Sequence[Item]) -> None:
        try:
            self._sink.send(items)
        except SinkFault:
            raise
        except Exception as error:  # noqa: BLE001 - a surprise must not end the thread, and with it the sink
            raise SinkFault(type(error).__name__) from None  # its text may hold a header, or a URL

    def _away(self, why: str) -> None:
        if not self.behind:
            self._say("warning", f"The audit sink {self.name} takes nothing: {why}. It gets later what it misses now.")
        self.behind = why

    def _save(self, follower: Follower, *, idle: bool) -> None:
        now = time.monotonic()
        if self._own or not self._dirty or not (idle or self._stop.is_set() or now - self._saved_at >= _SAVE_SECONDS):
            return
        try:
            replace_file(self._places, msgspec.json.encode(follower.places))
        except OSError as error:
            self._say("warning", f"The place of the audit sink {self.name} cannot be kept: {error.strerror or error}.")
            return
        self._dirty, self._saved_at = False, now
