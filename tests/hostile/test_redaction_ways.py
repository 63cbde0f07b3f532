"""Redaction and the two ways of a call: what holds nothing goes express, what holds something is looked through; and
what a server says to a session, or asks it, outside of any call."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from express_stage import (
    BACKS,
    FRONTS,
    TEXT,
    Held,
    Stage,
    event,
    notification,
    result_event,
    staged,
    wait_until,
    went_express,
)
from hostile_peer import SSE_HEAD, Asked, Peer
from real_gateway import Answer

KEY = "AKIAIOSFODNN7EXAMPLE"
CAN_BE_ASKED = {"elicitation": {}}
ASKED = {
    "jsonrpc": "2.0",
    "id": 77,
    "method": "elicitation/create",
    "params": {"message": f"{KEY}?", "requestedSchema": {}},
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    rules = {"redaction": {"detect": ["all"], "direction": "both", "action": "mask"}}
    with staged(tmp_path_factory.mktemp("ways"), rules) as found:
        yield found
        assert found.gateway.faults() == []


def text_of(answer: Answer) -> str:
    text: str = answer.message["result"]["content"][0]["text"]
    return text


def saying(text: str, *, streamed: bool = False) -> Any:
    def say(peer: Peer, asked: Asked) -> None:
        result = {"content": [{"type": "text", "text": text}]}
        if streamed:
            peer.events(result_event(asked, result))
        else:
            peer.result(asked, result)

    return say


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_what_holds_nothing_goes_express_and_what_holds_something_is_hidden(
    stage: Stage, front: str, back: str, streamed: bool
) -> None:
    caller = stage.caller(front, back)
    stage.on_call = saying("fine, 2024-01-15", streamed=streamed)
    assert text_of(caller.call(1, '{"q":"fine"}')) == "fine, 2024-01-15"
    assert went_express(stage.calls[-1])
    stage.on_call = saying(f"use {KEY}", streamed=streamed)
    with stage.one_event("ok", server=back):
        assert text_of(caller.call(2, '{"q":"fine"}')) == "use [aws_key]"
    assert went_express(stage.calls[-1])


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", ["modern", "2025-11-25"])
def test_arguments_with_something_in_them_go_the_general_way(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    stage.on_call = saying("done")
    with stage.one_event("ok", server=back):
        assert text_of(caller.call(3, json.dumps({"q": KEY}))) == "done"
    assert stage.calls[-1].message["params"]["arguments"] == {"q": "[aws_key]"}


def test_what_a_server_logs_outside_of_a_call_is_looked_through(stage: Stage) -> None:
    streams = len(stage.standing)
    caller = stage.caller("2025-06-18", "asking", CAN_BE_ASKED)
    stage.on_call = saying("done")
    caller.call(4)
    wait_until(lambda: len(stage.standing) > streams, "the server has no stream of this session")
    with stage.gateway.connect() as listening:
        listening.say(caller.standing())
        assert listening.head()[0] == 200
        stage.standing[-1].chunk(notification("notifications/message", level="error", logger="l", data={"a": [KEY]}))
        while (message := json.loads(listening.event()[1] or b"{}")).get("method") != "notifications/message":
            pass

    assert message["params"] == {"level": "error", "logger": "l", "data": {"a": ["[aws_key]"]}}


@pytest.mark.parametrize("standing", [True, False], ids=["on the stream of the session", "on the call's own"])
def test_a_question_is_looked_through_and_so_is_its_answer(stage: Stage, standing: bool) -> None:
    streams = len(stage.standing)
    caller = stage.caller("2025-06-18", "asking" if standing else "legacy", CAN_BE_ASKED)

    def ask(peer: Peer, _: Asked) -> None:
        peer.say(SSE_HEAD)
        peer.chunk(event(ASKED))

    def end(peer: Peer, asked: Asked) -> None:
        peer.chunk(result_event(asked, TEXT))
        peer.say(b"0\r\n\r\n")

    held = stage.on_call = Held() if standing else Held(end, first=ask)
    with stage.gateway.connect() as listening:
        wire = listening if standing else caller.wire
        if standing:
            listening.say(caller.standing())
            assert listening.head()[0] == 200
        caller.say(5)
        held.until_arrived()
        if standing:
            wait_until(lambda: len(stage.standing) > streams, "the server has no stream of this session")
            stage.standing[-1].chunk(event(ASKED))
        else:
            assert wire.head()[0] == 200
        while (question := json.loads(wire.event()[1] or b"{}")).get("method") != "elicitation/create":
            pass
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {"a": KEY}}}
        before = len(replies(stage))
        assert caller.post(reply).status == 202
        wait_until(lambda: len(replies(stage)) > before, "the server has no answer")
        held.go.set()
        caller.wire.answer() if standing else caller.wire.event()

    assert question["params"]["message"] == "[aws_key]?"
    assert replies(stage)[-1]["result"] == {"action": "accept", "content": {"a": "[aws_key]"}}


def replies(stage: Stage) -> list[Any]:
    return [
        asked.message
        for asked in stage.far.asked
        if asked.verb == "POST" and isinstance(asked.message, dict) and asked.message.get("id") == 77
    ]
