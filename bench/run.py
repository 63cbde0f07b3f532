"""`make bench`: everything in one run, in ratios against the direct call and against nginx.

    run.py [--quick] [--json] [--rounds N] [--seconds S]

--quick is for the build: it shows that everything can be measured, and writes nothing.
It ends when whoever started it does (but under nohup), and nothing that it started is left, even when it is killed.
"""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from behind import server_behind
from callers import PRINCIPALS
from cells import CALLERS, measure_cells, measure_fastmcp, say
from crowd import weigh_crowd
from databases import of_databases
from ending import end_when_told
from functions import of_functions
from goals import Verdict, verdicts
from governance import governed
from http_apis import of_apis
from issuer import Issuer
from redaction import looked_through
from report import rows, table, write
from weight import weigh

ROUNDS, SECONDS = 5, 3.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.7
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
    end_when_told()
    rounds = asked.rounds or (QUICK_ROUNDS if asked.quick else ROUNDS)
    seconds = asked.seconds or (QUICK_SECONDS if asked.quick else SECONDS)
    busy = os.getloadavg()[0]
    if busy > BUSY:
        say(f"the machine is busy (load average {busy:.1f}): read the ratios with care, and the tails not at all")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bench-")))
        upstream, far = stack.enter_context(server_behind(folder))
        issuer = stack.enter_context(Issuer())
        measured, gateway = measure_cells(stack, folder, upstream, far, issuer, rounds, seconds)
        measure_fastmcp(folder, far, (1,) if asked.quick else CALLERS, measured)
        weight = weigh(folder, far, gateway, quick=asked.quick)
        say(f"{PRINCIPALS:,} callers")
        crowd = weigh_crowd(folder, far, issuer)
        governance = governed(folder, far, turns=rounds, seconds=seconds)
        say("HTTP APIs")
        apis = of_apis(folder, far, turns=rounds, seconds=seconds)
        say("databases")
        databases = of_databases(folder, turns=rounds, seconds=seconds)
        say("functions")
        functions = of_functions(folder, turns=rounds, seconds=seconds)
    judged = verdicts(measured, weight, crowd) + governance + apis + databases + functions + looked_through()
    if asked.json:
        print(json.dumps([asdict(row) for row in judged]))
    else:
        print(table(rows(measured)))
        show(judged)
    if not asked.quick:
        write(measured, weight, crowd, judged, f"{rounds} rounds of {seconds:g} s", busy)
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
