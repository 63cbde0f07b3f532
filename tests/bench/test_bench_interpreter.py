"""The bench measures with the fastest interpreter there is, and not with one that cannot do it."""

import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

from interpreter import candidates, seconds_of  # noqa: E402 - a script beside the package


def test_an_interpreter_is_timed() -> None:
    taken = seconds_of(sys.executable)
    assert taken is not None
    assert 0 < taken < 10


def test_what_cannot_be_measured_with_is_no_candidate(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    assert seconds_of(str(broken)) is None
    assert seconds_of(str(tmp_path / "nothing")) is None


def test_candidates_are_there_each_once() -> None:
    found = candidates()
    assert found
    assert len({Path(path).resolve() for path in found}) == len(found)
