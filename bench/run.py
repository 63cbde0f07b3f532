"""`make bench`: everything in one run, in ratios against the direct call and against nginx.

    run.py [--quick] [--json] [--rounds N] [--seconds S]

--quick is for the build: it shows that everything can be measured, and writes nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from cells import CALLERS, measure_cells, measure_fastmcp, say
from goals import Verdict, verdicts
from report import rows, table, write
from running import HERE, Running, answers, free_port, python
from weight import weigh

ROUNDS, SECONDS = 5, 3.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 2.0
BUSY = 0.7  # runnable processes before ours start


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Measures Narthex; writes docs/bench.md, docs/bench.svg, bench/history.jsonl."
    )
    parser.add_argument("--quick", action="store_true", help="one short round; writes nothing")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON, nothing else")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    asked = parser.parse_args()
    rounds = asked.rounds or (QUICK_ROUNDS if asked.quick else ROUNDS)
    seconds = asked.seconds or (QUICK_SECONDS if asked.quick else SECONDS)
    busy = os.getloadavg()[0]
    if busy > BUSY:
        say(f"the machine is busy (load average {busy:.1f}): read the ratios with care, and the tails not at all")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bench-")))
        far = free_port()
        upstream = Running("upstream", python(HERE / "upstream.py", str(far)), folder / "upstream.log")
        stack.enter_context(upstream)
        upstream.wait_until(lambda: answers(f"http://127.0.0.1:{far}/count"))
        measured, gateway = measure_cells(stack, folder, upstream, far, rounds, seconds)
        measure_fastmcp(folder, far, (1,) if asked.quick else CALLERS, measured)
        weight = weigh(folder, far, gateway, quick=asked.quick)
    judged = verdicts(measured, weight)
    if asked.json:
        print(json.dumps([asdict(row) for row in judged]))
    else:
        print(table(rows(measured)))
        show(judged)
    if not asked.quick:
        write(measured, weight, judged, f"{rounds} rounds of {seconds:g} s", busy)
        say("wrote docs/bench.md, docs/bench.svg, bench/history.jsonl")
    return 0


def show(judged: list[Verdict]) -> None:
    width = max(len(row.what) for row in judged)
    print()
    for row in judged:
        met = {True: "met", False: "NOT MET", None: ""}[row.met]
        print(f"{row.what:{width}}  {row.measured:>20}  {row.goal:>22}  {met}")


if __name__ == "__main__":
    sys.exit(main())
