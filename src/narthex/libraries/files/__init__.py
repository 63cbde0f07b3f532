"""A folder as tools: what is in it, what its files say, and where something stands.

Knows: what a model asks of files. Refuses to know: anything outside of the one folder, and to write unless the
operator said so.

    servers:
      - name: handbook
        python: narthex.libraries.files
        settings: {folder: /srv/handbook}

`hidden: true` shows names that begin with a point, too; `write: true` offers `write_file`, for callers with the scope
`files:write`.
"""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Literal

from msgspec import Meta

from narthex import Context, Library
from narthex.libraries.files import writing
from narthex.libraries.files.folder import Folder, path_chars_max, told
from narthex.libraries.files.reading import Excerpt, excerpt
from narthex.libraries.files.searching import Found, folder_entries_max, search
from narthex.libraries.surroundings import Surroundings


@asynccontextmanager
async def opened(given: Surroundings) -> AsyncIterator[Folder]:
    yield Folder.of(given.settings)


library = Library(
    "files",
    version="1.0.0",
    title="Files",
    instructions="Paths are relative to one folder, like 'notes/today.md'. Links are not followed.",
    lifespan=opened,
)

Path = Annotated[str, Meta(max_length=path_chars_max, examples=["notes/today.md"])]
Some = Annotated[int, Meta(ge=1, le=1_000)]
Kind = Literal["folder", "file", "link", "other"]
lines_usual = 500
_last_second = 253_402_300_799.0  # of the year 9999


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    kind: Kind
    bytes: int
    changed: str


@dataclass(frozen=True, slots=True)
class Listing:
    """`more`: so many are not shown."""

    path: str
    entries: list[Entry]
    more: int


@library.tool(read_only=True)
def list_files(context: Context, path: Path = "", limit: Some = 200) -> Listing:
    """What is in a folder: names, kinds, sizes, and when something was changed last.

    Args:
        path: The folder; empty for the whole.
        limit: How many at most.
    """
    folder: Folder = context.state
    parts = folder.parts(path)
    with told(path), folder.below(parts) as descriptor:
        with os.scandir(descriptor) as listed:
            seen = sorted(one.name for one in islice(listed, folder_entries_max) if folder.shows(one.name))
        entries = [entry for name in seen[:limit] if (entry := _entry(name, descriptor)) is not None]
    return Listing("/".join(parts), entries, max(len(seen) - limit, 0))


@library.tool(read_only=True)
def read_file(
    path: Path,
    context: Context,
    first_line: Annotated[int, Meta(ge=-10_000, le=1_000_000_000)] = 1,
    lines: Annotated[int, Meta(ge=1, le=10_000)] = lines_usual,
) -> Excerpt:
    """Lines of a text file.

    Args:
        path: The file.
        first_line: Where to begin, from 1. Below 0 it counts from the end: -20 begins with the last twenty lines.
        lines: How many at most. `more` in the answer says whether others follow.
    """
    folder: Folder = context.state
    with folder.file(path) as file:
        return excerpt(file, "/".join(folder.parts(path)), first_line or 1, lines, context.check)


@library.tool(read_only=True)
def search_files(
    context: Context,
    name: Annotated[str, Meta(max_length=200, examples=["*.md", "reports/2026-*"])] = "*",
    text: Annotated[str, Meta(max_length=500)] = "",
    path: Path = "",
    limit: Some = 50,
) -> Found:
    """Files by their name, by a text in them, or both. Small and capital letters are the same.

    Args:
        name: What the name of the file is like; `*` stands for anything, `?` for one character. With a `/` in it, it
            is held against the whole path.
        text: What has to stand in a line of the file, word for word; each such line is told. Empty: any file.
        path: The folder to look in, with all that is below; empty for the whole.
        limit: How many at most.
    """
    return search(context.state, path, name, text, limit, context.check)


@library.tool(when="write", scopes=["files:write"], destructive=True)
def write_file(
    path: Path,
    text: Annotated[str, Meta(max_length=writing.text_chars_max)],
    context: Context,
    way: writing.Way = "create",
) -> writing.Written:
    """Write a text file.

    Args:
        path: The file.
        text: What is to stand in it.
        way: `create` a new file, and the folders on the way; `replace` all that is in one; or `append` to its end.
    """
    return writing.write(context.state, path, text, way)


def _entry(name: str, descriptor: int) -> Entry | None:
    try:
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return None  # gone meanwhile
    seconds = min(max(found.st_mtime, 0), _last_second)  # a disk may hold any number
    changed = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return Entry(name, _kind(found.st_mode), found.st_size, changed)


def _kind(mode: int) -> Kind:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"
