"""A client of each era that makes one plain call and hands back the one message it gets."""

import time
from typing import Any

from hostile_rows import MODERN
from real_gateway import Answer, Gateway

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}


class Client:
    """`ask` any method; `call` a tool. `era` is "modern", or an older revision with a session."""

    def __init__(self, gateway: Gateway, era: str = "modern", path: str = "/mcp") -> None:
        self.gateway, self.era, self.path = gateway, era, path
        self.headers = dict(JSON)
        if era != "modern":
            params = {"protocolVersion": era, "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
            answer = self.ask("initialize", params)
            self.headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]

    def ask(self, method: str, params: dict[str, Any], meta: dict[str, Any] | None = None) -> Answer:
        headers = dict(self.headers)
        if self.era == "modern":
            params = {**params, "_meta": {**META, **(meta or {})}}
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            if "name" in params:
                headers["Mcp-Name"] = params["name"]
        elif meta:
            params = {**params, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return self.gateway.post(body, headers, self.path)

    def call(self, name: str, arguments: dict[str, Any], meta: dict[str, Any] | None = None) -> Answer:
        return self.ask("tools/call", {"name": name, "arguments": arguments}, meta)

    def tools(self) -> dict[str, Any]:
        return {tool["name"]: tool for tool in self.ask("tools/list", {}).message["result"]["tools"]}

    def until_listed(self, *names: str, seconds: float = 10.0) -> dict[str, Any]:
        """The tools, as soon as these are among them."""
        end = time.monotonic() + seconds
        while not (tools := self.tools()).keys() >= set(names):
            assert time.monotonic() < end, (set(names) - tools.keys(), self.gateway.lines[-5:])
            time.sleep(0.02)
        return tools


def outcome_of(message: Any) -> str:
    """ "ok" for a result, the reason of the one error that names one, else "error"."""
    if "result" in message:
        return "ok"
    data = message["error"].get("data")
    reason = str(data.get("reason", "")) if isinstance(data, dict) else ""
    return reason if reason.startswith("upstream_") and reason != "upstream_error" else "error"
