"""Servers that talk too much: floods of notifications, progress that does not rise, questions nobody may ask."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hostile_client import Client, outcome_of
from hostile_peer import SSE_HEAD, Asked, Hostile, Peer, Script, hostile, legacy, modern
from hostile_rows import text
from real_gateway import Gateway, gateway
from recording_upstream import recording

MIB = 1024 * 1024
PROGRESS_SECOND_MAX = 50


def event(value: Any) -> bytes:
    return b"data: " + text(value) + b"\n\n"


def notice(method: str, **params: Any) -> bytes:
    return event({"jsonrpc": "2.0", "method": method, "params": params})


def finishing(noise: Any) -> Script:
    """Say all of the noise on the stream of a call, then answer it."""

    def on_call(peer: Peer, asked: Asked) -> None:
        token = asked.message["params"].get("_meta", {}).get("progressToken")
        peer.say(SSE_HEAD)
        for piece in noise(token):
            if not peer.chunk(piece):
                return
        peer.chunk(b'data: {"jsonrpc":"2.0","id":' + asked.id + b',"result":{"content":[]}}\n\n')
        peer.say(b"0\r\n\r\n")

    return on_call


def progress(token: Any, value: Any) -> bytes:
    return notice("notifications/progress", progressToken=token, progress=value)


def asking(method: str, params: dict[str, Any], number: int = 1) -> Any:
    def noise(_: Any) -> list[bytes]:
        return [event({"jsonrpc": "2.0", "id": f"q{n}", "method": method, "params": params}) for n in range(number)]

    return noise


ODD = [1, 1, 0.5, -3, "2", None, True, [], 2, 1e308, 3, 10**40]
NOISE: dict[str, Any] = {
    "progress-flood": lambda token: [progress(token, n) for n in range(1, 9_000)],
    "progress-odd": lambda token: [progress(token, value) for value in ODD],
    "progress-of-others": lambda _: [progress(other, 1) for other in (0, 999, "1", "other", None, [], {}, True, 1.0)],
    "log-flood": lambda _: [notice("notifications/message", level="error", data="x" * 500) for _ in range(9_000)],
    "log-odd": lambda _: [
        notice("notifications/message", level=level, data={}) for level in ("loud", None, 5, [], {}, "INFO")
    ],
    "unknown-flood": lambda _: [notice("notifications/nothing", a=n) for n in range(9_000)],
    "changed-flood": lambda _: [notice("notifications/tools/list_changed") for _ in range(9_000)],
    "cancelled-odd": lambda _: [
        notice("notifications/cancelled", requestId=name) for name in (None, [], {}, True, 1, "1", 1.5, "q1")
    ],
    "params-odd": lambda _: [
        event({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}) for params in ([], 1, None, "x")
    ],
    "params-deep": lambda _: [
        b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error",'
        b'"data":' + b"[" * 500 + b"]" * 500 + b"}}\n\n"
    ],
    "pings": asking("ping", {}, 500),
    "elicitation": asking("elicitation/create", {"message": "?", "requestedSchema": {"type": "object"}}),
    "elicitation-flood": asking("elicitation/create", {"message": "?"}, 300),
    "sampling": asking("sampling/createMessage", {"messages": [], "maxTokens": 1}),
    "roots": asking("roots/list", {}),
    "unknown-question": asking("x" * 1_000, {}),
}


class Hall:
    def __init__(self, running: Gateway, bad: Hostile) -> None:
        self.gateway, self.bad = running, bad
        self.clients = {era: Client(running, era) for era in ("modern", "2025-11-25")}
        self.faults = 0

    def check(self) -> None:
        answer = self.clients["modern"].call("good__echo", {})
        before, self.faults = self.faults, len(self.gateway.faults())

        assert outcome_of(answer.message) == "ok"
        assert answer.seconds < 1.0
        assert self.gateway.faults()[before:] == []


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with recording() as good, hostile() as bad:
        bad.scripts = {
            **{f"/m-{name}": modern(finishing(noise)) for name, noise in NOISE.items()},
            **{f"/l-{name}": legacy(finishing(noise), {"logging": {}}) for name, noise in NOISE.items()},
        }
        servers = [{"name": path[1:], "upstream": bad.url(path)} for path in bad.scripts]
        config = {
            "servers": [*servers, {"name": "good", "upstream": good.url("/rec")}],
            "limits": {"call_seconds_max": 5.0},
        }
        with gateway(config, tmp_path_factory.mktemp("noise")) as running:
            Client(running).until_listed("good__echo", *(f"{path[1:]}__do" for path in bad.scripts), seconds=30)
            yield Hall(running, bad)
            assert running.alive


@pytest.mark.parametrize("client", ["modern", "2025-11-25"])
@pytest.mark.parametrize("server", ["m", "l"])
@pytest.mark.parametrize("noise", NOISE)
def test_noise_does_not_cost_the_answer(noise: str, server: str, client: str, hall: Hall) -> None:
    meta = {"progressToken": "mine", "io.modelcontextprotocol/logLevel": "debug"}
    answer = hall.clients[client].call(f"{server}-{noise}__do", {}, meta)

    assert outcome_of(answer.message) == "ok", answer
    assert answer.seconds < 4.0
    for event_ in messages_in(answer.body):
        check_heard(event_, noise)
    hall.check()


def messages_in(body: bytes) -> list[Any]:
    lines = body.split(b"\n") if body.startswith((b"id", b"data", b":", b"event", b"retry")) else []
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


def check_heard(message: Any, noise: str) -> None:
    """No question to a client that declared nothing; progress only under its own token, and only rising."""
    if "method" not in message:
        return
    assert "id" not in message, message
    if message["method"] == "notifications/progress":
        assert message["params"]["progressToken"] == "mine"
        assert noise in ("progress-flood", "progress-odd")


@pytest.mark.parametrize("server", ["m", "l"])
def test_progress_is_throttled_and_only_rises(server: str, hall: Hall) -> None:
    answer = hall.clients["modern"].call(f"{server}-progress-flood__do", {}, {"progressToken": "mine"})
    values = [one["params"]["progress"] for one in messages_in(answer.body) if "method" in one]

    assert values == sorted(set(values))
    assert values[-1] == 8_999, "the last one is never lost"
    assert len(values) <= PROGRESS_SECOND_MAX * (answer.seconds + 1) + 1


def test_a_server_that_says_its_lists_changed_is_not_asked_each_time(hall: Hall) -> None:
    before = len(hall.bad.asked)
    for _ in range(5):
        hall.clients["modern"].call("l-changed-flood__do", {})
    time.sleep(1.0)
    asked = [one for one in hall.bad.asked[before:] if one.path == "/l-changed-flood" and one.method == "tools/list"]

    assert len(asked) <= 20


def test_memory_stays_flat_under_noise(hall: Hall) -> None:
    client = hall.clients["modern"]
    for _ in range(2):
        client.call("m-log-flood__do", {}, {"io.modelcontextprotocol/logLevel": "debug"})
    before = hall.gateway.rss()
    for _ in range(10):
        client.call("m-log-flood__do", {}, {"io.modelcontextprotocol/logLevel": "debug"})
        client.call("l-progress-flood__do", {}, {"progressToken": "mine"})

    assert hall.gateway.rss() - before < 30 * MIB
