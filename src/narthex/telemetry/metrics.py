"""Counts of the house: plain numbers on the path of a call, the Prometheus format only when somebody scrapes.

Knows: how often, how long, why not. Refuses to know: what is behind the values it is handed at scrape.

A call costs one dictionary look-up and a few additions. Everything else happens at scrape: values of others are read
on the event loop, which owns them; the text is made in a thread, which now and then lets the loop go first.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable

from narthex.limits import metric_tools_max, token_bytes
from narthex.model.metering import Metered
from narthex.telemetry.event import CallEvent
from narthex.telemetry.exposition import Sample, render
from narthex.telemetry.families import FAMILIES, METERED, SECONDS

Reading = Callable[[], Iterable[tuple[tuple[str, ...], float]]]

_READ = {family.name for family in FAMILIES if family.read}
# Methods come from clients: only those the protocol has become labels.
METHODS = frozenset(
    {"server/discover", "initialize", "ping", "logging/setLevel", "completion/complete", "subscriptions/listen"}
    | {"tools/list", "prompts/list", "prompts/get", "resources/list", "resources/read", "resources/templates/list"}
    | {"resources/subscribe", "resources/unsubscribe"}
)


class Timing:
    """A histogram, and what they cost: `buckets[i]` counts values up to `SECONDS[i]`, the last one all above."""

    __slots__ = ("answered", "buckets", "cost", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SECONDS) + 1)
        self.sum = self.cost = 0.0
        self.answered = 0  # bytes

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds


class Cell:
    """What is counted for one (server, tool, outcome); cells of the same tool share one timing."""

    __slots__ = ("count", "timing", "tool")

    def __init__(self, tool: str, timing: Timing) -> None:
        self.count = 0
        self.tool = tool
        self.timing = timing


class Metrics:
    """`call()` on the data path, `refused()` and `reloaded()` beside it, `read()` when the house is put together."""

    def __init__(self, tools_max: int = metric_tools_max, shown: Collection[Metered] | None = None) -> None:
        self.loop_delay = Timing()
        self._tools_max = tools_max
        self._cells: dict[tuple[str, str, str], Cell] = {}
        self._timings: dict[tuple[str, str], Timing] = {}
        self._counts: dict[tuple[str, tuple[str, ...]], int] = {}
        self._readings: dict[str, Reading] = {}
        self.show(shown)

    def call(self, event: CallEvent) -> None:
        name = event.tool if event.method == "tools/call" else event.method
        cell = self._cells.get((event.server, name, event.outcome))
        if cell is None:
            cell = self._cell(event, name)
        seconds = event.seconds
        cell.count += 1
        timing = cell.timing
        timing.sum += seconds
        timing.cost += event.cost
        timing.answered += event.bytes_out
        timing.buckets[bisect_left(SECONDS, seconds)] += 1
        if event.reason is not None:
            self._count("narthex_errors_total", event.server, cell.tool, event.reason)
        if event.denied_by:
            self._count("narthex_denials_total", event.server, cell.tool, event.denied_by)
        if event.warned_by:
            self._count("narthex_would_be_denials_total", event.server, cell.tool, event.warned_by)
        if event.cached:
            self._count("narthex_cached_answers_total", event.server, cell.tool, event.cached)
        if event.shortened:
            self._count("narthex_large_results_total", event.server, cell.tool, event.shortened)

    def refused(self, reason: str) -> None:
        """A request or connection was turned away before it became a call."""
        self._count("narthex_refused_total", reason)

    def reloaded(self, result: str) -> None:
        self._count("narthex_config_reloads_total", result)

    def read(self, name: str, reading: Reading) -> None:
        """At each scrape take the values of metric `name` from `reading`: pairs of label values and a number."""
        assert name in _READ, f"{name} is not a metric that is read; see families.py"
        self._readings[name] = reading

    def unread(self) -> list[str]:
        """Metrics that nobody gives values for."""
        return sorted(_READ - self._readings.keys())

    def show(self, chosen: Collection[Metered] | None) -> None:
        """What of calls is shown at a scrape from now on; None: everything."""
        shown = {name for one in (METERED if chosen is None else chosen) for name in METERED[one]}
        self._hidden = frozenset(name for names in METERED.values() for name in names) - shown

    async def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """The whole page and its content type, in the form the `Accept` header asks for."""
        return await asyncio.to_thread(render, [one for one in self.samples() if one.name not in self._hidden], accept)

    def _cell(self, event: CallEvent, name: str) -> Cell:
        """The cell of a call that is new here. Whatever a client made up is folded into `unknown`."""
        known = bool(event.server) if event.method == "tools/call" else name in METHODS
        tool = name if known else "unknown"
        if (event.server, tool) not in self._timings and len(self._timings) >= self._tools_max:
            tool = "other"
        timing = self._timings.setdefault((event.server, tool), Timing())
        return self._cells.setdefault((event.server, tool, event.outcome), Cell(tool, timing))

    def _count(self, name: str, *labels: str) -> None:
        key = (name, labels)
        self._counts[key] = self._counts.get(key, 0) + 1

    def samples(self) -> list[Sample]:
        """Everything as it is now. Copies references and small lists only: it runs on the loop."""
        samples = [
            Sample(name, labels, value)
            for name, reading in self._readings.items()
            for labels, value in self._read(name, reading)
        ]
        samples += [Sample(name, labels, count) for (name, labels), count in self._counts.items()]
        samples += [Sample("narthex_calls_total", key, cell.count) for key, cell in self._cells.items()]
        samples += [Sample("narthex_cost_units_total", key, timing.cost) for key, timing in self._timings.items()]
        for key, timing in self._timings.items():
            samples.append(Sample("narthex_answer_bytes_total", key, timing.answered))
            samples.append(Sample("narthex_answer_tokens_total", key, timing.answered // token_bytes))
        samples += [
            Sample("narthex_call_seconds", key, timing.sum, tuple(timing.buckets))
            for key, timing in self._timings.items()
        ]
        samples.append(
            Sample("narthex_event_loop_delay_seconds", (), self.loop_delay.sum, tuple(self.loop_delay.buckets))
        )
        return samples

    def _read(self, name: str, reading: Reading) -> list[tuple[tuple[str, ...], float]]:
        try:
            return [(labels, float(value)) for labels, value in reading()]
        except Exception:  # noqa: BLE001 - one broken gauge must not cost the operator all the others
            self._count("narthex_scrape_errors_total", name)
            return []
