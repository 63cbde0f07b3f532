"""A small MCP server over pipes that misbehaves on request. A program of its own: it imports nothing of Narthex.

`python operation_server.py '{"name": "a", "journal": "/tmp/j", ...}'`. What it understands is `DEFAULTS` below; what it
lives through goes to the journal, one JSON object a line, so that a test can read when it started and ended.
"""

import json
import os
import subprocess
import sys
import threading
import time

DEFAULTS = {
    "name": "server",
    "journal": None,  # a file that every instance appends to
    "tools": None,  # a file with a JSON list of further tool names, read anew at each tools/list
    "start_seconds": 0.0,  # time before the first message is read
    "hang": "",  # "initialize": reads and never answers; "calls": answers all but tools/call; "lists": all but lists
    "die": "",  # "start": exits at once; "greeting": exits after initialize was answered
    "flood": 0,  # stderr lines written at once, then the same every tenth of a second
    "many": 0,  # further tools
    "modern": False,
    "ignore_signals": False,
}
OPTIONS = {**DEFAULTS, **json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")}
LOCK = threading.Lock()
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}, "seconds": {"type": "number"}}}


def note(event: str) -> None:
    if OPTIONS["journal"]:
        entry = {"server": OPTIONS["name"], "event": event, "pid": os.getpid(), "at": time.monotonic()}
        with open(OPTIONS["journal"], "a") as journal:  # noqa: PTH123 - pathlib takes as long to import as all the rest
            journal.write(json.dumps(entry) + "\n")


def send(message: dict) -> None:
    with LOCK:
        os.write(1, (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())


def tools() -> list[dict]:
    names = ["echo", "sleep", "die", "env", "pid", "fork", "eat", "touch", "say"]
    names += [f"tool_{number}" for number in range(OPTIONS["many"])]
    if OPTIONS["tools"] and os.path.exists(OPTIONS["tools"]):  # noqa: PTH110 - the same
        with open(OPTIONS["tools"]) as further:  # noqa: PTH123 - the same
            names += json.load(further)
    return [{"name": name, "description": f"The tool {name}.", "inputSchema": SCHEMA} for name in names]


def said(text: str) -> dict:
    return {"content": [{"type": "text", "text": text}], **({"resultType": "complete"} if OPTIONS["modern"] else {})}


def call(name: str, arguments: dict) -> dict:
    if name == "sleep":
        time.sleep(arguments.get("seconds", 0.0))
        return said("slept")
    if name == "die":
        os._exit(7)
    if name == "env":
        return said(json.dumps(dict(os.environ)))
    if name == "pid":
        return said(str(os.getpid()))
    if name == "fork":
        # One in a session of its own, which a signal to the group misses.
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
        return said(str(left.pid))
    if name == "eat":
        try:
            return said(str(len(bytearray(512 * 1024 * 1024))))
        except MemoryError:
            return said("no memory")
    if name == "touch":
        send({"method": "notifications/tools/list_changed"})
        return said("touched")
    if name == "say":
        print(arguments.get("text", ""), file=sys.stderr, flush=True)
        return said("said")
    return said(arguments.get("text", "") * arguments.get("times", 1))


def answer(message: dict) -> None:
    method, params = message["method"], message.get("params") or {}
    if OPTIONS["hang"] == "initialize":
        return
    if method == "initialize" and not OPTIONS["modern"]:
        capabilities = {"tools": {"listChanged": True}}
        info = {"name": OPTIONS["name"], "version": "1"}
        reply(message, {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info})
        note("ready")
        if OPTIONS["die"] == "greeting":
            time.sleep(0.1)
            os._exit(3)
    elif method == "server/discover" and OPTIONS["modern"]:
        capabilities = {"tools": {"listChanged": True}}
        reply(message, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities})
        note("ready")
    elif method == "subscriptions/listen" and OPTIONS["modern"]:
        meta = {"io.modelcontextprotocol/subscriptionId": message["id"]}
        params = {"_meta": meta, "notifications": params.get("notifications", {})}
        send({"method": "notifications/subscriptions/acknowledged", "params": params})
        note("listen")
    elif method == "tools/list":
        if OPTIONS["hang"] != "lists":
            more = {"resultType": "complete", "ttlMs": 1000, "cacheScope": "public"} if OPTIONS["modern"] else {}
            reply(message, {"tools": tools(), **more})
            note("listed")
    elif method == "tools/call":
        if OPTIONS["hang"] != "calls":
            note("call")
            reply(message, call(params["name"], params.get("arguments") or {}))
    elif method == "ping":
        reply(message, {})
    else:
        send({"id": message["id"], "error": {"code": -32601, "message": f"Method not found: {method}"}})


def reply(message: dict, result: dict) -> None:
    send({"id": message["id"], "result": result})


def flood() -> None:
    while True:
        os.write(2, b"a line that nobody needs\n" * OPTIONS["flood"])
        time.sleep(0.1)


def main() -> None:
    note("start")
    if OPTIONS["die"] == "start":
        print("cannot find my database", file=sys.stderr, flush=True)
        sys.exit(3)
    if OPTIONS["ignore_signals"]:
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if OPTIONS["flood"]:
        threading.Thread(target=flood, daemon=True).start()
    time.sleep(OPTIONS["start_seconds"])
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            # A slow call must not hold up the others.
            threading.Thread(target=answer, args=(message,), daemon=True).start()
        elif message.get("method") == "notifications/cancelled":
            note("cancelled")
    if OPTIONS["ignore_signals"]:
        time.sleep(300)
    note("end")


if __name__ == "__main__":
    main()
