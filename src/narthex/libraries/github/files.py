"""Files and directories of a repository.

Knows: what GitHub sends at once, what it sends as a blob, and what of it can be read. Refuses to know: git.
"""

import asyncio
import binascii
import mimetypes
from base64 import b64decode
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, Any

from msgspec import Meta

from narthex import Context, File, Image, ToolError, tool
from narthex.libraries.github import bounds
from narthex.libraries.github.addresses import (
    Owner,
    Path,
    Ref,
    Repo,
    file_path,
    in_path,
    ref_name,
    repository,
    sha_name,
)
from narthex.libraries.github.api import OBJECT, Asker
from narthex.libraries.github.shapes import Content, Entries, Entry, Told

Blocks = list[dict[str, str] | Image | File]
Line = Annotated[int, Meta(ge=1, le=10_000_000, description="Where to begin, if not at the first line")]
Pattern = Annotated[str, Meta(min_length=1, max_length=200, description="Glob for names, like *.py")]
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_LFS = "version https://git-lfs.github.com/spec/"
_KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}  # of trees, as contents call them


class Tree(Told):
    tree: list[Entry]
    truncated: bool = False


class Blob(Told):
    """Always in base64, as it is asked for."""

    content: str


@tool(title="Read a file", read_only=True, open_world=True)
async def get_file(
    owner: Owner, repo: Repo, path: Path, context: Context, ref: Ref | None = None, start_line: Line = 1
) -> Blocks:
    """Read a file of a repository. Long texts come in parts; pictures can be looked at."""
    asker = Asker(context)
    found, data = await _file(asker, owner, repo, path, ref)
    shown = await asyncio.to_thread(_shown, found, data, start_line)
    if shown is not None:
        return [_text(one) for one in shown]
    kind = mime_type_of(found.path) or "application/octet-stream"
    if len(data) > bounds.media_bytes_max:
        return [_text(f"{found.path} is no text: {kind}, {len(data):,} bytes, too many to be shown.")]
    name = _text(f"{found.path}: {kind}, {len(data):,} bytes.")
    if kind in _PICTURES:
        return [name, Image(data, kind)]
    where = f"github://{owner}/{repo}/{file_path(found.path or path)}"
    return [name, File(where, data, kind)]


@tool(title="List a directory", read_only=True, open_world=True)
async def list_directory(
    owner: Owner, repo: Repo, context: Context, path: Path = "", ref: Ref | None = None, *, recursive: bool = False
) -> Entries:
    """List what is in a directory of a repository; with `recursive` all below it, too."""
    asker = Asker(context)
    entries, sha = await _directory(asker, owner, repo, path, ref)
    if not recursive:
        full = len(entries) >= 1_000
        return Entries(
            [_listed(one.path, one) for one in entries],
            "GitHub lists no more than 1,000; use recursive." if full else "",
        )
    if path.strip("/") and not sha:
        raise ToolError("GitHub does not say here what is below a directory. List one at a time, without recursive.")
    inner = repository(owner, repo, "git/trees", sha_name(sha) if sha else in_path(ref_name(ref or "HEAD")))
    found, _ = await asker.get(inner, Tree, recursive=1)
    above = path.strip("/")
    items = [
        _listed(f"{above}/{one.path}" if above else one.path, one) for one in found.tree[: bounds.tree_entries_max]
    ]
    short = found.truncated or len(found.tree) > len(items)
    return Entries(items, "There is more than is listed here: list the directories in it." if short else "")


@tool(title="Read a directory", read_only=True, open_world=True)
async def read_directory(
    owner: Owner, repo: Repo, path: Path, context: Context, ref: Ref | None = None, pattern: Pattern = "*"
) -> Blocks:
    """Read the texts in one directory of a repository at once, up to 20 files."""
    asker = Asker(context)
    entries, _ = await _directory(asker, owner, repo, path, ref)
    files = [one for one in entries if one.type == "file" and fnmatchcase(PurePosixPath(one.path).name, pattern)]
    if not files:
        raise ToolError(f"No file in this directory fits {pattern!r}. list_directory shows what there is.")
    chosen, turns = files[: bounds.directory_files_max], asyncio.Semaphore(bounds.directory_fetches_max)
    room = bounds.text_chars_max // len(chosen)

    async def read(entry: Entry) -> str:
        if (entry.size or 0) > bounds.MIB:
            return f"== {entry.path} ==\n({entry.size:,} bytes: get_file reads it in parts)"
        async with turns:
            try:
                found, data = await _file(asker, owner, repo, entry.path, ref)
            except ToolError as fault:
                return f"== {entry.path} ==\n({fault})"
        said = text_of(data)
        told = "(no text)" if said is None else "\n".join(_lines(found, said, 1, room))
        return f"== {entry.path} ==\n{told}"

    async with asyncio.TaskGroup() as group:
        texts = [group.create_task(read(one)) for one in chosen]
    left = len(files) - len(chosen)
    more = [f"{left} more files fit: choose fewer by `pattern`, or use get_file."] if left else []
    return [_text(one) for one in (*(text.result() for text in texts), *more)]


