"""Files are made, replaced, and added to.

Knows: how a file becomes another without ever being half of it. Refuses to know: who may do that.
"""

import errno
import os
import secrets
import stat
from dataclasses import dataclass
from typing import Literal

from narthex import ToolError
from narthex.libraries.files.folder import Folder, open_file, told

text_chars_max = 1_000_000
Way = Literal["create", "replace", "append"]
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ADD = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Written:
    path: str
    bytes: int  # that were written


def write(folder: Folder, path: str, text: str, way: Way) -> Written:
    """Raises ToolError, and leaves the file as it was then."""
    data = text.encode()
    with told(path), folder.above(path, make=way == "create") as (descriptor, name):
        if way == "append":
            _add(descriptor, name, data)
        elif way == "create":
            _fill(descriptor, name, data)
        else:
            _replace(descriptor, name, data)
    return Written("/".join(folder.parts(path)), len(data))


def _replace(descriptor: int, name: str, data: bytes) -> None:
    """Whoever reads meanwhile gets the old file or the new one."""
    before = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    if not stat.S_ISREG(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, "") if stat.S_ISDIR(before.st_mode) else OSError(errno.ELOOP, "")
    beside = f".{secrets.token_hex(8)}.part"
    _fill(descriptor, beside, data, stat.S_IMODE(before.st_mode))
    try:
        os.replace(beside, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except BaseException:
        os.unlink(beside, dir_fd=descriptor)
        raise


def _fill(descriptor: int, name: str, data: bytes, mode: int | None = None) -> None:
    """A new file with this in it, or none."""
    made = os.open(name, _NEW, 0o666, dir_fd=descriptor)  # less the process's own mask
    try:
        with os.fdopen(made, "wb") as file:
            if mode is not None:
                os.fchmod(made, mode)
            file.write(data)
            file.flush()
            os.fsync(made)
    except BaseException:
        os.unlink(name, dir_fd=descriptor)
        raise


def _add(descriptor: int, name: str, data: bytes) -> None:
    with open_file(descriptor, name, _ADD) as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            raise ToolError(f"'{name}' has a second name somewhere else, and is not changed here.")
        file.write(data)
