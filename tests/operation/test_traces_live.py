"""One trace across the gateway: what came in headers or in `_meta` goes on in both, with spans of ours where they are
collected, and without where nobody asks for any."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from collector import Collector, attributes, collecting
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from operation_kit import Gateway, Legacy, Tree, connect, exchange, modern_body, serving, until
from operation_remote import Remote

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
STATE = "rojo=1,congo=2"


class Told(Remote):
    """Keeps the `_meta` of each call, and fails where it is told to."""

    def __init__(self, *, modern: bool) -> None:
        self.metas: list[Tree] = []
        super().__init__(modern=modern)

    def outcome(self, method: str, params: Tree) -> Tree:
        if method == "tools/call":
            self.metas.append(params.get("_meta", {}))
            if params.get("arguments", {}).get("fail"):
                return {"error": {"code": -32603, "message": "secret words of a server"}}
        return super().outcome(method, params)

    def last(self) -> tuple[Tree, dict[str, str]]:
        """`_meta` and headers of the last call."""
        return self.metas[-1], {name.lower(): value for name, value in self.headers[-1].items()}


BOTH = pytest.mark.parametrize("far", [True, False], ids=["modern", "legacy"], indirect=True)


@pytest.fixture
def far(request: pytest.FixtureRequest) -> Iterator[Told]:
    server = Told(modern=getattr(request, "param", True))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def entry(far: Told) -> Tree:
    return {"name": "crm", "upstream": far.url}


def otel(collector: Collector, **more: Any) -> Tree:
    return {"opentelemetry": {"url": collector.url, "headers": {"X-Team": "ops"}, "metrics_seconds": 1, **more}}


def call(gateway: Gateway, headers: dict[str, str] | None = None, meta: Tree | None = None, **arguments: Any) -> Tree:
    body, own = modern_body("tools/call", {"name": "echo", "arguments": arguments, "_meta": meta or {}})
    connection = connect(gateway.url)
    try:
        connection.request("POST", urlsplit(gateway.url).path, body, {**own, **(headers or {})})
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


@BOTH
@pytest.mark.parametrize("carrier", ["headers", "meta"])
def test_without_a_collector_what_came_is_handed_on_in_both(carrier: str, far: Told, tmp_path: Path) -> None:
    said = {"traceparent": PARENT, "tracestate": STATE}
    with serving(tmp_path, entry(far)) as gateway:
        call(gateway, **{carrier: {**said, "baggage": "user=ana"}})
        meta, headers = far.last()

    assert (meta["traceparent"], meta["tracestate"]) == (PARENT, STATE)
    assert (headers["traceparent"], headers["tracestate"]) == (PARENT, STATE)
    assert "baggage" not in meta
    assert "baggage" not in headers


def test_what_is_no_trace_context_ends_here(far: Told, tmp_path: Path) -> None:
    broken = f"00-{TRACE}-{'0' * 16}-01"
    with serving(tmp_path, entry(far)) as gateway:
        call(
            gateway,
            headers={"traceparent": broken},
            meta={"traceparent": broken + "\r\nX-Evil: 1", "tracestate": "a=1"},
        )
        meta, headers = far.last()

    assert {"traceparent", "tracestate", "x-evil"}.isdisjoint({*meta, *headers})


def test_what_stands_in_the_message_goes_before_the_header(far: Told, tmp_path: Path) -> None:
    other = f"00-{'a' * 32}-{SPAN}-00"
    with serving(tmp_path, entry(far)) as gateway:
        call(gateway, headers={"traceparent": other, "tracestate": "x=1"}, meta={"traceparent": PARENT})
        meta, headers = far.last()

    assert meta["traceparent"] == headers["traceparent"] == PARENT
    assert "tracestate" not in {*meta, *headers}


@BOTH
def test_one_trace_across_three_hops(far: Told, collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, entry(far), **otel(collector)) as gateway:
        call(gateway, headers={"traceparent": PARENT, "tracestate": STATE}, text="x")
        meta, headers = far.last()
        gateway.stop()

    ours, theirs = collector.span(Span.SPAN_KIND_SERVER), collector.span(Span.SPAN_KIND_CLIENT)
    assert {ours.trace_id.hex(), theirs.trace_id.hex()} == {TRACE}
    assert ours.parent_span_id.hex() == SPAN
    assert theirs.parent_span_id == ours.span_id
    assert meta["traceparent"] == headers["traceparent"] == f"00-{TRACE}-{theirs.span_id.hex()}-01"
    assert meta["tracestate"] == STATE
    assert ours.name == theirs.name == "tools/call echo"
    said = attributes(ours.attributes)
    assert said["mcp.method.name"] == "tools/call"
    assert said["gen_ai.tool.name"] == "echo"
    assert said["gen_ai.operation.name"] == "execute_tool"
    assert said["mcp.protocol.version"] == "2026-07-28"
    assert said["narthex.server"] == "crm"
    assert ours.start_time_unix_nano <= theirs.start_time_unix_nano <= theirs.end_time_unix_nano
    assert theirs.end_time_unix_nano <= ours.end_time_unix_nano
    assert collector.resources[0]["service.name"] == "narthex"
    assert {one["x-team"] for one in collector.headers} == {"ops"}


def test_an_error_is_an_error_and_tells_nothing_of_what_was_said(
    far: Told, collector: Collector, tmp_path: Path
) -> None:
    with serving(tmp_path, entry(far), **otel(collector)) as gateway:
        call(gateway, fail=True, secret="an argument nobody shall read")
        gateway.stop()

    ours = collector.span(Span.SPAN_KIND_SERVER)
    assert ours.status.code == Status.STATUS_CODE_ERROR
    assert attributes(ours.attributes)["error.type"] == "error"
    assert attributes(ours.attributes)["rpc.response.status_code"] == "-32603"
    assert b"secret words" not in collector.raw
    assert b"nobody shall read" not in collector.raw


def test_a_caller_cannot_make_it_write_more_than_its_share(far: Told, collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, entry(far), **otel(collector, sample=0)) as gateway:
        call(gateway, headers={"traceparent": PARENT})
        meta, _ = far.last()
        call(gateway)
        gateway.stop()

    assert collector.spans == []
    assert meta["traceparent"] == PARENT


def test_a_share_of_the_calls_is_traced(far: Told, collector: Collector, tmp_path: Path) -> None:
    calls = 200
    with serving(tmp_path, entry(far), **otel(collector, sample=0.5, metrics_seconds=None)) as gateway:
        with contextlib.closing(connect(gateway.url)) as connection:
            for _ in range(calls):
                exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {"text": "x"}})
        gateway.stop()

    served = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    # Beyond eight standard deviations of a fair coin it is not one.
    assert abs(len(served) - calls / 2) < 8 * (calls / 4) ** 0.5
    assert len({span.trace_id for span in served}) == len(served)


def test_an_older_client_is_traced_too(far: Told, collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, entry(far), **otel(collector)) as gateway:
        client = Legacy(gateway.url)
        client.request("tools/call", {"name": "echo", "arguments": {}, "_meta": {"traceparent": PARENT}})
        meta, _ = far.last()
        gateway.stop()

    called = [span for span in collector.spans if span.name == "tools/call echo"]
    assert {span.trace_id.hex() for span in called} == {TRACE}
    assert meta["traceparent"].startswith(f"00-{TRACE}-")


def test_the_numbers_arrive_with_the_names_of_the_conventions(far: Told, collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, entry(far), **otel(collector, sample=0)) as gateway:
        for _ in range(3):
            gateway.call("echo", text="x")
        until(lambda: any(one.name == "mcp.server.operation.duration" for one in collector.metrics), "metrics came")
        gateway.stop()

    found = {metric.name: metric for metric in collector.metrics}  # the last of each
    points = {
        attributes(point.attributes)["gen_ai.tool.name"]: point
        for point in found["mcp.server.operation.duration"].histogram.data_points
        if "gen_ai.tool.name" in attributes(point.attributes)
    }
    assert points["echo"].count == sum(points["echo"].bucket_counts) == 3
    assert 0 < points["echo"].sum < 30
    assert found["narthex_calls"].sum.is_monotonic
    assert sum(point.as_int or point.as_double for point in found["narthex_calls"].sum.data_points) >= 3
    assert found["narthex_inflight"].gauge.data_points


def test_a_collector_that_is_away_costs_one_line_and_no_call(far: Told, tmp_path: Path) -> None:
    with collecting() as gone:
        url = gone.url
    away = {"opentelemetry": {"url": url, "metrics_seconds": 1, "timeout_seconds": 1}}
    with serving(tmp_path, entry(far), **away) as gateway:
        assert "result" in call(gateway)
        until(lambda: gateway.said("OpenTelemetry:"), "the operator is told")
        assert "result" in call(gateway)
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.log_text()
