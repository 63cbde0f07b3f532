"""A small MCP client over HTTP, for what is asked once: greetings, lists, the check before a load.

Knows: both eras' requests, as a header set and a body. Refuses to know: measuring.
"""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from answers import LEGACY, META, MODERN

ABOUT = {"name": "bench", "version": "1"}
ACCEPT = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
ASK_SECONDS_MAX = 60.0


@dataclass
class Client:
    """One caller of one era. A legacy one greets first and keeps its session."""

    url: str
    era: str
    session: str = ""
    bearer: str = ""  # an API key or a token
    connection: http.client.HTTPConnection = field(init=False)
    last_id: int = 0

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=ASK_SECONDS_MAX)

    def greet(self) -> "Client":
        if self.era == LEGACY:
            params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": ABOUT}
            self.ask("initialize", params)
            self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, self.headers("", ""))
        return self

    def headers(self, method: str, name: str) -> dict[str, str]:
        shown = {**ACCEPT, "Authorization": f"Bearer {self.bearer}"} if self.bearer else ACCEPT
        if self.era == LEGACY:
            session = {"Mcp-Session-Id": self.session} if self.session else {}
            version = {"MCP-Protocol-Version": LEGACY} if method != "initialize" else {}
            return {**shown, **version, **session}
        named = {"Mcp-Name": name} if name else {}
        return {**shown, "MCP-Protocol-Version": MODERN, "Mcp-Method": method, **named}

    def message(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.last_id += 1
        if self.era == MODERN:
            about = {"protocolVersion": MODERN, "clientCapabilities": {}, "clientInfo": ABOUT}
            params = {**params, "_meta": {META + key: value for key, value in about.items()}}
        return {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result; an error of the server is ours too."""
        message = self.message(method, params)
        status, text = self.post(message, self.headers(method, str(params.get("name", ""))))
        for line in text.splitlines() if not text.startswith("{") else [text]:
            found = json.loads(line.removeprefix("data:")) if line.startswith(("data: {", "data:{", "{")) else {}
            if found.get("id") == message["id"] and "result" in found:
                return found["result"]
        raise RuntimeError(f"{method} at {self.url}: HTTP {status}: {text[:500]}")

    def post(self, message: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
        self.connection.request("POST", urlsplit(self.url).path, json.dumps(message), headers)
        response = self.connection.getresponse()
        self.session = response.headers.get("Mcp-Session-Id") or self.session
        return response.status, response.read().decode()

    def tools(self) -> list[str]:
        """The names of all tools, page by page."""
        names: list[str] = []
        cursor: dict[str, Any] = {}
        while True:
            page = self.ask("tools/list", cursor)
            names += [tool["name"] for tool in page["tools"]]
            if not page.get("nextCursor"):
                return names
            cursor = {"cursor": page["nextCursor"]}

    def close(self) -> None:
        self.connection.close()
