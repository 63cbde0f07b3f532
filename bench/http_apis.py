"""What HTTP APIs as tools cost: a call over the driver's own time, and the import of a document of 1,200 operations.

    http_apis.py [--rounds N] [--seconds S] [--json]

The driver is the gateway's own HTTP client, alone in a process, with the same request to the same far end. The
document is GitHub's, fetched once as the outside judges are (`conformance/setup documents`).

Knows: one figure per question. Refuses to know: anything inside of the gateway but the client and the import.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from answers import ARGUMENTS, MODERN
from ask import Client
from gateway import BARE, Gateway, listed
from generator import Target, measure
from goals import Verdict, at_most
from running import HERE, Running, answers, free_port, python

sys.path.insert(0, str(HERE.parent / "conformance"))

from outside import places
from outside.install import InstallFailure, ensure

ADDED_US_MAX = 150.0  # processor time of the gateway over the driver's own
IMPORT_SECONDS_MAX, IMPORT_MEGABYTES_MAX = 5.0, 150.0
CALLERS = 64
TURNS, SECONDS = 5, 2.0
PATH = "/api/customers"
_IMPORT = """
import sys, time
from pathlib import Path
from narthex.upstream.openapi.importing import imported
began = time.perf_counter()
found = imported(Path(sys.argv[1]).read_bytes())
took = time.perf_counter() - began
most = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]  # what `getrusage` says was the parent's
print(len(found.tools), took, int(most) / 1024)
"""


def of_apis(folder: Path, far: int, *, turns: int = TURNS, seconds: float = SECONDS) -> list[Verdict]:
    """The rows of the table. `far`: the port of the far end (`upstream.py`)."""
    return [*called(folder, far, turns, seconds), *document()]


def called(folder: Path, far: int, turns: int, seconds: float) -> list[Verdict]:
    request = {"request": f"POST {PATH}", "description": "A customer", "parameters": {name: {} for name in ARGUMENTS}}
    server: dict[str, Any] = {"name": "api", "http": f"http://127.0.0.1:{far}", "requests": {"customer": request}}
    with Gateway(folder, "apis", [server], **BARE, log={"calls": False}).ready() as gateway:
        target = Target("api", Client(gateway.url, MODERN), listed(gateway.url, 1)[0], gateway)
        result = target.client.ask("tools/call", {"name": target.tool, "arguments": ARGUMENTS})
        if result.get("isError") or "id" not in result["structuredContent"]:
            raise RuntimeError(f"the API does not answer as it should: {result}")
        measure(target, CALLERS, 1)  # pools are filled, code is warm
        found = [(measure(target, CALLERS, seconds).cpu_us, driven(far, seconds)) for _ in range(turns)]
    driver, whole = median(one[1] for one in found), median(one[0] for one in found)
    return [
        Verdict("an HTTP request, driver alone", f"{driver:.1f} µs", "", None),
        at_most("an HTTP tool over the driver's time", whole - driver, ADDED_US_MAX, "{:.1f} µs"),
    ]


def driven(far: int, seconds: float) -> float:
    """Processor time of one request by the client alone, in microseconds."""
    command = python(HERE / "http_driver.py", f"http://127.0.0.1:{far}{PATH}", str(CALLERS), str(seconds))
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    return float(done.stdout)


def document() -> list[Verdict]:
    """Nothing can be said where the document cannot be fetched, or what a process takes cannot be seen."""
    try:
        ensure("documents")
        command = [sys.executable, "-c", _IMPORT, str(places.document("github.json"))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        operations, seconds, megabytes = map(float, done.stdout.split())
    except (InstallFailure, subprocess.CalledProcessError) as fault:
        return [Verdict("import of GitHub's document", f"not measured: {str(fault)[:60]}", "", None)]
    return [
        at_most(f"import of GitHub's {operations:.0f} operations", seconds, IMPORT_SECONDS_MAX, "{:.2f} s"),
        at_most("memory of that import, whole process", megabytes, IMPORT_MEGABYTES_MAX, "{:.0f} MB"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bench-")))
        far = free_port()
        upstream = Running("upstream", python(HERE / "upstream.py", str(far)), folder / "upstream.log")
        stack.enter_context(upstream)
        upstream.wait_until(lambda: answers(f"http://127.0.0.1:{far}/count"))
        rows = of_apis(folder, far, turns=asked.rounds, seconds=asked.seconds)
    if asked.as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        for row in rows:
            print(f"{row.what:48}  {row.measured:>16}  {row.goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
