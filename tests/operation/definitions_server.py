"""A small MCP server over pipes whose definitions change while it runs. A program of its own.

`python definitions_server.py FILE`. The file holds `{"tools": [...], "prompts": [...], "instructions": TEXT, "result":
TEXT, "version": TEXT}` and is read anew for each answer. Whoever calls the tool `turn` makes it say that its lists have
changed.
"""

import json
import os
import sys
import threading

LOCK = threading.Lock()
TURN = {"name": "turn", "description": "Turns the page.", "inputSchema": {"type": "object"}}


def now() -> dict:
    with open(sys.argv[1]) as file:  # noqa: PTH123 - pathlib takes as long to import as all the rest
        return json.load(file)


def send(message: dict) -> None:
    with LOCK:
        os.write(1, (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())


def result_of(method: str, params: dict) -> dict:
    page = now()
    if method == "initialize":
        changing = {"listChanged": True}
        said = {"instructions": page["instructions"]} if "instructions" in page else {}
        info = {"name": "pages", "version": page.get("version", "1")}
        capabilities = {"tools": changing, "prompts": changing, "resources": {}}
        return {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info, **said}
    if method == "tools/list":
        return {"tools": [TURN, *page.get("tools", [])]}
    if method == "prompts/list":
        return {"prompts": page.get("prompts", [])}
    if method == "resources/list":
        return {"resources": [{"uri": "page://1", "name": "page"}]}
    if method == "resources/templates/list":
        return {"resourceTemplates": []}
    text = page.get("result", "done")
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": text}]}
    if method == "prompts/get":
        return {"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}
    return {"content": [{"type": "text", "text": text}]}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        params = message.get("params") or {}
        send({"id": message["id"], "result": result_of(message["method"], params)})
        if message["method"] == "tools/call" and params["name"] == "turn":
            send({"method": "notifications/tools/list_changed"})
            send({"method": "notifications/prompts/list_changed"})


if __name__ == "__main__":
    main()
