"""The `prometheus` library against a real Prometheus that scrapes a running gateway."""

import asyncio
import base64
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.request import Request, urlopen

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outside.ports import free_port

from narthex.libraries.prometheus import library
from narthex.libraries.prometheus.chart import HEIGHT, WIDTH
from narthex.libraries.prometheus.promql import quoted, selector
from narthex.libraries.prometheus.series import points_max, series_max
from narthex.testing import Client, connect
from process_kit import Gateway, gateway, until
from prometheus_kit import MISSING, PROGRAM, prometheus, value

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

TOOLS = "from narthex import tool, ToolError\n@tool\ndef add(a: int) -> int:\n    return a + 1\n"
TOOLS += "@tool\ndef fails() -> str:\n    raise ToolError('no')\n"
ODD = 'a.b|c(d)*[e]{f}^$+?\\ "g"\n ✓'
RULES: list[dict[str, Any]] = [
    {
        "name": "of the test",
        "rules": [
            {"record": "odd_metric", "expr": "vector(1)", "labels": {"odd": ODD}},
            {"record": "odd_metric", "expr": "vector(2)", "labels": {"odd": "axb"}},
            *({"record": "many", "expr": f"vector({n})", "labels": {"n": str(n)}} for n in range(40)),
            {"record": "no_number", "expr": "vector(0) / 0"},
            {
                "alert": "GatewayIsUp",
                "expr": "up == 1",
                "labels": {"severity": "page"},
                "annotations": {"summary": "It is up."},
            },
            {"alert": "Soon", "expr": "up == 1", "for": "1h"},
        ],
    }
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that was called, and what Prometheus knows of it."""
    home = tmp_path_factory.mktemp("metrics")
    (home / "tools.py").write_text(TOOLS)
    with (
        gateway(home, {"servers": [{"name": "sums", "python": "tools.py"}]}) as running,
        prometheus(home, running.admin.removeprefix("http://"), RULES, free_port()) as found,
    ):
        for total in (10, 20):
            for _ in range(9):
                call(running, "add", {"a": 1})
            call(running, "fails", {})
            until(lambda wanted=total: value(found, "sum(narthex_calls_total)") == wanted, "the calls are counted")
        until(lambda: value(found, "count(ALERTS)") >= 2 and value(found, "count(many)") == 40, "rules are evaluated")
        yield found


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with connect(library, settings={"url": url, "scrape_seconds": 15}) as found:
        yield found


@pytest.fixture
async def raw(url: str) -> AsyncIterator[Client]:
    async with connect(library, settings={"url": url + "/", "promql": True}) as found:
        yield found


def call(running: Gateway, tool: str, arguments: dict[str, Any]) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    with urlopen(Request(f"{running.url}/mcp", body, headers), timeout=15) as answer:
        assert b"result" in answer.read()


async def test_a_metric_is_read_with_its_figures(client: Client) -> None:
    answer = await client.call("query_metrics", metric_name="narthex_calls_total", time_range="5m")
    assert not answer.is_error, answer.text
    found = answer.data

    assert found["series_found"] == 2
    ok, failed = found["series"]
    assert (ok["labels"]["tool"], ok["labels"]["outcome"], ok["last"], ok["max"]) == ("add", "ok", 18, 18)
    assert (failed["labels"]["tool"], failed["labels"]["outcome"], failed["last"]) == ("fails", "tool_error", 2)
    assert ok["max_at"].endswith("Z")
    assert 9 <= ok["points"][-1] <= 18
    assert ok["points"][0] is None
    assert found["step_seconds"] * (len(ok["points"]) - 1) <= 300
    assert found["query"] == '{__name__="narthex_calls_total"}'


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        ({"labels": {"tool": "add"}}, [18]),
        ({"labels": {"tool": ["add", "fails"]}}, [18, 2]),
        ({"labels": {"tool": "add", "outcome": ["ok", "denied"]}}, [18]),
        ({"aggregation": "sum"}, [20]),
        ({"aggregation": "sum", "by": ["outcome"]}, [18, 2]),
        ({"aggregation": "max"}, [18]),
        ({"aggregation": "min"}, [2]),
        ({"aggregation": "avg"}, [10]),
        ({"aggregation": "count"}, [2]),
        ({"aggregation": "count", "by": ["job", "server"]}, [2]),
    ],
    ids=str,
)
async def test_series_are_chosen_and_put_together(client: Client, asked: dict[str, Any], last: list[float]) -> None:
    found = await client.call("query_metrics", metric_name="narthex_calls_total", time_range="2m", step="1s", **asked)

    assert [one["last"] for one in found.data["series"]] == last


@pytest.mark.parametrize("aggregation", ["rate", "increase", "sum_rate"])
async def test_counters_become_rates(client: Client, aggregation: str) -> None:
    found = await client.call(
        "query_metrics", metric_name="narthex_calls_total", time_range="2m", aggregation=aggregation
    )

    assert found.data["series"][0]["max"] > 0, found
    assert len(found.data["series"]) == (1 if aggregation == "sum_rate" else 2)


@pytest.mark.parametrize("name", ["narthex_call_seconds", "narthex_call_seconds_bucket"])
async def test_histograms_become_quantiles(client: Client, name: str) -> None:
    found = await client.call("query_metrics", metric_name=name, time_range="2m", aggregation="p95", by=["tool"])

    seconds = {one["labels"]["tool"]: one["max"] for one in found.data["series"]}
    assert 0 < seconds["add"] < 60
    assert "histogram_quantile(0.95, sum by (le, tool) (rate(" in found.data["query"]


async def test_metrics_are_listed_with_their_meaning(client: Client) -> None:
    found = (await client.call("list_metrics", search="CALLS whole outcome")).data
    several = (await client.call("list_metrics", search="narthex_call", limit=2)).data
    none = (await client.call("list_metrics", search="nothing like this")).data

    assert found == {"metrics": [], "total": 0} or found["metrics"]
    assert several["total"] > 2
    assert len(several["metrics"]) == 2
    assert none == {"metrics": [], "total": 0}
    listed = (await client.call("list_metrics", search="what became of them")).data["metrics"]
    assert [(one["name"], one["type"]) for one in listed] == [("narthex_calls_total", "counter")]


async def test_a_metric_says_what_it_means(client: Client) -> None:
    found = (await client.call("metric_metadata", metric_name="narthex_calls_total")).data
    buckets = (await client.call("metric_metadata", metric_name="narthex_call_seconds_bucket")).data
    many = (await client.call("metric_metadata", metric_name="many")).data

    assert (found["type"], found["series"]) == ("counter", 2)
    assert found["help"].startswith("Calls by what became of them")
    assert found["labels"]["tool"] == ["add", "fails"]
    assert (buckets["type"], "le" in buckets["labels"]) == ("histogram", True)
    assert (many["type"], many["labels"]["n"][-1]) == ("unknown", "… (30 more)")


async def test_alerts_are_told(client: Client) -> None:
    firing = (await client.call("alerts")).data
    pending = (await client.call("alerts", state="pending")).data
    both = (await client.call("alerts", state="any")).data

    assert [(one["name"], one["state"]) for one in firing["alerts"]] == [("GatewayIsUp", "firing")]
    assert firing["alerts"][0]["annotations"] == {"summary": "It is up."}
    assert firing["alerts"][0]["labels"]["severity"] == "page"
    assert firing["alerts"][0]["since"].endswith("Z")
    assert [one["name"] for one in pending["alerts"]] == ["Soon"]
    assert both["total"] == 2


async def test_answers_stay_compact(client: Client) -> None:
    found = (await client.call("query_metrics", metric_name="many", time_range="1h", step="2s")).data

    assert (found["series_found"], len(found["series"])) == (40, series_max)
    assert found["series"][0]["labels"]["n"] == "39"
    assert sum(len(one["points"]) for one in found["series"]) <= points_max
    assert found["note"] == "The 20 highest of 40 series. Name labels, or put series together with `by`."


async def test_what_is_no_number_is_null(client: Client) -> None:
    found = (await client.call("query_metrics", metric_name="no_number", time_range="1m")).data

    assert found["series"][0]["last"] is None
    assert found["series"][0]["points"] == []


async def test_a_chart_is_a_picture(client: Client) -> None:
    answer = await client.call("chart_metrics", metric_name="many", time_range="5m", step="1s")
    said, image = answer.content
    data = base64.b64decode(image["data"])

    assert image["mimeType"] == "image/png"
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    begins = data.index(b"IDAT")
    points = zlib.decompress(data[begins + 4 : begins + 4 + int.from_bytes(data[begins - 4 : begins], "big")])
    assert len(points) == HEIGHT * (WIDTH + 1)
    assert set(range(11)) <= set(points), "all lines, the grid and the signs are there"
    assert "the 8 highest of 40 series" in said["text"]
    assert "blue: n=39" in said["text"]


# A model's words stay names and values

EVIL = [
    '"',
    "\\",
    "\n",
    "'",
    "`",
    "}",
    '"} or vector(1) or {a="',
    '\\"} or vector(1) #',
    "x{} or vector(1)",
    "vector(1)",
    "1",
    "up[5m]",
    ".*",
    ".+|x",
    "\\Q",
    "\0",
    "\x7f",
    "#",
    "${x}",
    "\u2028",
    "𝕏",
    "up",
]


@pytest.mark.parametrize("evil", EVIL, ids=ascii)
async def test_no_name_and_no_value_breaks_out(client: Client, evil: str) -> None:
    """Nothing is found, or it is refused as a name; never does something else answer than the metric that was named."""
    for asked in (
        {"metric_name": f"{evil}x"},
        {"metric_name": "up", "labels": {"job": evil}},
        {"metric_name": "up", "labels": {"job": [evil, "none"]}},
        {"metric_name": "up", "labels": {f"{evil}x": "y"}},
        {"metric_name": f"{evil}x", "aggregation": "p99"},
    ):
        answer = await client.call("query_metrics", time_range="1m", **asked)
        assert answer.is_error, (asked, answer.data)
        assert not client.reports
    grouped = await client.call("query_metrics", metric_name="up", time_range="1m", aggregation="sum", by=[f"{evil}x"])
    assert grouped.is_error or [one["labels"] for one in grouped.data["series"]] == [{}]
    assert (await client.call("metric_metadata", metric_name=f"{evil}x")).is_error


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_prometheus_reads_each_text_as_it_is(url: str, text: str) -> None:
    """Joined of two labels that are empty, only what stands between them is left."""
    query = f'label_join(vector(1), "x", {quoted(text)}, "none", "none")'
    answer = httpx.post(f"{url}/api/v1/query", data={"query": query}, trust_env=False).json()

    assert answer["data"]["result"][0]["metric"].get("x", "") == text


@pytest.mark.parametrize("value", [ODD, [ODD], ["other", ODD]], ids=["text", "list", "lists"])
async def test_odd_values_are_found_as_they_are(client: Client, value: Any) -> None:
    found = await client.call(
        "query_metrics", metric_name="odd_metric", time_range="1m", step="1s", labels={"odd": value}
    )

    assert [one["labels"]["odd"] for one in found.data["series"]] == [ODD]


def test_a_selector_in_full() -> None:
    assert selector("a.b", {"x": 'y"', "z.z": ["1+", "2"]}) == (
        '{__name__="a.b",x="y\\"","z.z"=~"1\\\\+|2"}'  # the last label as version 3 reads it
    )


# Errors that can be acted on


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"metric_name": "narthex_call_total"}, "Perhaps narthex_calls_total"),
        ({"metric_name": "zzzzzz"}, "There is no metric 'zzzzzz'. list_metrics says which there are."),
        ({"metric_name": "up", "labels": {"job": "api"}}, "Its labels are instance: 127.0.0.1:"),
        ({"metric_name": "up", "labels": {"job": "api"}}, "job: gateway."),
        ({"metric_name": "up", "aggregation": "p95"}, "Quantiles need a histogram."),
        ({"metric_name": "up", "by": ["job"]}, "`by` says which labels are left"),
        ({"metric_name": "up", "time_range": "0m"}, "no range of time"),
        ({"metric_name": "up", "time_range": "9999999d"}, "no range of time"),
        ({"metric_name": "up", "time_range": "1h\n"}, "no range of time"),
        ({"metric_name": "up", "time_range": "1w"}, "Wrong arguments. 'time_range'"),
        ({"metric_name": "up", "time_range": "400d", "step": "1s"}, "Take at least 17280s."),
        ({"metric_name": "up", "step": "0s"}, "no range of time"),
        ({"metric_name": "up", "labels": {"__name__": "x"}}, "goes into `metric_name`"),
        ({"metric_name": "up", "labels": {"job": []}}, "empty list"),
        ({"metric_name": "up", "labels": {"a.b": "c"}}, "Prometheus does not take this"),
        ({"metric_name": "up", "labels": {"": "c"}}, "1 to 200 characters"),
        ({"metric_name": "up", "labels": {"a" * 201: "c"}}, "1 to 200 characters"),
        ({"metric_name": "up", "aggregation": "drop"}, "Wrong arguments"),
        ({"metric_name": ""}, "Wrong arguments"),
        ({}, "Missing: metric_name"),
    ],
    ids=lambda part: str(part)[:50],
)
async def test_errors_say_what_to_do(client: Client, asked: dict[str, Any], words: str) -> None:
    answer = await client.call("query_metrics", **asked)

    assert answer.is_error
    assert words in answer.text, answer.text
    assert not client.reports


# PromQL of the model's own


async def test_no_promql_unless_the_operator_says_so(client: Client, raw: Client) -> None:
    usual = [tool["name"] for tool in await client.tools()]
    more = {tool["name"]: tool for tool in await raw.tools()}

    assert "query_promql" not in usual
    assert more["query_promql"]["_meta"]["dev.narthex/required_scopes"] == ["prometheus:promql"]


async def test_promql_is_asked_now_and_over_time(raw: Client) -> None:
    now = (await raw.call("query_promql", query="sum(narthex_calls_total)")).data
    over = (await raw.call("query_promql", query="sum(narthex_calls_total) * 2", time_range="1m", step="1s")).data
    scalar = (await raw.call("query_promql", query="1 + 1")).data
    nothing = (await raw.call("query_promql", query="none_such")).data

    assert [(one["last"], one["points"]) for one in now["series"]] == [(20, [20])]
    assert over["series"][0]["last"] == 40
    assert scalar["series"][0]["last"] == 2
    assert (nothing["series"], nothing["series_found"]) == ([], 0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sum(", "Prometheus does not take this: "),
        ("up + on(a) group_left up[5m]", "Prometheus does not take this: "),
        ('"text"', None),
        ("up[5m]", None),
        ("x" * 4_001, "Wrong arguments"),
        ("count_values('a', up) + ignoring(b) vector(1) / 0", None),
        ("\0", "Prometheus does not take this: "),
    ],
    ids=lambda part: str(part)[:40],
)
async def test_promql_that_is_wrong_is_answered_with_the_reason(raw: Client, query: str, words: str | None) -> None:
    answer = await raw.call("query_promql", query=query)

    assert not raw.reports, raw.reports
    if words is not None:
        assert answer.is_error
        assert words in answer.text


async def test_many_questions_at_once(client: Client) -> None:
    asked = [client.call("query_metrics", metric_name="up", time_range="1m") for _ in range(40)]

    assert not [one for one in await asyncio.gather(*asked) if one.is_error]
