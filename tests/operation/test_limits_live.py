"""What stands under `limits:` holds, and another value holds after a reload without a restart."""

import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from operation_kit import Gateway, connect, in_background, journal, modern_body, serving, stdio, until


def post(gateway: Gateway, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = connect(gateway.url)
    try:
        connection.request("POST", "/mcp", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def size(gateway: Gateway) -> int:
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x" * 3000}})
    return post(gateway, body, headers)[0]


def depth(gateway: Gateway) -> int:
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x", "deep": deep}})
    return post(gateway, body, headers)[0]


def values(gateway: Gateway) -> int:
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x", "many": [1] * 500}})
    return post(gateway, body, headers)[0]


def keys(gateway: Gateway) -> int:
    arguments = {"text": "x", "many": {str(number): 1 for number in range(60)}}
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": arguments})
    return post(gateway, body, headers)[0]


def string(gateway: Gateway) -> int:
    return size(gateway)


def header(gateway: Gateway) -> int:
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x"}})
    return post(gateway, body, {**headers, "X-Long": "x" * 2000})[0]


def count(gateway: Gateway) -> int:
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {"text": "x"}})
    return post(gateway, body, {**headers, **{f"X-{number}": "1" for number in range(40)}})[0]


ROWS = [
    (size, "body_bytes_max", 2000, 413),
    (depth, "json_depth_max", 10, 400),
    (values, "json_values_max", 100, 400),
    (keys, "json_keys_max", 50, 400),
    (string, "json_string_bytes_max", 1000, 400),
    (header, "header_field_bytes_max", 1000, 431),
    (count, "header_count_max", 20, 431),
]


@pytest.mark.parametrize(("ask", "name", "value", "status"), ROWS, ids=[row[1] for row in ROWS])
def test_a_limit_holds_after_a_reload_and_is_lifted_by_the_next(
    tmp_path: Path, ask: Any, name: str, value: int, status: int
) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        pid = gateway.text("pid")
        assert ask(gateway) == 200
        gateway.write(limits={name: value})
        until(lambda: ask(gateway) == status, f"{name} holds")
        gateway.write(limits={})
        until(lambda: ask(gateway) == 200, f"{name} is lifted")
        assert gateway.text("pid") == pid


def test_a_limit_of_results_holds(tmp_path: Path) -> None:
    limits = {"result_bytes_max": 5000, "line_bytes_max": 5000}
    with serving(tmp_path, stdio("a", tmp_path), limits=limits) as gateway:
        assert gateway.text("echo", text="x" * 1000) == "x" * 1000
        answer = gateway.call("echo", text="x" * 20_000, wait=70)

        assert "error" in answer
        assert gateway.text("echo", text="x") == "x"


def test_a_process_that_is_open_takes_over_the_limit_of_results(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        pid = gateway.text("pid")
        assert gateway.text("echo", text="x" * 20_000) == "x" * 20_000
        gateway.write(limits={"result_bytes_max": 5000, "line_bytes_max": 5000})
        until(lambda: "error" in gateway.call("echo", text="x" * 20_000, wait=70), "it holds")
        gateway.write(limits={})
        until(lambda: "result" in gateway.call("echo", text="x" * 20_000, wait=70), "it is lifted")
        assert gateway.text("pid") == pid


def test_a_process_that_is_open_takes_over_how_many_calls_it_works_on(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path), limits={"calls_per_process_max": 1}) as gateway:
        assert gateway.text("echo", text="x") == "x"
        calls = [in_background(lambda: gateway.text("sleep", seconds=3)) for _ in range(3)]
        until(lambda: len(journal(tmp_path, "call")) == 2, "one is in work")
        gateway.write(limits={})
        until(lambda: len(journal(tmp_path, "call")) == 4, "those that waited need not wait any more")
        assert [call() for call in calls] == ["slept"] * 3
        began = sorted(one["at"] for one in journal(tmp_path, "call"))[1:]
        assert began[2] - began[0] < 3


def test_the_patience_with_a_call_holds(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path), limits={"call_seconds_max": 1}) as gateway:
        started = time.monotonic()
        error = gateway.call("sleep", seconds=20)["error"]

        assert error["data"]["reason"] == "upstream_timeout"
        assert time.monotonic() - started < 3


def test_only_so_many_calls_are_in_work_in_one_process(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path), limits={"calls_per_process_max": 2}) as gateway:
        assert gateway.text("echo", text="x") == "x"
        calls = [in_background(lambda: gateway.text("sleep", seconds=1)) for _ in range(4)]
        time_of_second = until(lambda: len(journal(tmp_path, "call")) >= 3, "two are in work")
        assert time_of_second
        assert [call() for call in calls] == ["slept"] * 4
        began = sorted(one["at"] for one in journal(tmp_path, "call"))[1:]
        assert began[2] - began[0] > 0.9  # the third began when the first had ended


def test_a_client_that_is_slow_with_its_headers_is_sent_away(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path), limits={"header_seconds_max": 1}) as gateway:
        parts = urlsplit(gateway.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), 10) as slow:
            slow.sendall(b"POST /mcp HTTP/1.1\r\nHo")
            started = time.monotonic()
            answer = slow.recv(4096)

            assert time.monotonic() - started < 3
            assert answer.startswith(b"HTTP/1.1 408")
        assert json.loads(post(gateway, *modern_body("server/discover", None))[1])["result"]
