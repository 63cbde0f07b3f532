"""From what a model wrote to the path of a request.

Knows: which names GitHub and git allow, and how they are escaped. Refuses what could lead anywhere else: no segment of
a path is `.` or `..`, in no spelling, and nothing is empty.
"""

import re
from typing import Annotated
from urllib.parse import quote, unquote

from msgspec import Meta

from narthex import ToolError

Owner = Annotated[
    str, Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$", description="User or organization")
]
Repo = Annotated[
    str, Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9._-]+$", description="Name of the repository")
]
Path = Annotated[str, Meta(max_length=4096, description="Below the root of the repository, without a slash before it")]
Ref = Annotated[
    str, Meta(min_length=1, max_length=255, description="Branch, tag or commit; absent: the default branch")
]
Number = Annotated[int, Meta(ge=1, le=2_147_483_647, description="The number after the #")]
Login = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_\[\]-]+$")]

_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_REPO = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|^[/-]|[/.]$|\.lock(/|$)|(^|/)\.")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_unescaped_max = 3


def repository(owner: str, repo: str, *rest: str) -> str:
    """The path of a repository, and below it what is escaped already."""
    if not _OWNER.fullmatch(owner) or ".." in owner:
        raise ToolError(f"{_shown(owner)} is no owner: it has letters, digits, '-' and '_', like 'octocat'.")
    if not _REPO.fullmatch(repo) or repo in (".", ".."):
        raise ToolError(f"{_shown(repo)} is no repository: give its name alone, like 'hello-world'.")
    return "/".join(("/repos", owner, repo, *(one for one in rest if one)))


def file_path(path: str) -> str:
    """Escaped, segment by segment; empty for the root."""
    path = path.strip("/")
    if not path:
        return ""
    return "/".join(_segment(one, path) for one in path.split("/"))


def ref_name(ref: str) -> str:
    """The same text, if git could have it for a branch, a tag or a commit."""
    if not ref or len(ref) > 255 or _NO_REF.search(ref) or not ref.isprintable():
        raise ToolError(f"{_shown(ref)} is no branch, tag or commit.")
    return ref


def branch_name(text: str) -> str:
    """The same, or that of a fork: `owner:branch`."""
    owner, colon, branch = text.rpartition(":")
    if colon:
        repository(owner, "any")  # refuses what is no owner
    return f"{owner}{colon}{ref_name(branch)}"


def in_path(text: str) -> str:
    """As one segment: a slash in it stays part of it."""
    return quote(text, safe="", errors="replace")


def sha_name(sha: str) -> str:
    if not _SHA.fullmatch(sha):
        raise ToolError("GitHub's answer names no object that could be fetched. Try again later.")
    return sha


def _segment(segment: str, path: str) -> str:
    seen = segment
    for _ in range(_unescaped_max):
        if seen in ("", ".", "..") or "/" in seen or _CONTROL.search(seen) or seen.replace("\\", "/") != seen:
            raise ToolError(f"{_shown(path)} is no path inside of a repository: no '..', no empty parts.")
        seen = unquote(seen, errors="replace")
    return quote(segment, safe="", errors="replace")


def _shown(text: str) -> str:
    return repr(text[:100])
