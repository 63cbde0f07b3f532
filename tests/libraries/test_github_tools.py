"""The library `github` against an API that answers as the documented one does: what a model gets."""

import asyncio
import base64
from pathlib import Path

import pytest
from github_kit import KITES, asked, github, headers

from narthex import Library
from narthex.libraries.github import library
from narthex.testing import CallFailed, connect
from process_kit import Far

READING = {
    "search_repos", "get_file", "list_directory", "read_directory", "search_issues", "list_issues", "get_issue",
    "list_prs", "get_pr", "get_pr_diff", "list_commits", "get_commit", "compare",
}  # fmt: skip


def test_what_changes_something_is_scoped_and_approved() -> None:
    tools = {name: tool.definition for name, tool in library.to_server().tools.items()}
    reading = {name for name, one in tools.items() if one["annotations"]["readOnlyHint"]}

    assert reading == READING
    assert tools.keys() - reading == {"create_issue", "create_pr"}
    for name in ("create_issue", "create_pr"):
        assert tools[name]["_meta"]["dev.narthex/required_scopes"] == ["github:write"]
        assert tools[name]["_meta"]["dev.narthex/rules"] == {"approval": {"by": "caller"}}


def test_the_page_tells_of_every_tool() -> None:
    page = (Path(__file__).parents[2] / "docs" / "github.md").read_text("utf-8")

    assert [name for name in library.to_server().tools if f"`{name}`" not in page] == []


async def test_repositories_are_found_page_by_page(far: Far) -> None:
    async with github(far) as client:
        first = (await client.call("search_repos", query="kites", language="C++", limit=50)).structured
        last = (await client.call("search_repos", query="kites", limit=50, page=3, sort="forks")).structured

    assert (first["total_count"], len(first["items"]), first["next_page"]) == (120, 50, 2)
    assert first["items"][0]["full_name"] == "acme/kite-1"
    assert first["items"][0]["license"] == {"spdx_id": "MIT"}
    assert "archived" not in first["items"][0]
    assert (len(last["items"]), "next_page" in last) == (20, False)
    assert asked(far)[0] == (
        "GET /search/repositories?q=kites+language%3A%22C%2B%2B%22&sort=stars&order=desc&per_page=50&page=1"
    )


@pytest.mark.parametrize("wrong", [{"limit": 51}, {"limit": 0}, {"sort": "best"}, {"query": ""}, {"language": 'C"'}])
async def test_wrong_arguments_of_a_search_ask_nobody(far: Far, wrong: dict[str, object]) -> None:
    async with github(far) as client:
        found = await client.call("search_repos", **{"query": "kites", **wrong})

    assert found.is_error
    assert asked(far) == []


async def test_what_github_refuses_is_told_with_its_own_words(far: Far) -> None:
    async with github(far) as client:
        empty = await client.call("search_repos", query="  ")
        beyond = await client.call("search_issues", query="wind", limit=50, page=30)

    assert "Validation Failed; Search.q missing." in empty.text
    assert "Only the first 1000 search results are available" in beyond.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("README.md", "# Kites"),
        ("latin.txt", "Drachen für alle"),
        ("wide.txt", "Drachen für alle"),
        ("a b#c?.txt", "odd"),
        ("100%.txt", "percent"),
        ("/src/app.py", "print('up')"),
        ("model.lfs", "pointer of Git LFS"),
        ("data.bin", "application/octet-stream, 2,048 bytes"),
        ("more.bin", "2,097,152 bytes, too many to be shown"),
        ("one-line.js", "Line 1 has 100000 characters; these are the first 60000."),
    ],
)
async def test_a_file_is_read_whatever_it_is(far: Far, path: str, said: str) -> None:
    async with github(far) as client:
        found = await client.call("get_file", **KITES, path=path)

    assert not found.is_error, found.text
    assert said in found.text


async def test_a_picture_can_be_looked_at(far: Far) -> None:
    async with github(far) as client:
        found = await client.call("get_file", **KITES, path="logo.png")

    assert found.content[1]["mimeType"] == "image/png"
    assert base64.b64decode(found.content[1]["data"]).startswith(b"\x89PNG")


async def test_a_large_file_comes_as_a_blob_and_in_parts(far: Far) -> None:
    async with github(far) as client:
        first = await client.call("get_file", **KITES, path="big.txt")
        rest = await client.call("get_file", **KITES, path="big.txt", start_line=39_999)
        beyond = await client.call("get_file", **KITES, path="big.txt", start_line=50_000)

    shown, note = (block["text"] for block in first.content)
    assert shown.startswith("line 1: ")
    assert note.endswith(f"start_line={shown.count(chr(10)) + 1}.")
    assert rest.text.splitlines()[-1].startswith("line 40000:")
    assert beyond.text == "big.txt has 40000 lines."
    assert [path.partition("/git/")[2][:5] for path in asked(far)[:2]] == ["", "blobs"]


