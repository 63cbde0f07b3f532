"""Every row of the catalogue against a real gateway: the expected answer, soon, telling nothing, nobody else asked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import catalogue_doors
import catalogue_json
import catalogue_modern
import catalogue_rpc
import pytest
from hostile_rows import METHOD, Http, Message
from real_gateway import Answer, Gateway, Lines, Wire, assert_tells_nothing, gateway, request, stdio_gateway
from recording_upstream import Recording, recording

SECONDS_MAX = 1.0
MESSAGES = (*catalogue_json.ROWS, *catalogue_rpc.ROWS)
REQUESTS = (*catalogue_modern.ROWS, *catalogue_doors.ROWS)
JSON_ONLY = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
WELCOME = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"%b","capabilities":{}}}'
CALLED = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "rec__echo")]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Recording]:
    with recording() as server:
        yield server


def config(upstream: Recording) -> dict[str, Any]:
    return {
        "servers": [
            {"name": "rec", "upstream": upstream.url("/rec")},
            {"name": "plain", "upstream": upstream.url("/plain")},
        ],
        "endpoints": {"one": {"servers": ["rec"]}, "tools": {"servers": ["plain"]}},
    }


@pytest.fixture(scope="module")
def running(upstream: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(config(upstream), tmp_path_factory.mktemp("gateway")) as found:
        listing = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":@META@}}'
        modern = Message("", listing, None).modern()
        headers = {**dict(JSON_ONLY), "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
        tools = found.post(modern, headers).message["result"]["tools"]

        assert len(tools) == 8, "both servers are there"
        yield found
        assert found.alive
        assert found.faults() == []


@pytest.fixture(scope="module", params=["2025-11-25", "2025-03-26"])
def session(running: Gateway, request: pytest.FixtureRequest) -> str:
    return opened(running, request.param)


def opened(running: Gateway, revision: str) -> str:
    answer = running.post(WELCOME % revision.encode(), dict(JSON_ONLY))

    assert answer.status == 200
    return answer.headers["mcp-session-id"]


@pytest.fixture(scope="module")
def lines(upstream: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lines]:
    with stdio_gateway(config(upstream), tmp_path_factory.mktemp("stdio")) as found:
        found.say(WELCOME % b"2025-11-25")

        assert found.hear()["id"] == 0
        found.say(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
        assert len(found.hear()["result"]["tools"]) == 8
        yield found
        assert found.child.poll() is None


def test_the_catalogue_is_large_and_its_rows_are_told_apart() -> None:
    names = [row.id for row in (*MESSAGES, *REQUESTS)]

    assert len(names) >= 400
    assert sorted({name for name in names if names.count(name) > 1}) == []


# ---- one message, every transport ----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_in_a_modern_post(row: Message, running: Gateway, upstream: Recording) -> None:
    check_http(row, upstream, running, [*JSON_ONLY, *CALLED], row.modern())


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_in_a_session(row: Message, running: Gateway, upstream: Recording, session: str) -> None:
    # A session answers 200 to what it has dispatched: older clients lose the body of any other status (R15).
    check_http(row, upstream, running, [*JSON_ONLY, ("Mcp-Session-Id", session)], row.legacy(), dispatched=200)


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_on_stdio(row: Message, lines: Lines, upstream: Recording) -> None:
    body = row.legacy()
    if b"\n" in body or not body.strip():
        return  # on this transport that is two messages, or none
    before = len(upstream.seen)
    lines.say(body)
    message = lines.hear_until(lambda said: "method" not in said)

    check_message(row, message)
    assert (len(upstream.seen) > before) == row.called


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.id)
def test_a_message_to_an_event_stream(row: Message, running: Gateway, upstream: Recording, pair: "Pair") -> None:
    before = len(upstream.seen)
    posted = running.post(row.legacy(), dict(JSON_ONLY), pair.address)
    assert_fit(posted)
    if posted.status == 202:
        check_message(row, json.loads(pair.wire.event()[1]))
    else:
        assert posted.status == row.status
        check_message(row, posted.message)
    assert (len(upstream.seen) > before) == row.called


class Pair:
    """An open event stream of 2024-11-05, and the address to post to."""

    def __init__(self, running: Gateway) -> None:
        self.wire: Wire = running.connect()
        self.wire.say(request("GET", "/sse", [("Accept", "text/event-stream")]))
        assert self.wire.head()[0] == 200
        name, data = self.wire.event()
        assert name == "endpoint"
        self.address = data.decode()
        assert running.post(WELCOME % b"2024-11-05", dict(JSON_ONLY), self.address).status == 202
        assert json.loads(self.wire.event()[1])["id"] == 0


@pytest.fixture(scope="module")
def pair(running: Gateway) -> Iterator[Pair]:
    found = Pair(running)
    with found.wire:
        yield found


def check_http(
    row: Message,
    upstream: Recording,
    running: Gateway,
    headers: list[tuple[str, str]],
    body: bytes,
    dispatched: int | None = None,
) -> None:
    before = len(upstream.seen)
    with running.connect() as wire:
        answer = wire.ask(request("POST", "/mcp", headers, body))
    status = 200 if row.code is None else row.status
    statuses = {status} if dispatched is None or not is_dispatched(row) else {dispatched}

    assert_fit(answer)
    assert answer.status in statuses
    check_message(row, answer.message)
    assert (len(upstream.seen) > before) == row.called


def is_dispatched(row: Message) -> bool:
    """Whether the error comes from the method, not from the message around it."""
    return row.reason in {"arguments", "name"}


def check_message(row: Message, message: Any) -> None:
    if row.code is None:
        assert "error" not in message, message
    else:
        assert_error(message, row.code, row.reason)
    assert message.get("id") == row.echoed
    assert type(message.get("id")) is type(row.echoed)


def assert_error(message: Any, code: int, reason: str | None) -> None:
    """One well-formed JSON-RPC error, and nothing beside it."""
    assert message.keys() <= {"jsonrpc", "id", "error"}
    error = message["error"]
    assert (message["jsonrpc"], error["code"]) == ("2.0", code), error
    assert error["message"]
    assert reason is None or error["data"]["reason"] == reason, error


def assert_fit(answer: Answer) -> None:
    assert answer.seconds < SECONDS_MAX
    assert answer.status != 500
    assert_tells_nothing(answer.body)
    if answer.status >= 400:
        assert len(answer.headers["x-request-id"]) == 16


# ---- requests of HTTP ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: row.id)
def test_a_request(row: Http, running: Gateway, upstream: Recording) -> None:
    before = len(upstream.seen)
    with running.connect() as wire:
        answer = wire.ask(request(row.method, row.path, list(row.headers), row.body, row.host))

    assert_fit(answer)
    assert answer.status == row.status, answer
    if row.code is None:
        assert "result" in answer.message, answer
    else:
        assert_error(answer.message, row.code, row.reason)
    assert (len(upstream.seen) > before) == row.called
    assert answer.headers.get("allow") == row.allow
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize(("method", "body", "code"), catalogue_rpc.UNKNOWN, ids=lambda value: str(value)[:30])
def test_an_unknown_method_of_a_session(
    method: str, body: bytes, code: int, running: Gateway, session: str, upstream: Recording
) -> None:
    before = len(upstream.seen)
    answer = running.post(body.replace(b"@META@", b"{}"), {**dict(JSON_ONLY), "Mcp-Session-Id": session})

    assert_fit(answer)
    assert answer.status == 200
    assert_error(answer.message, code, None)
    assert len(upstream.seen) == before


# ---- what the server saw is what the client said ---------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in catalogue_json.ROWS if row.called], ids=lambda row: row.id)
def test_what_is_odd_but_good_arrives_as_it_was_meant(row: Message, running: Gateway, upstream: Recording) -> None:
    running.post(row.modern(), dict([*JSON_ONLY, *CALLED]))
    sent = json.loads(row.modern())["params"]["arguments"]
    method, params = upstream.seen[-1]

    assert (method, params["name"]) == ("tools/call", "echo")
    assert params["arguments"] == sent
    assert METHOD not in params


def test_the_gateway_still_serves(running: Gateway, upstream: Recording, tmp_path: Path) -> None:
    """Last: after all of that a plain call works, and the log knows of no fault."""
    answer = running.post(Message("", catalogue_rpc.GOOD, None).modern(), dict([*JSON_ONLY, *CALLED]))

    assert answer.status == 200
    assert running.alive
    assert running.faults() == []
