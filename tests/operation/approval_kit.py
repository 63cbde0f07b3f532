"""A bank behind a gateway, clients of every era whose users can be asked, and whoever decides for the operator."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from operation_kit import MODERN, Gateway, Tree, connect, events

BANK = Path(__file__).with_name("approval_bank.py")
REFUSAL = "dev.narthex/refusal"
ASKS: Tree = {"elicitation": {"form": {}}}
YES: Tree = {"action": "accept", "content": {"approve": True}}
TO_ANA: Tree = {"to": "ana", "amount": 10}


def bank(folder: Path, approval: Tree | None, **rules: Any) -> Tree:
    """As an entry of `servers:`."""
    found = {"name": "bank", "command": [sys.executable, "-I", "-S", str(BANK), str(folder)], **rules}
    return {**found, "approval": approval} if approval is not None else found


def ledger(folder: Path) -> list[Tree]:
    """The arguments of every call that was carried out."""
    path = folder / "ledger"
    return [json.loads(line)["arguments"] for line in path.read_text().splitlines()] if path.exists() else []


def refusal(answer: Tree) -> Tree:
    """Why a call was not made; {} if it was."""
    found: Tree = answer["result"].get("_meta", {}).get(REFUSAL, {})
    assert bool(found) == answer["result"].get("isError", False), answer
    return found


def reason(answer: Tree) -> str:
    return str(refusal(answer).get("reason", ""))


def text(answer: Tree) -> str:
    return str(answer["result"]["content"][0]["text"])


def operator(gateway: Gateway, *words: str, code: int = 0) -> str:
    """What `narthex approvals …` says, on a state folder that a gateway has open."""
    done = subprocess.run(
        [sys.executable, "-m", "narthex", "approvals", *words, "--state", str(gateway.folder / "state")],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "HOME": str(gateway.folder)},
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def pending(gateway: Gateway) -> list[Tree]:
    found: list[Tree] = json.loads(operator(gateway, "list", "--json"))
    return found


def decide(gateway: Gateway, handle: str, verb: str, token: str | None, **said: Any) -> tuple[int, Tree]:
    """The same on the admin address."""
    connection = connect(gateway.admin)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request("POST", f"/api/approvals/{handle}/{verb}", json.dumps(said), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def key_of(gateway: Gateway, name: str) -> str:
    command = [sys.executable, "-m", "narthex", "keys", "create", "--name", name]
    command += ["--state", str(gateway.folder / "state")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


class Modern:
    """A client of 2026-07-28, with a connection for each request."""

    def __init__(
        self, gateway: Gateway, capabilities: Tree | None = None, key: str | None = None, path: str = "/mcp"
    ) -> None:
        self._gateway, self._path = gateway, path
        self._capabilities, self._key = ASKS if capabilities is None else capabilities, key

    def ask(self, method: str, params: Tree) -> Tree:
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": self._capabilities,
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        }
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}})
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        way = connect(self._gateway.url)
        try:
            way.request("POST", self._path, body, headers)
            answer = way.getresponse()
            if answer.headers.get_content_type() == "text/event-stream":
                return [one for one in events(answer) if "id" in one][-1]
            found: Tree = json.loads(answer.read())
            return found
        finally:
            way.close()

    def call(self, arguments: Tree, tool: str = "transfer", **more: Any) -> Tree:
        return self.ask("tools/call", {"name": tool, "arguments": arguments, **more})

    def answered(self, asked: Tree, arguments: Tree, said: Any = YES, tool: str = "transfer") -> Tree:
        """The same call, with an answer to what was asked."""
        (name,) = asked["result"]["inputRequests"]
        return self.call(arguments, tool, inputResponses={name: said}, requestState=asked["result"]["requestState"])


class Legacy:
    """A client of an older revision with a session."""

    def __init__(self, gateway: Gateway, revision: str, capabilities: Tree) -> None:
        self._url, self._id = gateway.url, 0
        self._headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        said = {
            "protocolVersion": revision,
            "capabilities": capabilities,
            "clientInfo": {"name": "t", "version": "1"},
        }
        with self._sent({"id": 0, "method": "initialize", "params": said}) as answer:
            self._headers |= {"Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": revision}
            answer.read()
        self.tell({"method": "notifications/initialized"})

    @contextlib.contextmanager
    def calling(self, arguments: Tree, accept: str = "", tool: str = "transfer") -> Iterator[Iterator[Tree]]:
        """The messages of the answer, as they come; the last is the response."""
        self._id += 1
        params = {"name": tool, "arguments": arguments}
        message = {"id": self._id, "method": "tools/call", "params": params}
        with self._sent(message, **({"Accept": accept} if accept else {})) as answer:
            yield self._messages(answer)

    def call(self, arguments: Tree, said: Any = YES, accept: str = "") -> tuple[Tree | None, Tree]:
        """What was asked, if anything was, and the response."""
        asked = None
        with self.calling(arguments, accept) as messages:
            for message in messages:
                if "method" not in message:
                    return asked, message
                asked = message
                self.tell({"id": message["id"], **(said if "error" in said else {"result": said})})
        raise AssertionError("the stream ended without an answer")

    def tell(self, message: Tree) -> None:
        with self._sent(message) as answer:
            answer.read()

    def cancel(self) -> None:
        self.tell({"method": "notifications/cancelled", "params": {"requestId": self._id, "reason": "enough"}})

    def _messages(self, answer: http.client.HTTPResponse) -> Iterator[Tree]:
        if answer.headers.get_content_type() == "text/event-stream":
            yield from events(answer)
        else:
            yield json.loads(answer.read())

    @contextlib.contextmanager
    def _sent(self, message: Tree, **headers: str) -> Iterator[http.client.HTTPResponse]:
        way = connect(self._url)
        body = json.dumps({"jsonrpc": "2.0", **message})
        way.request("POST", urlsplit(self._url).path, body, {**self._headers, **headers})
        try:
            yield way.getresponse()
        finally:
            way.close()
