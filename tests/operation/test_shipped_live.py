"""The libraries that ship, behind a gateway: what holds for any server holds for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from operation_kit import Gateway, Tree, connect, events, modern_body, serving, until
from outside.ports import free_port

from prometheus_kit import MISSING, PROGRAM, prometheus, value

PROXY = {"addresses": ["127.0.0.1"], "subject": "X-Forwarded-User", "scopes": "X-Forwarded-Scopes"}
READER = {"X-Forwarded-User": "ana", "X-Forwarded-Scopes": "x"}
WRITER = {"X-Forwarded-User": "ben", "X-Forwarded-Scopes": "files:write prometheus:promql"}
READING = [
    "files__list_files", "files__read_file", "files__search_files", "metrics__alerts", "metrics__chart_metrics",
    "metrics__list_metrics", "metrics__metric_metadata", "metrics__query_metrics", "time__convert_time",
    "time__current_time", "time__parse_time", "time__time_difference", "web__fetch_page",
]  # fmt: skip


def shipped(folder: Path, port: int, **more: Any) -> list[Tree]:
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_text("hello\n")
    return [
        {"name": "files", "python": "narthex.libraries.files", "settings": {"folder": "files", "write": True}, **more},
        {"name": "web", "python": "narthex.libraries.fetch", "settings": {"private": True}, **more},
        {"name": "time", "python": "narthex.libraries.time", **more},
        {
            "name": "metrics",
            "python": "narthex.libraries.prometheus",
            "settings": {"url": f"http://127.0.0.1:{port}", "promql": True},
            **more,
        },
    ]


@pytest.fixture(scope="module", params=["shared", "own"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Inside the gateway, and each in a process of its own; its own metrics are what Prometheus scrapes."""
    folder, port = tmp_path_factory.mktemp("shipped"), free_port()
    authentication = {"type": "keys", "proxy": PROXY}
    servers = shipped(folder, port, process=request.param)
    with serving(folder, *servers, authentication=authentication, audit={"enabled": False}) as running:
        until(lambda: names(running, READER) == READING, "the tools are listed")
        if PROGRAM is None:
            yield running
            return
        with prometheus(folder, urlsplit(running.admin).netloc, [], port) as url:
            call(running, READER, "time__current_time")
            until(lambda: value(url, 'narthex_calls_total{server="time"}') > 0, "the call is counted")
            yield running


def ask(gateway: Gateway, who: dict[str, str], method: str, params: Tree | None = None) -> Tree:
    body, headers = modern_body(method, params)
    connection = connect(gateway.url)
    try:
        connection.request("POST", urlsplit(gateway.url).path, body, {**headers, **who})
        answer = connection.getresponse()
        if answer.headers.get_content_type() == "text/event-stream":
            return [message for message in events(answer) if "id" in message][-1]
        return dict(json.loads(answer.read()))
    finally:
        connection.close()


def call(gateway: Gateway, who: dict[str, str], tool: str, **arguments: Any) -> Tree:
    answer = ask(gateway, who, "tools/call", {"name": tool, "arguments": arguments})
    assert "result" in answer, answer
    return dict(answer["result"])


def names(gateway: Gateway, who: dict[str, str]) -> list[str]:
    return sorted(tool["name"] for tool in ask(gateway, who, "tools/list")["result"]["tools"])


def test_what_changes_things_asks_for_a_scope(gateway: Gateway) -> None:
    more = {"files__write_file", "metrics__query_promql"}

    assert set(names(gateway, WRITER)) - set(names(gateway, READER)) == more
    written = ask(gateway, READER, "tools/call", {"name": "files__write_file", "arguments": {"path": "b", "text": "x"}})
    assert "error" in written or written["result"]["isError"]
    assert not call(gateway, WRITER, "files__write_file", path="c/b.txt", text="x")["isError"]
    assert call(gateway, READER, "files__read_file", path="c/b.txt")["structuredContent"]["text"] == "x"
    assert not (gateway.folder / "files" / "b").exists()


def test_a_file_is_read_and_nothing_beside_it(gateway: Gateway) -> None:
    assert call(gateway, READER, "files__read_file", path="a.txt")["structuredContent"]["text"] == "hello"
    refused = call(gateway, READER, "files__read_file", path="../narthex.yaml")
    assert refused["isError"]
    assert refused["content"][0]["text"] == "A path cannot go up: write it without '..'."


def test_a_page_of_the_house_is_read(gateway: Gateway) -> None:
    found = call(gateway, READER, "web__fetch_page", url=f"{gateway.admin}/metrics", chars=1_000)

    assert found["structuredContent"]["content_type"] == "text/plain"
    assert "narthex_" in found["structuredContent"]["text"]


def test_the_time_is_told(gateway: Gateway) -> None:
    found = call(gateway, READER, "time__convert_time", time="2026-07-01 12:00", from_zone="UTC", to=["Asia/Tokyo"])

    assert found["structuredContent"]["elsewhere"][0]["time"] == "2026-07-01T21:00:00+09:00"


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_the_gateway_tells_its_own_metrics(gateway: Gateway) -> None:
    asked = {"metric_name": "narthex_calls_total", "labels": {"server": "time"}, "time_range": "5m", "step": "1s"}
    found = call(gateway, READER, "metrics__query_metrics", **asked)
    chart = call(gateway, READER, "metrics__chart_metrics", **asked)
    raw = call(gateway, WRITER, "metrics__query_promql", query="count(narthex_calls_total)")

    told = {one["labels"]["tool"]: one["last"] for one in found["structuredContent"]["series"]}
    assert told["time__current_time"] == 1  # others may have called another tool of that server meanwhile
    assert [block["type"] for block in chart["content"]] == ["text", "image"]
    assert raw["structuredContent"]["series"][0]["last"] >= 1


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("metrics__query_metrics", {}),
        ("metrics__query_metrics", {"metric_name": "up", "time_range": "soon"}),
        ("metrics__query_metrics", {"metric_name": "up", "labels": {"job": 7}}),
        ("metrics__query_metrics", {"metric_name": "up", "aggregation": "drop table"}),
        ("files__read_file", {"path": ["a.txt"]}),
        ("files__read_file", {"path": "a.txt", "lines": 0}),
        ("web__fetch_page", {"url": "x"}),
        ("time__convert_time", {"time": "now", "to": []}),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_the_library_sees_them(gateway: Gateway, tool: str, arguments: Tree) -> None:
    assert call(gateway, READER, tool, **arguments)["isError"]
    assert not gateway.said("(error ")
