"""What compiling the path of a call with mypyc would bring (decision 21): the same sources, twice, beside nginx.

    compiled.py [ROUNDS]      needs a C compiler, wrk and nginx; prints CPU per call and throughput at 1 and 64 callers

Changes nothing in the tree: sources are copied, and compiled in the copy.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from behind import server_behind  # noqa: E402 - the bench is beside
from cells import CALLERS, Measured, direct_and_nginx, through  # noqa: E402
from gateway import Gateway, servers_of_the_cells  # noqa: E402
from generator import checked, measure  # noqa: E402

# Those that define no struct (one with a `field()` fails when it is imported), and not `link/legacy_http`:
# compiled together with `upstream/server`, one of its timeouts does not arrive as a fault.
MODULES = [
    "edge/door",
    "edge/gate",
    "edge/http1",
    "edge/http1_exchange",
    "edge/http1_head",
    "edge/http1_sending",
    "edge/legacy",
    "edge/modern",
    "edge/response",
    "model/deadline",
    "policy/chain",
    "relay/express",
    "relay/relay",
    "telemetry/log",
    "telemetry/metrics",
    "upstream/breaker",
    "upstream/credentials/client",
    "upstream/health",
    "upstream/http/client",
    "upstream/http/connection",
    "upstream/http/known",
    "upstream/http/passes",
    "upstream/http/pool",
    "upstream/http/response",
    "upstream/http/sweep",
    "upstream/lanes",
    "upstream/link/modern_http",
    "upstream/server",
]
SETUP = """
from mypyc.build import mypycify
from setuptools import setup
setup(name="narthex", packages=[], ext_modules=mypycify([*FILES, "--config-file", "../pyproject.toml"]))
"""
CELL = "modern → modern"
COMPILED = "compiled: "


def compiled(folder: Path) -> Path:
    """A copy of the sources with these modules compiled beside them."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    files = [f"narthex/{name}.py" for name in MODULES]
    (folder / "src" / "setup.py").write_text(f"FILES = {files!r}\n{SETUP}")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder / "src", check=True, stdout=subprocess.DEVNULL)
    return folder / "src"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-compiled-")))
        place = compiled(folder)
        upstream, far = stack.enter_context(server_behind(folder))
        plain = stack.enter_context(Gateway(folder, "plain", servers_of_the_cells(far))).ready()
        os.environ["PYTHONPATH"] = str(place)  # of the second gateway alone: it goes before what is installed
        other = stack.enter_context(Gateway(folder, "compiled", servers_of_the_cells(far))).ready()
        targets = direct_and_nginx(stack, folder, upstream, far, Measured())[1:]
        targets += [target for target in through(plain, far) if target.name.endswith(CELL)]
        targets += [
            replace(target, name=COMPILED + target.name) for target in through(other, far) if target.name.endswith(CELL)
        ]
        show(targets, rounds)


def show(targets: list, rounds: int) -> None:  # type: ignore[type-arg]
    samples = defaultdict(list)
    for target in targets:
        checked(target)
        measure(target, 64, 1.0)
    for callers in CALLERS:
        for _ in range(rounds):
            for target in targets:
                samples[target.name, callers].append(measure(target, callers, 1.0))
    for (name, callers), found in samples.items():
        times, calls = [one.cpu_us for one in found], [one.calls_per_second for one in found]
        print(f"{callers:3} {name:40} CPU {min(times):6.1f} min {median(times):6.1f} µs, {median(calls):8,.0f} calls/s")


if __name__ == "__main__":
    main()
