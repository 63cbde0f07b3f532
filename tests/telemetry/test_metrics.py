"""Counts on the path, Prometheus at scrape: read back with Prometheus' own parser."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from narthex.telemetry import families
from narthex.telemetry.event import CallEvent
from narthex.telemetry.loop_delay import LoopDelay
from narthex.telemetry.memory import resident_bytes
from narthex.telemetry.metrics import Metrics


def event(**changes: Any) -> CallEvent:
    usual = {"at": 0.0, "serial": 1, "method": "tools/call", "outcome": "ok", "seconds": 0.003, "tool": "crm__find"}
    return CallEvent(**(usual | {"server": "crm"} | changes))


async def scraped(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    page, content_type = await metrics.scrape()
    assert content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(page.decode("utf-8"))
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_calls_are_counted_by_server_tool_and_outcome() -> None:
    metrics = Metrics()
    for outcome in ("ok", "ok", "tool_error"):
        metrics.call(event(outcome=outcome))
    found = await scraped(metrics)

    assert found[key("narthex_calls_total", server="crm", tool="crm__find", outcome="ok")] == 2
    assert found[key("narthex_calls_total", server="crm", tool="crm__find", outcome="tool_error")] == 1


async def test_the_histogram_counts_every_call_once_and_adds_up() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.003, 59.0, 1_000.0):
        metrics.call(event(seconds=seconds))
    found = await scraped(metrics)
    labels = {"server": "crm", "tool": "crm__find"}

    assert found[key("narthex_call_seconds_bucket", le="0.001", **labels)] == 2
    assert found[key("narthex_call_seconds_bucket", le="0.005", **labels)] == 3
    assert found[key("narthex_call_seconds_bucket", le="60.0", **labels)] == 4
    assert found[key("narthex_call_seconds_bucket", le="+Inf", **labels)] == 5
    assert found[key("narthex_call_seconds_count", **labels)] == 5
    assert found[key("narthex_call_seconds_sum", **labels)] == pytest.approx(1_059.0045)


async def test_errors_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.call(event(outcome="error", reason="upstream_lost"))
    metrics.call(event(outcome="denied", reason="rate"))
    metrics.refused("bad_host")
    metrics.reloaded("refused")
    found = await scraped(metrics)

    labels = {"server": "crm", "tool": "crm__find"}
    assert found[key("narthex_errors_total", reason="upstream_lost", **labels)] == 1
    assert found[key("narthex_errors_total", reason="rate", **labels)] == 1
    assert found[key("narthex_refused_total", reason="bad_host")] == 1
    assert found[key("narthex_config_reloads_total", result="refused")] == 1


async def test_what_clients_make_up_does_not_become_labels() -> None:
    metrics = Metrics()
    for number in range(1_000):
        metrics.call(event(server="", tool=f"made-up-{number}", outcome="error"))
        metrics.call(event(server="", method=f"made/up/{number}", tool="", outcome="error"))
        metrics.call(event(method="resources/read", tool=f"docs://{number}"))
    found = await scraped(metrics)

    assert found[key("narthex_calls_total", server="", tool="unknown", outcome="error")] == 2_000
    assert found[key("narthex_calls_total", server="crm", tool="resources/read", outcome="ok")] == 1_000
    assert len([name for name, _ in found if name == "narthex_calls_total"]) == 2


async def test_beyond_the_limit_tools_are_counted_together() -> None:
    metrics = Metrics(tools_max=3)
    for number in range(10):
        metrics.call(event(tool=f"tool-{number}"))
        metrics.call(event(tool=f"tool-{number}"))
    found = await scraped(metrics)
    counts = {dict(labels)["tool"]: value for (name, labels), value in found.items() if name == "narthex_calls_total"}

    assert counts == {"tool-0": 2, "tool-1": 2, "tool-2": 2, "other": 14}


async def test_the_first_other_server_has_room_even_when_the_limit_is_met() -> None:
    metrics = Metrics(tools_max=1)
    metrics.call(event(tool="a"))
    metrics.call(event(tool="b"))
    metrics.call(event(tool="c", server="docs"))
    found = await scraped(metrics)

    assert found[key("narthex_calls_total", server="crm", tool="other", outcome="ok")] == 1
    assert found[key("narthex_calls_total", server="docs", tool="other", outcome="ok")] == 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a{b}", "é凧\U0001d11e", "a\udce4b", ""])
async def test_hostile_names_are_escaped(name: str) -> None:
    metrics = Metrics()
    metrics.call(event(tool=name))
    found = await scraped(metrics)

    said = name.encode("utf-8", "replace").decode("utf-8")
    assert found[key("narthex_calls_total", server="crm", tool=said, outcome="ok")] == 1


async def test_openmetrics_is_given_to_those_who_ask_for_it() -> None:
    metrics = Metrics()
    metrics.call(event())
    page, content_type = await metrics.scrape("application/openmetrics-text; version=1.0.0")
    names = [family.name for family in parse_openmetrics(page.decode("utf-8"))]

    assert content_type.startswith("application/openmetrics-text")
    assert "narthex_calls" in names


async def test_values_of_others_are_read_at_scrape_on_the_loop() -> None:
    metrics, up = Metrics(), {"crm": 1.0}
    metrics.read("narthex_upstream_up", lambda: [((name,), value) for name, value in up.items()])
    first = await scraped(metrics)
    up["docs"] = 0.0
    second = await scraped(metrics)

    assert key("narthex_upstream_up", server="docs") not in first
    assert second[key("narthex_upstream_up", server="docs")] == 0
    assert "narthex_upstream_up" not in metrics.unread()
    assert "narthex_inflight" in metrics.unread()


async def test_one_broken_value_does_not_cost_the_others() -> None:
    def broken() -> list[tuple[tuple[str, ...], float]]:
        raise RuntimeError("no")

    metrics = Metrics()
    metrics.read("narthex_sessions", broken)
    metrics.read("narthex_inflight", lambda: [((), 3)])
    await scraped(metrics)
    found = await scraped(metrics)

    assert found[key("narthex_inflight")] == 3
    assert found[key("narthex_scrape_errors_total", metric="narthex_sessions")] >= 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="prometheus_client reads its own process from /proc")
async def test_the_own_process_is_measured() -> None:
    found = await scraped(Metrics())

    assert {name for name, _ in found} >= {family.name for family in families.OWN_PROCESS}
    assert found[key("process_resident_memory_bytes")] > 1_000_000


async def test_loop_delay_is_seen() -> None:
    metrics = Metrics()
    delay = LoopDelay(metrics.loop_delay)
    await delay.start()
    async with asyncio.timeout(5):
        while sum(metrics.loop_delay.buckets) == 0:
            await asyncio.sleep(0.01)
        time.sleep(0.3)
        while metrics.loop_delay.sum < 0.15:
            await asyncio.sleep(0.01)
    await delay.aclose()

    assert (await scraped(metrics))[key("narthex_event_loop_delay_seconds_count")] >= 2


async def test_a_scrape_of_five_thousand_tools_leaves_the_loop_alone() -> None:
    metrics = Metrics()
    for number in range(5_000):
        metrics.call(event(tool=f"tool-{number}"))
    scrape = asyncio.create_task(metrics.scrape())
    turns: list[float] = []
    while not scrape.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        turns.append(time.perf_counter() - before)
    page, _ = await scrape

    assert page.count(b"narthex_call_seconds_count") == 5_000
    assert len(turns) > 50
    # The longest may be the garbage collector's, with the objects of thousands of tests before this one.
    assert sorted(turns)[-2] < 0.25


def test_a_call_costs_the_caller_next_to_nothing() -> None:
    """One microsecond is the budget; the test allows ten times as much, for machines that do other things, too."""
    metrics, one = Metrics(), event()
    best = min(_timed(metrics, one) for _ in range(5))

    assert best < 10e-6


def _timed(metrics: Metrics, one: CallEvent) -> float:
    before = time.perf_counter()
    for _ in range(20_000):
        metrics.call(one)
    return (time.perf_counter() - before) / 20_000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_resident_memory_is_added_up_and_the_dead_weigh_nothing() -> None:
    mine = resident_bytes([os.getpid()])

    assert mine > 1_000_000
    assert resident_bytes([os.getpid(), 2**22 + 1]) == pytest.approx(mine, rel=0.5)
    assert resident_bytes([]) == 0


def test_names_end_in_their_kind() -> None:
    for family in families.FAMILIES:
        assert family.name.startswith("narthex_")
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.help.endswith(".")


def test_the_page_of_metrics_says_what_the_table_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"

    assert page.read_text("utf-8") == families.page(), "python -m narthex.telemetry.families > docs/metrics.md"
