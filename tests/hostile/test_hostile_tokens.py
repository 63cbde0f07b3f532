"""What we hand out sealed comes back changed, elsewhere, or from somebody else: refused in one text, nobody asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_client import JSON, Client, outcome_of
from real_gateway import Answer, Gateway, gateway
from recording_upstream import Recording, recording

ELICITING = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
ANSWERED = {"inputResponses": {"q": {"action": "accept", "content": {}}}}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Recording]:
    with recording() as server:
        yield server


@pytest.fixture(scope="module")
def running(upstream: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {
        "servers": [{"name": name, "upstream": upstream.url("/rec")} for name in ("rec", "twin")],
        "endpoints": {"one": {"servers": ["rec"]}},
        "limits": {"sessions_max": 50},
    }
    with gateway(config, tmp_path_factory.mktemp("tokens")) as found:
        Client(found).until_listed("rec__ask", "twin__ask")
        yield found
        assert found.alive
        assert found.faults() == []


def ask(client: Client, name: str = "rec__ask", arguments: Any = None, **more: Any) -> Answer:
    params = {"name": name, "arguments": {"a": 1} if arguments is None else arguments, **more}
    return client.ask("tools/call", params, ELICITING)


@pytest.fixture(scope="module")
def state(running: Gateway) -> str:
    result = ask(Client(running)).message["result"]

    assert result["resultType"] == "input_required"
    assert "inner" not in result["requestState"]
    return str(result["requestState"])


def test_the_state_opens_for_its_own_call(running: Gateway, upstream: Recording, state: str) -> None:
    answer = ask(Client(running), requestState=state, arguments={"a": 1.0}, **ANSWERED)

    assert outcome_of(answer.message) == "ok"
    assert upstream.seen[-1][1]["requestState"] == "inner state"


def test_a_state_changed_in_any_sign_opens_nothing(running: Gateway, upstream: Recording, state: str) -> None:
    client, before, texts = Client(running), len(upstream.seen), set()
    changed = [
        state[:place] + ("A" if state[place] != "A" else "B") + state[place + 1 :] for place in range(len(state))
    ]
    cut = [state[:-1], state[1:], state + "A", state + "=", state.upper(), " " + state, state + "\n"]
    for wrong in [*changed, *cut]:
        message = ask(client, requestState=wrong, **ANSWERED).message
        texts.add(json.dumps(message["error"]))

    assert len(texts) == 1, "one text for every reason"
    assert len(upstream.seen) == before


@pytest.mark.parametrize("how", ["arguments", "tool", "server", "endpoint", "method"])
def test_a_state_opens_for_no_other_call(how: str, running: Gateway, upstream: Recording, state: str) -> None:
    before = len(upstream.seen)
    client = Client(running, path="/mcp/one") if how == "endpoint" else Client(running)
    if how == "arguments":
        answer = ask(client, arguments={"a": 2}, requestState=state, **ANSWERED)
    elif how == "method":
        params = {"name": "rec__greet", "requestState": state, **ANSWERED}
        answer = client.ask("prompts/get", params, ELICITING)
    else:
        name = {"tool": "rec__echo", "server": "twin__ask", "endpoint": "ask"}[how]
        answer = ask(client, name=name, requestState=state, **ANSWERED)

    assert answer.status == 400
    assert answer.message["error"]["data"]["reason"] == "request_state"
    assert len(upstream.seen) == before


def initialize(running: Gateway, path: str = "/mcp") -> str:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    return running.post(body, JSON, path).headers["mcp-session-id"]


def ping(running: Gateway, session: str, path: str = "/mcp") -> int:
    return running.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, {**JSON, "Mcp-Session-Id": session}, path).status


def test_a_session_changed_in_any_sign_is_none(running: Gateway) -> None:
    session = initialize(running)
    statuses = {
        ping(running, session[:place] + ("A" if session[place] != "A" else "B") + session[place + 1 :])
        for place in range(len(session))
    }

    assert ping(running, session) == 200
    assert statuses == {404}


def test_a_session_is_of_one_endpoint_and_ends_for_good(running: Gateway) -> None:
    session = initialize(running)

    assert ping(running, session, "/mcp/one") == 404
    assert ping(running, session) == 200
    with running.connect() as wire:
        wire.say(f"DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {session}\r\n\r\n".encode())
        assert wire.answer().status == 200
    assert ping(running, session) == 404


def test_a_client_cannot_choose_its_session(running: Gateway) -> None:
    """Session fixation: whatever id an `initialize` carries, the session has one of ours."""
    chosen = "n1." + "A" * 60
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    given = running.post(body, {**JSON, "Mcp-Session-Id": chosen}).headers["mcp-session-id"]

    assert given != chosen
    assert ping(running, chosen) == 404
    assert ping(running, given) == 200


def test_a_flood_of_sessions_evicts_and_hurts_nobody(running: Gateway) -> None:
    mine = initialize(running)
    before = running.rss()
    for _ in range(500):
        initialize(running)

    assert ping(running, mine) == 200, "its token brings it back"
    assert running.rss() - before < 20 * 1024 * 1024


@pytest.mark.parametrize(
    "params", [{}, {"requestId": []}, {"requestId": {}}, {"requestId": None}, {"requestId": True}, {"requestId": "1"}]
)
def test_odd_cancellations_are_ignored(params: Any, running: Gateway) -> None:
    session = initialize(running)
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}

    assert running.post(body, {**JSON, "Mcp-Session-Id": session}).status == 202
    assert ping(running, session) == 200


def test_a_foreign_answer_to_a_question_is_ignored(running: Gateway) -> None:
    session = initialize(running)
    for reply in ({"result": {"action": "accept"}}, {"error": {"code": 1, "message": "x"}}):
        body = {"jsonrpc": "2.0", "id": "nx-0000000000000000", **reply}

        assert running.post(body, {**JSON, "Mcp-Session-Id": session}).status == 202


def test_subscriptions_take_no_resource_that_is_none(running: Gateway) -> None:
    session = initialize(running)
    for uri in (None, 5, [], "nothing:x", "gw+rec:" + "x" * 5_000):
        body = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": uri}}
        answer = running.post(body, {**JSON, "Mcp-Session-Id": session})

        assert answer.message["error"]["code"] == (-32002 if isinstance(uri, str) else -32602), uri
