"""The library for GitHub against GitHub's own description of its API: what it asks, what it makes of answers."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from outside import places

from narthex.libraries.github import library, shapes
from narthex.libraries.github.files import Blob, Tree
from narthex.testing import connect
from process_kit import far_end

pytestmark = pytest.mark.documents

API = Path(__file__).parents[1] / "libraries" / "github_api.py"
KITES = {"owner": "acme", "repo": "kites"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("search_repos", {"query": "kites"}),
    ("get_file", {**KITES, "path": "big.txt", "ref": "main"}),
    ("list_directory", {**KITES, "path": "src", "recursive": True}),
    ("search_issues", {"query": "wind", "sort": "created"}),
    ("list_issues", {**KITES, "labels": ["bug"], "assignee": "ana"}),
    ("get_issue", {**KITES, "number": 7}),
    ("list_prs", {**KITES, "base": "main"}),
    ("get_pr", {**KITES, "number": 3}),
    ("get_pr_diff", {**KITES, "number": 3}),
    ("list_commits", {**KITES, "ref": "main", "path": "src", "author": "ana", "since": "2026-01-01T00:00:00Z"}),
    ("get_commit", {**KITES, "ref": "main"}),
    ("compare", {**KITES, "base": "main", "head": "feature/wind"}),
    ("create_issue", {**KITES, "title": "Torn", "body": "x", "labels": ["bug"], "assignees": ["ana"]}),
    ("create_pr", {**KITES, "title": "Mend", "head": "wind", "base": "main"}),
]
# path and method -> as what the answer is read
READ: dict[tuple[str, str], Any] = {
    ("/search/repositories", "get"): shapes.Repositories,
    ("/search/issues", "get"): shapes.Issues,
    ("/repos/{owner}/{repo}/contents/{path}", "get"): shapes.Content | list[shapes.Entry],
    ("/repos/{owner}/{repo}/readme", "get"): shapes.Content,
    ("/repos/{owner}/{repo}/git/blobs/{file_sha}", "get"): Blob,
    ("/repos/{owner}/{repo}/git/trees/{tree_sha}", "get"): Tree,
    ("/repos/{owner}/{repo}/issues", "get"): list[shapes.Issue],
    ("/repos/{owner}/{repo}/issues", "post"): shapes.Made,
    ("/repos/{owner}/{repo}/issues/{issue_number}", "get"): shapes.Issue,
    ("/repos/{owner}/{repo}/issues/{issue_number}/comments", "get"): list[shapes.Comment],
    ("/repos/{owner}/{repo}/pulls", "get"): list[shapes.PullRequest],
    ("/repos/{owner}/{repo}/pulls", "post"): shapes.Made,
    ("/repos/{owner}/{repo}/pulls/{pull_number}", "get"): shapes.PullRequest,
    ("/repos/{owner}/{repo}/pulls/{pull_number}/files", "get"): list[shapes.ChangedFile],
    ("/repos/{owner}/{repo}/commits", "get"): list[shapes.Commit],
    ("/repos/{owner}/{repo}/commits/{ref}", "get"): shapes.Commit,
    ("/repos/{owner}/{repo}/compare/{basehead}", "get"): shapes.Changes,
}


@cache
def document() -> Any:
    return msgspec.json.decode(places.document("github.json").read_bytes())


def resolved(part: Any) -> Any:
    while isinstance(part, dict) and "$ref" in part:
        found = document()
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def operation(method: str, path: str) -> tuple[str, Any] | None:
    """The template that this path is made of, the one with the most that is fixed."""
    found = []
    for template, methods in document()["paths"].items():
        pattern = re.sub(r"\\\{path\\\}", ".+", re.escape(template))
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
        if method in methods and re.fullmatch(pattern, path):
            found.append((template.count("{"), template))
    if not found:
        return None
    template = min(found)[1]
    return template, document()["paths"][template][method]


async def requests() -> list[dict[str, Any]]:
    with far_end(API) as far:
        async with connect(library, settings={"base_url": far.origin}, secrets={"GITHUB_TOKEN": "ghp_house"}) as client:
            for tool, arguments in CALLS:
                answer = await client.call(tool, **arguments)
                assert not answer.is_error, (tool, answer.text)
            await client.read("readme://acme/kites")
        return far.seen


async def test_whatever_is_asked_is_in_githubs_own_description(documents_part: None) -> None:
    met = set()
    for one in await requests():
        parts, method = urlsplit(one["path"]), one["method"].lower()
        found = operation(method, parts.path)
        assert found is not None, one["path"]
        template, described = found
        met.add((template, method))
        parameters = {resolved(each)["name"]: resolved(each) for each in described.get("parameters", ())}
        for name, values in parse_qs(parts.query).items():
            assert name in parameters, (template, name)
            choices = parameters[name]["schema"].get("enum")
            assert choices is None or set(values) <= set(choices), (template, name, values)
        if one["body"]:
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            assert json.loads(one["body"]).keys() <= schema["properties"].keys()

    assert met == READ.keys()


@pytest.mark.parametrize(("where", "kind"), READ.items(), ids=str)
def test_githubs_own_examples_are_understood(documents_part: None, where: tuple[str, str], kind: Any) -> None:
    path, method = where
    responses = document()["paths"][path][method]["responses"]
    answer = responses.get("200") or responses["201"]
    examples = [
        resolved(resolved(example)["value"])
        for form, content in answer["content"].items()
        if form.endswith("json")
        for example in content.get("examples", {}).values()
    ]
    read = 0
    for example in examples:
        value = example.get("value", example) if isinstance(example, dict) else example  # some refer once more
        if value and '["..."]' not in json.dumps(value):  # others are not written out
            msgspec.json.decode(msgspec.json.encode(value), type=kind)
            read += 1

    assert read


@pytest.mark.parametrize(
    ("kind", "schemas"),
    [
        (shapes.Repository, ["repo-search-result-item"]),
        (shapes.Issue, ["issue", "issue-search-result-item"]),
        (shapes.Comment, ["issue-comment"]),
        (shapes.PullRequest, ["pull-request"]),
        (shapes.Commit, ["commit"]),
        (shapes.ChangedFile, ["diff-entry"]),
        (shapes.Content, ["content-tree", "content-file", "content-symlink", "content-submodule"]),
        (Blob, ["blob"]),
        (Tree, ["git-tree"]),
    ],
)
def test_every_member_that_is_read_is_one_of_githubs(documents_part: None, kind: Any, schemas: list[str]) -> None:
    known = {name for schema in schemas for name in document()["components"]["schemas"][schema]["properties"]}

    assert {field.encode_name for field in msgspec.structs.fields(kind)} <= known
