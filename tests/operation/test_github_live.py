"""The library `github` behind a whole gateway, and alone: whose token is shown, and who may change what."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from approval_kit import ASKS, YES
from operation_kit import MODERN, Gateway, Tree, connect, events, serving, until

from process_kit import Far, far_end

API = Path(__file__).parents[1] / "libraries" / "github_api.py"
PROXY = {"addresses": ["127.0.0.1"], "subject": "X-Forwarded-User", "scopes": "X-Forwarded-Scopes"}
TOKENS = {"ana": "ghp_ana", "bob": "ghp_bob"}
KITES = {"owner": "acme", "repo": "kites"}
ISSUE = {**KITES, "title": "Torn", "body": "By the wind"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": ASKS,
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}


@pytest.fixture(scope="module")
def process() -> Iterator[Far]:
    with far_end(API) as far:
        yield far


@pytest.fixture(scope="module", params=["shared", "own"])
def house(request: pytest.FixtureRequest, process: Far, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Inside the gateway, and in a process of its own."""
    entry = {
        "name": "github",
        "python": "narthex.libraries.github",
        "process": request.param,
        "settings": {"base_url": f"{process.origin}/api/v3"},
        "secrets": {"USER_TOKENS": json.dumps(TOKENS)},
    }
    folder = tmp_path_factory.mktemp("github")
    with serving(folder, entry, authentication={"type": "keys", "proxy": PROXY}) as gateway:
        until(lambda: "create_pr" in names(gateway, "github:write"), "the tools are listed")
        yield gateway


@pytest.fixture
def far(process: Far) -> Far:
    process.order({"script": []})
    return process


def ask(gateway: Gateway, method: str, *, who: str = "ana", scopes: str = "", **params: Any) -> Tree:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}})
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    headers |= {"X-Forwarded-User": who, "X-Forwarded-Scopes": scopes}
    named = params.get("name") or params.get("uri")
    connection = connect(gateway.url)
    try:
        path = urlsplit(gateway.url).path
        connection.request("POST", path, body, {**headers, **({"Mcp-Name": named} if named else {})})
        answer = connection.getresponse()
        if answer.headers.get_content_type() == "text/event-stream":
            return [one for one in events(answer) if "id" in one][-1]
        found: Tree = json.loads(answer.read())
        return found
    finally:
        connection.close()


def names(gateway: Gateway, scopes: str) -> list[str]:
    return [one["name"] for one in ask(gateway, "tools/list", scopes=scopes)["result"]["tools"]]


def call(gateway: Gateway, name: str, arguments: Tree, **how: Any) -> Tree:
    answer = ask(gateway, "tools/call", name=name, arguments=arguments, **how)
    assert "result" in answer, answer
    found: Tree = answer["result"]
    return found


def test_each_caller_reads_with_their_own_token(house: Gateway, far: Far) -> None:
    secret = {"owner": "acme", "repo": "secret", "path": "README.md"}
    ana = call(house, "get_file", secret)
    bob = call(house, "get_file", secret, who="bob")
    eve = call(house, "get_file", secret, who="eve")

    assert ana["content"][0]["text"].startswith("# Kites")
    assert "may not see it" in bob["content"][0]["text"]
    assert "You have no GitHub token here" in eve["content"][0]["text"]
    assert [one["headers"]["authorization"] for one in far.seen] == ["Bearer ghp_ana", "Bearer ghp_bob"]


def test_the_articles_own_search(house: Gateway, far: Far) -> None:
    arguments = {"query": "kites", "language": "Python", "sort": "forks", "limit": 3}
    found = call(house, "search_repos", arguments)["structuredContent"]
    refused = call(house, "search_repos", {**arguments, "limit": 51})

    assert [one["full_name"] for one in found["items"]] == ["acme/kite-120", "acme/kite-119", "acme/kite-118"]
    assert refused["isError"]
    assert len(far.seen) == 1


def test_a_readme_is_read_by_its_uri(house: Gateway, far: Far) -> None:
    (template,) = ask(house, "resources/templates/list")["result"]["resourceTemplates"]
    uri = template["uriTemplate"].replace("{owner}", "acme").replace("{repo}", "kites")
    contents = ask(house, "resources/read", uri=uri)["result"]["contents"]

    assert contents[0]["text"] == "# Kites\n\nThey fly.\n"
    assert contents[0]["mimeType"] == "text/markdown"


def test_who_may_not_write_sees_nothing_to_write_with(house: Gateway, far: Far) -> None:
    denied = call(house, "create_issue", ISSUE)

    assert "create_issue" not in names(house, "")
    assert denied["_meta"]["dev.narthex/refusal"]["required_scopes"] == ["github:write"]
    assert far.seen == []


def test_an_issue_is_opened_once_a_human_has_said_yes(house: Gateway, far: Far) -> None:
    question = call(house, "create_issue", ISSUE, scopes="github:write")
    before = list(far.seen)
    said = {"inputResponses": {next(iter(question["inputRequests"])): YES}, "requestState": question["requestState"]}
    made = ask(house, "tools/call", scopes="github:write", name="create_issue", arguments=ISSUE, **said)["result"]

    assert question["resultType"] == "input_required"
    assert "By the wind" in json.dumps(question["inputRequests"])
    assert before == []
    assert made["structuredContent"]["number"] == 101
    assert [one["method"] for one in far.seen] == ["POST"]


def test_a_limit_of_githubs_reaches_the_model_in_seconds(house: Gateway, far: Far) -> None:
    far.order({"script": [{"status": 429, "headers": {"Retry-After": "1"}}]})
    limited = call(house, "list_issues", KITES, who="bob")

    assert limited["isError"]
    assert "Wait a second before you try again" in limited["content"][0]["text"]


def test_no_token_is_in_the_log(house: Gateway, far: Far) -> None:
    said = {"message": "ghp_ana is bad"}
    far.order({"script": [{"status": 401, "body": said}, {"drop": True}, {"status": 500, "body": said}]})
    answers = [call(house, "get_file", {**KITES, "path": "README.md"}) for _ in range(3)]

    assert all(one["isError"] for one in answers)
    for token in TOKENS.values():
        assert token not in json.dumps(answers)
        assert token not in house.log_text()
        assert token not in json.dumps(house.api("/api/servers"))


def test_alone_it_takes_what_its_environment_says(far: Far, tmp_path: Path) -> None:
    asked = {"name": "get_file", "arguments": {**KITES, "path": "README.md"}, "_meta": META}
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked})
    done = subprocess.run(
        [sys.executable, "-m", "narthex", "run", "narthex.libraries.github"],
        input=line + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        cwd=tmp_path,
        env={**os.environ, "GITHUB_API_URL": far.origin, "GITHUB_TOKEN": "ghp_house"},
    )

    assert json.loads(done.stdout)["result"]["content"][0]["text"].startswith("# Kites"), done.stderr
    assert far.seen[0]["headers"]["authorization"] == "Bearer ghp_house"
    assert "ghp_house" not in done.stderr