async def test_a_text_in_parts_is_the_whole_text(far: Far) -> None:
    parts, start = [], 1
    async with github(far) as client:
        while start:
            part, *note = (
                block["text"]
                for block in (await client.call("get_file", **KITES, path="big.txt", start_line=start)).content
            )
            parts.append(part)
            start = int(note[0].rpartition("=")[2].rstrip(".")) if note else 0

    assert "".join(parts).splitlines() == [f"line {number}: the wind is from the west" for number in range(1, 40_001)]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("src", "is a directory. list_directory"),
        ("lib", "is another repository: git://x"),
        ("link", "a link to '/etc/passwd', which is no file of this repository"),
        ("huge.iso", "90,000,000 bytes: more than the 5 MiB"),
        ("nothing.py", "Not found, or the token that is used here may not see it."),
    ],
)
async def test_what_is_no_file_is_told(far: Far, path: str, said: str) -> None:
    async with github(far) as client:
        found = await client.call("get_file", **KITES, path=path)

    assert found.is_error
    assert said in found.text


async def test_a_branch_with_a_slash_is_read(far: Far) -> None:
    async with github(far) as client:
        found = await client.call("get_file", **KITES, path="README.md", ref="feature/wind")
        wrong = await client.call("get_file", **KITES, path="README.md", ref="feature/none")
        commit = await client.call("get_commit", **KITES, ref="feature/wind")

    assert found.text.startswith("# Kites")
    assert "No commit found for the ref feature/none" in wrong.text
    assert commit.structured["commits"][0]["author"] == {"login": "ana"}
    assert asked(far)[0].endswith("/contents/README.md?ref=feature%2Fwind")
    assert "/commits/feature%2Fwind?" in asked(far)[2]


async def test_directories_are_listed_and_read(far: Far) -> None:
    async with github(far) as client:
        root = (await client.call("list_directory", **KITES)).structured["items"]
        below = (await client.call("list_directory", **KITES, path="src", recursive=True)).structured
        texts = await client.call("read_directory", **KITES, path="src", pattern="*.py")
        none = await client.call("read_directory", **KITES, path="src", pattern="*.rs")
        file = await client.call("list_directory", **KITES, path="README.md")

    assert {"path": "src", "type": "dir"} in root
    assert {"path": "README.md", "type": "file", "size": 19} in root
    assert [(one["path"], one["type"]) for one in below["items"]] == [("src/app.py", "file"), ("src/deep", "dir")]
    assert texts.text == "== src/app.py ==\nprint('up')\n\n== src/wind.py ==\nWEST = 270\n"
    assert "No file in this directory fits '*.rs'" in none.text
    assert "is no directory" in file.text


async def test_a_directory_is_read_as_far_as_there_is_room(far: Far) -> None:
    async with github(far) as client:
        texts = await client.call("read_directory", **KITES, path="")

    assert "== data.bin ==\n(no text)" in texts.text
    assert "== big.txt ==\n(1,508,894 bytes: get_file reads it in parts)" in texts.text
    assert len(texts.text) < 70_000


async def test_a_readme_is_a_resource(far: Far) -> None:
    async with github(far) as client:
        (template,) = await client.resources()
        said = await client.read("readme://acme/kites")
        with pytest.raises(CallFailed, match="may not see it"):
            await client.read("readme://acme/none")

    assert template["uriTemplate"] == "readme://{owner}/{repo}"
    assert said == "# Kites\n\nThey fly.\n"


async def test_issues_are_searched_listed_and_read(far: Far) -> None:
    async with github(far) as client:
        found = (await client.call("search_issues", query="wind", **KITES, state="open", limit=5)).structured
        listed = (await client.call("list_issues", **KITES, labels=["bug", "good first issue"], limit=10)).structured
        read = (await client.call("get_issue", **KITES, number=7)).structured
        plain = (await client.call("get_issue", **KITES, number=7, comments=False)).structured

    assert "q=wind+is%3Aissue+state%3Aopen+repo%3Aacme%2Fkites&" in asked(far)[0]
    assert "labels=bug%2Cgood+first+issue" in asked(far)[1]
    assert "body" not in found["items"][0]
    assert (len(listed["items"]), listed["next_page"]) == (8, 2)  # two of ten are pull requests
    assert read["issue"]["body"].endswith("… (10000 more characters)")
    assert (len(read["comments"]), read["note"]) == (50, "There are more comments: page=2.")
    assert "comments" not in plain


async def test_pull_requests_are_listed_and_read(far: Far) -> None:
    async with github(far) as client:
        listed = (await client.call("list_prs", **KITES, base="main", limit=10)).structured
        read = (await client.call("get_pr", **KITES, number=3)).structured
        diff = (await client.call("get_pr_diff", **KITES, number=3, limit=10)).structured

    assert (len(listed["items"]), listed["next_page"]) == (10, 2)
    assert (read["head"]["label"], read["mergeable"]) == ("ana:wind", True)
    assert [("patch" in one) for one in diff["files"][:4]] == [True, False, False, True]
    assert diff["note"].startswith("2 patches are left out")
    assert diff["next_page"] == 2


