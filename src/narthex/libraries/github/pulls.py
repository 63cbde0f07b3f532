"""Pull requests.

Knows: how they are listed, read and opened. Refuses to merge one, or to change one that is there.
"""

from typing import Annotated, Literal

from msgspec import Meta

from narthex import Context, tool
from narthex.libraries.github.addresses import Number, Owner, Ref, Repo, branch_name, ref_name, repository
from narthex.libraries.github.api import Asker, next_page
from narthex.libraries.github.issues import WRITE, Body, State, Title
from narthex.libraries.github.repositories import Limit, Page
from narthex.libraries.github.shapes import (
    ChangedFile,
    Changes,
    Made,
    PullRequest,
    PullRequests,
    shortened,
    within,
)

Into = Annotated[str, Meta(min_length=1, max_length=255)]
Head = Annotated[
    str, Meta(min_length=1, max_length=356, description="The branch to be taken over; of a fork: `owner:branch`")
]


@tool(title="List pull requests", read_only=True, open_world=True)
async def list_prs(
    owner: Owner,
    repo: Repo,
    context: Context,
    state: State = "open",
    base: Ref | None = None,
    sort: Literal["created", "updated", "popularity"] = "created",
    limit: Limit = 20,
    page: Page = 1,
) -> PullRequests:
    """List the pull requests of a repository, newest first.

    Args:
        base: Only those that are to be merged into this branch.
    """
    found, reply = await Asker(context).get(
        repository(owner, repo, "pulls"),
        list[PullRequest],
        state=state,
        base=ref_name(base) if base else None,
        sort=sort,
        direction="desc",
        per_page=limit,
        page=page,
    )
    for one in found:
        one.body = None
    return PullRequests(found, next_page(reply, page))


@tool(title="Read a pull request", read_only=True, open_world=True)
async def get_pr(owner: Owner, repo: Repo, number: Number, context: Context) -> PullRequest:
    """Read a pull request: what it is about, and whether it can be merged. get_issue has what was said about it."""
    found, _ = await Asker(context).get(repository(owner, repo, "pulls", str(number)), PullRequest)
    found.body = shortened(found.body)
    return found


@tool(title="Read the diff of a pull request", read_only=True, open_world=True)
async def get_pr_diff(
    owner: Owner, repo: Repo, number: Number, context: Context, limit: Limit = 50, page: Page = 1
) -> Changes:
    """Read what a pull request changes, file by file."""
    where = repository(owner, repo, "pulls", str(number), "files")
    files, reply = await Asker(context).get(where, list[ChangedFile], per_page=limit, page=page)
    note = within(files)
    return Changes(files, next_page=next_page(reply, page), note=note)


@tool(
    title="Open a pull request",
    scopes=[WRITE],
    approval={"by": "caller"},
    read_only=False,
    destructive=False,
    idempotent=False,
    open_world=True,
)
async def create_pr(
    owner: Owner,
    repo: Repo,
    title: Title,
    head: Head,
    base: Into,
    context: Context,
    *,
    body: Body = "",
    draft: bool = False,
) -> Made:
    """Ask for the changes of one branch to be merged into another.

    Args:
        base: The branch that the changes should go into.
    """
    said = {"title": title, "head": branch_name(head), "base": ref_name(base), "body": body, "draft": draft}
    return await Asker(context).post(repository(owner, repo, "pulls"), said, Made)
