"""Calls that began on the express way and took a turn: they end as on the general way, and leave nothing behind.

Each turn is taken twice, once from each way: the client's answer and what the server heard must be the same.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from express_stage import (
    BACKS,
    HURRIED_SECONDS,
    LEGACY,
    TEXT,
    WAITING_SECONDS,
    Caller,
    Held,
    Stage,
    event,
    good,
    notification,
    result_event,
    staged,
    wait_until,
    went_express,
)
from hostile_client import outcome_of
from hostile_peer import JSON_HEAD, SSE_HEAD, Asked, Peer, Script
from hostile_rows import text
from real_gateway import Answer, request

CELLS = [(front, back) for front in ("modern", LEGACY) for back in BACKS]
LOG = notification("notifications/message", level="error", data="x")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("turns")) as found:
        yield found
        assert found.gateway.faults() == []


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    faults = len(running.gateway.faults())
    yield running
    running.close()
    assert running.gateway.faults()[faults:] == []


# ---- what a server answers -----------------------------------------------------------------------------------------


def status(number: int, *headers: bytes, body: bytes = b"") -> Script:
    head = b"HTTP/1.1 %d No\r\n" % number + b"".join(line + b"\r\n" for line in headers)
    return lambda peer, asked: peer.body(body.replace(b"@ID@", asked.id), head)


def body(data: bytes) -> Script:
    return lambda peer, asked: peer.body(data.replace(b"@ID@", asked.id))


def events(*pieces: bytes) -> Script:
    return lambda peer, asked: peer.events(*(piece.replace(b'"@ID@"', asked.id) for piece in pieces))


def one_event(peer: Peer, asked: Asked) -> None:
    peer.events(result_event(asked))


def event_in_pieces(peer: Peer, asked: Asked) -> None:
    peer.events(*(bytes([byte]) for byte in result_event(asked)))


def close_in_mid_answer(peer: Peer, _: Asked) -> None:
    peer.say(JSON_HEAD + b'content-length: 100\r\n\r\n{"jsonrpc"')
    peer.leave()


def close_in_mid_stream(peer: Peer, _: Asked) -> None:
    peer.say(SSE_HEAD)
    peer.chunk(LOG)
    peer.leave()


def answer_and_close(peer: Peer, asked: Asked) -> None:
    peer.body(text({"jsonrpc": "2.0", "id": asked.message["id"], "result": TEXT}), JSON_HEAD + b"connection: close\r\n")
    peer.leave()


def until_closed(peer: Peer, asked: Asked) -> None:
    peer.say(JSON_HEAD + b"\r\n" + text({"jsonrpc": "2.0", "id": asked.message["id"], "result": TEXT}))
    peer.leave()


def in_chunks(peer: Peer, asked: Asked) -> None:
    peer.say(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n")
    for byte in text({"jsonrpc": "2.0", "id": asked.message["id"], "result": TEXT}):
        peer.chunk(bytes([byte]))
    peer.say(b"0\r\n\r\n")


def leave(peer: Peer, _: Asked) -> None:
    peer.leave()


def reset(peer: Peer, _: Asked) -> None:
    peer.reset()


OK, UP = "ok", "upstream_"
DONE = event({"jsonrpc": "2.0", "id": "@ID@", "result": TEXT})
TURNS: dict[str, tuple[Script, str]] = {
    "one event": (one_event, OK),
    "an event byte by byte": (event_in_pieces, OK),
    "a log line first": (events(LOG, DONE), OK),
    "both in one piece": (events(LOG + DONE), OK),
    "progress first": (events(notification("notifications/progress", progressToken=1, progress=1), DONE), OK),
    "a comment first": (events(b": x\n\n", DONE), OK),
    "an event of another name first": (events(b"event: ping\ndata: {}\n\n", DONE), OK),
    "an id first": (events(b"id: 1\ndata: \n\n", DONE), OK),
    "something after it": (events(DONE, LOG, DONE), OK),
    "another's answer first": (events(DONE.replace(b'"@ID@"', b"987654"), DONE), OK),
    "an error as event": (
        events(event({"jsonrpc": "2.0", "id": "@ID@", "error": {"code": -1, "message": "m"}})),
        "error",
    ),
    "a stream without a response": (events(b": x\n\n"), UP + "stream_truncated"),
    "an empty stream": (events(), UP + "stream_truncated"),
    "an error": (body(b'{"jsonrpc":"2.0","id":@ID@,"error":{"code":-32602,"message":"m","data":{"x":1}}}'), "error"),
    "an error with a status": (
        status(400, body=b'{"jsonrpc":"2.0","id":@ID@,"error":{"code":-32602,"message":"m"}}'),
        "error",
    ),
    "a result with a status": (status(500, body=b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}}'), OK),
    "401": (status(401, b"www-authenticate: Bearer"), UP + "unauthorized"),
    "403": (status(403), UP + "unauthorized"),
    "500": (status(500), UP + "status"),
    "429": (status(429), UP + "busy"),
    "503": (status(503, b"retry-after: 3"), UP + "busy"),
    "202": (status(202), UP + "malformed"),
    "not JSON": (body(b"{"), UP + "malformed"),
    "nothing": (body(b""), UP + "malformed"),
    "HTML": (status(200, b"content-type: text/html", body=b"<html>"), UP + "malformed"),
    "another id": (body(b'{"jsonrpc":"2.0","id":987654,"result":{"content":[]}}'), UP + "malformed"),
    "a batch": (body(b'[{"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}}]'), OK),
    "not UTF-8": (body(b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":["\xff"]}}'), UP + "malformed"),
    "of an unknown kind": (body(b'{"jsonrpc":"2.0","id":@ID@,"result":{"resultType":"x"}}'), UP + "result_type"),
    "too large": (body(b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":["%b"]}}' % (b"x" * 65_536)), UP + "too_large"),
    "chunks": (in_chunks, OK),
    "answered and closed": (answer_and_close, OK),
    "an end by closing": (until_closed, OK),
    "closed at once": (leave, UP + "lost"),
    "reset": (reset, UP + "lost"),
    "closed in mid-answer": (close_in_mid_answer, UP + "lost"),
    "closed in mid-stream": (close_in_mid_stream, UP + "lost"),
    "not HTTP": (lambda peer, _: (peer.say(b"hello\r\n\r\n"), peer.leave())[1], UP + "malformed"),
}


def plain(answer: Answer) -> dict[str, Any]:
    kept = {
        name: value for name, value in answer.headers.items() if name not in ("date", "content-length", "x-request-id")
    }
    return {"status": answer.status, "headers": kept, "message": answer.message}


class Taken(NamedTuple):
    answer: Answer
    heard: list[str]  # by the server
    events: float
    express: bool


def taken(caller: Caller, script: Script, *, unusual: bool) -> Taken:
    stage = caller.stage
    caller.warm()
    stage.until_quiet()
    events = stage.metric("narthex_calls_total")
    stage.on_call = script
    seen = len(stage.far.asked)
    answer = caller.call(5, unusual=unusual)
    stage.until_quiet()
    events = stage.metric("narthex_calls_total") - events
    heard = [asked for asked in stage.far.asked[seen:] if asked.method != "tools/list"]
    return Taken(answer, [asked.method for asked in heard], events, went_express(heard[0]))


def taken_express(caller: Caller, script: Script) -> Taken:
    """Now and then the gateway looks at the lists of a server that was odd, and its one connection is not idle."""
    found = taken(caller, script, unusual=False)
    for _ in range(5):
        if found.express:
            break
        found = taken(caller, script, unusual=False)
    return found


MOMENTS: dict[str, Script] = {
    "an event": one_event,
    "a log line first": TURNS["a log line first"][0],
    "closed": leave,
    "closed in mid-answer": close_in_mid_answer,
}


@pytest.mark.parametrize(("front", "back"), CELLS)
@pytest.mark.parametrize("turn", TURNS)
def test_a_turn_ends_as_on_the_general_way(stage: Stage, turn: str, front: str, back: str) -> None:
    script, outcome = TURNS[turn]
    caller = stage.caller(front, back)
    slow = taken(caller, script, unusual=True)
    fast = taken_express(caller, script)

    assert (fast.express, slow.express) == (True, False)
    assert outcome_of(fast.answer.message) == outcome
    assert plain(fast.answer) == plain(slow.answer)
    assert fast.heard == slow.heard
    assert fast.events == slow.events == 1
    caller.warm()


@pytest.mark.parametrize("front", ["modern", LEGACY])
def test_a_session_that_the_server_has_ended_is_opened_anew_and_the_call_repeated(stage: Stage, front: str) -> None:
    caller = stage.caller(front, "legacy")
    ended: list[Asked] = []

    def once(peer: Peer, asked: Asked) -> None:
        ended.append(asked)
        if len(ended) == 1:
            peer.body(b"", b"HTTP/1.1 404 No\r\n")
        else:
            peer.result(asked, TEXT)

    caller.warm()
    greeted = len(stage.heard("initialize"))
    stage.on_call = once
    answer = caller.call(5)

    assert "result" in answer.message
    assert went_express(ended[0])
    assert len(ended) == 2
    assert len(stage.heard("initialize")) == greeted + 1
    stage.until_quiet()


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_server_that_says_nothing_is_given_up_in_time(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, f"hurried-{back}")
    for unusual in (True, False):
        caller.warm()
        held = stage.on_call = Held()
        told = len(stage.heard("notifications/cancelled"))
        answer = caller.call(5, unusual=unusual)
        held.until_gone()

        assert outcome_of(answer.message) == "upstream_timeout"
        assert answer.seconds < HURRIED_SECONDS + 1.0
        if back == "legacy":
            wait_until(lambda told=told: len(stage.heard("notifications/cancelled")) == told + 1, "it was not told")
        assert went_express(stage.calls[-1]) is not unusual
    stage.until_quiet()
    caller.warm()


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize("back", BACKS)
def test_a_modern_client_that_leaves_takes_its_call_along(stage: Stage, back: str, unusual: bool) -> None:
    caller = stage.caller("modern", back)
    held = stage.on_call = Held()
    told = len(stage.heard("notifications/cancelled"))
    with stage.one_event("cancelled", server=back):
        caller.say(5, unusual=unusual)
        held.until_arrived()
        caller.leave()
        held.until_gone()

    assert went_express(stage.calls[-1]) is not unusual
    if back == "legacy":
        wait_until(lambda: len(stage.heard("notifications/cancelled")) == told + 1, "the server was not told")
        assert (
            stage.heard("notifications/cancelled")[-1].message["params"]["requestId"] == stage.calls[-1].message["id"]
        )
    caller.again()
    caller.warm()


@pytest.mark.parametrize("back", BACKS)
def test_the_call_of_an_older_client_that_leaves_goes_on(stage: Stage, back: str) -> None:
    caller = stage.caller(LEGACY, back)
    held = stage.on_call = Held()
    with stage.one_event("ok", server=back):
        caller.say(5)
        held.until_arrived()
        connections = stage.metric("narthex_connections")
        caller.leave()
        wait_until(lambda: stage.metric("narthex_connections") < connections, "nobody notices that it is gone")
        assert stage.metric("narthex_inflight") == 1
        held.go.set()

    assert not held.gone.is_set()
    assert went_express(stage.calls[-1])
    caller.again()
    assert "result" in caller.call(5).message  # the id is free again


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize("back", BACKS)
def test_an_older_client_takes_its_call_back(stage: Stage, back: str, unusual: bool) -> None:
    caller = stage.caller(LEGACY, back)
    held = stage.on_call = Held()
    told = len(stage.heard("notifications/cancelled"))
    with stage.one_event("cancelled", server=back):
        caller.say(5, unusual=unusual)
        held.until_arrived()
        assert withdraw(caller, 5).status == 202
        answer = caller.wire.answer()
        held.until_gone()

    assert went_express(stage.calls[-1]) is not unusual
    assert answer.status == 200
    assert answer.message["id"] == 5
    assert answer.message["error"]["data"] == {"reason": "cancelled"}
    if back == "legacy":
        wait_until(lambda: len(stage.heard("notifications/cancelled")) == told + 1, "the server was not told")
        heard = stage.heard("notifications/cancelled")[-1]
        assert heard.message["params"]["requestId"] == stage.calls[-1].message["id"]
        assert heard.headers["mcp-session-id"] == stage.calls[-1].headers["mcp-session-id"]
    assert "result" in again_usual(caller, 5).message


def withdraw(caller: Caller, request_id: Any) -> Answer:
    params = {"requestId": request_id}
    return caller.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})


def again_usual(caller: Caller, request_id: Any) -> Answer:
    caller.warm()
    caller.stage.on_call = lambda peer, asked: peer.result(asked, TEXT)
    return caller.call(request_id)


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize("back", BACKS)
def test_who_ends_a_session_ends_what_is_asked_in_it(stage: Stage, back: str, unusual: bool) -> None:
    caller = stage.caller(LEGACY, back)
    held = stage.on_call = Held()
    with stage.one_event("cancelled", server=back):
        caller.say(5, unusual=unusual)
        held.until_arrived()
        with stage.gateway.connect() as other:
            assert other.ask(request("DELETE", caller.path, list(caller.headers.items()))).status == 200
        held.until_gone()
        answer = caller.wire.answer()

    assert went_express(stage.calls[-1]) is not unusual
    assert answer.message["error"]["data"] == {"reason": "cancelled"}


def test_taking_back_what_is_not_there_is_nothing(stage: Stage) -> None:
    caller = stage.caller(LEGACY, "modern")
    held = stage.on_call = Held()
    caller.say(5)
    held.until_arrived()
    for other in (6, "5", None, [5], 5.5):
        assert withdraw(caller, other).status == 202
    held.go.set()

    assert "result" in caller.wire.answer().message


@contextmanager
def at_once(stage: Stage) -> Iterator[None]:
    """The gateway hears of everything that happens inside in one turn of its loop."""
    os.kill(stage.gateway.child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stage.gateway.child.pid, signal.SIGCONT)


@pytest.mark.parametrize("first", ["answer", "end"])
@pytest.mark.parametrize("turn", ["usual", *MOMENTS])
@pytest.mark.parametrize(("front", "back"), CELLS)
def test_an_answer_and_its_being_unwanted_may_come_in_one_moment(
    stage: Stage, front: str, back: str, turn: str, first: str
) -> None:
    """One of both comes first, and nobody hangs or faults whichever it is."""
    caller = stage.caller(front, back)
    events_before = stage.metric("narthex_calls_total")
    said = threading.Event()

    def answer(peer: Peer, asked: Asked) -> None:
        MOMENTS.get(turn, good)(peer, asked)
        said.set()

    def unwanted() -> None:
        if front == "modern":
            caller.leave()
        else:
            params = {"requestId": 5}
            other.say(caller.raw(text({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})))

    with stage.gateway.connect() as other:
        held = stage.on_call = Held(answer)
        caller.say(5)
        held.until_arrived()
        with at_once(stage):
            if first == "end":
                unwanted()
            held.go.set()
            assert said.wait(WAITING_SECONDS)
            if first == "answer":
                unwanted()
        if front != "modern":
            found = caller.wire.answer().message
            assert other.answer().status == 202
            assert found["id"] == 5
            assert "result" in found or found["error"]["data"]["reason"] in ("cancelled", "upstream_lost")
    stage.until_quiet()
    assert stage.metric("narthex_calls_total") == events_before + 1
    caller.again()
    caller.warm()


@pytest.mark.parametrize("second_unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize("first_unusual", [False, True], ids=["after express", "after general"])
def test_an_id_may_be_in_flight_once_in_a_session(
    stage: Stage,
    first_unusual: bool,
    second_unusual: bool,
) -> None:
    caller = stage.caller(LEGACY, "modern")
    held = stage.on_call = Held()
    seen = len(stage.calls)
    caller.say(5, unusual=first_unusual)
    held.until_arrived()
    refused = stage.gateway.post(caller.body(5, unusual=second_unusual), caller.headers, caller.path)
    stage.on_call = lambda peer, asked: peer.result(asked, TEXT)
    other = stage.gateway.post(caller.body("5"), caller.headers, caller.path)
    held.go.set()

    assert refused.status == 400
    assert refused.message["error"]["data"] == {"reason": "id"}
    assert "result" in other.message
    assert "result" in caller.wire.answer().message
    assert len(stage.calls) == seen + 2


# ---- questions -----------------------------------------------------------------------------------------------------

ASKED = {"jsonrpc": "2.0", "id": "q-1", "method": "elicitation/create"}
ASKED = {**ASKED, "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}}
CAN_BE_ASKED = {"elicitation": {}}


def replies(stage: Stage) -> list[Any]:
    return [one.message for one in stage.far.asked if isinstance(one.message, dict) and one.message.get("id") == "q-1"]


def heard_question(caller: Caller) -> Any:
    code, headers = caller.wire.head()
    assert (code, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    return json.loads(caller.wire.event()[1])


def test_a_server_asks_in_mid_call_on_the_stream_of_the_call(stage: Stage) -> None:
    caller = stage.caller("2025-06-18", "legacy", CAN_BE_ASKED)

    def ask(peer: Peer, _: Asked) -> None:
        peer.say(SSE_HEAD)
        peer.chunk(event(ASKED))

    def end(peer: Peer, asked: Asked) -> None:
        peer.chunk(result_event(asked))
        peer.say(b"0\r\n\r\n")

    before = len(replies(stage))
    held = stage.on_call = Held(end, first=ask)
    with stage.one_event("ok", server="legacy"):
        caller.say(5)
        question = heard_question(caller)
        assert question["method"] == "elicitation/create"
        accepted = {"action": "accept", "content": {"a": 1}}
        assert caller.post({"jsonrpc": "2.0", "id": question["id"], "result": accepted}).status == 202
        wait_until(lambda: len(replies(stage)) == before + 1, "the server has no answer")
        held.go.set()
        assert json.loads(caller.wire.event()[1])["result"] == TEXT

    assert went_express(stage.calls[-1])
    assert replies(stage)[-1]["result"] == accepted


@pytest.mark.parametrize("end", ["answered", "unanswered"])
def test_a_server_asks_in_mid_call_on_the_stream_of_the_session(stage: Stage, end: str) -> None:
    caller = stage.caller("2025-06-18", "asking", CAN_BE_ASKED)
    before = len(replies(stage))
    held = stage.on_call = Held()
    with stage.one_event("ok", server="asking"), stage.gateway.connect() as listening:
        listening.say(caller.standing())
        assert listening.head()[0] == 200
        caller.say(5)
        held.until_arrived()
        stage.standing[-1].chunk(event(ASKED))
        question = json.loads(listening.event()[1])
        assert question["method"] == "elicitation/create"
        if end == "answered":
            assert caller.post({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}).status == 202
            wait_until(lambda: len(replies(stage)) == before + 1, "the server has no answer")
        held.go.set()
        assert caller.wire.answer().message["result"] == TEXT
        if end == "unanswered":  # the call it belonged to is over: both sides are told so
            withdrawn = json.loads(listening.event()[1])
            assert withdrawn["method"] == "notifications/cancelled"
            assert withdrawn["params"]["requestId"] == question["id"]
            wait_until(lambda: len(replies(stage)) == before + 1, "the server has no answer")

    assert went_express(stage.calls[-1])
    assert replies(stage)[-1]["result"] == {"action": "decline" if end == "answered" else "cancel"}


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
def test_what_a_server_logs_outside_of_a_call_names_the_server(stage: Stage, unusual: bool) -> None:
    caller = stage.caller("2025-06-18", "asking", CAN_BE_ASKED, mixed=True)
    assert "result" in caller.call(5, unusual=unusual).message
    assert went_express(stage.calls[-1]) is not unusual
    with stage.gateway.connect() as listening:
        listening.say(caller.standing())
        assert listening.head()[0] == 200
        stage.standing[-1].chunk(notification("notifications/message", level="error", logger="l", data="x"))
        while (message := json.loads(listening.event()[1] or b"{}")).get("method") != "notifications/message":
            pass

    assert message["params"]["logger"] == "asking/l"


# ---- time, order, number -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_slow_call_answers_as_a_stream(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    held = stage.on_call = Held()
    with stage.one_event("ok", server=back):
        caller.say(5)
        held.until_arrived()
        code, headers = caller.wire.head()
        assert (code, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        held.go.set()
        found = json.loads(b"".join(caller.wire.pieces(headers)).rpartition(b"data: ")[2])

    assert found["id"] == 5
    assert found["result"]["content"] == TEXT["content"]
    assert went_express(stage.calls[-1])
    assert "result" in caller.call(6).message  # on the same connection


@pytest.mark.parametrize("turn", ["an error", "503", "closed at once", "not JSON"])
@pytest.mark.parametrize("front", ["modern", LEGACY])
def test_a_turn_after_the_stream_has_begun_is_its_last_event(stage: Stage, front: str, turn: str) -> None:
    caller = stage.caller(front, "modern")
    held = stage.on_call = Held(TURNS[turn][0])
    caller.say(5)
    held.until_arrived()
    _, headers = caller.wire.head()
    held.go.set()
    found = json.loads(b"".join(caller.wire.pieces(headers)).rpartition(b"data: ")[2])

    assert outcome_of(found) == TURNS[turn][1]
    stage.until_quiet()
    caller.warm()


def said(arguments: Any) -> list[Any]:
    return [{"type": "text", "text": json.dumps(arguments)}]


def echo(peer: Peer, asked: Asked) -> None:
    peer.result(asked, {"content": said(asked.message["params"]["arguments"])})


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_requests_sent_ahead_are_answered_in_order(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    stage.on_call = echo
    wanted = list(range(40))
    pieces = [caller.raw(caller.body(n, f'{{"n":{n}}}', unusual=n % 5 == 4)) for n in wanted]
    caller.wire.say(b"".join(pieces))
    answers = [caller.wire.answer().message for _ in wanted]

    assert [answer["id"] for answer in answers] == wanted
    assert [answer["result"]["content"] for answer in answers] == [said({"n": n}) for n in wanted]
    stage.until_quiet()


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_many_callers_at_once_get_each_their_own(stage: Stage, front: str, back: str) -> None:
    first = stage.caller(front, back)
    callers = [first, *(stage.twin(first) for _ in range(63))]
    stage.on_call = echo
    before = stage.metric("narthex_calls_total", outcome="ok", server=back)
    seen = len(stage.calls)
    for turn in range(5):
        for number, caller in enumerate(callers):
            caller.say(f"{number}-{turn}", f'{{"n":{number},"t":{turn}}}')
        for number, caller in enumerate(callers):
            found = caller.wire.answer().message
            assert found["id"] == f"{number}-{turn}"
            assert found["result"]["content"] == said({"n": number, "t": turn})

    stage.until_quiet()
    assert stage.metric("narthex_calls_total", outcome="ok", server=back) == before + 320
    assert sum(map(went_express, stage.calls[seen:])) > 32
    ids = [(asked.headers.get("mcp-session-id"), asked.message["id"]) for asked in stage.calls[seen:]]
    assert len(set(ids)) == 320


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_connection_that_the_server_closes_after_its_answer_is_not_used_again(
    stage: Stage, front: str, back: str
) -> None:
    """The server says nothing of it; the next call must not pay for it once the end can be seen."""
    caller = stage.caller(front, back)
    left: list[Peer] = []

    def answer_and_leave(peer: Peer, asked: Asked) -> None:
        peer.result(asked, TEXT)
        peer.sock.shutdown(socket.SHUT_RDWR)
        peer.leave()
        left.append(peer)

    for number in range(5):
        caller.warm()
        stage.on_call = answer_and_leave
        assert "result" in caller.call(number).message
        wait_until(lambda wanted=number + 1: len(left) == wanted, "it did not leave")
        stage.on_call = good
        stage.metric("narthex_inflight")  # a round trip through the gateway: it has seen the end by now
        assert "result" in caller.call(number + 100).message
