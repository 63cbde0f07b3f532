"""Tokens: a value that no model sees goes from one tool to another; and field rules, and what is refused."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_client import Client
from redaction_house import House, events, house, notification, read, result, streamed

MAIL, PHONE = "anna.schmidt@example.com", "+49 30 1234567"
RULES: dict[str, Any] = {
    "send": {"redaction": {"opens": ["email"]}},
    "contact": {"redaction": {"keep": ["id", "name"], "actions": {"email": "tokenise"}}},
}
TOKENS = {"detect": ["contact"], "actions": {"email": "tokenise", "phone": "hash"}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("tokens"), TOKENS, rules=RULES) as found:
        yield found


def found_token(home: House, client: Client, mail: str = MAIL) -> str:
    home.says = {"content": [], "structuredContent": {"to": mail}}
    token: str = client.call("search", {}).message["result"]["structuredContent"]["to"]
    assert token.startswith("‹email:")
    assert token.endswith("›")
    return token


def refusal(answer: Any) -> str:
    reason: str = answer.message["result"]["_meta"]["dev.narthex/refusal"]["reason"]
    return reason


@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
def test_a_token_is_opened_for_the_tool_that_may_have_the_value(home: House, era: str) -> None:
    client = home.client(era)
    token = found_token(home, client)
    home.says = {"content": [{"type": "text", "text": f"sent to {MAIL.upper()}, <{MAIL}>"}]}
    answer = client.call("send", {"to": token, "text": f"Dear {token}, and {token.strip('‹›')}!"})

    assert home.last["arguments"]["to"] == MAIL
    assert home.last["arguments"]["text"].startswith(f"Dear {MAIL}, and ")
    assert answer.message["result"]["content"][0]["text"] == f"sent to {token}, <{token}>"


@pytest.mark.parametrize("around", ["‹{}›", "<{}>", "&lt;{}&gt;", "[{}]"])
def test_a_token_is_known_as_models_write_it(home: House, around: str) -> None:
    client = home.client()
    token = found_token(home, client)
    home.says = {"content": []}
    client.call("send", {"to": around.format(token.strip("‹›"))})

    assert home.last["arguments"]["to"] == MAIL


def test_the_same_value_has_the_same_token_and_another_one_another(home: House) -> None:
    client = home.client()

    assert found_token(home, client) == found_token(home, client)
    assert found_token(home, client) != found_token(home, client, "bob@example.com")


def test_a_hash_is_the_same_for_the_same_value_and_tells_nothing(home: House) -> None:
    client = home.client()
    home.says = {"content": [], "structuredContent": {"a": PHONE, "b": PHONE, "c": "+49 30 7654321"}}
    shown = client.call("search", {}).message["result"]["structuredContent"]

    assert shown["a"] == shown["b"] != shown["c"]
    assert shown["a"].startswith("[phone#")


def test_a_tool_that_may_not_have_the_value_gets_the_token(home: House) -> None:
    client = home.client()
    token = found_token(home, client)
    home.says = {"content": []}
    client.call("search", {"q": token})

    assert home.last["arguments"] == {"q": token}


def test_a_token_is_good_at_the_endpoint_that_gave_it_alone(home: House) -> None:
    one, other = home.client(path="/mcp/one"), home.client(path="/mcp/other")
    token = found_token(home, one)

    assert found_token(home, other) != token
    assert refusal(other.call("send", {"to": token})) == "unknown_token"


@pytest.mark.parametrize("made_up", ["‹email:0000000000›", "‹email:zzzzzzzzzz›"])
def test_a_token_that_was_never_given_out_is_refused(home: House, made_up: str) -> None:
    asked = len(home.far.asked)
    answer = home.client().call("send", {"to": made_up})

    assert refusal(answer) == "unknown_token"
    assert [one for one in home.far.asked[asked:] if one.method == "tools/call"] == []


def test_arguments_are_checked_with_the_value_and_a_refusal_does_not_tell_it(home: House) -> None:
    client = home.client()
    token = found_token(home, client)
    home.says = {"content": []}
    client.call("send", {"to": token})  # the schema wants an "@", which no token has
    assert home.last["arguments"]["to"] == MAIL
    answer = client.call("send", {"to": [token]})

    assert refusal(answer) == "invalid_arguments"
    assert MAIL not in json.dumps(answer.message)


def test_only_chosen_members_pass(home: House) -> None:
    client = home.client()
    row = {"id": 7, "name": "Anna", "email": MAIL, "phone": PHONE, "address": {"city": "Berlin", "id": 8}}
    home.says = {"content": [{"type": "text", "text": json.dumps([row])}], "structuredContent": row, "_meta": {"a": 1}}
    shown = client.call("contact", {}).message["result"]

    assert shown["structuredContent"] == {"id": 7, "name": "Anna", "address": {"id": 8}}
    assert json.loads(shown["content"][0]["text"]) == [{"id": 7, "name": "Anna", "address": {"id": 8}}]
    assert "a" not in shown["_meta"]
    home.says = {"content": [{"type": "text", "text": f"Anna lives at {MAIL}"}]}
    assert "withheld" in client.call("contact", {}).message["result"]["content"][0]["text"]


def test_the_catalogue_promises_no_more_than_will_be_kept(home: House) -> None:
    tools = home.client().tools()

    assert tools["contact"]["outputSchema"] == {
        "type": "object",
        "properties": {"id": {"type": ["integer", "string", "null"]}},
        "additionalProperties": False,
    }
    assert "‹email:…›" in tools["send"]["description"]


def test_tokens_outlive_the_process_and_end_in_time(tmp_path: Path) -> None:
    with house(tmp_path, {**TOKENS, "token_seconds": 3600}, rules=RULES) as first:
        token = found_token(first, first.client())
    with house(tmp_path, {**TOKENS, "token_seconds": 1}, rules=RULES) as second:
        client = second.client()
        second.says = {"content": []}
        client.call("send", {"to": token})
        assert second.last["arguments"]["to"] == MAIL
        short = found_token(second, client, "bob@example.com")
        ends = time.monotonic() + 10
        while refused(client, short) is False:
            assert time.monotonic() < ends
            time.sleep(0.05)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir() if path.is_file())

    assert MAIL.encode() not in stored


def refused(client: Client, token: str) -> bool:
    return bool(client.call("send", {"to": token}).message["result"].get("isError", False))


def test_what_is_blocked_ends_the_call_with_a_reason(tmp_path: Path) -> None:
    rule = [
        {"detect": ["financial"], "action": "block"},
        {"direction": "arguments", "detect": ["secrets"], "action": "block"},
    ]
    with house(tmp_path, rule) as home:
        client = home.client()
        home.says = {"content": [{"type": "text", "text": "DE89 3704 0044 0532 0130 00"}]}
        answer = client.call("search", {})
        assert refusal(answer) == "result_blocked"
        assert "'iban'" in answer.message["result"]["content"][0]["text"]
        assert "DE89" not in json.dumps(answer.message)
        asked = len(home.far.asked)
        answer = client.call("search", {"q": "password: hunter2-or-so"})
        assert refusal(answer) == "arguments_blocked"
        assert len(home.far.asked) == asked
        home.says = streamed(
            notification("progress", progressToken="@ID@", progress=1, message="DE89 3704 0044 0532 0130 00"),
            result(content=[{"type": "text", "text": "fine"}]),
        )
        told = events(client.call("search", {}, {"progressToken": "t"}))
        assert told[0]["params"] == {"progressToken": "t", "progress": 1, "message": "[withheld by the gateway]"}
        home.says = {"contents": [{"uri": "memo://one", "text": "4111 1111 1111 1111"}]}
        assert read(client, "memo://one").message["error"]["data"]["reason"] == "result_blocked"
