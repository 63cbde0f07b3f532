"""Another configuration while calls are on their way: swapped whole, or refused whole."""

import json
import random
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from operation_kit import (
    Gateway,
    Legacy,
    alive,
    connect,
    exchange,
    in_background,
    journal,
    listening,
    serving,
    stdio,
    until,
)
from operation_kit import modern as modern_request

from narthex import __version__

ASKED = (
    ("server/discover", None),
    ("tools/list", None),
    ("tools/call", {"name": "echo", "arguments": {"text": "x"}}),
)
CHANGED = "notifications/tools/list_changed"


def reloaded(gateway: Gateway, times: int, result: str = "ok") -> None:
    until(lambda: gateway.metric("narthex_config_reloads_total", result=result) >= times, f"{times} reloads {result}")


def test_a_server_that_is_added_is_announced_and_one_that_is_removed_goes(tmp_path: Path) -> None:
    a, b = stdio("a", tmp_path), stdio("b", tmp_path)
    with serving(tmp_path, a, endpoints={"both": {"names": "prefixed"}}) as gateway:
        url = gateway.url + "/both"
        legacy = Legacy(url)
        assert gateway.text("echo", text="x") == "x"
        with listening(url, filters={"toolsListChanged": True}) as modern, listening(url, legacy=legacy) as old:
            gateway.write(servers=[a, b])
            until(lambda: CHANGED in modern.methods() and CHANGED in old.methods(), "both listeners hear of it")
            names = {tool["name"] for tool in legacy.request("tools/list")["result"]["tools"]}
            assert {"a__echo", "b__echo"} <= names
            assert gateway.text("b__echo", text="x") == "x"
            assert len(journal(tmp_path, "start", "a")) == 1  # it was not touched

            before = len(modern.messages)
            gateway.write(servers=[b])
            until(lambda: CHANGED in modern.methods()[before:], "its removal is heard of")
        gone = [one["pid"] for one in journal(tmp_path, "start", "a")]
        until(lambda: not any(map(alive, gone)), "the process of the removed server is gone")
        assert gateway.text("echo", text="x") == "x"
        assert [one["name"] for one in gateway.api("/api/servers")["servers"]] == ["b"]


def test_a_changed_endpoint_shows_other_tools_and_says_so(tmp_path: Path) -> None:
    a = stdio("a", tmp_path)
    with serving(tmp_path, a, endpoints={"few": {"include": ["echo"]}}) as gateway:
        url = gateway.url + "/few"
        until(lambda: "echo" in gateway.tools(), "listed")
        with listening(url, filters={"toolsListChanged": True}) as stream:
            gateway.write(endpoints={"few": {"include": ["echo", "pid"], "tools": {"a/pid": {"name": "number"}}}})
            until(lambda: CHANGED in stream.methods(), "announced")
        few = Gateway(tmp_path, gateway.config)
        few.url = url
        assert few.tools() == ["echo", "number"]
        assert few.text("number").isdigit()
        assert "error" in few.call("die")

        gateway.write(endpoints={})
        reloaded(gateway, 2)
        connection = connect(url)
        connection.request("POST", "/mcp/few", b"{}", {"Content-Type": "application/json"})
        assert connection.getresponse().status == 404
        connection.close()


def test_whoever_listens_to_an_endpoint_that_is_removed_is_told_by_the_end_of_the_stream(tmp_path: Path) -> None:
    a = stdio("a", tmp_path)
    with serving(tmp_path, a, endpoints={"few": {}, "many": {}}) as gateway:
        gone, stays = gateway.url + "/few", gateway.url + "/many"
        wanted = {"toolsListChanged": True}
        with (
            listening(gone, filters=wanted) as modern,
            listening(gone, legacy=Legacy(gone)) as old,
            listening(gone.replace("/mcp/", "/sse/"), pair=True) as pair,
            listening(stays, filters=wanted) as modern_stays,
            listening(stays, legacy=Legacy(stays)) as old_stays,
        ):
            until(lambda: gateway.metric("narthex_listeners") >= 4, "all of them listen")
            gateway.write(endpoints={"many": {}})
            reloaded(gateway, 1)

            assert all(stream.ended.wait(10) for stream in (modern, old, pair))
            assert modern.messages[-1]["id"] == 7  # the result of the listen request, then the end
            assert not modern_stays.ended.is_set()
            assert not old_stays.ended.is_set()


