"""Python libraries behind a gateway: what holds for any server holds for a function."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from approval_kit import ASKS, Modern
from approval_kit import Legacy as Asked
from operation_kit import Gateway, Legacy, Tree, connect, events, modern_body, serving, until

TOOLS = Path(__file__).with_name("python_tools.py")
SECRET = "s3cret-of-the-library"
PROXY = {"addresses": ["127.0.0.1"], "subject": "X-Forwarded-User", "scopes": "X-Forwarded-Scopes"}


def sample(**more: Any) -> Tree:
    return {"name": "sample", "python": str(TOOLS), **more}


@pytest.fixture(scope="module", params=["shared", "own"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Inside the gateway, and in a process of its own: nobody can tell."""
    folder = tmp_path_factory.mktemp("python")
    entry = sample(process=request.param, settings={"region": "eu"}, secrets={"KEY": SECRET})
    with serving(folder, entry) as running:
        until(lambda: "add" in running.tools(), "the tools are listed")
        yield running


def test_its_tools_are_those_of_any_server(gateway: Gateway) -> None:
    listed = {tool["name"]: tool for tool in gateway.request("tools/list")["result"]["tools"]}

    assert listed["add"]["inputSchema"]["properties"]["b"] == {
        "type": "integer",
        "description": "The second",
        "default": 1,
    }
    assert listed["add"]["outputSchema"]["required"] == ["result"]
    assert not any(key.startswith("dev.narthex/") for tool in listed.values() for key in tool.get("_meta", {}))
    assert gateway.call("add", a=2)["result"]["structuredContent"] == {"result": 3}


def test_both_eras_get_the_same(gateway: Gateway) -> None:
    legacy = Legacy(gateway.url).request("tools/call", {"name": "add", "arguments": {"a": 2}})["result"]

    assert legacy["structuredContent"] == {"result": 3}
    assert "resultType" not in legacy


@pytest.mark.parametrize("arguments", [{}, {"a": "x"}, {"a": 1, "c": 2}, {"a": None}, {"a": [[[]]]}])
def test_wrong_arguments_never_reach_the_function(gateway: Gateway, arguments: Tree) -> None:
    answer = gateway.call("add", **arguments)

    assert answer["result"]["isError"], answer


def test_progress_and_log_arrive_while_it_works(gateway: Gateway) -> None:
    meta = {"progressToken": 7, "io.modelcontextprotocol/logLevel": "info"}
    body, headers = modern_body("tools/call", {"name": "steps", "arguments": {}, "_meta": meta})
    connection = connect(gateway.url)
    connection.request("POST", urlsplit(gateway.url).path, body, headers)
    messages = list(events(connection.getresponse()))
    connection.close()

    told = [one["params"] for one in messages if one.get("method") == "notifications/progress"]
    assert [(one["progress"], one["progressToken"]) for one in told] == [(1, 7), (2, 7), (3, 7)]
    assert [one["params"]["data"] for one in messages if one.get("method") == "notifications/message"] == [
        "at 1",
        "at 2",
        "at 3",
    ]
    assert messages[-1]["result"]["content"][0]["text"] == "done"


def test_log_lines_alone_arrive_as_well(gateway: Gateway) -> None:
    """No progress is asked for, so the call is a usual one until it speaks."""
    meta = {"io.modelcontextprotocol/logLevel": "info"}
    body, headers = modern_body("tools/call", {"name": "steps", "arguments": {}, "_meta": meta})
    connection = connect(gateway.url)
    connection.request("POST", urlsplit(gateway.url).path, body, headers)
    messages = list(events(connection.getresponse()))
    connection.close()

    assert [one["params"]["data"] for one in messages[:-1]] == ["at 1", "at 2", "at 3"]
    assert messages[-1]["result"]["content"][0]["text"] == "done"


def test_errors_for_the_model_arrive_and_others_have_a_number_in_the_log(gateway: Gateway) -> None:
    assert gateway.text("refuses") == "Not today. Try tomorrow."
    failed = gateway.text("fails")
    number = failed.partition("(error ")[2][:8]

    assert "hunter2" not in failed
    line = until(lambda: gateway.said(f"error {number}"), "the log tells what happened")
    assert "hunter2-and-more" in line["message"]


def test_settings_and_secrets_arrive_and_stay(gateway: Gateway) -> None:
    assert gateway.call("who")["result"]["structuredContent"] == {"who": None, "region": "eu", "secret": True}
    assert SECRET not in gateway.log_text()
    assert SECRET not in json.dumps(gateway.api("/api/servers"))


def test_a_cancelled_call_is_cancelled_in_the_function(gateway: Gateway) -> None:
    name = f"one-{time.monotonic_ns()}"
    body, headers = modern_body("tools/call", {"name": "waits", "arguments": {"name": name}})
    connection = connect(gateway.url)
    connection.request("POST", urlsplit(gateway.url).path, body, headers)
    time.sleep(0.3)  # it may be at work now, or not yet: cancelled it is either way
    connection.close()

    until(
        lambda: name in gateway.call("ended")["result"]["structuredContent"]["result"] or gateway.said("waits", "gone"),
        "the function heard of it",
    )


