"""What the operator gets to see: metrics that move, one sentence per call, and no secret anywhere."""

import json
import re
from pathlib import Path

import pytest
from operation_kit import (
    DEGRADED,
    Gateway,
    Legacy,
    get,
    http_server,
    in_background,
    journal,
    listening,
    serving,
    stdio,
    until,
)

HUMAN = re.compile(
    r"^\d\d:\d\d:\d\d\.\d{3} info    echo by local: ok in [\d.]+ (ms|s) \([\d.]+ k?B in, [\d.]+ k?B out\)$"
)


def test_metrics_tell_what_happens(tmp_path: Path) -> None:
    slow = stdio("slow", tmp_path, entry={"timeout_seconds": 0.5})
    with serving(tmp_path, stdio("a", tmp_path), slow) as gateway:
        metric = gateway.metric
        for _ in range(3):
            gateway.text("a__echo", text="x")
        gateway.call("slow__sleep", seconds=3)
        gateway.call("a__nothing")

        assert metric("narthex_calls_total", server="a", tool="a__echo", outcome="ok") == 3
        assert metric("narthex_call_seconds_count", server="a", tool="a__echo") == 3
        assert metric("narthex_call_seconds_bucket", server="a", tool="a__echo", le="+Inf") == 3
        assert 0 < metric("narthex_call_seconds_sum", server="a", tool="a__echo") < 30
        assert metric("narthex_calls_total", server="slow", tool="slow__sleep", outcome="error") == 1
        assert metric("narthex_errors_total", server="slow", tool="slow__sleep", reason="upstream_timeout") == 1
        assert metric("narthex_errors_total", server="", tool="unknown") == 1
        assert metric("narthex_upstream_up", server="a") == 1
        assert metric("narthex_upstream_degraded", server="a") == 0
        assert metric("narthex_processes", server="a") == 1
        assert metric("narthex_process_resident_bytes", server="a") > 1_000_000
        assert metric("process_resident_memory_bytes") > 10_000_000
        assert metric("narthex_scrape_errors_total") == 0
        before = metric("narthex_event_loop_delay_seconds_count")
        until(lambda: metric("narthex_event_loop_delay_seconds_count") > before, "the loop is measured")

        Legacy(gateway.url)
        call = in_background(lambda: gateway.text("a__sleep", seconds=1.5))
        with listening(gateway.url, filters={"toolsListChanged": True}):
            until(lambda: metric("narthex_listeners") == 1, "the listener is counted")
            until(lambda: metric("narthex_inflight") >= 2, "the call and the stream are counted")
            assert metric("narthex_sessions") == 1
            assert metric("narthex_connections") >= 2
        call()
        gateway.text("a__fork")
        until(lambda: metric("narthex_processes", server="a") == 2, "descendants count")
        get(gateway.url.removesuffix("/mcp") + "/nowhere")
        serial = metric("narthex_snapshot_serial")
        gateway.write(instructions="others")
        until(lambda: metric("narthex_config_reloads_total", result="ok") == 1, "reloaded")
        assert metric("narthex_snapshot_serial") > serial


@pytest.mark.parametrize("form", ["json", "human"])
def test_a_call_is_one_sentence_in_the_log(tmp_path: Path, form: str) -> None:
    gateway = Gateway(tmp_path, {"servers": [stdio("a", tmp_path)], "log": {"format": "json"}}).start()
    try:
        if form == "human":
            gateway.write(log={"format": "human"})
            until(lambda: gateway.metric("narthex_config_reloads_total", result="ok") == 1, "reloaded")
        gateway.text("echo", text="x")
        gateway.text("echo", text="y")
        found = until(lambda: said_calls(gateway, form), "two lines")
    finally:
        gateway.stop()

    assert len(found) == 2
    if form == "json":
        line = json.loads(found[0])
        assert line["message"] == "echo by local: ok"
        assert (line["server"], line["tool"], line["outcome"]) == ("a", "echo", "ok")
        assert line["bytes_in"] > 0 < line["bytes_out"]
    else:
        assert all(HUMAN.match(line) for line in found), found


def said_calls(gateway: Gateway, form: str) -> list[str]:
    lines = [line for line in gateway.log_text().splitlines() if "echo by local" in line]
    lines = [line for line in lines if line.startswith("{") == (form == "json")]
    return lines if len(lines) >= 2 else []


