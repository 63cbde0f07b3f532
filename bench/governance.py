"""What governance costs a call that goes the express way, and what the audit log takes and proves.

    governance.py [--rounds N] [--seconds S] [--json]

Gateways in front of one server take turns: nothing governed, the audit log alone, and all that a typical operator lays
down but redaction. The added processor time of each turn is told, the median of all turns.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import audit
from answers import MODERN
from ask import Client
from behind import server_behind
from gateway import BARE, POLICIES, Gateway, listed
from generator import Target, checked, measure
from goals import Verdict

ADDED_US_MAX = 20.0  # processor time of the whole chain for one call: docs/bench.md
CALLERS = 64
TURNS, SECONDS = 5, 2.0
AUDIT_RECORDS = 20_000
_BARE = "bare"
_UNCHECKED: dict[str, Any] = {"validation": BARE["validation"]}
# What each gateway lays down, and whether its server is believed that its tool is read-only.
SETTINGS: dict[str, tuple[dict[str, Any], bool]] = {
    _BARE: (BARE, True),
    "audit, read-only tool": (_UNCHECKED, True),
    "audit, tool that may change something": (_UNCHECKED, False),
    "limits, validation, metering, audit": (POLICIES, True),
    "the same, tool that may change something": (POLICIES, False),
}


def governed(folder: Path, far: int, *, turns: int = TURNS, seconds: float = SECONDS) -> list[Verdict]:
    """The rows of the table. `far`: the port of the server (`upstream.py`)."""
    bare, added = turns_of(folder, far, turns, seconds)
    rows = [Verdict("nothing governed, one call", f"{bare:.1f} µs", "", None)]
    rows += [
        Verdict(f"added by governance: {name}", f"{us:.1f} µs", f"at most {ADDED_US_MAX:g} µs", us / ADDED_US_MAX)
        for name, us in added.items()
    ]
    return rows + of_the_log(folder)


def turns_of(folder: Path, far: int, turns: int, seconds: float) -> tuple[float, dict[str, float]]:
    """Processor time of a bare call, and what each setting adds to it, in microseconds."""
    with ExitStack() as stack:
        targets = {}
        for number, (name, (rules, trusted)) in enumerate(SETTINGS.items()):
            server = {"name": "modern", "upstream": f"http://127.0.0.1:{far}/modern/mcp", "trusted": trusted}
            more = {**rules, "log": {"calls": False}}
            gateway = stack.enter_context(Gateway(folder, f"governed-{number}", [server], **more).ready())
            tool = listed(gateway.url, 1)[0]
            target = targets[name] = Target(name, Client(gateway.url, MODERN), tool, gateway)
            checked(target)
            measure(target, CALLERS, 1)  # pools are filled, code is warm
        alone: list[float] = []
        pairs: dict[str, list[float]] = {name: [] for name in targets if name != _BARE}
        for _ in range(turns):
            alone.append(bare := measure(targets[_BARE], CALLERS, seconds).cpu_us)
            for name, found in pairs.items():
                found.append(measure(targets[name], CALLERS, seconds).cpu_us - bare)
    return median(alone), {name: median(found) for name, found in pairs.items()}


def of_the_log(folder: Path) -> list[Verdict]:
    rows = []
    for figure in audit.measure(folder / "log", AUDIT_RECORDS):
        goal, used = "", None
        if figure.goal is not None:
            goal = f"at {'most' if figure.at_most else 'least'} {figure.goal:,.0f} {figure.unit}"
            used = figure.value / figure.goal if figure.at_most else figure.goal / figure.value
        rows.append(Verdict(f"audit log: {figure.name}", f"{figure.value:,.1f} {figure.unit}", goal, used))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bench-")))
        _, far = stack.enter_context(server_behind(folder))
        rows = governed(folder, far, turns=asked.rounds, seconds=asked.seconds)
    if asked.as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        for row in rows:
            print(f"{row.what:60}  {row.measured:>24}  {row.goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
