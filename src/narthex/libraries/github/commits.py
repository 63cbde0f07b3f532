"""Commits, and what they change.

Knows: lists, single ones, and two points of a history side by side. Refuses to know: files as a whole (`files`).
"""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from narthex import Context, tool
from narthex.libraries.github.addresses import (
    Login,
    Owner,
    Path,
    Ref,
    Repo,
    branch_name,
    file_path,
    in_path,
    ref_name,
    repository,
)
from narthex.libraries.github.api import Asker, next_page
from narthex.libraries.github.repositories import Limit, Page
from narthex.libraries.github.shapes import Changes, Commit, Commits, shortened, within

Point = Annotated[str, Meta(min_length=1, max_length=356)]
Sha = Annotated[str, Meta(min_length=1, max_length=255, description="Commit, branch or tag")]


@tool(title="List commits", read_only=True, open_world=True)
async def list_commits(
    owner: Owner,
    repo: Repo,
    context: Context,
    ref: Ref | None = None,
    path: Path = "",
    author: Login | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Limit = 20,
    page: Page = 1,
) -> Commits:
    """List commits, newest first.

    Args:
        path: Only those that touch this file or directory.
        since: Not before this moment.
        until: Not after this moment.
    """
    file_path(path)  # in the query it is not escaped as a path is, and means the same
    found, reply = await Asker(context).get(
        repository(owner, repo, "commits"),
        list[Commit],
        sha=ref_name(ref) if ref else None,
        path=path.strip("/") or None,
        author=author,
        since=_moment(since),
        until=_moment(until),
        per_page=limit,
        page=page,
    )
    return Commits([_told(one, 1_000) for one in found], next_page(reply, page))


@tool(title="Read a commit", read_only=True, open_world=True)
async def get_commit(owner: Owner, repo: Repo, ref: Sha, context: Context, page: Page = 1) -> Changes:
    """Read a commit: its message, and what it changes."""
    where = repository(owner, repo, "commits", in_path(ref_name(ref)))
    found, reply = await Asker(context).get(where, Commit, per_page=50, page=page)
    files, found.files = found.files, []
    note = within(files)
    return Changes(files, [_told(found, 20_000)], next_page=next_page(reply, page), note=note)


@tool(title="Compare", read_only=True, open_world=True)
async def compare(owner: Owner, repo: Repo, base: Point, head: Point, context: Context, page: Page = 1) -> Changes:
    """Read what leads from one commit, branch or tag to another: commits and changed files.

    Args:
        base: Where to begin; of a fork: `owner:branch`.
        head: Where to end, likewise.
    """
    span = f"{in_path(branch_name(base))}...{in_path(branch_name(head))}"
    found, reply = await Asker(context).get(repository(owner, repo, "compare", span), Changes, per_page=50, page=page)
    found.commits = [_told(one, 1_000) for one in found.commits]
    found.note, found.next_page = within(found.files), next_page(reply, page)
    return found


def _moment(given: datetime | None) -> str | None:
    if given is None:
        return None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).isoformat()


def _told(commit: Commit, most: int) -> Commit:
    commit.commit.message = shortened(commit.commit.message, most) or ""
    commit.files = []
    if commit.author is not None and not commit.author.login:
        commit.author = None  # nobody whom GitHub knows
    return commit
