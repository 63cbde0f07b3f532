"""Servers that hang or die at each stage: the good one beside them is there at once, and every call has an end."""

import time
from collections.abc import Iterator

import pytest
from hostile_client import Client, outcome_of
from hostile_peer import DO, JSON_HEAD, SSE_HEAD, VERSION, Asked, Peer, Script, hostile, legacy, modern, piped
from real_gateway import Gateway, assert_tells_nothing, gateway
from recording_upstream import recording

SILENCE = 1.0


def hang(peer: Peer, _: Asked) -> None:
    peer.stay()


def die(peer: Peer, _: Asked) -> None:
    peer.leave()


def reset(peer: Peer, _: Asked) -> None:
    peer.reset()


def half(peer: Peer, _: Asked) -> None:
    """A head, the beginning of a body, and then nothing."""
    peer.say(JSON_HEAD + b'content-length: 100\r\n\r\n{"jsonrpc"')
    peer.stay()


def trickle(peer: Peer, _: Asked) -> None:
    """One byte of a body now and then: alive, and never done."""
    peer.say(JSON_HEAD + b"content-length: 1000000\r\n\r\n")
    while peer.say(b" "):
        time.sleep(0.02)


def silent_stream(peer: Peer, _: Asked) -> None:
    peer.say(SSE_HEAD)
    peer.stay()


def commenting(peer: Peer, _: Asked) -> None:
    """A stream of keep-alive comments: they are no progress."""
    peer.say(SSE_HEAD)
    while peer.chunk(b": still here\n\n"):
        time.sleep(0.02)


def at(stage: str, act: Script) -> Script:
    """Proper, until it is asked this."""
    proper = modern(act)

    def script(peer: Peer, asked: Asked) -> None:
        (act if asked.method == stage else proper)(peer, asked)

    return script


def old_stream(peer: Peer, asked: Asked) -> None:
    """HTTP+SSE of 2024-11-05: a stream that names no address to post to."""
    if asked.verb == "GET":
        peer.say(SSE_HEAD)
        peer.stay()
    peer.body(b"", b"HTTP/1.1 404 No\r\n")


def old_silence(peer: Peer, asked: Asked) -> None:
    """The same, with an address: what is posted there is taken with 202, and never answered."""
    if asked.verb == "GET":
        peer.say(SSE_HEAD)
        peer.chunk(f"event: endpoint\ndata: {asked.path}-post\n\n".encode())
        peer.stay()
    peer.body(b"", b"HTTP/1.1 202 Taken\r\n" if asked.path.endswith("-post") else b"HTTP/1.1 404 No\r\n")


def resumed(peer: Peer, asked: Asked) -> None:
    """A stream that closes before its answer, and goes on for ever when it is taken up again."""
    peer.say(SSE_HEAD)
    peer.chunk(b"id: 1-0\nretry: 10\ndata: \n\n")
    if asked.verb == "POST":
        peer.say(b"0\r\n\r\n")
        return
    while peer.chunk(b'data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n'):
        time.sleep(0.02)


def elsewhere(peer: Peer, asked: Asked) -> None:
    """An `endpoint` event that names somebody else's address."""
    if asked.verb != "GET":
        peer.body(b"", b"HTTP/1.1 404 No\r\n")
        return
    peer.say(SSE_HEAD)
    target = {"/away": "http://169.254.169.254/x", "/broken": "http://[::1/x", "/odd": "//evil.example/x"}[asked.path]
    peer.chunk(f"event: endpoint\ndata: {target}\n\n".encode())
    peer.stay()


