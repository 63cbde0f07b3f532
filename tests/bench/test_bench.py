"""The bench measures everything it promises, and what does not hang on the machine's mood is within the goals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEADY = ("memory", "idle sessions", "growth", "calls that failed")
# One short round on a busy machine is no verdict on speed, and docs/bench.md says which goals are not met yet:
# this catches a collapse, not a slow day.
SPEED_SLACK = 3.0
POLICIES_SLACK = 5.0  # known to miss its goal (docs/known-limits.md)


@pytest.mark.slow
def test_a_quick_bench_measures_everything_and_finds_nothing_broken() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "run.py", "--quick", "--json"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout)
    judged = {row["what"]: row for row in rows if row["used"] is not None}

    broken = {what: row for what, row in judged.items() if any(word in what for word in STEADY) and row["used"] > 1}
    slow = {what: row for what, row in judged.items() if "CPU per call" in what and row["used"] > slack(what)}

    assert len(judged) >= 20
    assert broken == {}
    assert slow == {}


def slack(what: str) -> float:
    return POLICIES_SLACK if "all policies" in what else SPEED_SLACK
