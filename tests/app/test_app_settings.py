"""Settings of the configuration do what their words say, seen from outside a running gateway."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.edge.http1_doors import LOOPBACK, Doors
from narthex.edge.http1_head import Refused, read_head
from narthex.limits import Limits
from narthex.listening import hosts_of
from narthex.model.config import Config

SECONDS_MAX = 30.0
# A server of the older era that answers everything but calls.
MUTE = """
import json, sys
for line in sys.stdin:
    said = json.loads(line)
    answers = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "mute", "version": "1"}},
        "tools/list": {"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]},
    }
    if said.get("method") in answers:
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": answers[said["method"]]}), flush=True)
    elif said.get("method") == "server/discover":
        error = {"code": -32601, "message": "?"}
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "error": error}), flush=True)
"""


@contextmanager
def gateway(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """`narthex serve` over this configuration, at the URL that is given."""
    tree = {"listen": "http://127.0.0.1:0", "admin": {"listen": "http://127.0.0.1:0"}, "state": str(folder / "state")}
    path = folder / "narthex.yaml"
    path.write_text(json.dumps({**tree, "log": {"format": "json"}, **config}), "utf-8")
    command = [sys.executable, "-m", "narthex", "serve", str(path)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUTF8": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stderr is not None
            url = None
            while url is None:
                line = process.stderr.readline()
                assert line, "the gateway ended before it was ready"
                url = re.search(r'"url":"(http://[^"]+)/mcp"', line)
            yield url[1]
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS_MAX)


def ask(url: str, method: str, params: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    """One request of revision 2026-07-28: the status and the message."""
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}).encode()
    named = {"Mcp-Name": params["name"]} if "name" in params else {}
    fixed = {"Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    request = urllib.request.Request(f"{url}/mcp", body, {**fixed, **named, **headers})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            text = answer.read().decode()
            data = re.findall(r"^data: (.+)$", text, re.MULTILINE) or [text]
            return answer.status, json.loads(data[-1])
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_host_of_the_public_url_is_welcome_and_others_are_not(tmp_path: Path) -> None:
    with gateway(tmp_path, {"public_url": "https://tools.example.com/"}) as url:
        answers = {
            host: ask(url, "server/discover", {}, Host=host)[0]
            for host in ("tools.example.com", "localhost", "evil.example.com")
        }

    assert answers == {"tools.example.com": 200, "localhost": 200, "evil.example.com": 421}


def test_behind_a_base_path_endpoints_answer_whether_or_not_it_was_taken_away(tmp_path: Path) -> None:
    settings = {"public_url": "https://tools.example.com/base/", "endpoints": {"sales": {}}}
    with gateway(tmp_path, settings) as url:
        statuses = {path: ask(url + path, "server/discover", {})[0] for path in ("", "/base", "/other", "/base/base")}
        posted = {path: _posted_to(url + path) for path in ("/sse", "/base/sse", "/base/sse/sales")}

    assert statuses == {"": 200, "/base": 200, "/other": 404, "/base/base": 404}
    assert posted == {"/sse": "/base/sse", "/base/sse": "/base/sse", "/base/sse/sales": "/base/sse/sales"}


def test_whoever_looks_whether_it_lives_may_call_it_by_any_address(tmp_path: Path) -> None:
    with gateway(tmp_path, {}) as url:
        for path in ("/healthz", "/readyz"):
            for _ in range(3):  # the door remembers whom it let in: that must not be this Host
                request = urllib.request.Request(url + path, headers={"Host": "10.1.2.3:8080"})
                with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
                    assert answer.status == 200
        status, message = ask(url, "server/discover", {}, Host="10.1.2.3:8080")

    assert status == 421
    assert "`allowed_hosts`" in message["error"]["message"]


@pytest.mark.parametrize(
    "named",
    [
        {"listen": "http://[fd00::7]:8080"},
        {"public_url": "https://[fd00::7]"},
        {"allowed_hosts": ["fd00::7"]},
        {"allowed_hosts": ["[fd00::7]:8080"]},
    ],
)
def test_an_address_with_colons_is_known_as_a_host_header_has_it(named: dict[str, Any]) -> None:
    hosts = hosts_of(msgspec.convert(named, Config))
    doors = Doors(hosts or LOOPBACK)

    doors.check(read_head(b"GET /mcp HTTP/1.1\r\nHost: [fd00::7]:8080\r\n\r\n", Limits()))
    with pytest.raises(Refused):
        doors.check(read_head(b"GET /mcp HTTP/1.1\r\nHost: [fd00::8]:8080\r\n\r\n", Limits()))


def test_a_silent_server_is_given_up_after_its_own_timeout(tmp_path: Path) -> None:
    server = {"name": "mute", "command": [sys.executable, "-c", MUTE], "timeout_seconds": 0.5}
    with gateway(tmp_path, {"servers": [server]}) as url:
        ask(url, "tools/list", {})  # it has started
        began = time.monotonic()
        status, message = ask(url, "tools/call", {"name": "wait", "arguments": {}})
        seconds = time.monotonic() - began

    assert (status, message["error"]["data"]["reason"]) == (200, "upstream_timeout")
    assert seconds < 10


def test_an_older_client_is_told_of_an_unknown_resource_by_its_own_code(tmp_path: Path) -> None:
    servers = [
        {"name": name, "command": [sys.executable, "-m", f"narthex.libraries.demo.{name}"]} for name in ("docs", "crm")
    ]
    with gateway(tmp_path, {"servers": servers}) as url:
        code, message = ask(url, "resources/read", {"uri": "nobody:/x"}, **{"Mcp-Name": "nobody:/x"})
        session = _session(url)
        older = _older(
            url, session, {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": "no:/x"}}
        )

    assert (code, message["error"]["code"]) == (400, -32602)
    assert (older["error"]["code"], older["error"]["data"]["uri"]) == (-32002, "no:/x")


def _session(url: str) -> str:
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
    request = urllib.request.Request(f"{url}/mcp", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        return str(answer.headers["Mcp-Session-Id"])


def _older(url: str, session: str, message: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Mcp-Session-Id": session}
    request = urllib.request.Request(f"{url}/mcp", json.dumps(message).encode(), headers)
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def _posted_to(url: str) -> str:
    """Where the older pair of addresses wants messages, without the key of the stream."""
    request = urllib.request.Request(url, headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as stream:
        lines = [stream.readline().decode(), stream.readline().decode()]
    return lines[1].removeprefix("data: ").partition("?sessionId=")[0]
