"""`narthex run`: a library as a server of its own, over pipes and over HTTP, in both eras."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

Tree = dict[str, Any]
SECONDS = 20
MODERN: Tree = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
TOOLS = '''
import os
import sys

from narthex import Context, Library

print("printed at import")
library = Library("mine", version="2.0")


@library.tool
def add(a: int, b: int = 1) -> int:
    """Add."""
    print("printed in a call")
    sys.stdout.flush()
    os.system("echo printed by a child")
    return a + b


@library.tool
async def asks(context: Context) -> str:
    answer = await context.elicit("How many?", int)
    return f"{answer.action} {answer.data}"


@library.tool
def given(context: Context) -> list[str]:
    known = str("NARTHEX_LIBRARY" in os.environ)
    return [str(context.settings.get("region")), str(context.secrets.get("KEY")), str(context.principal), known]


@library.tool
def fails() -> str:
    raise RuntimeError("for the log alone")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(TOOLS)
    return tmp_path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "narthex", "run", *words]


class Piped:
    """A client of a process."""

    def __init__(self, folder: Path, *words: str, **env: str) -> None:
        self.process = subprocess.Popen(
            command(*words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **env},
        )
        self._number = 0

    def say(self, message: Tree) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Tree:
        assert self.process.stdout is not None
        found: Tree = json.loads(self.process.stdout.readline())
        return found

    def ask(self, method: str, **params: Any) -> Tree:
        self._number += 1
        self.say({"id": self._number, "method": method, "params": params})
        return self.hear()

    def call(self, tool: str, **arguments: Any) -> Tree:
        return self.ask("tools/call", name=tool, arguments=arguments, _meta=MODERN)

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said.decode()


@contextmanager
def piped(folder: Path, *words: str, **env: str) -> Iterator[Piped]:
    peer = Piped(folder, *words, **env)
    try:
        yield peer
    finally:
        if peer.process.poll() is None:
            peer.process.kill()
            peer.process.communicate()


@pytest.mark.parametrize("target", ["mine", "mine:library", "mine.py", "mine.py:library"])
def test_a_library_serves_over_pipes_whatever_it_prints(folder: Path, target: str) -> None:
    with piped(folder, target) as peer:
        found = peer.call("add", a=2)
        code, said = peer.end()

    assert found["result"]["structuredContent"] == {"result": 3}
    assert code == 0
    assert "printed at import" in said
    assert "printed in a call" in said
    assert "printed by a child" in said


def test_an_older_client_greets_it_and_is_asked(folder: Path) -> None:
    with piped(folder, "mine") as peer:
        greeting = peer.ask("initialize", protocolVersion="2025-11-25", capabilities={"elicitation": {}}, clientInfo={})
        peer.say({"method": "notifications/initialized"})
        question = peer.ask("tools/call", name="asks", arguments={})
        peer.say({"id": "never-asked", "result": {}})
        refused = peer.hear()
        peer.say({"id": question["id"], "result": {"action": "accept", "content": {"value": 3}}})
        answer = peer.hear()

    assert greeting["result"]["serverInfo"]["version"] == "2.0"
    assert question["method"] == "elicitation/create"
    assert refused["error"]["code"] == -32600
    assert answer["result"]["content"][0]["text"] == "accept 3"


@pytest.mark.parametrize("response", [{"error": {"code": -1, "message": "no"}}, {"result": None}, {"result": []}])
def test_a_refused_question_is_told_to_the_model(folder: Path, response: Tree) -> None:
    with piped(folder, "mine") as peer:
        peer.ask("initialize", protocolVersion="2025-11-25", capabilities={"elicitation": {}}, clientInfo={})
        question = peer.ask("tools/call", name="asks", arguments={})
        peer.say({"id": question["id"], **response})
        answer = peer.hear()

    assert answer["result"]["isError"]
    assert "cannot be asked" in answer["result"]["content"][0]["text"]


def test_what_it_is_given_comes_through_the_environment(folder: Path) -> None:
    given = json.dumps({"settings": {"region": "eu"}, "secrets": {"KEY": "k"}})
    claimed = {**MODERN, "dev.narthex/caller": {"subject": "root"}}
    with piped(folder, "mine", NARTHEX_LIBRARY=given) as peer:
        found = peer.ask("tools/call", name="given", arguments={}, _meta=claimed)

    assert found["result"]["structuredContent"] == {"result": ["eu", "k", "None", "False"]}


def test_a_fault_has_a_number_that_stderr_resolves(folder: Path) -> None:
    with piped(folder, "mine") as peer:
        text = peer.call("fails")["result"]["content"][0]["text"]
        _, said = peer.end()

    assert "for the log alone" not in text
    assert f"{text.partition('(error ')[2][:8]}): RuntimeError('for the log alone')" in said


def test_it_serves_over_http(folder: Path) -> None:
    process = subprocess.Popen(command("mine", "--listen", "127.0.0.1:0"), cwd=folder, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        url = ""
        while "listens on " not in url:
            url = process.stderr.readline().decode()
        url = url.partition("listens on ")[2].strip()
        params = {"name": "add", "arguments": {"a": 4}, "_meta": MODERN}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "add",
        }
        with urlopen(Request(url, body, headers), timeout=SECONDS) as answer:
            found = json.loads(answer.read())
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        code = process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()

    assert found["result"]["structuredContent"] == {"result": 5}
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["mine", "--check"], "mine 2.0: add, asks, given, fails", 0),
        (["nothing.here"], "there is no module 'nothing.here'", 2),
        (["nothing.py"], "there is no file", 2),
        (["mine:nothing"], "there is no 'nothing' in 'mine'", 2),
        (["mine", "--listen", "0.0.0.0:9000"], "is not an address of this machine", 2),
        (["mine", "--listen", "127.0.0.1:port"], "is not an address of this machine", 2),
        ([], "Missing argument 'TARGET'", 2),
    ],
)
def test_what_it_says_at_the_start(folder: Path, words: list[str], said: str, code: int) -> None:
    done = subprocess.run(
        command(*words), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
    )

    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_importing_narthex_costs_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules); import narthex; print(sorted(set(sys.modules) - before)); "
        "from narthex import Library, Context, tool, ToolError, Image, Audio, File; print(Library)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=True)
    first, second = done.stdout.splitlines()

    assert first == "['narthex']"
    assert "narthex.libraries.library.Library" in second
