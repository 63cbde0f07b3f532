"""One question to an MCP endpoint in the modern protocol, with the standard library alone.

Only for waiting: what is judged is asked by the suite and by other people's clients.
"""

import json
import urllib.request
from typing import Any
from urllib.error import URLError

VERSION = "2026-07-28"
PAGES_MAX = 100
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "narthex-judges", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": VERSION,
}


def names_of_tools(url: str, token: str = "") -> list[str]:
    """The names on every page of tools/list; none while the endpoint cannot answer. `token`: who asks."""
    names: list[str] = []
    page: dict[str, Any] = {}
    try:
        for _ in range(PAGES_MAX):
            result = ask(url, "tools/list", page, token)
            names += [tool["name"] for tool in result["tools"]]
            if result.get("nextCursor") is None:
                break
            page = {"cursor": result["nextCursor"]}
    except (URLError, OSError, ValueError, KeyError):
        return []
    return names


def ask(url: str, method: str, params: dict[str, Any], token: str = "") -> dict[str, Any]:
    """The result of one request; `KeyError` when it was an error instead."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, json.dumps(body).encode(), {**HEADERS, "Mcp-Method": method, **shown})
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read().decode()
    if text.startswith(("event:", "data:", ":", "id:", "retry:")):
        text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
    result: dict[str, Any] = json.loads(text)["result"]
    return result