def test_no_secret_of_the_configuration_is_ever_shown(tmp_path: Path) -> None:
    canaries = {name: f"canary-{name}-4711" for name in ("header", "env", "query", "inherited", "filled", "cwd")}
    dead = {
        "name": "dead",
        "upstream": f"http://127.0.0.1:9/mcp?key={canaries['query']}",
        "headers": {"Authorization": f"Bearer {canaries['header']}", "X-Other": "${FILLED}"},
    }
    missing = {
        "name": "missing",
        "command": [str(tmp_path / "no" / "such" / "program")],
        "env": {"OWN": canaries["env"]},
    }
    away = stdio("away", tmp_path, entry={"cwd": str(tmp_path / canaries["cwd"]), "env": {"OWN": canaries["env"]}})
    crashing = stdio("crashing", tmp_path, entry={"env": {"OWN": canaries["env"], "FROM": "${FILLED}"}})
    environment = {"FILLED": canaries["filled"], "AWS_SECRET": canaries["inherited"]}
    with http_server() as (url, _):
        crm = {"name": "crm", "upstream": url, "headers": {"Authorization": f"Bearer {canaries['header']}"}}
        servers = [dead, missing, away, {**crashing, "inherit_env": ["AWS_*"]}, crm]
        options = ("--log-level", "debug")
        with serving(tmp_path, *servers, env=environment, options=options) as gateway:
            seen = [json.dumps(gateway.call(f"{name}__echo", text="x")) for name in ("dead", "missing", "away")]
            gateway.text("crashing__echo", text="x")
            gateway.text("crashing__fork")
            seen += [
                json.dumps(gateway.call("crashing__die")),
                json.dumps(gateway.call("crm__search_contacts", query="x")),
            ]
            for name in ("dead", "missing", "away"):
                until(lambda name=name: gateway.status(name)["state"] == "down", f"{name} is down")
                seen.append(json.dumps(gateway.request("tools/call", {"name": f"{name}__echo"})))
            broken = json.dumps({**gateway.config, "servers": [{**dead, "upstreams": "x"}]})
            gateway.write_text(broken)
            until(lambda: gateway.metric("narthex_config_reloads_total", result="refused") == 1, "refused")
            seen += [json.dumps(gateway.request("tools/list")), json.dumps(gateway.request("server/discover"))]
            shown = [get(gateway.admin + path)[1].decode() for path in ("/metrics", "/api/servers", "/api/snapshot")]
            gateway.stop()
            log = gateway.log_text()

    for name, canary in canaries.items():
        assert not any(canary in text for text in seen), (name, "answers")
        if name == "cwd":
            continue  # a folder's name is no secret for the operator, and what to mend is named
        assert not any(canary in text for text in shown), (name, "admin")
        assert canary not in log, name
    # What a client may not learn: where things lie on this machine.
    assert not any(str(tmp_path) in text or "/usr/bin" in text for text in seen), seen
    assert "no such" not in "".join(seen)


def test_a_server_that_cannot_be_started_is_explained_to_the_operator_alone(tmp_path: Path) -> None:
    missing = {"name": "missing", "command": ["no-such-program-4711"]}
    with serving(tmp_path, missing, stdio("good", tmp_path)) as gateway:
        status = until(lambda: gateway.status("missing")["last_error"] and gateway.status("missing"), "it is known")

        assert "no-such-program-4711 is not installed or not on PATH" in status["last_error"]
        until(lambda: gateway.said("missing is down", "not on PATH"), "the log says so")
        answer = gateway.request("tools/list")["result"]
        assert answer["_meta"][DEGRADED] == ["missing"]
        assert "4711" not in json.dumps(gateway.call("missing__anything"))


def test_a_problem_is_said_once_and_not_at_every_attempt(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path, die="start"), stdio("good", tmp_path)) as gateway:
        until(lambda: len(journal(tmp_path, "start", "a")) >= 6, "it was tried again and again")
        down = [line for line in gateway.lines() if "a is down" in line.get("message", "")]

        assert len(down) == 1
        assert any("cannot find my database" in line.get("message", "") for line in gateway.lines())
