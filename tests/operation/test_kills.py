"""A gateway that is killed at random instants under load has lost nothing that it answered, and counts nothing twice.

Five times here; `bench/kills.py` does it two hundred times, with the same words.
"""

import json
import subprocess
import sys
from pathlib import Path

KILLS = Path(__file__).resolve().parents[2] / "bench" / "kills.py"
ROUNDS = 5


def test_every_answered_call_is_on_record_and_counted_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(KILLS), "--rounds", str(ROUNDS), "--json"],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        cwd=tmp_path,
    )
    verdict = json.loads(done.stdout)

    assert (verdict["lost"], verdict["twice"], verdict["without_end"]) == ([], [], 0)
    assert verdict["counted"] == verdict["on_record"] >= verdict["answered"] > 0
    assert verdict["sound"], verdict["first"]
    assert verdict["holds"]
    assert done.returncode == 0, done.stderr
