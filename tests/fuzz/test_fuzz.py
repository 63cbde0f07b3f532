"""Every target for a fixed time, and every input that ever failed once more. For longer: `python -m fuzz TARGET`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from fuzz.target import CORPUS, Target, spend
from fuzz.targets import NAMES, named

SECONDS = float(os.environ.get("FUZZ_SECONDS", "30")) / len(NAMES)


@pytest.fixture(scope="module", params=NAMES)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with named(request.param) as found:
        yield found


def test_what_ever_failed_does_not_fail_again(target: Target) -> None:
    for path in target.corpus():
        target.judge(path.read_bytes())


def test_nothing_generated_fails(target: Target) -> None:
    assert spend(target, SECONDS) > 0


def test_every_folder_of_the_corpus_has_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(NAMES)
    assert all(any(folder.iterdir()) for folder in CORPUS.iterdir())
