"""The state folder: where it is, that it is ours alone, and how files in it are replaced.

Knows: paths, modes, atomic renames, one lock file. Refuses to know: what the files say.
"""

import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from narthex.limits import state_lock_seconds_max
from narthex.model.config import Config

_LOCK_POLL_SECONDS = 0.01
_REMEDY = "Set `state:` in the configuration to a folder that this user can write to, or make this one writable."


class StateFault(OSError):
    """The state folder cannot be used. The text says what to do. An `OSError`, like any other trouble with a disk."""


def folder_of(config: Config, environ: Mapping[str, str]) -> Path:
    """Where this configuration's state lives: `state:`, or below the user's state folder (XDG base directories)."""
    if config.state is not None:
        return _expanded(config.state)
    base = environ.get("XDG_STATE_HOME", "")
    # A relative path there is invalid and to be ignored, says the XDG specification.
    root = Path(base) if base.startswith("/") else _expanded("~/.local/state")
    return root / "narthex" / _as_file_name(config.name)


def prepared(folder: Path) -> Path:
    """The folder, made if it was not there (mode 0700), and proven to be writable. `StateFault` otherwise."""
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            give(folder, folder.parent)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"narthex")
    except OSError as error:
        raise _fault(folder, error) from None
    return folder


def served_before(folder: Path, file: Path) -> Path | None:
    """Another configuration file that this folder has kept the state of, if it is still there; now it is this one's."""
    note, own = folder / "configuration", str(file.absolute())
    try:
        before = note.read_text("utf-8", "replace")
    except FileNotFoundError:
        before = ""
    if before != own:
        replace_file(note, own.encode("utf-8", "replace"))
    return Path(before) if before not in ("", own) and Path(before).is_file() else None


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that every reader, and a machine that loses power, sees the old one or the new one whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            give(handle, path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def locked(folder: Path, seconds: float = state_lock_seconds_max) -> Iterator[None]:
    """One process at a time changes what several share. The system frees the lock of a process that dies."""
    path = folder / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _fault(folder, error) from None
    try:
        give(handle, folder)
        _take(handle, path, seconds)
        yield
    finally:
        os.close(handle)


def give(made: int | Path, folder: Path) -> None:
    """What root makes beside a gateway that runs as somebody else belongs to whoever owns the folder: they read it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def _take(handle: int, path: Path, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                raise StateFault(f"Another process has held {path} for {seconds:g} s. Find it: fuser {path}") from None
            time.sleep(_LOCK_POLL_SECONDS)
        except OSError as error:  # a file system without locks
            raise _fault(path.parent, error) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise StateFault(f"The folder {path} cannot be found: this user has no home. {_REMEDY}") from None


def _as_file_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:64].lstrip(".") or "_"
    return plain if plain == name else f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _fault(folder: Path, error: OSError) -> StateFault:
    return StateFault(f"The state folder {folder} cannot be used: {error.strerror or error}. {_REMEDY}")
