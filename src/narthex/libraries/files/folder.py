"""One folder, and what is below it, opened so that nothing leads out of it.

Knows: how a path is walked without following a link, whoever moves things meanwhile. Refuses to know: what is in the
files, and what may be done with them.

Each part of a path is opened relative to the part before it, by descriptor, and never through a link. So there is no
moment between a look and a use in which something could be put in place of what was looked at.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from narthex import ToolError

path_chars_max = 1_000
depth_max = 32
_UNSAYABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and bytes that are no text
_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # the operator's own folder may be a link
_FOLDER = _ROOT | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe would wait for its other end
_WORDS = {
    errno.ENOENT: "There is no '{}'. list_files says what is there.",
    errno.ENOTDIR: "'{}' leads through something that is no folder, or is a link: links are not followed.",
    errno.ELOOP: "'{}' is a link, and links are not followed.",
    errno.EISDIR: "'{}' is a folder.",
    errno.EEXIST: "There is a '{}' already.",
    errno.EACCES: "'{}' is not open to this library. Only its operator can change that.",
    errno.EPERM: "'{}' is not open to this library. Only its operator can change that.",
    errno.EROFS: "'{}' is on a disk that takes no changes.",
    errno.ENOSPC: "The disk is full, so '{}' could not be written.",
    errno.ENAMETOOLONG: "A name in '{}' is too long for this disk.",
}


class Folder:
    """`hidden`: names that begin with a point are there, too."""

    def __init__(self, place: Path, *, hidden: bool = False) -> None:
        if not place.is_dir():
            raise ValueError(f"the setting `folder` is {place}, and there is no such folder")
        self._place, self._hidden = place, hidden

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Folder":
        """Raises ValueError, for the operator."""
        place, hidden = settings.get("folder"), settings.get("hidden", False)
        if not isinstance(place, str) or not place:
            raise ValueError("the setting `folder` has to name the folder whose files are served")
        if not isinstance(hidden, bool):
            raise ValueError("the setting `hidden` is true or false")
        return cls(Path(place).expanduser().absolute(), hidden=hidden)

    def shows(self, name: str) -> bool:
        """Whether a name is one that can be said, and is meant to be seen."""
        return (self._hidden or not name.startswith(".")) and not _UNSAYABLE.search(name)

    def parts(self, path: str) -> tuple[str, ...]:
        """Raises ToolError for a path that cannot be meant."""
        if len(path) > path_chars_max:
            raise ToolError(f"The path is longer than {path_chars_max} characters.")
        if path.startswith("/"):
            raise ToolError("A path begins below the folder: 'notes/a.md', not '/notes/a.md'.")
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if ".." in parts:
            raise ToolError("A path cannot go up: write it without '..'.")
        if len(parts) > depth_max:
            raise ToolError(f"The path has more than {depth_max} parts.")
        if not all(self.shows(part) for part in parts):
            raise ToolError(_WORDS[errno.ENOENT].format(ascii(path)[1:-1]))  # whether it is there is not told
        return parts

    @contextmanager
    def below(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """The descriptor of a folder. `make`: folders that are missing on the way are made."""
        descriptor = os.open(self._place, _ROOT)
        try:
            for part in parts:
                if make:
                    _made(part, descriptor)
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def above(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder in which something is, and its name there."""
        parts = self.parts(path)
        if not parts:
            raise ToolError("Name a file, not the folder itself.")
        with self.below(parts[:-1], make=make) as descriptor:
            yield descriptor, parts[-1]

    @contextmanager
    def file(self, path: str) -> Iterator[BinaryIO]:
        with told(path), self.above(path) as (descriptor, name), open_file(descriptor, name) as found:
            yield found


def open_folder(name: str, descriptor: int) -> int:
    """A folder in a folder. Raises OSError, also for a link."""
    return os.open(name, _FOLDER, dir_fd=descriptor)


def open_file(descriptor: int, name: str, flags: int = _FILE) -> BinaryIO:
    """A file in a folder. Raises OSError; ToolError for whatever else has that name."""
    _plain(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode, name)  # to open a device may do something
    found = os.open(name, flags, dir_fd=descriptor)
    try:
        _plain(os.fstat(found).st_mode, name)  # and this is what was opened
        return os.fdopen(found, "rb" if flags == _FILE else "ab")
    except BaseException:
        os.close(found)
        raise


@contextmanager
def told(path: str) -> Iterator[None]:
    """What the system says against it becomes a sentence for the model, without a place of the machine."""
    try:
        yield
    except OSError as fault:
        words = _WORDS.get(fault.errno or 0, "'{}' could not be used: " + (fault.strerror or "it failed") + ".")
        raise ToolError(words.format(path)) from None
    except UnicodeEncodeError:
        raise ToolError("The path has characters that no name of a file has.") from None


def _plain(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "is a link")
    if not stat.S_ISREG(mode):
        raise ToolError(f"'{name}' is no file, but a device, a pipe or a socket.")


def _made(name: str, descriptor: int) -> None:
    try:
        os.mkdir(name, dir_fd=descriptor)
    except FileExistsError:
        return  # whatever it is: only a folder is opened next
