"""What a target is, and how time is spent on one.

Every target takes bytes: so what failed can be kept as a file, whatever the bytes mean.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).parent / "corpus"
ROUND = 200  # examples between two looks at the clock


@dataclass(frozen=True)
class Target:
    """`check` raises on what must not be. `seconds_max`: one input that takes longer is a failure too."""

    name: str
    inputs: SearchStrategy[bytes]
    check: Callable[[bytes], None]
    seconds_max: float = 1.0

    def judge(self, data: bytes) -> None:
        began = time.perf_counter()
        self.check(data)
        took = time.perf_counter() - began

        assert took < self.seconds_max, f"{took:.2f} s for {len(data)} bytes"

    def corpus(self) -> list[Path]:
        return sorted((CORPUS / self.name).glob("*"))


def spend(target: Target, seconds: float, first_seed: int = 0) -> int:
    """Judge generated inputs for about this long; how many. The failure of one, made as small as may be, is raised."""
    end, round_number, count = time.monotonic() + seconds, first_seed, 0
    while time.monotonic() < end:

        @seed(round_number)
        @settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(target.inputs)
        def one_round(data: bytes) -> None:
            nonlocal count
            count += 1
            if time.monotonic() < end + target.seconds_max:
                target.judge(data)

        one_round()
        round_number += 1
    return count
