"""Envelope × headers × eras against a running gateway: the server saw an equal request, or the client got one error.

The gateway is a real process and its server a recording one, both borrowed from `tests/hostile`.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.speech import PIECES, REQUESTS, messages
from fuzz.target import Target

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "hostile"))
from real_gateway import Answer, Gateway, assert_tells_nothing, gateway
from recording_upstream import Recording, recording

LEGACY_MARK = b"LEGACY "  # in front of a body for a session
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
TO_SERVER = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri", "completion/complete": ""}


class Bench:
    """The gateway, its server, a session."""

    def __init__(self, running: Gateway, upstream: Recording) -> None:
        self.running, self.upstream = running, upstream
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}
        self.session = running.post(hello, JSON).headers["mcp-session-id"]

    def check(self, data: bytes) -> None:
        before = len(self.upstream.seen)
        if data.startswith(LEGACY_MARK):
            body = data.removeprefix(LEGACY_MARK)
            answer = self.running.post(body, {**JSON, "Mcp-Session-Id": self.session})
        else:
            head, _, body = data.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            raw = b"\r\n".join([*lines, b"Connection: close", b"Content-Length: %d" % len(body), b"", b""]) + body
            with self.running.connect() as wire:
                answer = wire.ask(raw)
        check_answer(answer, body, self.upstream.seen[before:])


def check_answer(answer: Answer, body: bytes, seen: list[tuple[str, dict[str, Any]]]) -> None:
    assert_tells_nothing(answer.body)
    assert answer.status not in (500, 502)
    if answer.status == 202:
        assert (answer.body, seen) == (b"", [])
        return
    message = answer.message
    if isinstance(message, list):
        return  # a batch of 2025-03-26; not of this session
    assert message.keys() - {"id"} in ({"jsonrpc", "result"}, {"jsonrpc", "error"})
    if "error" in message:
        assert seen == [], "refused, and yet the server was asked"
        assert isinstance(message["error"]["code"], int)
        assert message["error"]["message"]
        return
    sent = json.loads(body)
    assert message["id"] == sent["id"]
    assert type(message["id"]) is type(sent["id"])
    if sent["method"] in TO_SERVER:
        ((method, params),) = seen
        assert method == sent["method"]
        assert plain(params) == plain(sent["params"])
    else:
        assert seen == []


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """Params without what each hop says for itself, and without the prefix of public names."""
    found = {name: value for name, value in params.items() if name != "_meta"}
    for name in ("name", "uri"):
        if isinstance(found.get(name), str):
            found[name] = found[name].removeprefix("rec__").removeprefix("gw+rec:")
    return found


INPUTS = (
    REQUESTS
    | mutated(REQUESTS, PIECES)
    | messages("legacy").map(lambda message: LEGACY_MARK + json.dumps(message).encode())
    | mutated(messages("legacy").map(lambda message: json.dumps(message).encode()), PIECES).map(LEGACY_MARK.__add__)
    | st.binary(max_size=30).map(LEGACY_MARK.__add__)
)


@contextmanager
def target() -> Iterator[Target]:
    """The target, as long as its gateway runs."""
    with recording() as upstream, tempfile.TemporaryDirectory() as home:
        config = {
            "servers": [
                {"name": "rec", "upstream": upstream.url("/rec")},
                {"name": "p", "upstream": upstream.url("/plain")},
            ]
        }
        with gateway(config, Path(home)) as running:
            yield Target("envelopes", INPUTS, Bench(running, upstream).check)
            assert running.alive
            assert running.faults() == []
