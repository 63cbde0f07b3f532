"""What is planted in any carrier of the protocol reaches no client: results, resources, prompts, errors, messages."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_peer import Asked, Peer
from real_gateway import Answer
from redaction_house import House, events, house, notification, read, result, streamed, told

KEY = "AKIAIOSFODNN7EXAMPLE"
MAIL = "anna.schmidt@example.com"
CARD = 4111111111111111
SECRETS = (KEY, MAIL, str(CARD))
SAID = f"use {KEY} of {MAIL}"
BLOB = base64.b64encode(SAID.encode()).decode()
ERAS = ("modern", "2025-11-25", "2024-11-05")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("carriers"), {"detect": ["all"], "direction": "both"}) as found:
        yield found


def assert_nothing_in(answer: Answer) -> None:
    said = told(answer)

    assert [secret for secret in SECRETS if secret in said] == []
    assert "[aws_key]" in said


CONTENT: dict[str, Any] = {
    "text": {"content": [{"type": "text", "text": SAID}]},
    "json in text": {"content": [{"type": "text", "text": json.dumps({"a": {MAIL: [KEY]}, "n": CARD})}]},
    "structured": {"content": [], "structuredContent": {MAIL: KEY, "n": CARD}},
    "resource text": {"content": [{"type": "resource", "resource": {"uri": "memo://x", "text": SAID}}]},
    "resource blob": {"content": [{"type": "resource", "resource": {"uri": "memo://x", "blob": BLOB}}]},
    "link": {"content": [{"type": "resource_link", "uri": f"memo://{MAIL}", "name": KEY, "description": SAID}]},
    "meta": {"content": [], "_meta": {"com.example/note": SAID}},
    "annotations": {"content": [{"type": "text", "text": "", "annotations": {"audience": [KEY]}}]},
    "error result": {"content": [{"type": "text", "text": SAID}], "isError": True},
    "unknown member": {"content": [], "com.example": {"a": [SAID]}},
    "unknown block": {"content": [{"type": "com.example", "a": SAID}]},
}


@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
@pytest.mark.parametrize("carrier", list(CONTENT))
def test_nothing_planted_in_a_result_of_a_tool_arrives(home: House, carrier: str, era: str) -> None:
    client = home.client(era)
    home.says = CONTENT[carrier]

    assert_nothing_in(client.call("search", {}))


@pytest.mark.parametrize("era", ERAS)
def test_nothing_planted_in_a_prompt_arrives(home: House, era: str) -> None:
    client = home.client(era)
    block = {"type": "text", "text": SAID}
    home.says = {"description": SAID, "messages": [{"role": "user", "content": block}]}
    assert_nothing_in(client.ask("prompts/get", {"name": "greet"}))
    inner = {"type": "resource", "resource": {"uri": "memo://x", "blob": BLOB}}
    home.says = {"messages": [{"role": "user", "content": inner}]}

    assert_nothing_in(client.ask("prompts/get", {"name": "greet"}))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("member", ["text", "blob"])
def test_nothing_planted_in_a_resource_arrives(home: House, member: str, era: str) -> None:
    client = home.client(era)
    home.says = {"contents": [{"uri": "memo://one", member: SAID if member == "text" else BLOB}]}
    answer = read(client, "memo://one")

    assert_nothing_in(answer)
    assert answer.message["result"]["contents"][0]["uri"] == "memo://one"


@pytest.mark.parametrize("era", ERAS)
def test_nothing_planted_in_an_error_arrives(home: House, era: str) -> None:
    def fail(peer: Peer, asked: Asked) -> None:
        error = {"code": -32000, "message": SAID, "data": {"where": SAID, MAIL: CARD}}
        peer.body(json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "error": error}).encode())

    client = home.client(era)
    home.says = fail

    assert_nothing_in(client.call("search", {}))


@pytest.mark.parametrize("split", [0, 1, 7])
@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
def test_nothing_planted_in_a_stream_arrives_however_it_is_cut(home: House, era: str, split: int) -> None:
    client = home.client(era)
    home.says = streamed(
        notification("progress", progressToken="@ID@", progress=1, message=SAID),
        notification("message", level="error", logger="x", data={"text": SAID, MAIL: CARD}),
        result(content=[{"type": "text", "text": SAID}]),
        split=split,
    )
    meta = {"progressToken": "t", "io.modelcontextprotocol/logLevel": "debug"}
    answer = client.call("search", {}, meta)

    assert_nothing_in(answer)
    assert len(events(answer)) >= 2


def test_what_begins_in_one_message_and_ends_in_the_next_is_cut_short(home: House) -> None:
    client = home.client()
    parts = [f"token {KEY[:8]}", f"{KEY[8:]} and more", "card 4111 1111", " 1111 1111 end"]
    home.says = streamed(
        *(
            notification("progress", progressToken="@ID@", progress=place, message=text)
            for place, text in enumerate(parts)
        ),
        result(content=[]),
    )
    messages = [event["params"]["message"] for event in events(client.call("search", {}, {"progressToken": "t"}))[:-1]]

    assert messages == [parts[0], "[aws_key] and more", parts[2], "[card] end"]


@pytest.mark.parametrize("era", ["modern", "2025-11-25"])
def test_nothing_in_arguments_reaches_the_server(home: House, era: str) -> None:
    client = home.client(era)
    home.says = {"content": []}
    client.call("search", {"q": SAID, "deep": {MAIL: [CARD, json.dumps({"n": CARD})]}, "n": 1.5})

    assert home.last["arguments"] == {
        "q": "use [aws_key] of [email]",
        "deep": {"[email]": ["[card]", '{"n": "[card]"}']},
        "n": 1.5,
    }
    client.ask("prompts/get", {"name": "greet", "arguments": {"who": MAIL}})
    assert home.last["arguments"] == {"who": "[email]"}


def test_images_sound_and_files_are_withheld(home: House) -> None:
    client = home.client()
    binary = base64.b64encode(bytes(range(256))).decode()
    home.says = {
        "content": [
            {"type": "image", "data": binary, "mimeType": "image/png"},
            {"type": "audio", "data": binary, "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "memo://x", "blob": binary, "mimeType": "application/pdf"}},
            {"type": "text", "text": "fine"},
        ]
    }
    content = client.call("search", {}).message["result"]["content"]

    assert binary not in json.dumps(content)
    assert [block.get("text", block.get("resource", {}).get("text", ""))[:9] for block in content] == [
        "[withheld",
        "[withheld",
        "[withheld",
        "fine",
    ]


def test_what_cannot_be_looked_through_is_withheld_with_a_reason(home: House) -> None:
    client = home.client()
    home.says = {"content": [{"type": "text", "text": "x@y.zz " * 20_000}]}
    answer = client.call("search", {}).message["result"]

    assert answer["isError"] is True
    assert "was withheld" in answer["content"][0]["text"]
    assert "more of it than can be told apart in a reasonable time (`findings_per_kb` in `redaction`)" in json.dumps(
        answer
    )
    assert "x@y.zz" not in json.dumps(answer)
    assert answer["_meta"]["dev.narthex/refusal"]["reason"] == "result_unreadable"


def test_a_large_answer_is_looked_through_whole(home: House) -> None:
    client = home.client()
    rows = [{"id": place, "to": MAIL if place % 50 == 0 else "nobody", "n": "x" * 100} for place in range(10_000)]
    home.says = {"content": [{"type": "text", "text": json.dumps(rows)}], "structuredContent": {"rows": rows}}
    answer = client.call("search", {})
    shown = answer.message["result"]

    assert MAIL.encode() not in answer.body
    assert json.loads(shown["content"][0]["text"]) == shown["structuredContent"]["rows"]
    assert [row["to"] for row in shown["structuredContent"]["rows"]].count("[email]") == 200


def test_what_holds_nothing_arrives_as_it_came(home: House) -> None:
    client = home.client()
    rest = (
        b'"content":[{"type":"text","text":"\\u00fc \\n 1.10"}],'
        b'"structuredContent":{"n":1.10,"b":123456789012345678901234567890}'
    )

    def say(peer: Peer, asked: Asked) -> None:
        peer.body(b'{"jsonrpc":"2.0","id":%b,"result":{"resultType":"complete",%b}}' % (asked.id, rest))

    home.says = say

    assert rest in client.call("search", {}).body
