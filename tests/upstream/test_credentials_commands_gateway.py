"""Keys that commands tell, at a whole gateway: they are told to nobody, and no command outlives the gateway."""

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from credentials_kit import is_gone, started

from process_kit import SECONDS_MAX, Far, Gateway, gateway, narthex, until

PLANTED = "planted-1-of-the-store"
NEXT = "planted-2-of-the-store"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
# A helper that says on both ways what it knows, and more than it should.
HELPER = (
    "import os, sys, time; said = open({secret!r}).read().split(); "
    "open({journal!r}, 'a').write(str(os.getpid()) + chr(10)); print(*said, file=sys.stderr, flush=True); "
    "time.sleep(60) if said[0] == 'hang' else None; print(said[-1]); sys.exit(7 if said[0] == 'fail' else 0)"
)


class House(NamedTuple):
    gateway: Gateway
    back: Far
    home: Path

    def store(self, text: str) -> None:
        other = self.home / "secret.new"
        other.write_text(text)
        other.replace(self.home / "secret")

    def pids(self) -> list[int]:
        journal = self.home / "journal"
        return [int(line) for line in journal.read_text().split()] if journal.exists() else []

    def begin(self) -> http.client.HTTPConnection:
        """A call, as far as it can be made without waiting for its answer."""
        connection = http.client.HTTPConnection(urlsplit(self.gateway.url).netloc, timeout=SECONDS_MAX)
        params = {"name": "whoami", "arguments": {}, "_meta": META}
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "whoami",
        }
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        connection.request("POST", "/mcp", body, headers)
        return connection

    def call(self) -> Any:
        with closing(self.begin()) as connection:
            return json.loads(connection.getresponse().read())

    def hang(self, waiting: ExitStack) -> list[int]:
        """The processes of a command that is at work from now on; calls wait for it."""
        before = self.pids()
        self.store("hang")
        until(lambda: waiting.enter_context(closing(self.begin())) and self.pids() != before, "a command is at work")
        return [pid for pid in self.pids() if pid not in before]

    def told(self) -> str:
        """Everything that operators see."""
        found = ["".join(self.gateway.lines)]
        for path in ("/metrics", "/api/servers", "/api/snapshot"):
            with urlopen(self.gateway.admin + path, timeout=SECONDS_MAX) as answer:
                found.append(answer.read().decode())
        state = self.home / "state"
        found += [file.read_text("utf-8", "replace") for file in state.rglob("*") if file.is_file()]
        return "\n".join(found)


def configuration(back: Far, home: Path) -> dict[str, Any]:
    code = HELPER.format(secret=str(home / "secret"), journal=str(home / "journal"))
    shown = {"type": "header", "value_command": [sys.executable, "-I", "-S", "-c", code], "secret_seconds": 2}
    return {"servers": [{"name": "guarded", "upstream": f"{back.origin}/mcp", "credentials": shown}]}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "secret").write_text(f"good {PLANTED}")
    with started("credentials_server.py") as back:
        back.always = {"keys": True}
        back.order({})
        with gateway(tmp_path, configuration(back, tmp_path)) as running:
            yield House(running, back, tmp_path)


def text_of(answer: Any) -> str:
    return str(answer.get("result", {}).get("content", [{}])[0].get("text"))


def test_a_secret_is_rotated_and_lost_and_told_to_nobody(house: House) -> None:
    until(lambda: text_of(house.call()) == f"key {PLANTED}", "the first key is shown")
    house.store(f"good {NEXT}")
    house.back.order({"revoke": [PLANTED]})
    assert text_of(house.call()) == f"key {NEXT}"

    house.store(f"fail {NEXT}")
    answer = until(lambda: "error" in (said := house.call()) and said, "what is over its time is not shown")
    assert answer["error"]["data"]["reason"] == "upstream_unauthorized"
    assert "python" not in json.dumps(answer)

    line = house.gateway.until(f"the command '{Path(sys.executable).name}' of `value_command` ended with exit status 7")
    told = house.told()

    assert json.loads(line)["server"] == "guarded"
    assert PLANTED not in told
    assert NEXT not in told
    assert PLANTED not in json.dumps(answer)


def test_a_command_at_work_ends_with_the_gateway(house: House) -> None:
    until(lambda: text_of(house.call()) == f"key {PLANTED}", "the first key is shown")
    with ExitStack() as waiting:
        at_work = house.hang(waiting)
    assert not any(map(is_gone, at_work))
    house.gateway.end()

    until(lambda: all(map(is_gone, house.pids())), "all commands have ended")
    assert [line for line in house.gateway.lines if "Traceback" in line] == []


def test_the_check_runs_no_command_and_misses_one_that_is_not_there(tmp_path: Path) -> None:
    shown = {"type": "header", "value_command": ["no-such-helper", "read"]}
    there = {"type": "header", "value_command": ["touch", str(tmp_path / "was-run")]}
    servers = [
        {"name": "a", "upstream": "https://a.example/mcp", "credentials": shown},
        {"name": "b", "upstream": "https://b.example/mcp", "credentials": there},
    ]
    (tmp_path / "narthex.json").write_text(json.dumps({"servers": servers}))
    done = narthex(tmp_path, "check", "narthex.json")

    assert done.returncode == 0
    assert "the program 'no-such-helper' is not found on the PATH" in done.stdout + done.stderr
    assert not (tmp_path / "was-run").exists()


def test_a_command_holds_nothing_that_is_the_gateways(house: House) -> None:
    until(lambda: text_of(house.call()) == f"key {PLANTED}", "the first key is shown")
    with ExitStack() as waiting:
        at_work = house.hang(waiting)
        descriptors = {str(link.readlink()) for pid in at_work for link in Path(f"/proc/{pid}/fd").iterdir()}

    assert {one.partition(":")[0] for one in descriptors} <= {"/dev/null", "pipe"}
