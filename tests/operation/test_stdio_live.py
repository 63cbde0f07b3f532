"""`narthex stdio` as a client starts it: a real process, real pipes, both eras."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from operation_kit import _META, MODERN, alive, journal, stdio, until

Tree = dict[str, Any]
GREETING = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


class Pipe:
    def __init__(self, folder: Path, *options: str, **config: Any) -> None:
        self.file = folder / "narthex.yaml"
        self.folder, self.config = folder, config
        self.write()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.log = folder / "stderr"
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "narthex", "stdio", str(self.file), *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment,
            )  # fmt: skip
        self.messages: list[Tree] = []
        self.strange: list[bytes] = []
        self._next_id = 0
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def write(self, **changes: Any) -> None:
        self.config.update(changes)
        other = self.file.with_suffix(".new")
        other.write_text(json.dumps({"state": str(self.folder / "state"), **self.config}))
        other.replace(self.file)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.messages.append(json.loads(line))
            except ValueError:
                self.strange.append(line)

    def send(self, message: Tree) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: Tree | None = None, *, modern: bool) -> int:
        self._next_id += 1
        params = {**(params or {}), "_meta": _META} if modern else params or {}
        self.send({"id": self._next_id, "method": method, "params": params})
        return self._next_id

    def answer(self, number: int, seconds: float = 20.0) -> Tree:
        def found() -> Tree | None:
            return next((one for one in self.messages if one.get("id") == number and "method" not in one), None)

        return dict(until(found, f"the answer to {number}", seconds))

    def request(self, method: str, params: Tree | None = None, *, modern: bool) -> Tree:
        return self.answer(self.ask(method, params, modern=modern))

    def call(self, tool: str, *, modern: bool, **arguments: Any) -> str:
        answer = self.request("tools/call", {"name": tool, "arguments": arguments}, modern=modern)
        return str(answer["result"]["content"][0]["text"])

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self, seconds: float = 20.0) -> int:
        code = self.process.wait(seconds)
        self._thread.join(10)
        return code


@contextlib.contextmanager
def pipe(folder: Path, *options: str, **config: Any) -> Iterator[Pipe]:
    gateway = Pipe(folder, *options, **config)
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()
        gateway.wait()
        for end in (gateway.process.stdin, gateway.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                end.close()


def test_both_eras_over_one_pipe(tmp_path: Path) -> None:
    with pipe(tmp_path, servers=[stdio("a", tmp_path)]) as gateway:
        assert MODERN in gateway.request("server/discover", modern=True)["result"]["supportedVersions"]
        assert gateway.call("echo", modern=True, text="new") == "new"
        assert gateway.request("initialize", GREETING, modern=False)["result"]["protocolVersion"] == "2025-11-25"
        gateway.send({"method": "notifications/initialized"})
        assert "echo" in [tool["name"] for tool in gateway.request("tools/list", modern=False)["result"]["tools"]]
        assert gateway.call("echo", modern=False, text="old") == "old"
        assert gateway.call("echo", modern=True, text="new again") == "new again"

        pid = int(gateway.call("pid", modern=True))
        gateway.close_input()
        assert gateway.wait() == 0
        assert gateway.strange == []
        assert not alive(pid)


def test_a_subscription_over_a_pipe_hears_of_changes_and_ends_with_its_result(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    with pipe(tmp_path, servers=[stdio("a", tmp_path, tools=str(tools))]) as gateway:
        assert gateway.call("echo", modern=True, text="x") == "x"
        listen = gateway.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, modern=True)
        until(lambda: gateway.messages[-1].get("method") == "notifications/subscriptions/acknowledged", "acknowledged")
        tools.write_text('["fresh"]')
        gateway.call("touch", modern=True)
        changed = {"method": "notifications/tools/list_changed"}
        until(lambda: any(changed.items() <= one.items() for one in gateway.messages), "announced")
        gateway.write(servers=[stdio("a", tmp_path), stdio("b", tmp_path)])
        until(lambda: sum(changed.items() <= one.items() for one in gateway.messages) >= 2, "a reload is announced too")

        gateway.close_input()
        assert gateway.answer(listen)["result"]["resultType"] == "complete"
        assert gateway.wait() == 0


def test_whatever_was_asked_before_the_input_ended_is_answered(tmp_path: Path) -> None:
    with pipe(tmp_path, servers=[stdio("a", tmp_path, start_seconds=1.0)]) as gateway:
        numbers = [
            gateway.ask("tools/call", {"name": "sleep", "arguments": {"seconds": 1.5}}, modern=True) for _ in range(3)
        ]
        gateway.close_input()

        for number in numbers:
            assert gateway.answer(number)["result"]["content"][0]["text"] == "slept"
        assert gateway.wait() == 0


def test_a_signal_ends_it_although_a_call_is_in_work(tmp_path: Path) -> None:
    with pipe(tmp_path, servers=[stdio("a", tmp_path)]) as gateway:
        pid = int(gateway.call("pid", modern=True))
        gateway.ask("tools/call", {"name": "sleep", "arguments": {"seconds": 30}}, modern=True)
        until(lambda: len(journal(tmp_path, "call")) == 2, "in work")
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)

        assert gateway.wait() == 0
        assert time.monotonic() - started < 10
        assert not alive(pid)


@pytest.mark.parametrize("ignore_signals", [False, True])
def test_nothing_is_left_after_it_was_killed(tmp_path: Path, ignore_signals: bool) -> None:
    with pipe(tmp_path, servers=[stdio("a", tmp_path, ignore_signals=ignore_signals)]) as gateway:
        pids = [int(gateway.call("pid", modern=True)), int(gateway.call("fork", modern=True))]
        gateway.ask("tools/call", {"name": "sleep", "arguments": {"seconds": 30}}, modern=True)
        until(lambda: len(journal(tmp_path, "call")) == 3, "in work")
        gateway.process.kill()
        gateway.wait()

        until(lambda: not any(map(alive, pids)), "everything is gone", 10)


def test_files_may_stand_on_both_sides(tmp_path: Path) -> None:
    """From a file and into one: no event loop can wait for those, and it need not."""
    (tmp_path / "narthex.yaml").write_text(json.dumps({"servers": [stdio("a", tmp_path)]}))
    (tmp_path / "input").write_bytes(echoes(3, times=20_000))
    command = [sys.executable, "-m", "narthex", "stdio", "narthex.yaml", "--state", "state"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for output in ("output", "/dev/null"):
        with (tmp_path / "input").open("rb") as source, (tmp_path / output).open("wb") as target:
            ended = subprocess.run(
                command, stdin=source, stdout=target, stderr=subprocess.PIPE,
                cwd=tmp_path, env=environment, timeout=30, check=False,
            )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    found = [json.loads(line) for line in (tmp_path / "output").read_bytes().splitlines()]

    assert sorted(one["id"] for one in found) == [0, 1, 2]
    assert {len(one["result"]["content"][0]["text"]) for one in found} == {2_000_000}


def test_nonsense_on_the_pipe_is_answered_and_survived(tmp_path: Path) -> None:
    with pipe(tmp_path, servers=[stdio("a", tmp_path)]) as gateway:
        assert gateway.process.stdin is not None
        gateway.process.stdin.write(b"not json\n\n[]\n\xff\xfe\n" + b"x" * 100_000 + b"\n")
        gateway.send({"method": "notifications/cancelled", "params": {"requestId": []}})
        gateway.send({"method": "notifications/cancelled", "params": {"requestId": {"a": 1}}})

        assert gateway.call("echo", modern=True, text="still here") == "still here"
        assert sum("error" in one for one in gateway.messages) >= 4


def test_a_client_that_does_not_read_is_not_hoarded_for(tmp_path: Path) -> None:
    (tmp_path / "narthex.yaml").write_text(
        json.dumps({"servers": [stdio("a", tmp_path)], "state": str(tmp_path / "state")})
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "narthex", "stdio", str(tmp_path / "narthex.yaml")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    ) as process:  # fmt: skip
        try:
            assert process.stdin is not None
            os.set_blocking(process.stdin.fileno(), False)
            text = "x" * 20_000
            written = 0
            end = time.monotonic() + 6
            while time.monotonic() < end:
                params = {"name": "echo", "arguments": {"text": text}, "_meta": _META}
                line = json.dumps({"jsonrpc": "2.0", "id": written, "method": "tools/call", "params": params}).encode()
                try:
                    if os.write(process.stdin.fileno(), line + b"\n") < len(line) + 1:
                        break  # it takes no more: the pressure has come back to us
                    written += 1
                except BlockingIOError:
                    time.sleep(0.05)
            resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

            assert resident < 250_000_000
        finally:
            process.kill()


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def unread(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A gateway over pipes whose output nobody reads but the test itself."""
    (folder / "narthex.yaml").write_text(json.dumps({"servers": [stdio("a", folder)], "state": str(folder / "state")}))
    with subprocess.Popen(
        [sys.executable, "-m", "narthex", "stdio", str(folder / "narthex.yaml")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def echoes(count: int, *, times: int) -> bytes:
    """Short requests for long answers."""
    params = {"name": "echo", "arguments": {"text": "x" * 100, "times": times}, "_meta": _META}
    numbered = [{"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params} for number in range(count)]
    return b"".join(json.dumps(one).encode() + b"\n" for one in numbered)


def test_answers_that_nobody_reads_are_bounded_and_each_request_gets_one(tmp_path: Path) -> None:
    """Two hundred of a megabyte each: what does not fit is said in a few words, and the server is not held up."""
    with unread(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(echoes(200, times=10_000))
        process.stdin.flush()
        until(lambda: len(journal(tmp_path, "call")) == 200, "all are worked on")
        most = 0

        def settled() -> bool:
            nonlocal most
            before, most = most, max(most, resident_bytes(process.pid))
            time.sleep(0.1)
            return before == most

        until(settled, "nothing more is kept")
        found = [json.loads(process.stdout.readline()) for _ in range(200)]
        dropped = [one["error"]["data"]["reason"] for one in found if "error" in one]

        assert most < 300_000_000
        assert {one["id"] for one in found} == set(range(200))
        assert set(dropped) == {"unread"}
        assert 20 <= len(dropped) <= 150


def test_what_was_answered_is_read_whole_however_late(tmp_path: Path) -> None:
    """The input has ended long before somebody begins to read."""
    with unread(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(echoes(3, times=20_000))
        process.stdin.close()
        until(lambda: len(journal(tmp_path, "call")) == 3, "all are worked on")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        found = [json.loads(line) for line in process.stdout]

        assert {len(one["result"]["content"][0]["text"]) for one in found} == {2_000_000}
        assert {one["id"] for one in found} == {0, 1, 2}
        assert process.wait(10) == 0


def test_an_endpoint_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pipe(tmp_path, "--endpoint", "nope", servers=[stdio("a", tmp_path)], endpoints={"few": {}}) as gateway:
        assert gateway.wait() == 2
        assert "there is no endpoint 'nope'" in gateway.log.read_text()
        assert "Configured: few" in gateway.log.read_text()


def test_an_endpoint_is_served_when_it_is_named(tmp_path: Path) -> None:
    endpoints = {"few": {"include": ["echo"]}}
    with pipe(tmp_path, "--endpoint", "few", servers=[stdio("a", tmp_path)], endpoints=endpoints) as gateway:
        tools = gateway.request("tools/list", modern=True)["result"]["tools"]

        assert [tool["name"] for tool in tools] == ["echo"]


def keyed(folder: Path, key: str | None) -> subprocess.CompletedProcess[bytes]:
    """One modern `tools/list` on the stdin of a gateway that asks who calls."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": _META}}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **({"NARTHEX_KEY": key} if key else {})}
    return subprocess.run(
        [sys.executable, "-m", "narthex", "stdio", str(folder / "narthex.yaml")],
        input=json.dumps(request).encode() + b"\n", capture_output=True, env=environment, timeout=60,
    )  # fmt: skip


def test_who_starts_a_gateway_that_asks_who_calls_shows_a_key_in_the_environment(tmp_path: Path) -> None:
    wanted = {"state": str(tmp_path / "state"), "authentication": {"type": "keys"}, "servers": [stdio("one", tmp_path)]}
    (tmp_path / "narthex.yaml").write_text(json.dumps(wanted))
    made = subprocess.run(
        [sys.executable, "-m", "narthex", "keys", "create", str(tmp_path / "narthex.yaml"), "--name", "me"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    key = made.stdout.decode().strip()

    nobody, somebody, forger = keyed(tmp_path, None), keyed(tmp_path, key), keyed(tmp_path, key[:-1] + "x")

    assert (nobody.returncode, nobody.stdout) == (2, b"")
    assert b"Set NARTHEX_KEY to an API key." in nobody.stderr
    assert json.loads(somebody.stdout.splitlines()[0])["result"]["tools"]
    assert (forger.returncode, forger.stdout) == (2, b"")
    assert key.encode() not in nobody.stderr + somebody.stderr + forger.stderr