ACTS: dict[str, Script] = {"hang": hang, "die": die, "reset": reset, "half": half, "trickle": trickle}
STREAMS: dict[str, Script] = {"silent": silent_stream, "commenting": commenting}
NEVER = {
    **{f"/discover-{name}": at("server/discover", act) for name, act in ACTS.items()},
    **{f"/list-{name}": at("tools/list", act) for name, act in {**ACTS, **STREAMS}.items()},
    "/sse-endpoint": old_stream,
    "/sse-initialize": old_silence,
    "/away": elsewhere,
    "/broken": elsewhere,
    "/odd": elsewhere,
}
IN_CALLS = {
    "/session-resumed": legacy(resumed, on_get=resumed),
    **{f"/call-{name}": modern(act) for name, act in {**ACTS, **STREAMS}.items()},
    **{f"/session-{name}": legacy(act) for name, act in {**ACTS, **STREAMS}.items()},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with recording() as good, hostile() as bad:
        bad.scripts = {**NEVER, **IN_CALLS, "/sse-initialize-post": old_silence}
        servers = [{"name": path[1:], "upstream": bad.url(path)} for path in (*NEVER, *IN_CALLS)]
        pipes = [
            {"name": "pipe-silent", "command": ["sleep", "60"]},
            {"name": "pipe-gone", "command": ["true"]},
            {"name": "pipe-missing", "command": ["/nowhere/at/all"]},
            {"name": "pipe-echo", "command": ["cat"]},
            {"name": "pipe-noise", "command": ["yes"]},
            {"name": "pipe-binary", "command": ["cat", "/dev/urandom"]},
        ]
        refused = {"name": "refused", "upstream": "http://127.0.0.1:1/mcp"}
        config = {
            # The good ones come last: whoever waits for the others first would be seen.
            "servers": [
                *servers,
                *pipes,
                refused,
                {"name": "good", "upstream": good.url("/rec")},
                {"name": "goodpipe", "command": piped("modern")},
            ],
            "endpoints": {"good": {"servers": ["good"]}, "pipe": {"servers": ["goodpipe"]}},
            "limits": {"call_seconds_max": SILENCE},
        }
        with gateway(config, tmp_path_factory.mktemp("stages")) as found:
            yield found


def test_the_good_server_is_there_at_once(running: Gateway) -> None:
    began = time.monotonic()
    tools = Client(running, path="/mcp/good").tools()

    assert len(tools) == 4
    assert time.monotonic() - began < 2.0


def test_the_good_process_is_there_soon(running: Gateway) -> None:
    began = time.monotonic()
    tools = Client(running, path="/mcp/pipe").until_listed("do", seconds=20)

    assert tools["do"]["inputSchema"] == DO["inputSchema"]
    assert time.monotonic() - began < 15.0


@pytest.mark.parametrize("path", IN_CALLS)
def test_a_call_has_an_end(path: str, running: Gateway) -> None:
    client = Client(running)
    client.until_listed(f"{path[1:]}__do", seconds=30)
    answer = client.call(f"{path[1:]}__do", {})
    reason = outcome_of(answer.message)

    assert reason == ("upstream_lost" if path.endswith(("die", "reset")) else "upstream_timeout")
    assert answer.message["error"]["data"]["outcome"] == "unknown"
    assert answer.seconds < SILENCE + 1.0
    assert_tells_nothing(answer.body)


def test_a_call_to_the_good_one_is_not_delayed_meanwhile(running: Gateway) -> None:
    client = Client(running)
    client.until_listed("call-hang__do", "good__echo", seconds=30)
    with running.connect() as wire:
        wire.say(hanging_call())
        for _ in range(20):
            answer = client.call("good__echo", {})

            assert outcome_of(answer.message) == "ok"
            assert answer.seconds < 0.5


def hanging_call() -> bytes:
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call-hang__do","_meta":{'
        b'"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
    )
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMcp-Name: call-hang__do\r\n"
        f"Mcp-Method: tools/call\r\nMCP-Protocol-Version: {VERSION}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def test_what_a_client_hears_of_a_server_that_never_came_names_no_place_of_ours(running: Gateway) -> None:
    client = Client(running)
    for name in ("pipe-missing", "refused", "sse-initialize", "broken"):
        answer = client.call(f"{name}__do", {})

        assert outcome_of(answer.message) in ("error", "upstream_unavailable", "upstream_not_started"), answer
        assert b"/nowhere" not in answer.body
        assert_tells_nothing(answer.body)


@pytest.mark.parametrize("path", NEVER)
def test_the_operator_is_told_of_each(path: str, running: Gateway) -> None:
    told = running.until(f'"message":"{path[1:]} is down')

    assert "fault of ours" not in told


def test_nothing_broke(running: Gateway) -> None:
    assert running.alive
    assert running.faults() == []