def test_a_resource_is_read_by_its_template(gateway: Gateway) -> None:
    contents = gateway.request("resources/read", {"uri": "sample://items/7"})["result"]["contents"]

    assert contents[0]["text"] == '{"number":7}'
    assert gateway.request("resources/read", {"uri": "sample://items/x"})["error"]["code"] == -32602


@pytest.mark.parametrize("content", [{"value": 4}, None])
def test_a_human_is_asked_in_mid_call(gateway: Gateway, content: Tree | None) -> None:
    client = Modern(gateway)
    asked = client.call({}, "asks")
    said = {"action": "accept", "content": content} if content else {"action": "decline"}
    done = client.answered(asked, {}, said, "asks")

    assert asked["result"]["inputRequests"]["answer"]["params"]["message"] == "How many?"
    assert done["result"]["content"][0]["text"] == ("accept 4" if content else "decline None")


def test_who_cannot_be_asked_is_told_so(gateway: Gateway) -> None:
    answer = Modern(gateway, {}).call({}, "asks")["result"]
    text = answer["content"][0]["text"]

    assert "cannot be asked" in text or text.startswith("cancel")


# What is worth trying once: in the gateway


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("inside")
    authentication = {"type": "keys", "proxy": PROXY}
    with serving(folder, sample(timeout_seconds=1), authentication=authentication, audit={"enabled": False}) as running:
        ana = {"X-Forwarded-User": "ana", "X-Forwarded-Scopes": "x"}
        until(lambda: "add" in names(running, ana), "the tools are listed")
        yield running


ANA = {"X-Forwarded-User": "ana", "X-Forwarded-Scopes": "sample:read"}
BEN = {"X-Forwarded-User": "ben", "X-Forwarded-Scopes": "sample:read sample:write"}


def ask(gateway: Gateway, who: dict[str, str], method: str, params: Tree | None = None) -> Tree:
    body, headers = modern_body(method, params)
    connection = connect(gateway.url)
    try:
        connection.request("POST", urlsplit(gateway.url).path, body, {**headers, **who})
        answer = connection.getresponse()
        if answer.headers.get_content_type() == "text/event-stream":
            return [message for message in events(answer) if "id" in message][-1]
        return dict(json.loads(answer.read()))
    finally:
        connection.close()


def call(gateway: Gateway, who: dict[str, str], tool: str, **arguments: Any) -> Tree:
    return ask(gateway, who, "tools/call", {"name": tool, "arguments": arguments})


def names(gateway: Gateway, who: dict[str, str]) -> list[str]:
    return [tool["name"] for tool in ask(gateway, who, "tools/list")["result"]["tools"]]


def test_a_function_is_told_who_calls(inside: Gateway) -> None:
    assert call(inside, ANA, "who")["result"]["structuredContent"]["who"]["subject"] == "ana"
    assert call(inside, BEN, "who")["result"]["structuredContent"]["who"]["subject"] == "ben"


def test_the_scopes_of_a_library_hold(inside: Gateway) -> None:
    assert "guarded" not in names(inside, ANA)
    assert "guarded" in names(inside, BEN)
    assert "in" not in json.dumps(call(inside, ANA, "guarded").get("result", {}).get("content", ""))
    assert call(inside, BEN, "guarded")["result"]["content"][0]["text"] == "in"


def test_the_limits_of_a_library_hold(inside: Gateway) -> None:
    answers = [call(inside, ANA, "seldom")["result"] for _ in range(3)]

    assert [one["isError"] for one in answers] == [False, False, True]
    assert "2 calls per hour" in answers[2]["content"][0]["text"]
    assert not call(inside, BEN, "seldom")["result"]["isError"]


def test_the_approval_of_a_library_is_asked_for(inside: Gateway) -> None:
    answer = call(inside, BEN, "grave")["result"]

    assert answer["isError"]
    assert "approv" in answer["content"][0]["text"]


@pytest.mark.parametrize(("tool", "arguments"), [("blocks", {"seconds": 3}), ("stubborn", {})])
def test_a_function_that_never_ends_meets_the_deadline(inside: Gateway, tool: str, arguments: Tree) -> None:
    started = time.monotonic()
    answer = call(inside, ANA, tool, **arguments)

    assert answer["error"]["data"]["reason"] == "upstream_timeout", answer
    assert time.monotonic() - started < 2.5
    assert call(inside, ANA, "add", a=1)["result"]["structuredContent"] == {"result": 2}


def test_a_function_that_never_ends_keeps_the_gateway_from_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, sample(timeout_seconds=1)) as gateway:
        until(lambda: "blocks" in gateway.tools(), "the tools are listed")
        assert gateway.call("blocks", seconds=60)["error"]["data"]["reason"] == "upstream_timeout"
        started = time.monotonic()

        assert gateway.stop(seconds=15) == 0
        assert time.monotonic() - started < 10


def test_progress_moves_the_deadline(inside: Gateway) -> None:
    meta = {"progressToken": 1}
    answer = ask(inside, ANA, "tools/call", {"name": "steps", "arguments": {"wait": 0.6}, "_meta": meta})

    assert answer["result"]["content"][0]["text"] == "done"


