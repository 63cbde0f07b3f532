"""The goals, as data, and the verdict on each: what was measured, what was wanted, whether it is met.

Knows: the numbers that Narthex promises (docs/bench.md shows them). Refuses to know: how they were measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from cells import (
    CALLERS,
    CROSSED,
    DIRECT,
    FASTMCP,
    GOVERNED,
    MODERN_MODERN,
    MODERN_STDIO,
    THROUGH_NGINX,
    WITH_KEY,
    WITH_SESSION,
    WITH_TOKEN,
    WITH_TOKENS,
    Measured,
)
from crowd import Crowd
from generator import Sample
from weight import SESSIONS, TOOLS, Weight

ONE, MANY = CALLERS
MIB = 1024 * 1024


class Goals(NamedTuple):
    """Against nginx: processor time per call, and throughput at 64 callers; against the direct call: added p50."""

    cpu_ratio_max: dict[int, float]
    added_p50_us_max: float
    throughput_ratio_min: float

    def loosened(self, factor: float) -> "Goals":
        cpu = {callers: most * factor for callers, most in self.cpu_ratio_max.items()}
        return Goals(cpu, self.added_p50_us_max * factor, self.throughput_ratio_min / factor)


BARE = Goals({ONE: 2.0, MANY: 2.5}, 100.0, 0.6)
WITH_POLICIES = Goals({ONE: 2.5, MANY: 3.0}, 150.0, 0.5)
P99_PER_P50_MAX = 5.0
OTHER_CELLS_FACTOR = 1.5  # legacy and crossed cells may cost so much more than modern → modern may
STDIO_ADDED_P50_US_MAX = 500.0
KNOWN_CALLER_US_MAX = 10.0  # processor time that asking who calls may cost, once the credential was seen
CROWD_BYTES_MAX = 2_000  # of memory for each of them
FIRST_PAGE_MS_MAX = 10.0
FLEET_BYTES_MAX = 150 * MIB
SESSIONS_BYTES_MAX = 10 * MIB
FLAT_BYTES_MAX = 2 * MIB  # ten bytes per call over 200,000: an allocator's leftovers, but nothing kept per call
START_MS_MAX = 1_500.0


@dataclass
class Verdict:
    """One row of the table. `used` is the part of the goal that is used up; None where there is nothing to judge."""

    what: str
    measured: str
    goal: str
    used: float | None

    @property
    def met(self) -> bool | None:
        return None if self.used is None else self.used <= 1.0


def verdicts(measured: Measured, weight: Weight, crowd: Crowd) -> list[Verdict]:
    rows = of_cell(measured, MODERN_MODERN, BARE) + tails(measured)
    for cell in (*CROSSED, WITH_SESSION):
        rows += of_cell(measured, cell, BARE.loosened(OTHER_CELLS_FACTOR))
    rows += of_cell(measured, GOVERNED, WITH_POLICIES)
    return (
        rows
        + of_callers(measured)
        + of_crowd(measured, crowd)
        + of_stdio(measured)
        + of_weight(weight)
        + of_fastmcp(measured)
        + of_errors(measured)
    )


def of_cell(measured: Measured, cell: str, goals: Goals) -> list[Verdict]:
    """A cell against nginx and against the direct call."""
    rows = []
    for callers, limit in goals.cpu_ratio_max.items():
        ratio = ratio_to(measured, cell, THROUGH_NGINX, callers, lambda sample: sample.cpu_us)
        rows.append(at_most(f"{cell}: CPU per call, {said(callers)}", ratio, limit, "{:.2f} × nginx's"))
    added = median(pairs(measured, cell, DIRECT, ONE, lambda a, b: a.p50_us - b.p50_us))
    rows.append(at_most(f"{cell}: added p50, {said(ONE)}", added / 1e3, goals.added_p50_us_max / 1e3, "{:.3f} ms"))
    ratio = ratio_to(measured, cell, THROUGH_NGINX, MANY, lambda sample: sample.calls_per_second)
    text = "{:.2f} of nginx's"
    goal = goals.throughput_ratio_min
    used = None if ratio is None else goal / max(ratio, 1e-9)
    rows.append(Verdict(f"{cell}: throughput, {said(MANY)}", shown(text, ratio), f"≥ {text.format(goal)}", used))
    return rows


def tails(measured: Measured) -> list[Verdict]:
    rows = []
    for callers in CALLERS:
        tail = median(sample.p99_us / max(sample.p50_us, 1) for sample in measured.samples[MODERN_MODERN, callers])
        rows.append(at_most(f"{MODERN_MODERN}: p99, {said(callers)}", tail, P99_PER_P50_MAX, "{:.1f} × p50"))
    return rows


def of_callers(measured: Measured) -> list[Verdict]:
    """What a call costs more when its caller has to be known."""
    rows = []
    for cell in (WITH_KEY, WITH_TOKEN, WITH_TOKENS):
        for callers in CALLERS:
            more = median(pairs(measured, cell, MODERN_MODERN, callers, lambda a, b: a.cpu_us - b.cpu_us))
            rows.append(at_most(f"{cell}: added CPU, {said(callers)}", more, KNOWN_CALLER_US_MAX, "{:.1f} µs"))
    return rows


def of_crowd(measured: Measured, crowd: Crowd) -> list[Verdict]:
    """What it costs that each request comes from another caller, and what each of them takes.

    The goal is the one for a single token (`KNOWN_CALLER_US_MAX`); the ratio says how much of it is due to the crowd.
    """
    many = ratio_to(measured, WITH_TOKENS, WITH_TOKEN, MANY, lambda sample: sample.cpu_us)
    rows = []
    for ratio, connections in ((crowd.cpu_ratio, "1 connection"), (many, f"{MANY} connections")):
        what = f"{WITH_TOKENS}: CPU per call, {connections}"
        rows.append(Verdict(what, f"{ratio:.2f} × one token's", "", None))
    rows.append(Verdict("first sight of a token (ES256): added CPU", f"{crowd.first_seen_us:.0f} µs", "", None))
    what = f"memory of each of {crowd.principals:,} callers"
    return [*rows, at_most(what, crowd.bytes_each, CROWD_BYTES_MAX, "{:,.0f} B")]


def of_stdio(measured: Measured) -> list[Verdict]:
    through = [sample.p50_us for sample in measured.samples[MODERN_STDIO, ONE]]
    added = median(a - b for a, b in zip(through, measured.pipe_p50_us, strict=True)) / 1e3
    what = f"{MODERN_STDIO}: added p50 over the pipe, {said(ONE)}"
    return [at_most(what, added, STDIO_ADDED_P50_US_MAX / 1e3, "{:.3f} ms")]


def of_weight(weight: Weight) -> list[Verdict]:
    return [
        at_most(f"first tools/list page of {TOOLS:,} tools", weight.first_page_ms, FIRST_PAGE_MS_MAX, "{:.1f} ms"),
        at_most(f"memory with {TOOLS:,} tools", weight.fleet_bytes / MIB, FLEET_BYTES_MAX / MIB, "{:.0f} MB"),
        at_most(f"{SESSIONS:,} idle sessions", weight.sessions_bytes / MIB, SESSIONS_BYTES_MAX / MIB, "{:.1f} MB"),
        at_most(f"growth over {weight.calls:,} calls", weight.calls_bytes / MIB, FLAT_BYTES_MAX / MIB, "{:.1f} MB"),
        at_most("start to first answer", weight.start_ms / 1e3, START_MS_MAX / 1e3, "{:.2f} s"),
    ]


def of_fastmcp(measured: Measured) -> list[Verdict]:
    """Another Python gateway, for the scale; there is nothing to meet."""
    rows = []
    for callers in CALLERS:
        ours = median(sample.cpu_us for sample in measured.samples[MODERN_MODERN, callers])
        theirs = measured.samples.get((FASTMCP, callers), [])
        counted = [sample.cpu_us for sample in theirs if sample.calls]
        text = f"{median(counted) / ours:,.0f} × Narthex's" if counted else "not measured"
        rows.append(Verdict(f"{FASTMCP}: CPU per call, {said(callers)}", text, "", None))
    return rows


def of_errors(measured: Measured) -> list[Verdict]:
    failed = sum(sample.errors for samples in measured.samples.values() for sample in samples)
    return [Verdict("calls that failed, all targets", f"{failed}", "0", 1.0 + failed)]


def ratio_to(
    measured: Measured, cell: str, other: str, callers: int, figure: Callable[[Sample], float]
) -> float | None:
    ratios = pairs(measured, cell, other, callers, lambda a, b: figure(a) / max(figure(b), 1e-9))
    return median(ratios) if ratios else None


def pairs(
    measured: Measured, cell: str, other: str, callers: int, both: Callable[[Sample, Sample], float]
) -> list[float]:
    """What two targets gave in the same round, taken together."""
    ours, theirs = measured.samples[cell, callers], measured.samples.get((other, callers), [])
    return [both(a, b) for a, b in zip(ours, theirs, strict=bool(theirs))]


def at_most(what: str, value: float | None, limit: float, text: str) -> Verdict:
    used = None if value is None else value / limit
    return Verdict(what, shown(text, value), f"≤ {text.format(limit)}", used)


def shown(text: str, value: float | None) -> str:
    return "not measured" if value is None else text.format(value)


def said(callers: int) -> str:
    return "1 caller" if callers == 1 else f"{callers} callers"
