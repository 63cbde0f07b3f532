"""The same call on the express way and on the general one: the server saw the same, and so did the client."""

from collections.abc import Iterator
from typing import Any

import pytest
from express_stage import BACKS, FRONTS, LEGACY, TEXT, Caller, Stage, result_event, staged, went_express
from hostile_client import META
from hostile_peer import Asked, Peer
from real_gateway import Answer

OWN = "io.modelcontextprotocol/"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("same")) as found:
        yield found
        assert found.gateway.faults() == []


def plain_request(asked: Asked) -> dict[str, Any]:
    """What a server saw, but for what differs from call to call."""
    headers = {name: value for name, value in asked.headers.items() if name != "content-length"}
    message = {name: value for name, value in asked.message.items() if name != "id"}
    return {"verb": asked.verb, "path": asked.path, "headers": headers, "message": message}


def plain_answer(answer: Answer) -> dict[str, Any]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return {"status": answer.status, "headers": headers, "message": answer.message}


def compare(caller: Caller, usual: bytes, unusual: bytes) -> None:
    """Both ways, one after the other, on one connection."""
    seen = len(caller.stage.calls)
    fast = caller.wire.ask(caller.raw(usual))
    slow = caller.wire.ask(caller.raw(unusual))
    first, second = caller.stage.calls[seen:]

    assert went_express(first)
    assert not went_express(second)
    assert plain_request(first) == plain_request(second)
    assert plain_answer(fast) == plain_answer(slow)
    assert "result" in fast.message


ARGUMENTS = {
    "none": "{}",
    "numbers": '{"a":1,"b":1.10,"c":-0.0,"d":12345678901234567890,"e":1e2,"f":123456789012345678901234567890}',
    "nested": '{"a":[{"b":[[],{}]},null,true,false],"c":{"d":{"e":""}}}',
    "signs": '{"größe":"😀\u2028","a:b":"{[,]}","\u007f":"ＮＡＭＥ"}',
    "names": '{"name":"x","arguments":{"name":"y"},"_meta":{"progressToken":1},"id":7,"jsonrpc":"2.0"}',
    "spaces": '{ "a" :\t1 ,\r\n"b":[ ] }',
}


@pytest.mark.parametrize("mixed", [False, True], ids=["bare", "prefixed"])
@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_call_is_the_same_on_both_ways(stage: Stage, front: str, back: str, mixed: bool) -> None:
    caller = stage.caller(front, back, mixed=mixed)
    for arguments in ARGUMENTS.values():
        compare(caller, caller.body(5, arguments), caller.body(5, arguments, unusual=True))


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_call_that_is_long_or_spread_out_is_the_same(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    body = caller.body(5, '{"a":1}')

    seen = len(stage.calls)
    compare(caller, body, body.replace(b'"name":', b'"na\\u006de":'))
    long = caller.wire.ask(caller.raw(body + b" " * 2_000))

    assert not went_express(stage.calls[-1])
    assert plain_request(stage.calls[-1]) == plain_request(stage.calls[seen])
    assert "result" in long.message


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_token_for_progress_is_all_that_differs(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    seen = len(stage.calls)
    fast = caller.call(5, '{"a":1}', {"x/y": ":"})
    slow = caller.call(5, '{"a":1}', {"x/y": ":", "progressToken": "p"})
    first, second = stage.calls[seen:]

    assert went_express(first)
    assert second.message["params"]["_meta"].pop("progressToken")
    assert plain_request(first) == plain_request(second)
    assert plain_answer(fast) == plain_answer(slow)


METAS: dict[str, dict[str, Any]] = {
    "vendor": {"x/y": {"a": [1.5, "é"]}},
    "ours": {"dev.narthex/x": 1, "y": 2},
    "info": {f"{OWN}clientInfo": {"name": "c", "version": "1"}},
    "reserved": {f"{OWN}related-task": {"taskId": "t"}, f"{OWN}subscriptionId": "s"},
}
MODERN_METAS: dict[str, dict[str, Any]] = {
    "level": {f"{OWN}logLevel": "warning"},
    "capabilities": {f"{OWN}clientCapabilities": {"elicitation": {"form": {}}, "roots": {}, "extensions": {"a/b": {}}}},
}


# An older client says the rest at the beginning, and an older server has to be told a level before.
SAID_BY = [(front, back, meta) for meta in METAS for front in ("modern", LEGACY) for back in BACKS]
SAID_BY += [("modern", "modern", "level"), ("modern", "modern", "capabilities"), ("modern", "legacy", "capabilities")]


@pytest.mark.parametrize(("front", "back", "meta"), SAID_BY)
def test_what_a_client_says_of_itself_is_the_same(stage: Stage, front: str, back: str, meta: str) -> None:
    caller = stage.caller(front, back)
    told = {**METAS, **MODERN_METAS}[meta]

    compare(caller, caller.body(5, "{}", told), caller.body(5, "{}", told, unusual=True))


RESULTS: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "error": {**TEXT, "isError": True},
    "no error": {**TEXT, "isError": False},
    "structured": {**TEXT, "structuredContent": {"a": 1.5}},
    "a list": {**TEXT, "structuredContent": [1]},
    "null": {**TEXT, "structuredContent": None},
    "sound": {"content": [{"type": "audio", "data": "", "mimeType": "audio/ogg"}]},
    "link": {"content": [{"type": "resource_link", "uri": "file:///a", "name": "a"}]},
    "resource": {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "t"}}]},
    "unknown": {"content": [{"type": "hologram", "x": 1}]},
    "meta": {**TEXT, "_meta": {"x/y": 1, f"{OWN}serverInfo": {"name": "up", "version": "9"}}},
    "meta of no kind": {**TEXT, "_meta": [1]},
    "signs": {"content": [{"type": "text", "text": 'é\u2028😀\u0000\\ " {[:'}]},
    "strangers": {**TEXT, "ttlMs": 5, "x": {}},
    "no content": {"structuredContent": {}},
    "content of no kind": {"content": "x"},
    "huge": {"content": [{"type": "text", "text": "x" * 40_000}]},
}


