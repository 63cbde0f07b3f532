"""How segments of one chain begin: a new file under the next number, with its first lines in it, or nothing at all.

Knows: numbers and files. Refuses to know: what the first lines say.
"""

from pathlib import Path
from typing import NamedTuple

from narthex.store.audit.file import Opener, SegmentFile, Torn
from narthex.store.audit.names import segment_path


class Prepared(NamedTuple):
    """A segment that has begun, and is not the journal's yet."""

    file: SegmentFile
    lines: tuple[bytes, ...]
    missed: int  # records that its gap speaks of


class Segments:
    """Of one chain in one folder."""

    __slots__ = ("_chain", "_folder", "_number", "_opener")

    def __init__(self, folder: Path, chain: str, opener: Opener) -> None:
        self._folder = folder
        self._chain = chain
        self._opener = opener
        self._number = 0  # of the last one that was begun

    def new(self) -> SegmentFile:
        """An empty file under the next number. Raises OSError."""
        number = self._number + 1
        try:
            file = SegmentFile(segment_path(self._folder, self._chain, number), number, self._opener)
        except FileExistsError:
            self._number = number  # what could not be withdrawn; the next attempt takes the next number
            raise
        self._number = number
        return file

    def begin(self, file: SegmentFile, lines: list[bytes]) -> None:
        """Write the first lines. Raises Torn, and then the file is gone."""
        try:
            file.write(b"\n".join(lines) + b"\n")
        except Torn:
            self.withdraw(file)
            raise

    def withdraw(self, file: SegmentFile) -> None:
        """A segment that never began leaves nothing behind, not even its number."""
        file.close()
        try:
            file.path.unlink(missing_ok=True)
        except OSError:
            return  # it stays, and its number is taken
        self._number = file.number - 1
