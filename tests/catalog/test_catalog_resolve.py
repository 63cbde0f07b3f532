"""From a name to what it leads to; and where it leads nowhere, a word that helps."""

import time

import pytest
from catalog_makers import main, offer, prompt, resource

from narthex.catalog import resolve
from narthex.catalog.resolve import nearest

endpoint = main(
    offer("github", "search_repos", "get_file", prompts=(prompt("review"),), resources=(resource("file:///x"),)),
    offer("jira", "search_issues"),
)


def test_what_is_listed_is_found() -> None:
    tool, prompt = endpoint.tools["jira__search_issues"], endpoint.prompts["github__review"]

    assert (tool.server, tool.private) == ("jira", "search_issues")
    assert (prompt.server, prompt.private) == ("github", "review")
    assert resolve.resource(endpoint, "gw+github:file:///x") == ("github", "file:///x")


@pytest.mark.parametrize("name", ["", "search_issues", "JIRA__search_issues", "jira__search_issues ", "github__review"])
def test_what_is_not_listed_is_not_guessed(name: str) -> None:
    assert name not in endpoint.tools


def test_an_unknown_name_is_answered_with_those_that_may_have_been_meant() -> None:
    fault = resolve.unknown_tool(endpoint.tools, "search_issues")

    assert fault.code == -32602
    assert str(fault) == "Unknown tool: 'search_issues'. Did you mean 'jira__search_issues'?"
    assert fault.data == {"reason": "unknown_tool", "nearest": ["jira__search_issues"]}
    assert (
        str(resolve.unknown_prompt(endpoint.prompts, "Review"))
        == "Unknown prompt: 'Review'. Did you mean 'github__review'?"
    )
    assert str(resolve.unknown_tool(endpoint.tools, "zzz")) == "Unknown tool: 'zzz'."


def test_an_unknown_resource_names_its_uri_and_no_other() -> None:
    fault = resolve.unknown_resource("file:///" + "x" * 500)

    assert (fault.code, fault.data) == (-32602, {"reason": "unknown_resource", "uri": "file:///" + "x" * 500})
    assert len(str(fault)) < 200
    assert resolve.resource(endpoint, "file:///x") is None


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("github.search_repos", "github__search_repos"),
        ("github/search-repos", "github__search_repos"),
        ("GetFile", "github__get_file"),
        ("mcp__github__get_file", "github__get_file"),
        ("github__serch_repos", "github__search_repos"),
        ("serch_issues", "jira__search_issues"),
    ],
)
def test_the_usual_mistakes_are_understood(asked: str, meant: str) -> None:
    assert nearest(asked, endpoint.tools)[0] == meant


@pytest.mark.parametrize("asked", ["", "___", "x" * 2_000, "\n", "日本語"])
def test_a_name_like_nothing_gets_no_hint(asked: str) -> None:
    assert nearest(asked, endpoint.tools) == ()


def test_at_most_three_are_offered() -> None:
    assert len(nearest("tool", [f"tool{n}" for n in range(50)])) == 3
    assert len(nearest("tool", [f"s{n}__tool" for n in range(50)])) == 3
    assert nearest("anything", []) == ()


@pytest.mark.parametrize("asked", ["t", "x" * 1_000, "server_7_tool_77", "aaaaaaaaaa", "server1tool9x" * 50])
def test_a_stranger_cannot_make_the_search_costly(asked: str) -> None:
    names = [f"server{n // 100}__tool_{n}_{'a' * 40}"[:64] for n in range(5_000)]
    started = time.process_time()
    nearest(asked, names)

    assert time.process_time() - started < 0.1
