"""A stdio server of an older revision that remembers: `far_counter.py FOLDER`.

Knows: how often it was called, what was written into it, and what was subscribed. Each process leaves a file named by
its pid in the folder; a file `release` there says which release it is. Refuses to know: the tests.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

NOTE = "state://note"
TOOLS = ("count", "write", "hold", "die", "shout", "login")


class Counter:
    def __init__(self, folder: Path, release: str) -> None:
        self.folder, self.release = folder, release
        self.calls, self.note = 0, ""
        self.subscribed: set[str] = set()
        self._writing = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(os.getpid())).write_text("")

    def serve(self) -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "id" in message and "method" in message:
                threading.Thread(target=self.answer, args=(message,), daemon=True).start()

    def answer(self, message: dict[str, Any]) -> None:
        answer = getattr(self, message["method"].replace("/", "_"), None)
        said = {"jsonrpc": "2.0", "id": message["id"]}
        if answer is None:
            self.say({**said, "error": {"code": -32601, "message": "unknown here"}})
        else:
            self.say({**said, "result": answer(message.get("params", {}))})

    def say(self, message: dict[str, Any]) -> None:
        with self._writing:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def tell(self, method: str, **params: Any) -> None:
        self.say({"jsonrpc": "2.0", "method": method, "params": params})

    def initialize(self, _: dict[str, Any]) -> dict[str, Any]:
        able = {"tools": {"listChanged": True}, "resources": {"subscribe": True}}
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": able,
            "serverInfo": {"name": "counter", "version": self.release},
        }

    def tools_list(self, _: dict[str, Any]) -> dict[str, Any]:
        names = (*TOOLS, f"release_{self.release}")
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}

    def resources_list(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"resources": [{"uri": NOTE, "name": "note"}]}

    def resources_read(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"contents": [{"uri": params["uri"], "text": self.note}]}

    def resources_subscribe(self, params: dict[str, Any]) -> dict[str, Any]:
        self.subscribed.add(params["uri"])
        return {}

    def resources_unsubscribe(self, params: dict[str, Any]) -> dict[str, Any]:
        self.subscribed.discard(params["uri"])
        return {}

    def tools_call(self, params: dict[str, Any]) -> dict[str, Any]:
        arguments = params.get("arguments") or {}
        getattr(self, f"do_{params['name']}", lambda _: None)(arguments)
        self.calls += 1
        state = {"pid": os.getpid(), "calls": self.calls, "note": self.note, "subscribed": sorted(self.subscribed)}
        return {"content": [{"type": "text", "text": json.dumps(state)}]}

    def do_write(self, arguments: dict[str, Any]) -> None:
        self.note = arguments["note"]
        if NOTE in self.subscribed:
            self.tell("notifications/resources/updated", uri=NOTE)

    def do_shout(self, _: dict[str, Any]) -> None:
        """News nobody asked for."""
        self.tell("notifications/resources/updated", uri=NOTE)

    def do_login(self, _: dict[str, Any]) -> None:
        self.tell("notifications/tools/list_changed")

    def do_hold(self, arguments: dict[str, Any]) -> None:
        (self.folder / f"{arguments['key']}.held").touch()
        end = time.monotonic() + 20
        while not (self.folder / f"{arguments['key']}.open").exists() and time.monotonic() < end:
            time.sleep(0.02)

    def do_die(self, _: dict[str, Any]) -> None:
        os._exit(3)


if __name__ == "__main__":
    here = Path(sys.argv[1])
    said = here / "release"
    Counter(here, said.read_text() if said.exists() else "1").serve()
