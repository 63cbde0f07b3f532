"""The gateway as the stdio server of one client: it has no door, but a page for its user's browser."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connect_kit import MODERN, Browser, servers

from process_kit import SECONDS_MAX, Far, Gateway, Tree, until, write


class Piped(Gateway):
    """Its log as ever, and a conversation on its pipes."""

    def __init__(self, child: "subprocess.Popen[str]", home: Path) -> None:
        super().__init__(child, home)
        self._pipe = child
        self._id = 0
        self.opens: Tree = {}

    def send(self, message: Tree) -> None:
        assert self._pipe.stdin is not None
        self._pipe.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._pipe.stdin.flush()

    def hear(self) -> Any:
        assert self._pipe.stdout is not None
        return json.loads(self._pipe.stdout.readline())

    def ask(self, method: str, params: Tree) -> Any:
        """The response, skipping what else is said."""
        self._id += 1
        self.send({"id": self._id, "method": method, "params": params})
        while (heard := self.hear()).get("id") != self._id or "method" in heard:
            pass
        return heard

    def modern(self, method: str, params: Tree) -> Any:
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": self.opens,
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        }
        return self.ask(method, {**params, "_meta": meta})["result"]


@contextlib.contextmanager
def piped(home: Path, config: Tree) -> Iterator[Piped]:
    path = write(home, {"listen": "http://127.0.0.1:0", "log": {"format": "json"}, **config})
    with subprocess.Popen(
        [sys.executable, "-m", "narthex", "stdio", str(path)],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        watch = threading.Timer(2 * SECONDS_MAX, child.kill)  # a test that hears nothing ends all the same
        watch.start()
        running = Piped(child, home)
        try:
            yield running
        finally:
            assert child.stdin is not None
            child.stdin.close()
            running.end()
            watch.cancel()


def address(running: Piped) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/connect/far", running.until("waits to be connected"))
    assert found is not None
    return found[0]


def test_a_modern_client_is_asked_and_its_user_finds_a_page(tmp_path: Path, place: Far) -> None:
    call = {"name": "whoami", "arguments": {}}
    with piped(tmp_path, {"servers": servers(place)}) as client:
        client.opens = {"elicitation": {"url": {}}}
        until(lambda: any(one["name"] == "whoami" for one in client.modern("tools/list", {})["tools"]))
        asked = client.modern("tools/call", call)
        ((key, question),) = asked["inputRequests"].items()
        done = Browser("ana").connect(question["params"]["url"])
        answers = {key: {"action": "accept"}}
        again = client.modern("tools/call", {**call, "inputResponses": answers, "requestState": asked["requestState"]})
        page = address(client)

    assert question["params"]["url"].startswith(page)
    assert "connected" in done.ids["done"]
    assert again["content"][0]["text"] == "ana"


def test_a_client_of_2025_11_25_waits_in_its_call(tmp_path: Path, place: Far) -> None:
    with piped(tmp_path, {"servers": servers(place)}) as client:
        said = {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {"url": {}}}}
        client.ask("initialize", {**said, "clientInfo": {"name": "t", "version": "1"}})
        client.send({"method": "notifications/initialized"})
        until(lambda: client.ask("tools/list", {})["result"]["tools"])
        client.send({"id": "c", "method": "tools/call", "params": {"name": "whoami", "arguments": {}}})
        while (asked := client.hear()).get("method") != "elicitation/create":
            pass
        client.send({"id": asked["id"], "result": {"action": "accept"}})
        Browser("bo").connect(asked["params"]["url"])
        while (told := client.hear()).get("method") != "notifications/elicitation/complete":
            pass
        answer = client.hear()

    assert told["params"] == {"elicitationId": asked["params"]["elicitationId"]}
    assert answer["id"] == "c"
    assert answer["result"]["content"][0]["text"] == "bo"


def test_an_older_client_reads_where_to_go(tmp_path: Path, place: Far) -> None:
    with piped(tmp_path, {"servers": servers(place)}) as client:
        said = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        client.ask("initialize", said)
        client.send({"method": "notifications/initialized"})
        until(lambda: client.ask("tools/list", {})["result"]["tools"])
        told = client.ask("tools/call", {"name": "whoami", "arguments": {}})["result"]
        Browser("ana").connect(told["_meta"]["dev.narthex/refusal"]["url"])
        later = client.ask("tools/call", {"name": "whoami", "arguments": {}})["result"]

    assert told["isError"] is True
    assert "/connect/far" in told["content"][0]["text"]
    assert later["content"][0]["text"] == "ana"


def test_nothing_but_the_page_is_served(tmp_path: Path, place: Far) -> None:
    with piped(tmp_path, {"servers": servers(place)}) as client:
        origin = address(client).removesuffix("/connect/far")
        found = {path: Browser().get(f"{origin}{path}").status for path in ("/connect", "/mcp", "/sse", "/oauth/token")}

    assert found == {"/connect": 200, "/mcp": 404, "/sse": 404, "/oauth/token": 404}
