"""The audit log of one process, put together: journal, keeper, syncer, sinks.

Knows: the order in which they begin and end. Refuses to know: what is recorded.

`open` and `close` wait for the disk; call them in a thread. `append` does not leave the operating system.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from narthex.limits import audit_close_seconds_max
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.audit_config import AuditConfig
from narthex.store.audit.arguments import ArgumentsDigest
from narthex.store.audit.chain import Chain
from narthex.store.audit.compression import compress_ended
from narthex.store.audit.file import Lock, Opener, open_new
from narthex.store.audit.journal import Journal, Say
from narthex.store.audit.keeper import Keeper
from narthex.store.audit.key import Signer, load_signer
from narthex.store.audit.links import links
from narthex.store.audit.names import lock_path, new_chain
from narthex.store.audit.recovery import recover
from narthex.store.audit.retention import retire
from narthex.store.audit.sinks.sinks import Sinks
from narthex.store.audit.syncer import Syncer
from narthex.store.audit.watch import Watch
from narthex.store.folder import StateFault, locked, prepared

FOLDER = "audit"


def audit_folder(state: Path, config: AuditConfig) -> Path:
    """Where the segments are."""
    return Path(config.folder).expanduser() if config.folder is not None else state / FOLDER


class AuditLog:
    """Made by `open`. Everything may be called from any thread, but for `durable`."""

    def __init__(self, journal: Journal, digest: ArgumentsDigest, signer: Signer, lock: Lock, sinks: Sinks) -> None:
        self.journal = journal
        self.digest = digest
        self.sinks = sinks
        self.append: Callable[[AuditRecord], int] = journal.append
        self.extend = journal.extend
        self._signer = signer
        self._lock = lock
        self._closed = False
        self._syncer = Syncer(journal) if journal.config.durability == "power" else None
        self._watch = Watch(journal)
        self._keeper = Keeper(journal, self._house, syncs=self._syncer is None)

    @classmethod
    def open(cls, state: Path, config: AuditConfig, say: Say, opener: Opener = open_new) -> "AuditLog":
        """Close what dead processes left, and begin a chain. A full disk does not keep a gateway from starting.

        Raises `StateFault` where folder or keys cannot be used at all.
        """
        folder = prepared(audit_folder(state, config))
        signer, digest = load_signer(state), ArgumentsDigest.load(state)
        name = new_chain()
        try:
            lock = Lock.take(lock_path(folder, name))
            recover(folder, signer, say, by=name)
            after = links(folder, but=name)
        except OSError as error:
            raise StateFault(f"The audit folder {folder} cannot be used: {error.strerror or error}.") from None
        assert lock is not None, "nobody else knows the name"
        journal = Journal(folder, Chain(name, signer), config, say, opener)
        journal.after = after
        journal.start()
        log = cls(journal, digest, signer, lock, Sinks(folder, name, config.sinks, say))
        log._begin()
        return log

    def __repr__(self) -> str:
        return f"<AuditLog {self.journal!r}>"

    @property
    def trouble(self) -> str | None:
        """Why nothing can be recorded at the moment, in one sentence; None where all is well."""
        down = self.journal.down
        return None if down is None else f"The audit log cannot be written: {down.error}."

    async def durable(self, seq: int) -> None:
        """Wait until a record is as safe as the operator wants it: at once, or on the disk (`durability: power`).

        Raises AuditUnavailable.
        """
        if self._syncer is not None and seq > 0:
            await self._syncer.durable(seq)

    def close(self) -> None:
        """End the chain, close what is open as unknown, end the threads."""
        if self._closed:
            return
        self._closed = True
        self.journal.close()
        if self._syncer is not None:
            self._syncer.stop(audit_close_seconds_max)
        self._keeper.stop(audit_close_seconds_max)
        self._watch.stop(audit_close_seconds_max)
        self.sinks.close(audit_close_seconds_max)
        if self.journal.complete:
            self._lock.remove()
        else:
            self._lock.release()

    def _begin(self) -> None:
        if self._syncer is not None:
            self._syncer.start()
        self._keeper.start()
        self._watch.start()
        self.sinks.start()

    def _house(self, stopping: threading.Event) -> None:
        """Compress and retire. One process at a time does it for all that share the folder."""
        journal, config = self.journal, self.journal.config
        try:
            with locked(journal.folder):
                gone = retire(journal.folder, self._signer, time.time(), config.keep_days, config.keep_bytes)
                if config.compress:
                    compress_ended(journal.folder, stopping.is_set)
        except StateFault:
            return  # another process is at it
        except OSError as error:
            journal.say("warning", f"The audit folder cannot be put in order: {error.strerror or error}.")
            return
        for segment in gone:
            with suppress(AuditUnavailable):
                journal.append(AuditRecord(kind="act", action="audit.removed", target=segment.path.name))
