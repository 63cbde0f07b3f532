"""The catalogue on disk: a restart, or a server that is down, never shows an empty list."""

import json
import os
import signal
from pathlib import Path

from operation_kit import Gateway, journal, listening, serving, stdio, until


def listed(gateway: Gateway, name: str) -> bool:
    return name in gateway.tools()


def test_a_lazy_server_with_a_stored_catalogue_is_listed_and_not_started_until_it_is_called(tmp_path: Path) -> None:
    server = stdio("a", tmp_path)
    with serving(tmp_path, server) as gateway:
        until(lambda: listed(gateway, "echo"), "the first list")
        before = gateway.tools()
        assert gateway.stop() == 0
    starts = len(journal(tmp_path, "start"))

    with serving(tmp_path, server) as gateway:
        assert gateway.tools() == before
        assert gateway.degraded() == ["a"]
        assert len(journal(tmp_path, "start")) == starts
        assert gateway.status("a")["state"] == "idle"

        assert gateway.text("echo", text="hello") == "hello"
        until(lambda: gateway.degraded() == [], "after its first call the list is fresh")
        assert len(journal(tmp_path, "start")) == starts + 1


def test_a_server_that_is_down_after_a_restart_is_still_listed_and_its_return_is_announced(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    server = stdio("a", tmp_path, tools=str(tools), entry={"start": "eager"})
    with serving(tmp_path, server) as gateway:
        until(lambda: listed(gateway, "echo"), "the first list")
        before = gateway.tools()
    program = Path(server["command"][3])
    assert program.exists()
    broken = {**server, "command": [*server["command"][:3], str(tmp_path / "server.py"), server["command"][4]]}
    (tmp_path / "server.py").write_bytes(program.read_bytes())
    with serving(tmp_path, broken) as gateway:
        until(lambda: listed(gateway, "echo"), "the list of the program at its own place")
        assert gateway.stop() == 0
    (tmp_path / "server.py").rename(tmp_path / "away.py")

    with serving(tmp_path, broken) as gateway:
        assert gateway.tools() == before
        assert gateway.degraded() == ["a"]
        until(lambda: gateway.status("a")["state"] == "down", "it is known to be down")
        assert gateway.tools() == before

        with listening(gateway.url, filters={"toolsListChanged": True}) as stream:
            tools.write_text(json.dumps(["fresh"]))
            (tmp_path / "away.py").rename(tmp_path / "server.py")
            until(lambda: "notifications/tools/list_changed" in stream.methods(), "its return is announced")
        assert listed(gateway, "fresh")
        assert gateway.degraded() == []
        until(lambda: gateway.said("a is up again"), "said")


def test_a_server_that_dies_while_the_gateway_runs_is_shown_as_degraded_and_comes_back(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        until(lambda: listed(gateway, "pid"), "the first list")
        before = gateway.tools()
        for times in (1, 2):
            pid = int(gateway.text("pid"))
            os.kill(pid, signal.SIGKILL)
            until(lambda n=times: gateway.metric("narthex_upstream_restarts_total", server="a") >= n, "counted")

            assert gateway.tools() == before
        until(lambda: gateway.degraded() == [], "fresh again")
        assert gateway.text("echo", text="x") == "x"


def test_a_damaged_catalogue_is_said_and_not_used(tmp_path: Path) -> None:
    server = stdio("a", tmp_path)
    with serving(tmp_path, server) as gateway:
        until(lambda: listed(gateway, "echo"), "the first list")
    kept = next((tmp_path / "state" / "catalogue").glob("*.json"))
    kept.write_bytes(kept.read_bytes()[:-20])

    with serving(tmp_path, server) as gateway:
        assert listed(gateway, "echo")  # asked anew, since nothing was known
        until(lambda: gateway.said("it is damaged"), "said")
