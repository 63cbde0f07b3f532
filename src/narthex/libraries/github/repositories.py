"""Repositories: found by words, and their README.

Knows: the search's qualifiers. Refuses to know: what is in a repository otherwise (`files`).
"""

from typing import Annotated, Literal

from msgspec import Meta

from narthex import Context, File, NotFound, tool
from narthex.libraries.github.addresses import repository
from narthex.libraries.github.api import Asker, next_page
from narthex.libraries.github.bounds import items_max, pages_max
from narthex.libraries.github.files import data_of, mime_type_of, text_of
from narthex.libraries.github.shapes import Content, Repositories, shortened

Query = Annotated[str, Meta(min_length=1, max_length=500)]
Limit = Annotated[int, Meta(ge=1, le=items_max, description="At most this many")]
Page = Annotated[int, Meta(ge=1, le=pages_max, description="What the answer before said under next_page")]
Language = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[\w +#.'()/*-]+$")]


@tool(title="Search repositories", read_only=True, open_world=True)
async def search_repos(
    query: Query,
    context: Context,
    language: Language | None = None,
    sort: Literal["stars", "forks", "updated"] = "stars",
    limit: Limit = 10,
    page: Page = 1,
) -> Repositories:
    """Find repositories on GitHub, best first.

    Args:
        query: Words, and GitHub's qualifiers such as `topic:cli`, `user:octocat`, `stars:>100`.
        language: Programming language, like `Python` or `C++`.
        sort: By what they are ordered, most first.
    """
    words = query if language is None else f'{query} language:"{language}"'
    found, reply = await Asker(context).get(
        "/search/repositories", Repositories, q=words, sort=sort, order="desc", per_page=limit, page=page
    )
    found.items = found.items[:limit]
    for one in found.items:
        one.description = shortened(one.description, 500)
    found.next_page = next_page(reply, page)
    return found


async def readme(owner: str, repo: str, context: Context) -> File:
    """The README of a repository, of its default branch."""
    asker = Asker(context)
    found, _ = await asker.get(repository(owner, repo, "readme"), Content)
    data = await data_of(asker, repository(owner, repo), found)
    said = text_of(data)
    if said is None:
        raise NotFound(f"readme://{owner}/{repo}")
    return File(f"readme://{owner}/{repo}", said, mime_type_of(found.path) or "text/plain")
