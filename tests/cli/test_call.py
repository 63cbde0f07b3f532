"""`narthex tools` and `narthex call` against a real server that speaks the newest revision."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import demo_server, run

from narthex.models import FORMATS, Toolset


@pytest.fixture(scope="module")
def tickets() -> Iterator[str]:
    with demo_server("tickets") as url:
        yield url


@pytest.fixture(scope="module")
def crm() -> Iterator[str]:
    with demo_server("crm") as url:
        yield url


def test_tools_are_listed(tmp_path: Path, tickets: str) -> None:
    ran = run("tools", tickets, home=tmp_path)

    assert ran.code == 0, ran.err
    assert [line.split()[0] for line in ran.out.splitlines()][:2] == ["create_ticket", "list_tickets"] or (
        "list_tickets" in ran.out
    )


def test_tools_as_json_are_what_the_protocol_has(tmp_path: Path, tickets: str) -> None:
    found = json.loads(run("tools", tickets, "--json", home=tmp_path).out)

    assert {"name", "inputSchema"} <= found[0].keys()


def test_a_call_prints_the_text(tmp_path: Path, tickets: str) -> None:
    ran = run("call", "create_ticket", "title=7", "priority=urgent", "--url", tickets, home=tmp_path)

    assert ran.code == 0, ran.err
    assert "7" in ran.out


def test_a_call_as_json_is_the_whole_result(tmp_path: Path, tickets: str) -> None:
    ran = run("call", "create_ticket", "-", "--json", "--url", tickets, home=tmp_path, stdin='{"title": "x"}')
    result = json.loads(ran.out)

    assert ran.code == 0
    assert result["content"][0]["type"] == "text"


def test_a_tool_that_says_no_ends_with_one_and_its_text(tmp_path: Path, tickets: str) -> None:
    ran = run("call", "update_ticket", "ticket_id=NOPE", "status=closed", "--url", tickets, home=tmp_path)

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.strip()


def test_an_unknown_tool_gets_the_nearest_names(tmp_path: Path, tickets: str) -> None:
    near = run("call", "create_tickets", "--url", tickets, home=tmp_path)
    far = run("call", "zzz", "--url", tickets, home=tmp_path)

    assert (near.code, far.code) == (1, 1)
    assert "There is no tool 'create_tickets'. The nearest: create_ticket" in near.err
    assert "see 'narthex tools'" in far.err


def test_a_long_call_streams_and_is_answered(tmp_path: Path, tickets: str) -> None:
    ran = run("call", "run_report", "seconds=0.3", "--url", tickets, home=tmp_path)

    assert ran.code == 0, ran.err
    assert ran.out.strip()


def test_every_tool_of_the_crm_that_needs_nothing_can_be_called(tmp_path: Path, crm: str) -> None:
    found = json.loads(run("tools", crm, "--json", home=tmp_path).out)
    free = [tool["name"] for tool in found if not tool["inputSchema"].get("required")]

    assert {name: run("call", name, "--url", crm, home=tmp_path).code for name in free} == dict.fromkeys(free, 0)


def test_wrong_words_are_wrong_usage(tmp_path: Path, tickets: str) -> None:
    assert run("call", "create_ticket", "title", "--url", tickets, home=tmp_path).code == 2
    assert run("call", "create_ticket", "--url", tickets, "--file", "x", home=tmp_path).code == 2
    assert run("tools", "http://127.0.0.1:1/other", "--endpoint", "x", home=tmp_path).code == 2


def test_nobody_there_says_how_to_start(tmp_path: Path) -> None:
    ran = run("tools", "http://127.0.0.1:1", home=tmp_path)

    assert ran.code == 1
    assert "Nothing listens on http://127.0.0.1:1/mcp. Start a gateway with 'narthex serve'" in ran.err


def test_a_wrong_path_says_so(tmp_path: Path, tickets: str) -> None:
    ran = run("tools", tickets.replace("/mcp", "/nothing"), home=tmp_path)

    assert ran.code == 1
    assert ran.err.strip()


def test_a_bad_file_is_told_like_check_tells_it(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("servers: [{name: a}]")
    ran = run("tools", "bad.yaml", home=tmp_path)

    assert ran.code == 2
    assert "bad.yaml:1:11: servers[0]: the server 'a' does not say what it is" in ran.err
    assert run("call", "x", "--file", "gone.yaml", home=tmp_path).code == 2


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("servers: []\nendpoints: {sales: {}}")
    ran = run("tools", "a.yaml", "--endpoint", "sale", home=tmp_path)

    assert ran.code == 2
    assert "Its endpoints: sales." in ran.err


@pytest.mark.parametrize("form", FORMATS)
def test_tools_in_the_form_of_a_provider(tmp_path: Path, tickets: str, form: str) -> None:
    ran = run("tools", tickets, "--format", form, home=tmp_path)
    listed = json.loads(run("tools", tickets, "--json", home=tmp_path).out)

    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == Toolset(listed, form).definitions  # type: ignore[arg-type]
    assert ran.err.splitlines() == list(Toolset(listed, form).warnings)  # type: ignore[arg-type]


def test_strict_tools_are_for_apis_that_have_them(tmp_path: Path, tickets: str) -> None:
    strict = run("tools", tickets, "--format", "openai", "--strict", home=tmp_path)
    gemini = run("tools", tickets, "--format", "gemini", "--strict", home=tmp_path)

    assert {one["function"]["strict"] for one in json.loads(strict.out)} == {True}
    assert (gemini.code, gemini.out) == (2, "")
    assert "Gemini knows no strict tools" in gemini.err
    assert run("tools", tickets, "--strict", home=tmp_path).code == 2
    assert run("tools", tickets, "--format", "cohere", home=tmp_path).code == 2
