"""An internal CRM search behind the gateway, as docs/crm.md shows it: thirty calls a minute for each agent, nobody's
e-mail, phone or address in front of a model, every access on record, and a record that proves itself."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from operation_kit import Gateway, Tree, connect, modern_body, until
from operation_remote import Remote

PAGE = Path(__file__).resolve().parents[2] / "docs" / "crm.md"
EMAIL, PHONE, ADDRESS = "ada.king@engines.example", "+44 20 7946 0958", "12 St James's Square, London"
SHOWN = {"id": 7, "name": "Ada King", "company": "Analytical Engines", "title": "Director"}
CALLS_PER_MINUTE = 30


class Crm(Remote):
    """Has more to say of a person than a model should read."""

    def outcome(self, method: str, params: Tree) -> Tree:
        done = {"resultType": "complete"}
        if method == "tools/list":
            query = {"type": "object", "properties": {"query": {"type": "string"}}}
            reads = {"readOnlyHint": True}
            tools = [{"name": name, "inputSchema": query, "annotations": reads} for name in ("search_contacts", "note")]
            return {"result": {**done, "ttlMs": 1000, "cacheScope": "public", "tools": tools}}
        if method == "tools/call":
            self.calls.append(params["name"])
            found = {"contacts": [{**SHOWN, "email": EMAIL, "phone": PHONE, "address": ADDRESS}]}
            if params["name"] == "note":
                return {"result": {**done, "content": [text(f"Call {PHONE} or write to {EMAIL}.")]}}
            return {"result": {**done, "content": [text(json.dumps(found))], "structuredContent": found}}
        return super().outcome(method, params)


def text(said: str) -> Tree:
    return {"type": "text", "text": said}


@contextmanager
def crm() -> Iterator[Crm]:
    server = Crm(modern=True)
    try:
        yield server
    finally:
        server.close()


def of_the_page(upstream: str) -> Tree:
    """The configuration that a reader copies, with the address of the CRM of this test."""
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    config: Tree = yaml.safe_load(found[1])
    config["servers"][0]["upstream"] = upstream
    return config


@pytest.fixture
def far() -> Iterator[Crm]:
    with crm() as server:
        yield server


@pytest.fixture
def gateway(far: Crm, tmp_path: Path) -> Iterator[Gateway]:
    running = Gateway(tmp_path, of_the_page(far.url)).start()
    try:
        yield running
    finally:
        running.stop()


def narthex(gateway: Gateway, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "narthex", *words, "--state", str(gateway.folder / "state")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def key_of(gateway: Gateway, agent: str) -> str:
    key = narthex(gateway, "keys", "create", "--name", agent).stdout.strip()
    until(lambda: said(gateway, key, "tools/list")[0] == 200, f"the key of {agent} is known")
    return key


def said(gateway: Gateway, key: str, method: str, params: Tree | None = None) -> tuple[int, str]:
    """Status and text of an answer: all that the agent's side ever gets."""
    body, headers = modern_body(method, params)
    connection: http.client.HTTPConnection = connect(gateway.url)
    try:
        connection.request("POST", urlsplit(gateway.url).path, body, {**headers, "Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def search(gateway: Gateway, key: str, tool: str = "search_contacts") -> tuple[Tree, str]:
    _, answer = said(gateway, key, "tools/call", {"name": tool, "arguments": {"query": "king"}})
    return json.loads(answer)["result"], answer


def on_record(gateway: Gateway, agent: str) -> list[Tree]:
    """The decisions about what this agent called, as the log exports them."""
    lines = narthex(gateway, "audit", "export", "--format", "jsonl").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    return [
        one
        for one in records
        if one.get("kind") == "end" and one.get("method") == "tools/call" and agent in one.get("principal", "")
    ]


def test_no_way_to_reach_a_person_comes_to_a_model(gateway: Gateway) -> None:
    ana = key_of(gateway, "ana")

    found, first = search(gateway, ana)
    note, second = search(gateway, ana, "note")

    assert found["structuredContent"] == {"contacts": [SHOWN]}
    assert json.loads(found["content"][0]["text"]) == {"contacts": [SHOWN]}
    assert note["content"][0]["text"] == "Call [phone] or write to [email]."
    assert [planted for planted in (EMAIL, PHONE, ADDRESS) if planted in first + second] == []
    log = gateway.log_text() + narthex(gateway, "audit", "export", "--format", "jsonl").stdout
    assert [planted for planted in (EMAIL, PHONE, ADDRESS) if planted in log] == []


def test_thirty_calls_a_minute_for_each_agent(far: Crm, gateway: Gateway) -> None:
    ana, bo = key_of(gateway, "ana"), key_of(gateway, "bo")

    of_ana = [search(gateway, ana)[0] for _ in range(CALLS_PER_MINUTE + 1)]
    of_bo, _ = search(gateway, bo)

    refused = [result for result in of_ana if result.get("isError")]
    # A slot comes free in two seconds: on a slow machine the first calls were made so long ago.
    assert len(of_ana) - len(refused) + 1 == len(far.calls)
    assert CALLS_PER_MINUTE <= len(far.calls) - 1 <= CALLS_PER_MINUTE + 1
    for result in refused:
        assert re.fullmatch(
            r"Rate limit exceeded: 30 calls per minute on search_contacts\. Retry in [12] seconds?\.",
            result["content"][0]["text"],
        )
    assert "isError" not in of_bo


def test_every_access_is_on_record_and_the_record_proves_itself(gateway: Gateway) -> None:
    ana, bo = key_of(gateway, "ana"), key_of(gateway, "bo")
    answered = [search(gateway, ana)[0] for _ in range(CALLS_PER_MINUTE + 5)]
    search(gateway, bo)

    of_ana, of_bo = on_record(gateway, "ana"), on_record(gateway, "bo")

    assert len(of_ana) == len(answered)
    assert len(of_bo) == 1
    denied = [one for one in of_ana if one["decision"] == "deny"]
    assert len(denied) == sum(result.get("isError", False) for result in answered)
    assert {one["filter"] for one in denied} == {"rate"}
    assert {one["tool"] for one in of_ana} == {"search_contacts"}

    assert gateway.stop() == 0
    assert narthex(gateway, "audit", "verify").returncode == 0
    segment = max((gateway.folder / "state" / "audit").glob("*.jsonl"), key=lambda path: path.stat().st_size)
    lines = segment.read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if '"principal":"key:' in line or "ana" in line)
    segment.chmod(0o600)
    segment.write_text("".join([*lines[:place], lines[place].replace("ana", "bob"), *lines[place + 1 :]]))
    proved = narthex(gateway, "audit", "verify")
    assert proved.returncode == 1
    assert str(place + 1) in proved.stdout + proved.stderr
