"""The audit log of a running gateway: what is on record, and when; what happens when nothing can be."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from operation_kit import Gateway, Legacy, Tree, connect, exchange, modern_body, serving, stdio, until
from operation_remote import Remote

REASON = "audit_unavailable"


class Seeing(Remote):
    """Looks into the log of the gateway while it answers: what stands there when a call arrives?"""

    log: Path
    read_only = False

    def outcome(self, method: str, params: Tree) -> Tree:
        if method == "tools/call":
            self.seen = [one["kind"] for one in records(self.log) if one.get("tool") == params["name"]]
        found = super().outcome(method, params)
        for tool in found.get("result", {}).get("tools", ()):
            tool["annotations"] = {"readOnlyHint": self.read_only}
        return found


@contextmanager
def seeing(folder: Path, *, modern: bool = True) -> Iterator[Seeing]:
    server = Seeing(modern=modern)
    server.log = folder / "state" / "audit"
    try:
        yield server
    finally:
        server.close()


def far(server: Remote, **more: Any) -> Tree:
    return {"name": "crm", "upstream": server.url, **more}


def records(folder: Path) -> list[Tree]:
    """What the log says of the world, in order."""
    texts = [path.read_text() for path in sorted(folder.glob("*.jsonl"))]
    lines = [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]
    return [one for one in lines if one["kind"] in ("start", "end", "act", "gap")]


def on_record(gateway: Gateway, tool: str = "") -> list[Tree]:
    return [one for one in records(gateway.folder / "state" / "audit") if one.get("tool", "") == tool or not tool]


def narthex(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "narthex", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def is_sound(folder: Path) -> bool:
    found = narthex("audit", "verify", "--state", str(folder / "state"), "--json")
    return found.returncode == 0 and json.loads(found.stdout)["sound"]


def test_every_call_is_on_record_once_and_the_record_proves_itself(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server)) as gateway:
        connection = connect(gateway.url)
        for number in range(12):  # on one connection: all but the first go the express way
            exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {"number": number}})
        connection.close()
        found = on_record(gateway, "echo")
        ends = [one for one in found if one["kind"] == "end"]

        assert len(ends) == 12
        assert len({one["call"] for one in ends}) == 12
        assert len({one["digest"] for one in ends}) == 12
        assert [(one["outcome"], one["decision"], one["cost"]) for one in ends] == [("ok", "allow", 1.0)] * 12
        assert {(one["principal"], one["server"], one["method"]) for one in ends} == {("local", "crm", "tools/call")}
        assert gateway.metric("narthex_audit_up") == 1
        assert gateway.metric("narthex_audit_lines_total") >= 24
        assert gateway.metric("narthex_cost_units_total", tool="echo") == 12
        assert is_sound(tmp_path)  # while it is written
        assert gateway.stop() == 0
    assert is_sound(tmp_path)


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
def test_what_may_change_something_is_on_record_before_its_server_sees_it(tmp_path: Path, modern: bool) -> None:
    with seeing(tmp_path, modern=modern) as server, serving(tmp_path, far(server)) as gateway:
        connection = connect(gateway.url)
        for number in range(3):
            exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {}})

            assert server.seen == ["start", "end"] * number + ["start"]
        connection.close()


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "not_trusted"])
def test_what_a_trusted_server_calls_read_only_is_on_record_once(tmp_path: Path, trusted: bool) -> None:
    with seeing(tmp_path) as server:
        server.read_only = True
        with serving(tmp_path, far(server, trusted=trusted)) as gateway:
            for _ in range(2):
                gateway.call("echo")

            kinds = [one["kind"] for one in on_record(gateway, "echo")]
            assert kinds == (["end", "end"] if trusted else ["start", "end"] * 2)


def test_refusals_are_on_record_with_whoever_said_no(tmp_path: Path) -> None:
    limited = {"rate_limit": {"requests_per_hour": 1, "burst": 1}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server, **limited)) as gateway:
        gateway.call("echo")
        gateway.call("echo")
        gateway.call("nothing")

        denied = [one for one in on_record(gateway) if one["kind"] == "end" and one["outcome"] != "ok"]
        assert [(one["tool"], one["outcome"], one.get("decision"), one.get("filter")) for one in denied] == [
            ("echo", "denied", "deny", "rate"),
            ("nothing", "error", None, None),
        ]
        assert denied[0]["reason"] == "rate_limited"
        assert "cost" not in denied[0]


def test_lists_are_not_on_record(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server)) as gateway:
        gateway.tools()
        gateway.request("server/discover")

        assert on_record(gateway) == []


def test_whoever_is_not_let_in_is_on_record_but_no_secret_is(tmp_path: Path) -> None:
    guarded: Tree = {"authentication": {"type": "keys"}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server), **guarded) as gateway:
        wrong = "nx_k3v9x2mp_" + "a" * 43
        for credential in (None, wrong):
            body, headers = modern_body("tools/list", None)
            if credential:
                headers["Authorization"] = f"Bearer {credential}"
            connection = connect(gateway.url)
            connection.request("POST", "/mcp", body, headers)
            assert connection.getresponse().status == 401
            connection.close()

        found = on_record(gateway)
        assert [(one["filter"], one["outcome"], one["reason"]) for one in found] == [
            ("identity", "denied", "no_credential"),
            ("identity", "denied", "invalid_token"),
        ]
        assert all(one["note"] == "from 127.0.0.1" for one in found)
        assert wrong not in json.dumps(found)


def test_calls_of_a_killed_gateway_end_as_unknown_at_the_next_start(tmp_path: Path) -> None:
    config = stdio("a", tmp_path)
    gateway = Gateway(tmp_path, {"servers": [config]}).start()
    legacy = Legacy(gateway.url)
    body = {
        "jsonrpc": "2.0",
        "id": 9,
        "method": "tools/call",
        "params": {"name": "sleep", "arguments": {"seconds": 30}},
    }
    connection = connect(gateway.url)
    connection.request("POST", "/mcp", json.dumps(body).encode(), legacy.headers)
    until(lambda: on_record(gateway, "sleep"), "the call is on record")
    gateway.process.kill()
    gateway.process.wait(10)
    connection.close()

    again = Gateway(tmp_path, {"servers": [config]}).start()
    try:
        found = on_record(again, "sleep")

        assert [(one["kind"], one.get("outcome")) for one in found] == [("start", None), ("end", "unknown")]
        assert again.said("calls of unknown outcome: 1")
        assert is_sound(tmp_path)
    finally:
        again.stop()
    for one in found:
        assert one["principal"] == "local"


def full(gateway: Gateway, bytes_max: int) -> None:
    """No file of the gateway may grow beyond this any more, as if the disk were full."""
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (bytes_max, resource.RLIM_INFINITY))


def roomy(gateway: Gateway) -> None:
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def refused(answer: Tree) -> bool:
    return answer.get("error", {}).get("data", {}).get("reason") == REASON


@pytest.mark.parametrize("kind", ["remote", "stdio"])
def test_a_log_that_cannot_be_written_refuses_calls_until_it_can(tmp_path: Path, kind: str) -> None:
    with seeing(tmp_path) as server:
        entry = far(server) if kind == "remote" else stdio("crm", tmp_path)
        with serving(tmp_path, entry) as gateway:
            connection = connect(gateway.url)
            ask = {"name": "echo", "arguments": {"text": "x"}}
            for _ in range(2):
                assert "result" in exchange(connection, gateway.url, "tools/call", ask)
            before = len(server.calls)
            full(gateway, 16)
            answers = [exchange(connection, gateway.url, "tools/call", ask) for _ in range(4)]

            assert [refused(answer) for answer in answers] == [True] * 4
            assert "was not called" in answers[-1]["error"]["message"]
            assert len(server.calls) == before
            assert gateway.tools()
            assert gateway.metric("narthex_audit_up") == 0
            assert gateway.metric("narthex_audit_unrecorded_total") >= 4
            assert gateway.metric("narthex_denials_total", filter="audit") == 4

            roomy(gateway)
            until(lambda: "result" in exchange(connection, gateway.url, "tools/call", ask), "the gateway has recovered")
            connection.close()
            assert gateway.metric("narthex_audit_up") == 1
            gaps = [one for one in on_record(gateway) if one["kind"] == "gap"]
            assert [one["what"] for one in gaps] == ["refused"]
            assert is_sound(tmp_path)


def test_an_answer_that_cannot_be_written_down_is_withheld(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        legacy = Legacy(gateway.url)
        connection = connect(gateway.url)
        body = {"jsonrpc": "2.0", "id": 9, "method": "tools/call"}
        body["params"] = {"name": "sleep", "arguments": {"seconds": 0.5}}
        connection.request("POST", "/mcp", json.dumps(body).encode(), legacy.headers)
        until(lambda: on_record(gateway, "sleep"), "the call has begun")
        full(gateway, 16)
        answer = connection.getresponse().read().decode()
        connection.close()

        assert REASON in answer
        assert "is withheld" in answer
        assert "slept" not in answer
        roomy(gateway)


def test_the_operator_may_choose_that_calls_go_on_unrecorded(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server), audit={"when_broken": "count"}) as gateway:
        gateway.call("echo")
        full(gateway, 16)
        for _ in range(3):
            assert "result" in gateway.call("echo")

        assert gateway.metric("narthex_audit_unrecorded_total") == 6
        assert gateway.metric("narthex_audit_up") == 0
        roomy(gateway)
        until(lambda: gateway.metric("narthex_audit_up") == 1, "the log is written again")
        gaps = [one for one in on_record(gateway) if one["kind"] == "gap"]
        assert [(one["what"], one["count"]) for one in gaps] == [("unrecorded", 6)]


def test_with_power_every_answer_waits_for_the_disk(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server), audit={"durability": "power"}) as gateway:
        connection = connect(gateway.url)
        for number in range(6):
            exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {}})

            assert server.seen == ["start", "end"] * number + ["start"]
        connection.close()
        assert [one["kind"] for one in on_record(gateway, "echo")] == ["start", "end"] * 6


def test_the_log_can_be_switched_off(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server), audit={"enabled": False}) as gateway:
        assert "result" in gateway.call("echo")
        assert not (tmp_path / "state" / "audit").exists()


def test_the_commands_read_the_log_of_a_running_gateway(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server)) as gateway:
        gateway.call("echo")
        file = str(gateway.file)
        tail = narthex("audit", "tail", file)
        export = narthex("audit", "export", "--format", "csv", file)
        verify = narthex("audit", "verify", file)

        assert "echo by local: begins" in tail.stdout
        assert "echo by local: ok in" in tail.stdout
        assert export.stdout.count("\n") == 3
        assert verify.returncode == 0, verify.stdout


def test_redacted_arguments_are_written_down_and_no_others(tmp_path: Path) -> None:
    redaction = {"direction": "arguments", "detect": ["email"], "action": "mask"}
    more: Tree = {"audit": {"arguments": "redacted"}, "redaction": redaction}
    with seeing(tmp_path) as server, serving(tmp_path, far(server), **more) as gateway:
        for _ in range(2):
            gateway.call("echo", to="ada.king@engines.example", subject="hello")
        found = on_record(gateway, "echo")

        assert [one.get("arguments") for one in found] == [{"subject": "hello", "to": "[email]"}, None] * 2
        assert "engines.example" not in json.dumps(found)


def test_a_signal_ends_the_chain_properly(tmp_path: Path) -> None:
    with seeing(tmp_path) as server, serving(tmp_path, far(server)) as gateway:
        gateway.call("echo")
        assert gateway.stop(signal.SIGTERM) == 0

    last = [path.read_text().splitlines()[-1] for path in (tmp_path / "state" / "audit").glob("*.jsonl")]
    assert [json.loads(line)["kind"] for line in last] == ["close"]
    assert (tmp_path / "state" / "audit").stat().st_mode & 0o777 == 0o700


def test_what_operators_do_is_on_record(tmp_path: Path) -> None:
    guarded: Tree = {"authentication": {"type": "keys"}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server), **guarded) as gateway:
        file = str(gateway.file)
        key = narthex("keys", "create", file, "--name", "ana", "--scopes", "a,b").stdout.strip()
        narthex("keys", "revoke", key[:11], file)
        gateway.write(log={"level": "debug"})
        until(lambda: [one for one in on_record(gateway) if one.get("action") == "configuration.changed"], "a reload")
        gateway.write_text("servers: nonsense\n")
        until(lambda: [one for one in on_record(gateway) if one.get("action") == "configuration.refused"], "a refusal")
        acts = {one["action"]: one for one in on_record(gateway) if one["kind"] == "act"}

        assert acts["key.created"]["target"] == acts["key.revoked"]["target"] == key[:11]
        assert acts["key.created"]["note"] == "of ana, scopes: a b"
        assert acts["key.created"]["principal"].startswith("operator:")
        assert key not in json.dumps(acts)
        assert acts["configuration.refused"]["note"] == "problems: 1"
    assert is_sound(tmp_path)


def test_without_a_log_no_key_is_made_and_any_is_revoked(tmp_path: Path) -> None:
    state = tmp_path / "state"
    key = narthex("keys", "create", "--state", str(state), "--name", "ana").stdout.strip()
    for path in (state / "audit").iterdir():
        path.unlink()
    (state / "audit").rmdir()
    (state / "audit").write_text("no folder")
    refused_ = narthex("keys", "create", "--state", str(state), "--name", "bo")
    revoked = narthex("keys", "revoke", key[:11], "--state", str(state))

    assert (refused_.returncode, refused_.stdout) == (1, "")
    assert "Nothing was done" in refused_.stderr
    assert revoked.returncode == 0
    assert "this is not on record" in revoked.stderr
    assert json.loads(narthex("keys", "list", "--state", str(state), "--json").stdout)[0]["state"] == "revoked"


def test_strangers_cannot_fill_the_disk(tmp_path: Path) -> None:
    guarded: Tree = {"authentication": {"type": "keys"}, "limits": {"failed_credentials_per_minute_max": 100_000}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server), **guarded) as gateway:
        body, headers = modern_body("tools/list", None)
        connection = connect(gateway.url)
        for _ in range(700):
            connection.request("POST", "/mcp", body, headers)
            assert connection.getresponse().read()
        connection.close()

        assert len(on_record(gateway)) == 600
        assert gateway.metric("narthex_refused_total", reason="no_credential") == 700


def test_usage_is_summed_while_the_gateway_runs(tmp_path: Path) -> None:
    priced = {"rules": {"echo": {"cost": {"per_call": 2, "per_kb": 0.5}}}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server, **priced)) as gateway:
        connection = connect(gateway.url)
        for number in range(5):
            exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {"number": number}})
        connection.close()
        gateway.call("nothing")
        until(lambda: gateway.metric("narthex_usage_records_total") >= 6, "the gateway has summed it")
        told = json.loads(narthex("usage", str(gateway.file), "--json").stdout)["rows"]

        assert [(row["server"], row["tool"], row["calls"], row["errors"]) for row in told] == [
            ("crm", "echo", 5, 0),
            ("", "unknown", 1, 1),
        ]
        assert told[0]["cost"] == gateway.metric("narthex_cost_units_total", tool="echo") >= 10
        assert told[0]["bytes_in"] > 5 * 100
        assert gateway.metric("narthex_usage_up") == 1


def test_the_operator_chooses_what_of_calls_is_shown(tmp_path: Path) -> None:
    chosen: Tree = {"metering": {"backend": "prometheus", "metrics": ["latency"]}}
    with seeing(tmp_path) as server, serving(tmp_path, far(server), **chosen) as gateway:
        gateway.call("echo")
        gateway.call("nothing")

        assert gateway.metric("narthex_call_seconds_count", tool="echo") == 1
        assert gateway.metric("narthex_calls_total") == gateway.metric("narthex_errors_total") == 0
        gateway.write(metering={"metrics": ["tool_calls"]})
        until(lambda: gateway.metric("narthex_calls_total"), "another choice")
        assert gateway.metric("narthex_call_seconds_count") == 0
