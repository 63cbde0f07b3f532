"""Lines of a text file: as many as were asked for, however large the file and whatever is in it.

Knows: how text is written down, and where an answer has to end. Refuses to know: where the file is.
"""

import codecs
import io
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from narthex import ToolError

KIB, MIB = 1024, 1024 * 1024
head_bytes = 8 * KIB  # by which text is told from anything else
line_chars_max = 2_000
answer_chars_max = 100_000
scanned_bytes_max = 256 * MIB  # on the way to the lines that were asked for
lines_between_checks = 1_000
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`more`: lines follow. Lines are counted from 1."""

    path: str
    first_line: int
    last_line: int
    more: bool
    bytes: int
    encoding: str
    text: str


def excerpt(file: BinaryIO, path: str, first: int, count: int, check: Callable[[], None]) -> Excerpt:
    """`first` below 0 counts from the end. Raises ToolError for what is no text, and what is too far inside."""
    size, encoding = os.fstat(file.fileno()).st_size, encoding_of(file)
    if encoding is None:
        raise ToolError(f"'{path}' is no text, but {size} bytes of something else. It cannot be read here.")
    with closing(lines_of(file, encoding, check)) as lines:
        found, more = _chosen(lines, first, count)
    kept, chars = [], 0
    for _, line in found:
        chars += len(line) + 1
        if chars > answer_chars_max:
            more = True
            break
        kept.append(line)
    begins = found[0][0] if found else max(first, 1)
    if not found and first > 1:
        raise ToolError(f"'{path}' has fewer than {first} lines.")
    return Excerpt(path, begins, begins + len(kept) - 1, more, size, encoding, "\n".join(kept))


def encoding_of(file: BinaryIO) -> str | None:
    """How a text is written down, by its beginning; None: it is none. The file stays at its beginning."""
    head = file.read(head_bytes)
    file.seek(0)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return None
    try:
        whole = len(head) < head_bytes  # else a character may be cut at the end
        codecs.getincrementaldecoder("utf-8")().decode(head, whole)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def lines_of(file: BinaryIO, encoding: str, check: Callable[[], None]) -> Generator[str, None, None]:
    """Each line without its end, the long ones cut. `check` is called now and then, and may raise.

    Whoever asks closes it before the file.
    """
    reader = io.TextIOWrapper(file, encoding, errors="replace")
    try:
        number = 0
        while line := reader.readline(line_chars_max):
            if not line.endswith("\n") and len(line) == line_chars_max:
                rest = _passed_over(reader, check)
                line += f" … ({rest} more characters)" if rest else ""
            number += 1
            if number % lines_between_checks == 0:
                check()
            if file.tell() > scanned_bytes_max:
                raise ToolError(f"The file goes on beyond {scanned_bytes_max // MIB} MiB, which is as far as is read.")
            yield line.removesuffix("\n")
    finally:
        reader.detach()  # the file is closed by whoever opened it


def _passed_over(reader: io.TextIOWrapper, check: Callable[[], None]) -> int:
    passed = 0
    while part := reader.readline(64 * KIB):
        check()
        passed += len(part)
        if part.endswith("\n"):
            return passed - 1
        if passed > scanned_bytes_max:
            raise ToolError(f"A line is longer than {scanned_bytes_max // MIB} MiB, which is as far as is read.")
    return passed


def _chosen(lines: Iterator[str], first: int, count: int) -> tuple[list[tuple[int, str]], bool]:
    """Lines with their numbers, and whether others follow."""
    numbered = enumerate(lines, 1)
    if first > 0:
        found = list(islice(numbered, first - 1, first - 1 + count))
        return found, next(numbered, None) is not None
    last = deque(numbered, maxlen=-first)
    return list(islice(last, count)), len(last) > count