def test_a_hangup_reads_the_file_again(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        gateway.process.send_signal(signal.SIGHUP)
        reloaded(gateway, 1)

        until(lambda: gateway.said("Configuration taken over: 1 server"), "said")


def test_calls_in_flight_finish_when_their_server_is_changed_or_removed(tmp_path: Path) -> None:
    a, b = stdio("a", tmp_path), stdio("b", tmp_path)
    with serving(tmp_path, a, b) as gateway:
        assert gateway.text("a__echo", text="x") == gateway.text("b__echo", text="x") == "x"
        calls = [in_background(lambda name=name: gateway.text(f"{name}__sleep", seconds=3)) for name in ("a", "b")]
        until(lambda: len(journal(tmp_path, "call")) == 4, "both are in work")
        gateway.write(servers=[{**a, "env": {"CHANGED": "1"}}, stdio("c", tmp_path)])
        reloaded(gateway, 1)
        assert json.loads(gateway.text("a__env"))["CHANGED"] == "1"

        assert [call() for call in calls] == ["slept", "slept"]
        before = [one["pid"] for server in ("a", "b") for one in journal(tmp_path, "start", server)[:1]]
        until(lambda: not any(map(alive, before)), "the processes of before are gone")


def test_clients_see_the_name_the_operator_gave_and_a_new_one_after_a_reload(tmp_path: Path) -> None:
    def seen(url: str) -> list[Any]:
        modern = [
            modern_request(url, method, params)["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]
            for method, params in ASKED
        ]
        return [*modern, Legacy(url).answer["result"]["serverInfo"]]

    endpoints = {"desk": {"title": "The desk"}}
    with serving(tmp_path, stdio("a", tmp_path), name="acme-tools", endpoints=endpoints) as gateway:
        assert gateway.text("echo", text="x") == "x"
        plain = {"name": "acme-tools", "version": __version__}
        assert seen(gateway.url) == [plain] * 4
        assert seen(gateway.url + "/desk") == [{**plain, "title": "The desk"}] * 4

        gateway.write(name="acme", title="Acme tools")
        reloaded(gateway, 1)
        plain = {"name": "acme", "title": "Acme tools", "version": __version__}
        assert seen(gateway.url) == [plain] * 4
        assert seen(gateway.url + "/desk") == [{**plain, "title": "The desk"}] * 4


def test_a_change_of_limits_restarts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        pid = gateway.text("pid")
        gateway.write(limits={"body_bytes_max": 2000})
        reloaded(gateway, 1)

        assert gateway.text("pid") == pid


def test_a_bad_file_changes_nothing_and_says_where_and_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert gateway.text("echo", text="x") == "x"
        before = gateway.api("/api/snapshot")
        good = gateway.file.read_text()
        bad = [
            good.replace('"servers"', '"severs"'),
            good[:-10],
            "servers: [{name: a, upstream: 'ftp://x'}]",
            "servers: [{name: a, command: [x]}, {name: a, command: [y]}]",
            "servers: [{name: a, command: [x], env: {KEY: '${NOT_THERE}'}}]",
            "limits: {body_bytes_max: many}\nservers: []",
            "authentication: {type: oauth2, issuer: 'http://x.example'}\nservers: []",
            "listen: http://0.0.0.0:9\nservers: []",
        ]
        for times, text in enumerate(bad, 1):
            gateway.write_text(text)
            reloaded(gateway, times, "refused")
            assert gateway.text("echo", text="x") == "x"
        until(lambda: len(refusals(gateway)) >= len(bad), "all are in the log")
        said = refusals(gateway)

        assert all(f"{gateway.file}:" in line for line in said)
        assert any("severs" in line and "servers" in line for line in said)
        assert any("NOT_THERE" in line for line in said)
        assert gateway.api("/api/snapshot") == before
        gateway.write_text(good)
        gateway.process.send_signal(signal.SIGHUP)
        reloaded(gateway, 1)


def refusals(gateway: Gateway) -> list[str]:
    return [line["message"] for line in gateway.lines() if "Configuration refused" in line.get("message", "")]


def mutated(rng: random.Random, config: dict[str, Any], folder: Path, number: int) -> tuple[str, bool]:
    """Another file, and whether it is sound. The server `good` stays in every sound one."""
    changed = json.loads(json.dumps(config))
    kind = rng.randrange(8)
    if kind == 0:
        changed["servers"].append(stdio(f"extra{number}", folder))
    elif kind == 1:
        changed["endpoints"] = {f"e{number}": {"include": ["good/*"]}}
    elif kind == 2:
        changed["limits"] = {"call_seconds_max": rng.randrange(30, 90), "json_depth_max": rng.randrange(20, 64)}
    elif kind == 3:
        changed["servers"][1]["env"] = {"ROUND": str(number)}
    elif kind == 4:
        changed["instructions"] = f"round {number}"
    elif kind == 5:
        changed["servers"][0]["env"] = {"ROUND": str(number)}  # the very server that is being called
    elif kind == 6:
        changed[rng.choice(["sever", "limit", "x y"])] = 1
        return json.dumps(changed), False
    else:
        text = json.dumps(changed, indent=1)
        return text[: rng.randrange(20, len(text) - 2)], False
    return json.dumps(changed), True


@pytest.mark.slow
def test_fifty_other_files_under_load_cost_no_call(tmp_path: Path) -> None:
    rng = random.Random(4)
    config = {"servers": [stdio("good", tmp_path), stdio("other", tmp_path)]}
    with serving(tmp_path, *config["servers"]) as gateway:
        assert gateway.text("good__echo", text="x") == "x"
        ending, failed, done = threading.Event(), list[Any](), [0]

        def load() -> None:
            connection = connect(gateway.url)
            params = {"name": "good__sleep", "arguments": {"seconds": 0.02}}
            while not ending.is_set():
                answer = exchange(connection, gateway.url, "tools/call", params)
                done[0] += 1
                if answer.get("result", {}).get("content", [{}])[0].get("text") != "slept":
                    failed.append(answer)
            connection.close()

        load_ends = [in_background(load) for _ in range(3)]
        base = {key: value for key, value in json.loads(gateway.file.read_text()).items() if key != "servers"}
        sound = refused = 0
        for number in range(50):
            text, good = mutated(rng, {**base, **config}, tmp_path, number)
            gateway.write_text(text)
            gateway.process.send_signal(signal.SIGHUP)
            sound, refused = sound + good, refused + (not good)
            until(lambda n=number: _reloads(gateway) > n, f"file {number} was read", 10)
        ending.set()
        for end in load_ends:
            end()

        assert failed == []
        assert done[0] > 200
        assert gateway.metric("narthex_config_reloads_total", result="ok") == sound
        assert gateway.metric("narthex_config_reloads_total", result="refused") == refused
        left = [one for one in journal(tmp_path, "start") if one["server"].startswith("extra")]
        gateway.write(servers=config["servers"])
        until(lambda: not any(alive(one["pid"]) for one in left), "servers of files that are gone are gone", 30)


def _reloads(gateway: Gateway) -> float:
    return gateway.metric("narthex_config_reloads_total")
