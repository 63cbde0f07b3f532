"""A call that is denied asks each filter once, whichever way it goes: one of them may count what it is asked."""

import asyncio
import http.client
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from narthex.app import Gateway
from narthex.model.call import Call
from narthex.model.config import AdminConfig, Config, LogConfig, ServerConfig
from narthex.model.endpoint import Endpoint, Snapshot, Thing
from narthex.model.identity import Principal
from narthex.model.outcome import Denial
from narthex.telemetry.log import Log

SECONDS_MAX = 20.0
FREE = "http://127.0.0.1:0"
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("yes", "no")]
RESULTS: dict[str, Any] = {
    "server/discover": {"supportedVersions": [MODERN], "capabilities": {"tools": {}}},
    "tools/list": {"tools": TOOLS},
    "tools/call": {"content": [{"type": "text", "text": "done"}]},
}


class Quota:
    """A filter that spends something each time it is asked (`model.endpoint.Judge`)."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def decide(self, call: Call) -> Denial | None:
        self.asked.append(call.exposed)
        return Denial("policies", "policy", "Enough.", {"left": 0}) if call.exposed == "no" else None

    def hides(self, endpoint: Endpoint, who: Principal, method: str, thing: Thing) -> bool:
        return False


@contextmanager
def far() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if message["method"] not in RESULTS:
                self.send_error(404)
                return
            result = {"resultType": "complete", **RESULTS[message["method"]]}
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def opened(folder: Path, upstream: str) -> AsyncIterator[tuple[Gateway, str]]:
    config = Config(
        listen=FREE,
        admin=AdminConfig(FREE),
        log=LogConfig(level="error"),
        state=str(folder),
        servers=(ServerConfig(name="far", upstream=upstream),),
    )
    gateway = Gateway(config, Log(config.log))
    await gateway.start()
    try:
        url, _ = await gateway.listen()
        await until(lambda: "yes" in gateway.slot.current.endpoints[""].tools)
        yield gateway, url
    finally:
        await gateway.aclose()


async def until(condition: Any) -> None:
    ends = asyncio.get_running_loop().time() + SECONDS_MAX
    while not condition():
        assert asyncio.get_running_loop().time() < ends
        await asyncio.sleep(0.01)


class Client:
    """One connection that is kept, so that its calls may go the express way."""

    def __init__(self, url: str, revision: str) -> None:
        self.connection = http.client.HTTPConnection(url.split("/")[2], timeout=SECONDS_MAX)
        self.revision, self.session, self.last = revision, "", 0
        if revision != MODERN:
            said = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            self.post("initialize", said)

    def call(self, tool: str) -> Any:
        return self.post("tools/call", {"name": tool, "arguments": {}})[1]["result"]

    def post(self, method: str, params: dict[str, Any]) -> tuple[int, Any]:
        self.last += 1
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.revision == MODERN:
            params = {**params, "_meta": META}
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, "Mcp-Name": params["name"]}
        elif self.session:
            headers |= {"MCP-Protocol-Version": self.revision, "Mcp-Session-Id": self.session}
        body = json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        self.connection.request("POST", "/mcp", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.session = answer.headers.get("Mcp-Session-Id") or self.session
        return answer.status, json.loads(text)


@pytest.mark.parametrize("revision", [MODERN, "2025-11-25"])
async def test_each_call_asks_each_filter_once(tmp_path: Path, revision: str) -> None:
    with far() as upstream:
        async with opened(tmp_path, upstream) as (gateway, url):
            client = await asyncio.to_thread(Client, url, revision)
            try:
                for _ in range(3):  # the connections of both sides are there: what comes now is usual
                    await asyncio.to_thread(client.call, "yes")
                quota, world = Quota(), gateway.slot.current
                judged = {name: replace(one, judge=quota, sights={}) for name, one in world.endpoints.items()}
                gateway.slot.publish(Snapshot(world.serial + 1, world.config, judged))

                for tool in ("no", "yes", "no", "no", "yes"):
                    result = await asyncio.to_thread(client.call, tool)
                    assert result.get("isError", False) == (tool == "no")
                    assert result["content"][0]["text"] == ("Enough." if tool == "no" else "done")
                    if tool == "no":
                        refusal = result["_meta"]["dev.narthex/refusal"]
                        assert refusal == {"reason": "policy", "left": 0}
                assert quota.asked == ["no", "yes", "no", "no", "yes"]
            finally:
                client.connection.close()
