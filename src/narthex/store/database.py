"""One SQLite file in the state folder: what is made while the gateway runs, and must survive.

Knows: the file, its mode, its journal, numbered migrations, and that one writes at a time. Refuses to know: what the
tables mean, and the event loop: every method may wait for the disk (`store/desk.py` is the thread to call them in).
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from narthex.limits import state_lock_seconds_max
from narthex.store.folder import StateFault
from narthex.store.migrations import MIGRATIONS

FILE = "state.db"
_MODE = 0o600  # SQLite gives its journal the mode of the file

_NOWHERE = (-1, -1)  # what no file has

Mark = tuple[int, int]  # how often a file was opened, and SQLite's own counter of others' writes


class StateDamaged(StateFault):
    """The file is there, and is no database any more."""


class Database:
    """One connection, for one thread at a time. Several processes may have the file open; SQLite takes care of that.

    Raises `StateFault` where the file cannot be used, with what to do.
    """

    __slots__ = ("_connection", "_identity", "_opened", "_seconds", "_steps", "path")

    def __init__(
        self,
        folder: Path,
        lock_seconds: float = state_lock_seconds_max,
        steps: Sequence[str] = MIGRATIONS,
        file: str = FILE,
    ) -> None:
        self.path = folder / file
        self._seconds, self._steps = lock_seconds, steps
        self._opened = 0
        self._connection, self._identity = self._open()

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._telling():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing. Whoever else writes waits, and so do we, `lock_seconds` at most."""
        with self._telling():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def power_safe(self, *, safe: bool) -> None:
        """Whether what is written from now on survives a power cut; what does not is many times as quick. Either way
        it survives the end of any process.
        """
        self.read(f"PRAGMA synchronous = {'FULL' if safe else 'NORMAL'}")

    def mark(self) -> Mark:
        """Another value after another connection wrote, and after another file took the place of ours (which is then
        opened). Costs some microseconds, and waits for nobody who writes.
        """
        if self._identity != self._on_disk():
            self._connection.close()
            self._identity = _NOWHERE
            self._connection, self._identity = self._open()
        # Not the identity of the file: once the old one is closed, the new one may be given its number.
        return self._opened, int(self.read("PRAGMA data_version")[0][0])

    def close(self) -> None:
        self._connection.close()

    # Opening

    def _open(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        with self._telling():
            _make_ours(self.path)
            identity = self._on_disk()  # before: if it is replaced meanwhile, the next look finds that out
            connection = sqlite3.connect(
                self.path, timeout=self._seconds, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            try:
                journal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
                if journal != "wal":
                    raise StateFault(
                        f"{self.path} needs a file system with shared memory; `state:` names another folder."
                    )
                connection.execute("PRAGMA synchronous = FULL")  # what was said to be done survives a power cut
                connection.execute("PRAGMA trusted_schema = OFF")
                _migrate(connection, self.path, self._steps)
            except BaseException:
                connection.close()
                raise
        self._opened += 1
        return connection, identity

    def _on_disk(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_dev, found.st_ino

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What SQLite says, as an operator can use it."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                busy = f"Another process has been writing to {self.path} for {self._seconds:g} s."
                raise StateFault(f"{busy} Find it: fuser {self.path}") from None
            raise StateFault(f"{self.path} cannot be used: {error}.") from None
        except sqlite3.DatabaseError as error:
            raise StateDamaged(
                f"{self.path} is damaged ({error}). Restore a copy, or remove it: what it held is lost."
            ) from None
        except StateFault:
            raise
        except OSError as error:
            raise StateFault(f"{self.path} cannot be used: {error.strerror or error}.") from None


def _make_ours(path: Path) -> None:
    """The file, for its owner alone, before SQLite would make it by the umask.

    Never opened once it is there: closing it would free the locks that this process holds on it through SQLite.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        _create(path)
        return
    if not stat.S_ISREG(found.st_mode):
        raise StateFault(f"{path} is not a plain file.")
    if found.st_mode & 0o077:
        path.chmod(_MODE)


def _create(path: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600; an empty file is a database
    try:
        if os.geteuid() == 0:
            # Root makes a key for a gateway that runs as somebody else: who owns the folder must be able to read it.
            folder = path.parent.stat()
            os.fchown(handle, folder.st_uid, folder.st_gid)
        os.close(handle)
        os.link(name, path)  # unlike a renaming, it never replaces
    except FileExistsError:
        pass  # another process was quicker
    finally:
        Path(name).unlink()


def _migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    if _version(connection) == len(steps):
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        version = _version(connection)  # another process may have been quicker
        if version > len(steps):
            raise StateFault(
                f"{path} was written by a newer version of Narthex (step {version}, and this one knows "
                f"{len(steps)}). Use that version, or another state folder."
            )
        for step in steps[version:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(step: str) -> Iterator[str]:
    """One by one, each ending at the end of a line, because `executescript` would end our transaction first."""
    text = ""
    for line in step.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
    assert not text.strip(), "a step ends with a semicolon"


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
