"""The verbs that run a gateway, as real processes: serve, stdio, demo, and tools and call with a file."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import SECONDS_MAX, environment, run

FREE = "http://127.0.0.1:0"


def servers(*names: str) -> dict[str, Any]:
    return {
        "mcpServers": {
            name: {"command": sys.executable, "args": ["-m", f"narthex.libraries.demo.{name}"]} for name in names
        }
    }


class Running:
    """A gateway in a process of its own; its log is read as it comes."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.lines: list[str] = []
        self._rest = b""

    def until(self, condition: Callable[[str], bool]) -> str:
        """The next line of the log for which `condition` holds."""
        assert self.child.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stderr, selectors.EVENT_READ)
            end = time.monotonic() + SECONDS_MAX
            while True:
                *whole, self._rest = self._rest.split(b"\n")
                for index, line in enumerate(whole):
                    self.lines.append(line.decode())
                    if condition(self.lines[-1]):
                        self._rest = b"\n".join([*whole[index + 1 :], self._rest])
                        return self.lines[-1]
                assert time.monotonic() < end, self.lines
                if selector.select(0.5):
                    chunk = os.read(self.child.stderr.fileno(), 65_536)
                    assert chunk, self.lines
                    self._rest += chunk

    def url(self) -> str:
        return str(json.loads(self.until(lambda line: '"url"' in line))["url"])


@contextmanager
def gateway(*arguments: str, home: Path) -> Iterator[Running]:
    command = [sys.executable, "-m", "narthex", *arguments, "--admin", FREE, "--log-format", "json"]
    with subprocess.Popen(
        command, cwd=home, env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            yield Running(child)
        finally:
            child.terminate()
            try:
                child.wait(SECONDS_MAX)
            finally:
                child.kill()


def names(url: str, home: Path) -> set[str]:
    return {tool["name"].partition("__")[0] for tool in json.loads(run("tools", url, "--json", home=home).out)}


def test_a_clients_file_is_served_followed_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(servers("crm", "docs")))
    with gateway("serve", "mcp.json", "--listen", FREE, home=tmp_path) as running:
        url = running.url()
        assert names(url, tmp_path) == {"crm", "docs"}

        path.write_text(json.dumps(servers("crm", "docs", "tickets")))
        running.until(lambda line: "taken over" in line)
        assert names(url, tmp_path) == {"crm", "docs", "tickets"}

        path.write_text('{"mcpServers": {"crm": {"comand": "x"}}}')
        refused = running.until(lambda line: "refused" in line)
        assert "mcp.json:1:17" in refused
        assert names(url, tmp_path) == {"crm", "docs", "tickets"}

        path.write_text(json.dumps(servers("crm", "docs", "tickets")))
        running.until(lambda line: "taken over" in line)
        running.child.send_signal(signal.SIGHUP)
        running.until(lambda line: "taken over" in line)
        running.child.send_signal(signal.SIGTERM)

        assert running.child.wait(SECONDS_MAX) == 0


def test_a_port_in_use_says_which_option(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ran = run("serve", "--listen", listen, "--admin", FREE, home=tmp_path)

    assert ran.code == 1
    assert listen in ran.err
    assert "Choose another port with --listen" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["serve", "stdio", "tools"])
def test_what_would_not_be_enforced_is_not_served(tmp_path: Path, command: str) -> None:
    text = "servers:\n- {name: a, command: [x], required_scopes: [y]}\n"
    (tmp_path / "narthex.yaml").write_text(text)
    ran = run(command, "narthex.yaml", home=tmp_path)

    assert ran.code == 2
    assert "narthex.yaml:2:27: servers[0].required_scopes: without 'authentication' nobody has any scope" in ran.err


def test_other_addresses_than_the_loopback_are_refused(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    ran = run("serve", "--listen", "http://0.0.0.0:8080", home=tmp_path)

    assert ran.code == 2
    assert "--listen: without authentication the gateway listens on the loopback only" in ran.err


def test_tools_and_calls_of_a_file_need_no_port(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(servers("tickets")))
    listed = run("tools", "mcp.json", "--json", home=tmp_path)
    made = run("call", "create_ticket", "title=hello", "--file", "mcp.json", home=tmp_path)
    wrong = run("call", "update_ticket", "ticket_id=NO", "--file", "mcp.json", home=tmp_path)

    assert listed.code == 0, listed.err
    assert "create_ticket" in {tool["name"] for tool in json.loads(listed.out)}
    assert (made.code, "hello" in made.out) == (0, True), made.err
    assert wrong.code == 1


def test_an_endpoint_of_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "narthex.libraries.demo.tickets"]
    config = {"servers": [{"name": "t", "command": command}], "endpoints": {"desk": {"include": ["t/list_*"]}}}
    (tmp_path / "narthex.yaml").write_text(json.dumps(config))
    ran = run("tools", "narthex.yaml", "--endpoint", "desk", "--json", home=tmp_path)

    assert [tool["name"] for tool in json.loads(ran.out)] == ["list_tickets"], ran.err


def test_stdio_ends_with_its_input(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text("servers: []")
    ping = '{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
    ran = run("stdio", home=tmp_path, stdin=ping)

    assert ran.code == 0, ran.err
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in ran.out.splitlines())


def test_the_demo_says_how_to_call_it(tmp_path: Path) -> None:
    with gateway("demo", "--open", "--listen", FREE, home=tmp_path) as running:
        url = running.url()

        assert names(url, tmp_path) >= {"analytics", "crm", "docs", "tickets"}  # and Prometheus, where there is one
        assert run("call", "crm__crm_search_contacts", "query=an", "--url", url, home=tmp_path).code == 0
