"""Files by their names and by what is in them, within a bounded time.

Knows: how a tree is walked without leaving it. Refuses to know: what a search is for.
"""

import os
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

from narthex import ToolError
from narthex.libraries.files.folder import Folder, depth_max, open_file, open_folder, told
from narthex.libraries.files.reading import encoding_of, lines_of

seconds_max = 10.0
entries_max = 50_000  # looked at in one search
folder_entries_max = 10_000  # of one folder
shown_chars_max = 300  # of a line in which something was found


@dataclass(frozen=True, slots=True)
class Match:
    """A file; and, where a text was looked for, a line of it."""

    path: str
    line: int | None = None
    text: str | None = None


@dataclass(slots=True)
class Found:
    """`complete`: everything was looked at. If it was not, `note` says why, and how to get further."""

    matches: list[Match] = field(default_factory=list)
    files_searched: int = 0
    complete: bool = True
    note: str = ""


class Seen(NamedTuple):
    """One file on the way, in a folder that is open as long as it is looked at."""

    path: str
    folder: int
    name: str


class _Enough(Exception):
    """The search ends here; the text says why."""


def search(folder: Folder, path: str, name: str, text: str, most: int, check: Callable[[], None]) -> Found:
    found, ends = Found(), time.monotonic() + seconds_max

    def look() -> None:
        check()
        if time.monotonic() > ends:
            raise _Enough(f"It was ended after {seconds_max:g} seconds. Search a folder below, or for a narrower name.")

    parts = folder.parts(path)
    with (
        told(path),
        folder.below(parts) as descriptor,
        closing(_walk(folder, descriptor, "/".join(parts), look)) as files,
    ):
        try:
            for number, seen in enumerate(files):
                if number >= entries_max:
                    raise _Enough(f"Only {entries_max} files were looked at. Search a folder below.")
                look()
                if _named(seen, name):
                    _take(found, seen, text, most, look)
        except _Enough as reason:
            found.complete, found.note = False, str(reason)
    return found


def _take(found: Found, seen: Seen, text: str, most: int, look: Callable[[], None]) -> None:
    found.files_searched += 1
    with closing(_lines_with(seen, text, look)) as matches:
        for match in matches if text else [Match(seen.path)]:
            if len(found.matches) == most:
                raise _Enough(f"There are more than {most}. Look for something narrower, or raise `limit`.")
            found.matches.append(match)


def _lines_with(seen: Seen, text: str, look: Callable[[], None]) -> Generator[Match, None, None]:
    wanted = text.casefold()
    try:
        with open_file(seen.folder, seen.name) as file:
            encoding = encoding_of(file)
            if encoding is None:
                return
            with closing(lines_of(file, encoding, look)) as lines:
                for number, line in enumerate(lines, 1):
                    if wanted in line.casefold():
                        yield Match(seen.path, number, line.strip()[:shown_chars_max])
    except (OSError, ToolError):
        return  # not ours to read, gone meanwhile, or endless: the others are looked at


def _walk(
    folder: Folder, descriptor: int, above: str, look: Callable[[], None], depth: int = depth_max
) -> Generator[Seen, None, None]:
    """Every file below, in the order of its path. Links are passed over."""
    look()  # there may be folders upon folders, and no file
    with os.scandir(descriptor) as listed:
        entries = sorted(islice(listed, folder_entries_max + 1), key=lambda one: one.name)
    if len(entries) > folder_entries_max:
        raise _Enough(f"'{above or '.'}' holds more than {folder_entries_max} things. Search other folders.")
    for entry in entries:
        if not folder.shows(entry.name):
            continue
        path = f"{above}/{entry.name}" if above else entry.name
        try:
            if entry.is_file(follow_symlinks=False):
                yield Seen(path, descriptor, entry.name)
                continue
            if depth == 0 or not entry.is_dir(follow_symlinks=False):
                continue
            inner = open_folder(entry.name, descriptor)
        except OSError:
            continue  # gone, or another thing by now, or not ours to read
        try:
            yield from _walk(folder, inner, path, look, depth - 1)
        finally:
            os.close(inner)


def _named(seen: Seen, pattern: str) -> bool:
    whole = seen.path if "/" in pattern else seen.name
    return fnmatchcase(whole.casefold(), pattern.casefold())