async def test_commits_are_listed_and_compared(far: Far) -> None:
    async with github(far) as client:
        listed = (
            await client.call("list_commits", **KITES, path="src/", since="2026-01-01T00:00:00Z", limit=5)
        ).structured
        compared = (await client.call("compare", **KITES, base="main", head="feature/wind")).structured
        await client.call("compare", **KITES, base="v1", head="ana:wind")
        unknown = await client.call("get_commit", **KITES, ref="nothing")

    assert "path=src&since=2026-01-01T00%3A00%3A00%2B00%3A00" in asked(far)[0]
    assert "author" not in listed["items"][2]  # somebody whom GitHub does not know
    assert (compared["ahead_by"], len(compared["commits"])) == (2, 2)
    assert "/compare/main...feature%2Fwind?" in asked(far)[1]
    assert "/compare/v1...ana%3Awind?" in asked(far)[2]
    assert "No commit found for SHA: nothing" in unknown.text


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("list_commits", {}, "Git Repository is empty"),
        ("list_directory", {}, "This repository is empty"),
        ("get_file", {"path": "README.md"}, "This repository is empty"),
    ],
)
async def test_an_empty_repository_says_so(far: Far, tool: str, arguments: dict[str, str], said: str) -> None:
    async with github(far) as client:
        found = await client.call(tool, owner="acme", repo="empty", **arguments)

    assert found.is_error
    assert said in found.text


async def test_issues_and_pull_requests_are_opened(far: Far) -> None:
    async with github(far) as client:
        issue = (
            await client.call("create_issue", **KITES, title="Torn", body="By the wind", labels=["bug"])
        ).structured
        pull = (
            await client.call("create_pr", **KITES, title="Mend", head="ana:feature/wind", base="main", draft=True)
        ).structured

    assert (issue["number"], pull["number"]) == (101, 102)
    assert far.seen[0]["body"] == '{"title":"Torn","body":"By the wind","labels":["bug"]}'
    assert '"head":"ana:feature/wind","base":"main"' in far.seen[1]["body"]
    assert headers(far)["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "create_pr",
            {"title": "Mend", "head": "main", "base": "main"},
            "PullRequest No commits between main and main",
        ),
        ("create_pr", {"title": "twice", "head": "a", "base": "main"}, "A pull request already exists for acme:wind"),
        ("create_issue", {"repo": "quiet", "title": "x"}, "Issues has been disabled in this repository"),
        ("create_issue", {"repo": "none", "title": "x"}, "may not see it"),
    ],
)
async def test_what_cannot_be_opened_is_told(far: Far, tool: str, arguments: dict[str, str], said: str) -> None:
    async with github(far) as client:
        found = await client.call(tool, **{**KITES, **arguments})

    assert found.is_error
    assert said in found.text


async def test_a_renamed_repository_is_followed(far: Far) -> None:
    async with github(far) as client:
        said = await client.call("get_file", owner="acme", repo="old", path="README.md")
        made = await client.call("create_issue", owner="acme", repo="old", title="Torn")

    assert said.text.startswith("# Kites")
    assert made.structured["number"] == 101
    assert asked(far) == [
        "GET /repos/acme/old/contents/README.md",
        "GET /repositories/7/contents/README.md",
        "POST /repos/acme/old/issues",
        "POST /repositories/7/issues",
    ]


async def test_enterprise_servers_have_a_path_of_their_own(far: Far) -> None:
    async with github(far, base_url=f"{far.origin}/api/v3/") as client:
        said = await client.call("get_file", owner="acme", repo="old", path="README.md")

    assert said.text.startswith("# Kites")
    assert asked(far)[1] == "GET /api/v3/repositories/7/contents/README.md"


async def test_a_library_of_ones_own_takes_what_it_needs(far: Far) -> None:
    own = Library("desk").include(
        library, only=["search_repos", "get_file"], prefix="gh_", bind={"get_file": {"owner": "acme", "repo": "kites"}}
    )
    settings, secrets = {"github.base_url": far.origin}, {"github.GITHUB_TOKEN": "ghp_bob"}
    async with connect(own, settings=settings, secrets=secrets) as client:
        said = await client.call("gh_get_file", path="README.md")
        refused = await client.call("gh_get_file", path="README.md", owner="other")

    assert list(own.to_server().tools) == ["gh_search_repos", "gh_get_file"]
    assert said.text.startswith("# Kites")
    assert "Unknown: owner" in refused.text
    assert headers(far)["authorization"] == "Bearer ghp_bob"


async def test_many_ask_at_the_same_time(far: Far) -> None:
    async with github(far) as client, asyncio.TaskGroup() as group:
        calls = [group.create_task(client.call("get_issue", **KITES, number=number)) for number in range(1, 61)]

    assert [call.result().structured["issue"]["number"] for call in calls] == list(range(1, 61))
