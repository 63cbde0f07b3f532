"""The keys that seal session ids, cursors and request states: one file, for this user alone.

Knows: how keys are made, kept and replaced. Refuses to seal, and to print a key.
"""

import os
from base64 import b64decode, b64encode
from pathlib import Path

import msgspec

from narthex.limits import sealing_keys_kept
from narthex.store.folder import StateFault, locked, replace_file
from narthex.wire.ring import KEY_BYTES

FORMAT = 1
FILE = "keys.json"


class Ring(msgspec.Struct, frozen=True):
    """What the file says: the newest key first."""

    format: int
    keys: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Ring {len(self.keys)} keys>"


def load_keys(folder: Path, name: str = FILE) -> tuple[bytes, ...]:
    """The keys, the sealing one first; made on the first start. Gateways that start at once end with the same."""
    path = folder / name
    if not path.exists():
        with locked(folder):
            if not path.exists():
                return _write(path, (os.urandom(KEY_BYTES),))
    return _read(path)


def rotate(folder: Path) -> tuple[bytes, ...]:
    """Seal with a new key from now on; what the last one sealed still opens, what was sealed before that does not."""
    with locked(folder):
        path = folder / FILE
        kept = _read(path)[: sealing_keys_kept - 1] if path.exists() else ()
        return _write(path, (os.urandom(KEY_BYTES), *kept))


def _write(path: Path, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
    ring = Ring(FORMAT, tuple(b64encode(key).decode("ascii") for key in keys))
    try:
        replace_file(path, msgspec.json.encode(ring))
    except OSError as error:
        raise StateFault(f"The sealing keys cannot be written to {path}: {error.strerror or error}.") from None
    return keys


def _read(path: Path) -> tuple[bytes, ...]:
    # A damaged file is not replaced silently: other processes may hold its keys, and ours would then refuse theirs.
    remedy = "Remove the file to have a new key made; open sessions then start anew."
    try:
        ring = msgspec.json.decode(path.read_bytes(), type=Ring)
        keys = tuple(b64decode(key, validate=True) for key in ring.keys)
    except OSError as error:
        raise StateFault(f"The sealing keys in {path} cannot be read: {error.strerror or error}.") from None
    except (msgspec.MsgspecError, ValueError):
        raise StateFault(f"The sealing keys in {path} are damaged. {remedy}") from None
    if ring.format != FORMAT or not keys or any(len(key) != KEY_BYTES for key in keys):
        raise StateFault(f"The sealing keys in {path} are not of a form that this version knows. {remedy}")
    return keys