def test_a_blocked_function_blocks_nobody(inside: Gateway) -> None:
    blocked = threading.Thread(target=call, args=(inside, ANA, "blocks"), kwargs={"seconds": 0.8})
    blocked.start()
    started = time.monotonic()
    for number in range(20):
        assert call(inside, BEN, "add", a=number)["result"]["structuredContent"] == {"result": number + 1}
    took = time.monotonic() - started
    blocked.join()

    assert took < 0.8


def test_an_older_client_is_asked_while_the_call_waits(tmp_path: Path) -> None:
    with serving(tmp_path, sample()) as gateway:
        until(lambda: "asks" in gateway.tools(), "the tools are listed")
        client = Asked(gateway, "2025-11-25", ASKS)
        with client.calling({}, tool="asks") as messages:
            question = next(one for one in messages if one.get("method") == "elicitation/create")
            client.tell({"id": question["id"], "result": {"action": "accept", "content": {"value": 5}}})
            answer = next(one for one in messages if "result" in one)

    assert answer["result"]["content"][0]["text"] == "accept 5"


def test_a_result_over_the_limit_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, sample(), limits={"result_bytes_max": 100_000}) as gateway:
        until(lambda: "huge" in gateway.tools(), "the tools are listed")

        assert gateway.call("huge", kilobytes=10)["result"]["isError"] is False
        assert gateway.call("huge", kilobytes=200)["error"]["data"]["reason"] == "upstream_too_large"


def test_what_is_loaded_anew_is_offered_and_called(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = "from narthex import tool\n@tool\ndef {}() -> str:\n    return '{}'\n"
    file.write_text(text.format("first", "one"))
    with serving(tmp_path, {"name": "mine", "python": "mine.py", "reload": True}) as gateway:
        until(lambda: gateway.tools() == ["first"], "the first tool is listed")
        file.write_text(text.format("first", "two"))
        until(lambda: gateway.text("first") == "two", "the new code is called")
        file.write_text("this is no Python")
        until(lambda: gateway.said("mine is not loaded anew"), "the mistake is said")
        assert gateway.text("first") == "two"
        file.write_text(text.format("second", "three"))
        until(lambda: gateway.tools() == ["second"], "the new list is shown")
        assert gateway.text("second") == "three"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nothing_like_this", "needs the module 'nothing_like_this', which is not installed"),
        ("x = 1", "has no Library"),
        ("raise RuntimeError('at import')", "at import"),
        ("import time; time.sleep(60)", "was not loaded in time"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_down_and_says_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    (tmp_path / "good.py").write_text("from narthex import tool\n@tool\ndef fine() -> str:\n    return 'fine'\n")
    bad = {"name": "bad", "python": "bad.py", "start_seconds": 2}
    with serving(tmp_path, bad, {"name": "good", "python": "good.py"}) as gateway:
        assert gateway.text("good__fine") == "fine"
        until(lambda: gateway.status("bad")["state"] == "down", "it is down")
        until(lambda: gateway.said(why), "the log says why")
        assert gateway.stop(seconds=10) == 0


def test_several_versions_and_processes_side_by_side(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        shutil.copy(TOOLS, tmp_path / version / "tools.py")
        path = tmp_path / version / "tools.py"
        path.write_text(path.read_text().replace("return a + b", f"return a + b + 10 * {version}"))
    servers = (
        {"name": "one", "python": "1/tools.py:library"},
        {"name": "two", "python": "2/tools.py:library", "process": "own"},
    )
    with serving(tmp_path, *servers) as gateway:
        until(lambda: {"one__add", "two__add"} <= set(gateway.tools()), "both are listed")

        assert gateway.call("one__add", a=1)["result"]["structuredContent"] == {"result": 12}
        assert gateway.call("two__add", a=1)["result"]["structuredContent"] == {"result": 22}
        assert gateway.text("one__pid") == str(gateway.process.pid)
        assert gateway.text("two__pid") != str(gateway.process.pid)


def test_a_library_of_its_own_process_is_told_who_calls_and_clients_cannot_say_so(tmp_path: Path) -> None:
    authentication = {"type": "keys", "proxy": PROXY}
    with serving(tmp_path, sample(process="own"), authentication=authentication, audit={"enabled": False}) as gateway:
        until(lambda: "who" in names(gateway, ANA), "the tools are listed")
        meta = {"dev.narthex/caller": {"subject": "root"}}
        claimed = ask(gateway, ANA, "tools/call", {"name": "who", "arguments": {}, "_meta": meta})

        assert claimed["result"]["structuredContent"]["who"]["subject"] == "ana"


def test_a_library_can_be_changed_for_a_command(tmp_path: Path) -> None:
    with serving(tmp_path, sample()) as gateway:
        until(lambda: "add" in gateway.tools(), "the tools are listed")
        (tmp_path / "other.py").write_text("from narthex import tool\n@tool\ndef other() -> str:\n    return 'other'\n")
        gateway.write(servers=[{"name": "sample", "python": "other.py"}])
        until(lambda: gateway.tools() == ["other"], "the other library is there")

        assert gateway.text("other") == "other"
