"""What docs/http-apis.md shows is what happens: its document is imported, its requests are made at a real server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import snippets, text_of
from test_docs_snippets import VARIABLES

from narthex.control.load import load
from narthex.upstream.openapi.importing import imported
from process_kit import Far, far_end

sys.path.insert(0, str(Path(__file__).parents[1] / "upstream"))

from openapi_kit import made

PAGE = "docs/http-apis.md"
DOCUMENT = next(one.text for one in snippets("openapi") if one.page == PAGE)
CONFIGURATIONS = [one.text for one in snippets("yaml") if one.page == PAGE]
CONSOLE = next(one.text for one in snippets("console") if one.page == PAGE)


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with far_end(Path(__file__).parents[1] / "upstream" / "openapi_api.py") as found:
        yield found


def configuration(folder: Path, number: int) -> dict[str, Any]:
    """An entry of the page as it is read; its document stands beside it."""
    (folder / "pets.yaml").write_text(DOCUMENT)
    path = folder / "narthex.yaml"
    path.write_text(CONFIGURATIONS[number])
    server = load(path, VARIABLES).config.servers[0]
    keys = ("openapi", "base_url", "operations", "answers", "http", "requests")
    return {key: value for key in keys if (value := getattr(server, key)) is not None}


def test_the_import_says_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "pets.yaml").write_text(DOCUMENT)
    command = [sys.executable, "-m", "narthex", "import", "openapi", "pets.yaml", "--tag", "pets"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    shown = CONSOLE.split("\n", 1)[1].partition("$ ")[0]

    assert done.stderr + done.stdout == shown


async def test_the_tools_are_those_that_the_page_names(tmp_path: Path, far: Far) -> None:
    entry = configuration(tmp_path, 0) | {"base_url": f"{far.origin}/pets"}
    async with made(**entry) as found:
        answer = await found.value("add_pet", name="Rex")

    assert found.names == ["list_pets", "add_pet", "show_pet_by_id"]
    assert (answer["method"], answer["path"], answer["body"]) == ("POST", "/pets/pets", '{"name":"Rex"}')


async def test_the_requests_by_hand_arrive(tmp_path: Path, far: Far) -> None:
    entry = configuration(tmp_path, 1) | {"http": far.origin}
    async with made(**entry) as found:
        await found.result("forecast", city="Rome", units="metric", days=2)
        report = await found.value("report", city="Rome", text="It rained")
    asked = far.seen[-2]

    assert (asked["path"], asked["query"]) == ("/forecast/Rome", "lang=en&units=metric&days=2")
    assert json.loads(report["body"]) == {"source": "gateway", "report": {"place": "Rome", "text": "It rained"}}


def test_the_names_in_answers_are_those_of_the_tools(tmp_path: Path) -> None:
    """The document that the page speaks of is large and somebody else's; here are the operations that it names."""
    entry = configuration(tmp_path, 2)
    names = ["issues/list-for-repo", "issues/get", "search/repos"]
    paths = {f"/{number}": {"get": {"operationId": name}} for number, name in enumerate(names)}
    document = {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": paths}
    found = imported(json.dumps(document).encode(), entry["operations"])

    assert [tool.name for tool in found.tools] == ["issues_list_for_repo", "issues_get", "search_repos"]
    assert list(entry["answers"]) == ["issues_list_*", "search_*"]


def test_the_refusal_is_the_one_that_is_made() -> None:
    quoted = re.findall(r"`(GET /pets/\{petId\} answered .*?)`", text_of(PAGE))
    advice = "Check the identifiers in the arguments; look them up first with a list or search tool."

    assert quoted == [f'GET /pets/{{petId}} answered 404 Not Found: {{"message":"no such pet"}} {advice}']
