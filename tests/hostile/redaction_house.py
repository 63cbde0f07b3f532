"""A gateway that hides things, in front of a server that plants them everywhere it can.

The server answers every request with what `planted` says, and writes down what it was asked.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hostile_client import Client
from hostile_peer import SSE_HEAD, VERSION, Asked, Hostile, Peer, hostile
from real_gateway import Answer, Gateway, gateway

Tree = dict[str, Any]
Say = Callable[[Peer, Asked], None]

TOOLS = [
    {"name": "search", "inputSchema": {"type": "object"}},
    {
        "name": "contact",
        "inputSchema": {"type": "object"},
        "outputSchema": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "email": {"type": "string", "format": "email"},
                "phone": {"type": "string", "pattern": "^[+0-9 ]+$"},
                "card": {"type": "integer"},
            },
            "required": ["id", "email", "phone"],
            "additionalProperties": False,
        },
    },
    {"name": "send", "inputSchema": {"type": "object", "properties": {"to": {"type": "string", "pattern": "@"}}}},
]
CAPABILITIES = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}, "completions": {}}


class House:
    """The gateway, the server's answers, and a client for each caller."""

    def __init__(self, running: Gateway, far: Hostile) -> None:
        self.gateway, self.far = running, far
        self.says: Tree | Say = {"content": []}

    def play(self, peer: Peer, asked: Asked) -> None:
        if asked.method == "server/discover":
            peer.result(asked, {"resultType": "complete", "supportedVersions": [VERSION], "capabilities": CAPABILITIES})
        elif asked.method == "tools/list":
            peer.result(asked, {"resultType": "complete", "tools": TOOLS})
        elif asked.method == "prompts/list":
            peer.result(asked, {"resultType": "complete", "prompts": [{"name": "greet"}]})
        elif asked.method == "resources/list":
            peer.result(asked, {"resultType": "complete", "resources": [{"uri": "memo://one", "name": "one"}]})
        elif asked.method == "resources/templates/list":
            peer.result(asked, {"resultType": "complete", "resourceTemplates": []})
        elif asked.verb != "POST":
            peer.body(b"", b"HTTP/1.1 405 No\r\n")
        elif callable(self.says):
            self.says(peer, asked)
        else:
            peer.result(asked, {"resultType": "complete", **self.says})

    @property
    def last(self) -> Any:
        """The params of the last request that was no list."""
        return [asked for asked in self.far.asked if asked.method.split("/")[0] in ("tools", "prompts", "resources")][
            -1
        ].message["params"]

    def client(self, era: str = "modern", path: str = "/mcp") -> Client:
        found = Client(self.gateway, era, path)
        found.until_listed("search", "contact", "send")
        return found


def read(client: Client, uri: str) -> Answer:
    """A resource. A modern request says in its headers, too, what it is about."""
    client.headers["Mcp-Name"] = uri
    try:
        return client.ask("resources/read", {"uri": uri})
    finally:
        del client.headers["Mcp-Name"]


def streamed(*messages: Tree, split: int = 0) -> Say:
    """Events, then a result; every event is cut into chunks of `split` bytes."""

    def say(peer: Peer, asked: Asked) -> None:
        peer.say(SSE_HEAD)
        for message in messages:
            named = json.loads(json.dumps(message).replace('"@ID@"', json.dumps(asked.message["id"])))
            data = b"data: " + json.dumps(named).encode() + b"\n\n"
            step = split or len(data)
            for start in range(0, len(data), step):
                peer.chunk(data[start : start + step])
        peer.say(b"0\r\n\r\n")

    return say


def result(**members: Any) -> Tree:
    return {"jsonrpc": "2.0", "id": "@ID@", "result": {"resultType": "complete", **members}}


def notification(method: str, **params: Any) -> Tree:
    return {"jsonrpc": "2.0", "method": f"notifications/{method}", "params": params}


def events(answer: Answer) -> list[Any]:
    """All messages of an answer, whether it came as a stream or as one."""
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        return [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(answer.body)]


@contextmanager
def house(home: Path, redaction: Any, *, rules: Tree | None = None, **config: Any) -> Iterator[House]:
    """Served, until the block is left."""
    found: list[House] = []

    def play(peer: Peer, asked: Asked) -> None:
        found[0].play(peer, asked)

    with hostile() as far:
        far.scripts = {"/": play}
        server = {"name": "crm", "upstream": far.url("/"), "redaction": redaction, "rules": rules or {}}
        endpoints = {"one": {}, "other": {}}
        with gateway({"servers": [server], "endpoints": endpoints, **config}, home) as running:
            # The script is asked from the first moment on, so the house has to be there before the port is known.
            yield _in(found, House(running, far))
            assert running.faults() == []


def _in(found: list[House], made: House) -> House:
    found.append(made)
    return made


def told(answer: Answer) -> str:
    """Every text of an answer and of what came before it, members' names and blobs included."""
    return "\n".join(text for message in events(answer) for text in texts_of(message))


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            if key == "blob":
                yield base64.b64decode(one).decode("utf-8", "replace")
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)
    else:
        yield str(value)
