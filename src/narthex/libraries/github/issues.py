"""Issues, and what can be found among issues and pull requests.

Knows: how they are listed, searched, read and opened. Refuses to change one that is there.
"""

from typing import Annotated, Literal

from msgspec import Meta

from narthex import Context, ToolError, tool
from narthex.libraries.github import bounds
from narthex.libraries.github.addresses import Login, Number, Owner, Repo, repository
from narthex.libraries.github.api import Asker, next_page
from narthex.libraries.github.repositories import Limit, Page, Query
from narthex.libraries.github.shapes import Comment, Issue, Issues, IssueWithComments, Made, brief, shortened

Title = Annotated[str, Meta(min_length=1, max_length=256)]
Body = Annotated[str, Meta(max_length=65_536, description="Markdown")]
LabelName = Annotated[str, Meta(min_length=1, max_length=50, pattern="^[^,\\x00-\\x1f]+$")]
Labels = Annotated[list[LabelName], Meta(max_length=20)]
State = Literal["open", "closed", "all"]
WRITE = "github:write"  # the scope of everything that changes something


@tool(title="Search issues", read_only=True, open_world=True)
async def search_issues(
    query: Query,
    context: Context,
    kind: Literal["issue", "pull-request"] = "issue",
    owner: Owner | None = None,
    repo: Repo | None = None,
    state: State = "all",
    sort: Literal["best", "created", "updated", "comments"] = "best",
    limit: Limit = 10,
    page: Page = 1,
) -> Issues:
    """Find issues or pull requests, everywhere or of one owner or repository.

    Args:
        query: Words, and GitHub's qualifiers such as `label:bug`, `author:octocat`, `created:>2026-01-01`.
    """
    words = [query, f"is:{kind}", *([f"state:{state}"] if state != "all" else []), *_within(owner, repo)]
    order = None if sort == "best" else sort
    found, reply = await Asker(context).get(
        "/search/issues", Issues, q=" ".join(words), sort=order, per_page=limit, page=page
    )
    found.items = [brief(one) for one in found.items[:limit]]
    found.next_page = next_page(reply, page)
    return found


@tool(title="List issues", read_only=True, open_world=True)
async def list_issues(
    owner: Owner,
    repo: Repo,
    context: Context,
    state: State = "open",
    labels: Labels | None = None,
    assignee: Login | None = None,
    sort: Literal["created", "updated", "comments"] = "created",
    limit: Limit = 20,
    page: Page = 1,
) -> Issues:
    """List the issues of a repository, newest first. Pull requests are not among them: see list_prs.

    Args:
        labels: Only issues that have all of these.
    """
    found, reply = await Asker(context).get(
        repository(owner, repo, "issues"),
        list[Issue],
        state=state,
        labels=",".join(labels) if labels else None,
        assignee=assignee,
        sort=sort,
        per_page=limit,
        page=page,
    )
    items = [brief(one) for one in found if one.pull_request is None]
    return Issues(items, next_page=next_page(reply, page))


@tool(title="Read an issue", read_only=True, open_world=True)
async def get_issue(
    owner: Owner, repo: Repo, number: Number, context: Context, *, comments: bool = True, page: Page = 1
) -> IssueWithComments:
    """Read an issue, or what was said about a pull request, with its comments.

    Args:
        comments: Whether the comments are read, too, 50 at a time.
        page: Which 50 comments.
    """
    asker, where = Asker(context), repository(owner, repo, "issues", str(number))
    issue, _ = await asker.get(where, Issue)
    issue.body, issue.pull_request = shortened(issue.body), None
    if not comments or not issue.comments:
        return IssueWithComments(issue)
    found, reply = await asker.get(f"{where}/comments", list[Comment], per_page=bounds.comments_max, page=page)
    for one in found:
        one.body = shortened(one.body, bounds.comment_chars_max)
    more = next_page(reply, page)
    return IssueWithComments(issue, found, f"There are more comments: page={more}." if more else "")


@tool(
    title="Open an issue",
    scopes=[WRITE],
    approval={"by": "caller"},
    read_only=False,
    destructive=False,
    idempotent=False,
    open_world=True,
)
async def create_issue(
    owner: Owner,
    repo: Repo,
    title: Title,
    context: Context,
    body: Body = "",
    labels: Labels | None = None,
    assignees: Annotated[list[Login], Meta(max_length=10)] | None = None,
) -> Made:
    """Open an issue in a repository. Everybody who can see the repository can read it."""
    given = {"title": title, "body": body, "labels": labels, "assignees": assignees}
    said = {name: value for name, value in given.items() if value}
    return await Asker(context).post(repository(owner, repo, "issues"), said, Made)


def _within(owner: str | None, repo: str | None) -> list[str]:
    if repo is not None and owner is None:
        raise ToolError("A repository has an owner: give both.")
    if owner is None:
        return []
    repository(owner, repo or "any")  # refuses what would be more than a name
    return [f"repo:{owner}/{repo}"] if repo is not None else [f"user:{owner}"]
