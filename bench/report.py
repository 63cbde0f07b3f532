"""Writes what was measured: docs/bench.md, docs/bench.svg, and one line of bench/history.jsonl.

Knows: tables and one picture. Refuses to know: measuring and goals.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import median

import generator
import narthex
from cells import CALLERS, DIRECT, FASTMCP, Measured
from crowd import Crowd
from goals import MIB, Verdict
from peers import FASTMCP as FASTMCP_PACKAGE
from peers import NGINX
from running import HERE
from weight import Weight

DOCS = HERE.parent / "docs"
MARK = {True: "yes", False: "**no**", None: ""}


@dataclass
class Row:
    """One target: medians over the rounds, for one and for many callers."""

    name: str
    calls_per_second: list[float]
    p50_us: list[float]
    p99_us: list[float]
    cpu_us: list[float]
    memory_bytes: int


def rows(measured: Measured) -> list[Row]:
    found = []
    for name in dict.fromkeys(name for name, _ in measured.samples):
        samples = [[one for one in measured.samples.get((name, n), []) if one.calls] for n in CALLERS]

        def of(figure: str, samples: list[list[generator.Sample]] = samples) -> list[float]:
            return [median(getattr(one, figure) for one in many) if many else float("nan") for many in samples]

        figures = of("calls_per_second"), of("p50_us"), of("p99_us"), of("cpu_us")
        found.append(Row(name, *figures, measured.memory_bytes.get(name, 0)))
    return found


def table(found: list[Row]) -> str:
    lines = [
        "| | 1 caller: calls/s | p50 | p99 | CPU per call | 64 callers: calls/s | p50 | p99 | CPU per call | memory |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in found:
        cells = [row.name]
        for n in range(len(CALLERS)):
            times = [f"{figure[n]:,.0f} µs" for figure in (row.p50_us, row.p99_us, row.cpu_us)]
            cells += [f"{row.calls_per_second[n]:,.0f}", *times]
        cells.append(f"{row.memory_bytes / MIB:.0f} MB")
        lines.append("| " + " | ".join(cells).replace("nan µs", "–").replace("nan", "–") + " |")
    return "\n".join(lines)


def verdict_table(judged: list[Verdict]) -> str:
    lines = ["| what | measured | goal | met |", "|---|--:|--:|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.goal} | {MARK[row.met]} |" for row in judged]
    return "\n".join(lines)


PAGE = """# How fast

Written by `make bench`; the figures of one run, not the best of many.

![CPU per call and throughput of nginx and Narthex](bench.svg)

## Against the goals

{verdicts}

## What was measured

One `tools/call` with a small result, on one machine that also runs the load generator and the server behind.
CPU per call is user and system time of the process (nginx: of its worker too) divided by the calls; memory is its
resident set after the load. "direct" is the server itself: its CPU is what the far end costs in every row.
The log writes one sentence per call. Rows without a word about it have nothing laid down about calls and no audit log;
"all policies but redaction" has what is on by default (the audit log, validation, pins) and limits, quotas, cost.

{table}

A `tools/call` to the stdio server of the bench, spoken over the pipe by a small client, takes {pipe:.0f} µs (p50).
The first page of 2,000 tools takes {page:.1f} ms (p50) once it has been asked for.
{missing}
## How

- {machine}; load average before the run {busy:.1f}
- {date}; Narthex {version}, Python {python}, {programs}
- {turns} per target and number of callers; within a round the targets take turns, ratios are taken
  within a round, and the median is shown. Every answered call is compared with the count of the server behind.
- Load from {generator}. The server behind is `bench/upstream.py`: answers encoded beforehand, one process.
- "{crowd:,} ES256 tokens": as many callers, each with a token of their own, and every request on every connection is
  of another one than the request before. Each token was seen within the last minute; the first sight of one, when
  its signature is checked, is a row of its own.
- nginx: one worker, kept connections on both sides, no access log. FastMCP's proxy as its documentation starts it,
  measured once after the rounds.
- The machine's noise moves absolute figures by up to 40 %, the ratios by much less.
  `bench/history.jsonl` holds every run.
"""


def write(measured: Measured, weight: Weight, crowd: Crowd, judged: list[Verdict], turns: str, busy: float) -> None:
    found = rows(measured)
    missing = "".join(f"\nNot measured: {name} ({reason}).\n" for name, reason in measured.missing.items())
    page = PAGE.format(
        verdicts=verdict_table(judged),
        table=table(found),
        pipe=median(measured.pipe_p50_us),
        page=weight.page_ms,
        missing=missing,
        machine=machine(),
        date=today(),
        version=narthex.__version__,
        python=f"{platform.python_version()} ({os.path.realpath(sys.executable)})",
        programs=programs(),
        turns=turns,
        crowd=crowd.principals,
        busy=busy,
        generator=generator.NAME,
    )
    (DOCS / "bench.md").write_text(page, "utf-8")
    (DOCS / "bench.svg").write_text(picture(found), "utf-8")
    line = {
        "date": today(),
        "version": narthex.__version__,
        "machine": machine(),
        "load_average": round(busy, 2),
        "generator": generator.NAME,
        "targets": {row.name: asdict(row) for row in found},
        "weight": asdict(weight),
        "crowd": asdict(crowd),
        "goals": {row.what: [row.measured, row.goal, row.met] for row in judged},
    }
    with (HERE / "history.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps(line, ensure_ascii=False).replace("NaN", "null") + "\n")


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def machine() -> str:
    """Processor, cores, memory, system: what a reader needs to compare."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def programs() -> str:
    said = [FASTMCP_PACKAGE.replace("==", " ")]
    if NGINX:
        told = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=False).stderr
        said.append(told.strip().rpartition(": ")[2].replace("/", " "))
    return ", ".join(said)


def picture(found: list[Row]) -> str:
    """Bars by hand: on the left the CPU time of one call, on the right the calls per second, both at 64 callers."""
    shown = [row for row in found if row.name not in (DIRECT, FASTMCP)]
    height = 60 + 30 * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="900" height="{height}" rx="8" fill="#fbfaf7"/>',
        '<text x="270" y="30" font-weight="bold">CPU per call, 64 callers (µs)</text>',
        '<text x="600" y="30" font-weight="bold">calls per second, 64 callers</text>',
    ]
    cpu_most = max(row.cpu_us[-1] for row in shown)
    calls_most = max(row.calls_per_second[-1] for row in shown)
    for place, row in enumerate(shown):
        y = 46 + 30 * place
        colour = "#2f6f62" if row.name.startswith("Narthex") else "#9a9488"
        parts.append(f'<text x="255" y="{y + 15}" text-anchor="end">{escape(row.name)}</text>')
        for x, value, most in ((270, row.cpu_us[-1], cpu_most), (600, row.calls_per_second[-1], calls_most)):
            width = 220 * value / most
            parts.append(f'<rect x="{x}" y="{y}" width="{width:.0f}" height="20" rx="3" fill="{colour}"/>')
            parts.append(f'<text x="{x + width + 6:.0f}" y="{y + 15}">{value:,.0f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
