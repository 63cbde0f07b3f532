"""The metrics of a Prometheus as tools: which there are, what they mean, how they were lately, and what is wrong.

Knows: what a model asks of metrics. Refuses to know: PromQL of the model's own, unless the operator said so.

    servers:
      - name: metrics
        python: narthex.libraries.prometheus
        settings: {url: "http://prometheus:9090"}
        secrets: {TOKEN: "${PROMETHEUS_TOKEN}"}   # or USER and PASSWORD; none where it asks for none

`promql: true` offers `query_promql`, for callers with the scope `prometheus:promql`. `scrape_seconds` (60) is how far
apart the points lie. It needs httpx (`pip install 'narthex[http]'`).
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from narthex import Context, Image, Library, ToolError
from narthex.libraries.prometheus import promql
from narthex.libraries.prometheus.asking import Prometheus
from narthex.libraries.prometheus.chart import COLOURS, drawn
from narthex.libraries.prometheus.knowing import Metric, known, named, nothing
from narthex.libraries.prometheus.series import Grid, Line, Metrics, lines_of, summary

library = Library(
    "prometheus",
    version="1.0.0",
    title="Prometheus",
    instructions="list_metrics finds a metric, metric_metadata says what it means and which labels it has.",
)

Name = Annotated[str, Meta(min_length=1, max_length=200, examples=["http_requests_total"])]
Range = Annotated[str, Meta(pattern=r"^\d+[hdm]$", max_length=8, examples=["30m", "6h", "7d"])]
Step = Annotated[str, Meta(pattern=r"^(\d+[smhd])?$", max_length=8, examples=["30s", "5m"])]
Value = Annotated[str, Meta(max_length=500)]
Labels = Annotated[
    dict[str, Value | Annotated[list[Value], Meta(max_length=50)]],
    Meta(max_length=20, examples=[{"job": "api", "code": ["500", "503"]}]),
]
By = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=10)]
alerts_max = 100
annotation_chars_max = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """`total`: so many there are in all that fit."""

    metrics: list[Metric]
    total: int


@dataclass(frozen=True, slots=True)
class Alert:
    name: str
    state: str
    since: str
    value: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Alerts:
    alerts: list[Alert]
    total: int


@library.tool(read_only=True)
async def query_metrics(
    metric_name: Name,
    context: Context,
    time_range: Range = "1h",
    labels: Labels | None = None,
    step: Step = "",
    aggregation: promql.Aggregation = "none",
    by: By | None = None,
) -> Metrics:
    """How a metric was over the last minutes, hours or days: its series with their figures and some points.

    Args:
        metric_name: The whole name.
        time_range: How far back from now: a number and m, h or d.
        labels: Only series with these labels. A list means any of its values.
        step: How far apart the points lie; empty for what suits the range.
        aggregation: How series become numbers to compare. `none`: as they are. `rate` (per second) and `increase`: of
            each counter. `sum`, `avg`, `min`, `max`, `count`, `sum_rate`: of all series together. `p50` to `p99`:
            quantiles of a histogram.
        by: The labels that are kept apart when series are put together.
    """
    query, lines, grid, prometheus = await _asked(context, metric_name, time_range, labels, step, aggregation, by)
    return summary(query, lines, grid, prometheus.warnings)


@library.tool(read_only=True)
async def chart_metrics(
    metric_name: Name,
    context: Context,
    time_range: Range = "1h",
    labels: Labels | None = None,
    step: Step = "",
    aggregation: promql.Aggregation = "none",
    by: By | None = None,
) -> list[str | Image]:
    """The same as query_metrics as a picture: one line for each series, the eight highest.

    Args:
        metric_name: The whole name.
        time_range: How far back from now: a number and m, h or d.
        labels: Only series with these labels. A list means any of its values.
        step: How far apart the points lie; empty for what suits the range.
        aggregation: As in query_metrics.
        by: The labels that are kept apart when series are put together.
    """
    query, lines, grid, _ = await _asked(context, metric_name, time_range, labels, step, aggregation, by)
    shown = lines[: len(COLOURS)]
    said = [f"{colour}: {_labels(line) or query}" for colour, line in zip(COLOURS, shown, strict=False)]
    head = f"{query}, from {grid.moment(0)} to {grid.moment(grid.count - 1)}"
    if len(lines) > len(shown):
        head += f", the {len(shown)} highest of {len(lines)} series"
    picture = await asyncio.to_thread(drawn, shown, grid)  # some hundredths of a second, in which others are served
    return ["\n".join([head, *said]), Image(picture, "image/png")]


@library.tool(read_only=True)
async def list_metrics(
    context: Context,
    search: Annotated[str, Meta(max_length=200)] = "",
    limit: Annotated[int, Meta(ge=1, le=500)] = 50,
) -> Listed:
    """Which metrics there are, with their types and what they say of themselves.

    Args:
        search: Words that stand in the name or in its description, in any order.
        limit: How many at most.
    """
    metrics = await known(Prometheus(context))
    words = search.casefold().split()
    found = [one for one in metrics if all(word in f"{one.name} {one.help}".casefold() for word in words)]
    return Listed(found[:limit], len(found))


@library.tool(read_only=True)
async def metric_metadata(metric_name: Name, context: Context) -> Metric:
    """What a metric means: type, unit, description, how many series it has, and its labels with some of their values.

    Args:
        metric_name: The whole name.
    """
    return await named(Prometheus(context), metric_name)


@library.tool(read_only=True)
async def alerts(context: Context, state: Literal["firing", "pending", "any"] = "firing") -> Alerts:
    """What is wrong at the moment: alerts of Prometheus that fire, or are about to.

    Args:
        state: Which of them.
    """
    found = await Prometheus(context).get(_Raised, "alerts")
    chosen = [_alert(one) for one in found.alerts if state in ("any", one.state)]
    chosen.sort(key=lambda one: (one.state, one.name, one.since))
    return Alerts(chosen[:alerts_max], len(chosen))


@library.tool(read_only=True, when="promql", scopes=["prometheus:promql"])
async def query_promql(
    query: Annotated[str, Meta(min_length=1, max_length=4_000)],
    context: Context,
    time_range: Annotated[str, Meta(pattern=r"^(\d+[hdm])?$", max_length=8)] = "",
    step: Step = "",
) -> Metrics:
    """Any query in PromQL, for what query_metrics cannot say.

    Args:
        query: In PromQL.
        time_range: How far back from now; empty: the present moment alone.
        step: How far apart the points lie; empty for what suits the range.
    """
    prometheus, now = Prometheus(context), time.time()
    if not time_range:
        grid = Grid(now, now, 1)
        lines = lines_of(await prometheus.query(query, now), grid)
    else:
        grid = _grid(time_range, step)
        lines = await _lines(prometheus, query, grid)
    return summary(query, lines, grid, prometheus.warnings)


async def _asked(
    context: Context,
    metric_name: str,
    time_range: str,
    labels: dict[str, str | list[str]] | None,
    step: str,
    aggregation: promql.Aggregation,
    by: list[str] | None,
) -> tuple[str, list[Line], Grid, Prometheus]:
    """What was asked, what came, and where its points lie. Raises ToolError, also where nothing came."""
    prometheus, grid = Prometheus(context), _grid(time_range, step)
    window = max(grid.step, 4 * _scrape_seconds(context))
    query = promql.query(metric_name, labels or {}, aggregation, by or (), window)
    lines = await _lines(prometheus, query, grid)
    if not lines:
        raise ToolError(await nothing(prometheus, metric_name, labels or {}, time_range, aggregation))
    return query, lines, grid, prometheus


async def _lines(prometheus: Prometheus, query: str, grid: Grid) -> list[Line]:
    found = await prometheus.query_range(query, grid.start, grid.end, grid.step)
    return await asyncio.to_thread(lines_of, found, grid)  # there may be hundreds of thousands of points


def _grid(time_range: str, step: str) -> Grid:
    seconds = promql.seconds_of(time_range)
    apart = promql.step_of(step, seconds)
    end = round(time.time(), 3)
    return Grid(end - seconds // apart * apart, end, apart)


def _scrape_seconds(context: Context) -> int:
    seconds = context.settings.get("scrape_seconds", 60)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= 86_400:
        raise ValueError("the setting `scrape_seconds` is a whole number of seconds")
    return seconds


def _labels(line: Line) -> str:
    return ", ".join(f"{name}={value}" for name, value in line.labels.items() if name != "__name__")


class _RaisedAlert(Struct, rename="camel"):
    state: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    active_at: str = ""
    value: str = ""


class _Raised(Struct):
    alerts: list[_RaisedAlert] = []


def _alert(one: _RaisedAlert) -> Alert:
    labels = {name: value for name, value in one.labels.items() if name != "alertname"}
    said = {name: value[:annotation_chars_max] for name, value in one.annotations.items()}
    return Alert(one.labels.get("alertname", ""), one.state, one.active_at, one.value, labels, said)
