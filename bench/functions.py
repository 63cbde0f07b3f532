"""A call of a Python function through the gateway: what it costs over the function, which does nothing.

Knows: its cell and its goal. Refuses to know: the other cells (`cells.py`).
"""

from pathlib import Path
from statistics import median

from answers import MODERN
from ask import Client
from gateway import BARE, Gateway, listed
from generator import Target, checked, measure
from goals import Verdict, at_most, said
from running import HERE

CPU_US_MAX = 60.0  # processor time per call, over the function itself
CALLERS = (1, 64)


def of_functions(folder: Path, turns: int, seconds: float) -> list[Verdict]:
    servers = [{"name": "library", "python": str(HERE / "python_library.py")}]
    with Gateway(folder, "functions", servers, **BARE) as gateway:
        gateway.ready()
        listed(gateway.url, 2)
        client = Client(gateway.url, MODERN)
        return [
            *_of(Target("Narthex → Python function", client, "echo", gateway), turns, seconds, CPU_US_MAX),
            *_of(Target("Narthex → Python function in a thread", client, "waiting", gateway), turns, seconds, None),
        ]


def _of(target: Target, turns: int, seconds: float, most: float | None) -> list[Verdict]:
    checked(target)
    measure(target, CALLERS[-1], 1.0)  # code is warm
    rows = []
    for callers in CALLERS:
        cpu = median(measure(target, callers, seconds).cpu_us for _ in range(turns))
        what = f"{target.name}: CPU per call, {said(callers)}"
        rows.append(Verdict(what, f"{cpu:.0f} µs", "", None) if most is None else at_most(what, cpu, most, "{:.0f} µs"))
    return rows