async def data_of(asker: Asker, at: str, found: Content) -> bytes:
    """What is in a file. `at`: the path of its repository."""
    if found.size > bounds.file_bytes_max:
        most = f"{bounds.file_bytes_max // bounds.MIB} MiB"
        raise ToolError(f"This file has {found.size:,} bytes: more than the {most} that are looked into here.")
    if found.encoding == "base64" and found.content is not None:
        return _decoded(found.content)
    async with asker.large:
        blob, _ = await asker.get(f"{at}/git/blobs/{sha_name(found.sha)}", Blob, most=bounds.blob_bytes_max)
        return await asyncio.to_thread(_decoded, blob.content)


def text_of(data: bytes) -> str | None:
    """None: it is no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _as(data, "utf-16")
    if b"\0" in data[:8_000]:
        return None
    said = _as(data, "utf-8-sig")
    if said is None:  # an old encoding, unless it is full of signs that no text has
        odd = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data[:8_000])
        said = None if odd else data.decode("latin-1")
    return said


def mime_type_of(path: str) -> str | None:
    return "text/markdown" if path.lower().endswith((".md", ".markdown")) else mimetypes.guess_type(path)[0]


async def _file(asker: Asker, owner: str, repo: str, path: str, ref: str | None) -> tuple[Content, bytes]:
    found = await _content(asker, owner, repo, path, ref)
    if isinstance(found, list) or found.type == "dir":
        raise ToolError(f"{path!r} is a directory. list_directory shows what is in it, read_directory reads it.")
    if found.type == "submodule":
        raise ToolError(
            f"{path!r} is another repository: {str(found.submodule_git_url)[:300]}, commit {found.sha[:64]}."
        )
    if found.type == "symlink":
        raise ToolError(f"{path!r} is a link to {str(found.target)[:300]!r}, which is no file of this repository.")
    return found, await data_of(asker, repository(owner, repo), found)


async def _directory(asker: Asker, owner: str, repo: str, path: str, ref: str | None) -> tuple[list[Entry], str]:
    found = await _content(asker, owner, repo, path, ref)
    if isinstance(found, list):
        return found, ""
    if found.type != "dir" or found.entries is None:
        raise ToolError(f"{path!r} is no directory. get_file reads it.")
    return found.entries, found.sha


async def _content(asker: Asker, owner: str, repo: str, path: str, ref: str | None) -> Content | list[Entry]:
    where = repository(owner, repo, "contents", file_path(path))
    kind: Any = Content | list[Entry]
    found: Content | list[Entry]
    found, _ = await asker.get(where, kind, form=OBJECT, ref=ref_name(ref) if ref else None)
    return found


def _shown(found: Content, data: bytes, start: int) -> list[str] | None:
    said = text_of(data)
    return None if said is None else _lines(found, said, start, bounds.text_chars_max)


def _listed(path: str, entry: Entry) -> Entry:
    kind = _KINDS.get(entry.type, entry.type)
    return Entry(path, kind, entry.size if kind == "file" else None)


def _lines(found: Content, said: str, start: int, room: int) -> list[str]:
    """The text from this line on, as far as there is room, and where it goes on."""
    if said.startswith(_LFS):
        return [said[:room], "This is a pointer of Git LFS: the file itself is not in the repository."]
    total = _count(said)
    if start > max(total, 1):
        raise ToolError(f"{found.path} has {total} lines.")
    at = 0
    for _ in range(start - 1):
        at = said.find("\n", at) + 1
    if len(said) - at <= room:
        return [said[at:]]
    end = said.rfind("\n", at, at + room) + 1
    if end == 0:  # one line that is too long
        after = said.find("\n", at)
        size = (len(said) if after < 0 else after) - at
        more = f" Go on with start_line={start + 1}." if start < total else ""
        return [said[at : at + room], f"Line {start} has {size} characters; these are the first {room}.{more}"]
    last = start - 1 + _count(said[at:end])
    return [said[at:end], f"These are lines {start} to {last} of {total}. Go on with start_line={last + 1}."]


def _count(said: str) -> int:
    return said.count("\n") + bool(said and not said.endswith("\n"))


def _text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def _decoded(content: str) -> bytes:
    try:
        return b64decode(content)
    except (binascii.Error, ValueError):
        raise ToolError("GitHub's answer holds no file. Try again later.") from None


def _as(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
