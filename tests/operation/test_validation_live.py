"""Arguments and results against schemas at a running gateway: what a client is told, what a server gets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from operation_kit import Gateway, Legacy, Tree, connect, exchange, modern_body, serving, until
from typed_remote import entry, typed

REFUSAL, COERCED, NOTE = "dev.narthex/refusal", "dev.narthex/coerced", "dev.narthex/result_schema"


def meta(answer: Tree, key: str) -> Any:
    return answer["result"].get("_meta", {}).get(key)


def got(answer: Tree) -> Any:
    return answer["result"]["structuredContent"]["got"]


def test_what_a_model_must_mend_it_is_told_and_the_server_hears_nothing(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server, rate_limit={"requests_per_hour": 2})) as gateway:
        wrong = [gateway.call("search", qurey="x", limit="10") for _ in range(4)]
        right = [gateway.call("search", query="x", limit=10) for _ in range(3)]

        assert wrong[0]["result"]["isError"] is True
        assert wrong[0]["result"]["content"][0]["text"] == (
            "The arguments for 'search' do not match its input schema, so it was not called. 2 things to mend. "
            '/limit: expected an integer; got the string "10". '
            '/qurey: expected the property "query", which is required; got a property that is not known. '
            'Did you mean "query"?'
        )
        assert meta(wrong[0], REFUSAL)["errors"] == [
            {"pointer": "/limit", "expected": "an integer", "got": 'the string "10"'},
            {
                "pointer": "/qurey",
                "expected": 'the property "query", which is required',
                "got": "a property that is not known",
                "suggestion": "query",
            },
        ]
        assert meta(wrong[0], REFUSAL)["reason"] == "invalid_arguments"
        # What must be mended has spent nothing of the limit.
        assert [answer["result"].get("isError", False) for answer in right] == [False, False, True]
        assert server.calls == ["search", "search"]
        assert gateway.metric("narthex_denials_total", tool="search", filter="schema") == 4
        assert gateway.metric("narthex_compiled_schemas") == 1


def test_an_older_client_is_told_the_same(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server)) as gateway:
        client = Legacy(gateway.url)
        answer = client.request("tools/call", {"name": "search", "arguments": {}})

        assert answer["result"]["isError"] is True
        assert "/query: expected a string, which is required" in answer["result"]["content"][0]["text"]


def test_a_tool_that_asks_for_nothing_takes_anything(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server)) as gateway:
        assert got(gateway.call("bare", whatever=[1, None])) == {"whatever": [1, None]}
        assert gateway.request("tools/call", {"name": "nobody"})["error"]["code"] == -32602


def test_a_schema_that_cannot_be_used_is_told_once_and_shown(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server)) as gateway:
        for _ in range(3):
            assert got(gateway.call("odd", a=7)) == {"a": 7}
        told = [line["message"] for line in gateway.lines() if "are not checked" in line.get("message", "")]
        command = [sys.executable, "-m", "narthex", "tools", "--url", gateway.url]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert len(told) == 1
    assert "'odd' of server 'crm'" in told[0]
    assert shown.stderr.startswith("odd: nothing is checked against its inputSchema: the pattern '('")


def test_a_warning_lets_the_call_pass_and_is_counted(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server, validation={"arguments": "warn"})) as gateway:
        answer = gateway.call("search", query="x", limit="hunter2")

        assert got(answer) == {"query": "x", "limit": "hunter2"}
        assert gateway.metric("narthex_would_be_denials_total", tool="search", filter="schema") == 1
        until(lambda: gateway.said("A call would have been refused", "/limit: expected an integer"), "it is logged")
        assert "hunter2" not in gateway.log_text()


def test_arguments_that_are_put_right_are_sent_so_and_the_answer_says_so(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server, validation={"coerce": True})) as gateway:
        answer = gateway.call("search", query="x", limit="10")
        usual = gateway.call("search", query="x", limit=10)

        assert got(answer) == {"query": "x", "limit": 10}
        assert meta(answer, COERCED) == [{"pointer": "/limit", "change": "string to integer"}]
        assert meta(usual, COERCED) is None


def test_headers_are_made_of_what_is_sent(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server, validation={"coerce": True})) as gateway:
        body, headers = modern_body("tools/call", {"name": "mirrored", "arguments": {"query": "x", "region": "7"}})
        connection = connect(gateway.url)
        connection.request("POST", "/mcp", body, {**headers, "Mcp-Param-Region": "7"})
        answer = json.loads(connection.getresponse().read())
        connection.close()

        assert got(answer) == {"query": "x", "region": 7}
        assert server.headers[-1]["Mcp-Param-Region"] == "7"


def test_results_are_noted_or_withheld(tmp_path: Path) -> None:
    rules = {"search": {"validation": {"results": "enforce"}}}
    with typed() as server, serving(tmp_path, entry(server, validation={"results": "warn"})) as gateway:
        noted = gateway.call("search", query="x", rows=[1, "private"])
        fine = gateway.call("search", query="x", rows=[1, 2])
        gateway.write(servers=[entry(server, validation={"results": "warn"}, rules=rules)])
        withheld = until_withheld(gateway)

        assert noted["result"]["structuredContent"] == {"rows": [1, "private"]}
        assert meta(noted, NOTE)["errors"][0]["pointer"] == "/rows/1"
        assert meta(fine, NOTE) is None
        assert "private" not in json.dumps(withheld)
        assert "is withheld: /rows/1: expected an integer" in withheld["result"]["content"][0]["text"]
        assert gateway.metric("narthex_would_be_denials_total", tool="search", filter="result_schema") >= 1
        assert gateway.metric("narthex_denials_total", tool="search", filter="result_schema") == 1
        assert "private" not in gateway.log_text()


def until_withheld(gateway: Gateway) -> Tree:
    def asked() -> Tree | None:
        answer = gateway.call("search", query="x", rows=[1, "private"])
        return answer if answer["result"].get("isError") else None

    found: Tree = until(asked, "the new rule holds")
    return found


def test_explain_shows_what_is_wrong_and_sends_nothing(tmp_path: Path) -> None:
    with typed() as server, serving(tmp_path, entry(server)) as gateway:
        gateway.tools()  # once these are listed, there is something to explain
        connection = connect(gateway.admin)
        body = json.dumps({"scopes": [], "tool": "search", "arguments": {"query": 7}})
        connection.request("POST", "/api/explain", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()

        assert answer["decided_by"] == "schema"
        assert "/query: expected a string; got the number 7." in answer["told"]
        assert server.calls == []


def test_the_usual_way_and_the_general_way_say_the_same(tmp_path: Path) -> None:
    """A body over 1 KiB takes the general way, a small one the usual way, once its schema is here."""
    with typed() as server, serving(tmp_path, entry(server)) as gateway:
        connection = connect(gateway.url)
        answers = []
        for pad in ("", "", "x" * 2_000):
            params = {"name": "search", "arguments": {"query": f"q{pad}", "limit": "10"}}
            answers.append(exchange(connection, gateway.url, "tools/call", params)["result"])
        fine = exchange(connection, gateway.url, "tools/call", {"name": "search", "arguments": {"query": "q"}})
        connection.close()

        assert answers[0] == answers[1] == answers[2]
        assert got(fine) == {"query": "q"}
