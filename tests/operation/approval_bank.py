"""A small modern MCP server over pipes that moves money. A program of its own: it imports nothing of Narthex.

`python approval_bank.py FOLDER`: every transfer is a line of FOLDER/ledger. Its definition of `transfer` is that of
FOLDER/definition, if there is one. `withdraw` asks back for a code before it does anything.
"""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
INFO = {"resultType": "complete"}


def tools() -> list[dict]:
    told = FOLDER / "definition"
    description = told.read_text() if told.exists() else "Moves money."
    schema = {"type": "object", "properties": {"to": {"type": "string"}, "amount": {"type": "number"}}}
    return [
        {"name": "transfer", "description": description, "inputSchema": schema},
        {"name": "withdraw", "description": "Gives out money.", "inputSchema": schema},
        {"name": "balance", "description": "Looks.", "inputSchema": {"type": "object"}},
    ]


def called(params: dict) -> dict:
    if params["name"] == "withdraw" and "requestState" not in params:
        form = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
        asked = {"method": "elicitation/create", "params": {"message": "The code?", "requestedSchema": form}}
        return {"resultType": "input_required", "inputRequests": {"code": asked}, "requestState": "opened"}
    if params["name"] == "balance":
        return {"content": [{"type": "text", "text": "10 of ana@example.com"}], **INFO}
    with (FOLDER / "ledger").open("a") as ledger:
        ledger.write(json.dumps(params) + "\n")
    return {"content": [{"type": "text", "text": "done"}], **INFO}


def answer(method: str, params: dict) -> dict | None:
    if method == "server/discover":
        return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"listChanged": True}}, **INFO}
    if method == "tools/list":
        return {"tools": tools(), "ttlMs": 1000, "cacheScope": "public", **INFO}
    return called(params) if method == "tools/call" else None


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        params = message.get("params") or {}
        if message["method"] == "subscriptions/listen":
            meta = {"io.modelcontextprotocol/subscriptionId": message["id"]}
            told = {"_meta": meta, "notifications": params.get("notifications", {})}
            said = {"method": "notifications/subscriptions/acknowledged", "params": told}
        else:
            found = answer(message["method"], params)
            error = {"error": {"code": -32601, "message": "Method not found"}}
            said = {"id": message["id"], **(error if found is None else {"result": found})}
        os.write(1, (json.dumps({"jsonrpc": "2.0", **said}) + "\n").encode())


if __name__ == "__main__":
    main()