def in_json(result: dict[str, Any], peer: Peer, asked: Asked) -> None:
    peer.result(asked, {"resultType": "complete", **result} if asked.path == "/modern" else result)


def in_events(result: dict[str, Any], peer: Peer, asked: Asked) -> None:
    found = {"resultType": "complete", **result} if asked.path == "/modern" else result
    peer.events(result_event(asked, found))


@pytest.mark.parametrize("carried", [in_json, in_events], ids=["json", "events"])
@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_every_kind_of_result_comes_back_the_same(stage: Stage, front: str, back: str, carried: Any) -> None:
    callers = [stage.caller(front, back, mixed=mixed) for mixed in (False, True)]
    try:
        for result in RESULTS.values():
            stage.on_call = lambda peer, asked, result=result: carried(result, peer, asked)
            for caller in callers:
                caller.warm()  # while the end of a stream is awaited, its connection is not idle
                compare(caller, caller.body("i:d"), caller.body("i:d", unusual=True))
    finally:
        stage.on_call = lambda peer, asked: peer.result(asked, TEXT)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("request_id", [0, -1, 2**70, "", "é", "7"], ids=repr)
def test_the_id_comes_back_as_it_was_and_never_reaches_the_server(
    stage: Stage, front: str, request_id: int | str
) -> None:
    caller = stage.caller(front, "modern")
    seen = len(stage.calls)
    answer = caller.call(request_id)

    assert went_express(stage.calls[seen])
    assert (type(answer.message["id"]), answer.message["id"]) == (type(request_id), request_id)
    assert type(stage.calls[seen].message["id"]) is int
    assert META.keys() <= stage.calls[seen].message["params"]["_meta"].keys()


REFUSED = {
    "a key twice": '{"a":1,"a":2}',
    "a number beyond all": '{"a":1e400}',
    "too deep": '{"a":' + "[" * 70 + "]" * 70 + "}",
    "not JSON": "{",
    "no object": "[]",
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("front", FRONTS)
def test_what_the_general_way_refuses_is_refused(stage: Stage, front: str, arguments: str) -> None:
    caller = stage.caller(front, "modern")
    seen = len(stage.calls)
    answer = caller.call(5, arguments)

    assert answer.message["error"]["code"] in (-32700, -32600, -32602)
    assert len(stage.calls) == seen
    assert "result" in caller.call(6).message
