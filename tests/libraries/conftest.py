"""What several tests of libraries need: a GitHub of our own that starts anew for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from process_kit import Far, far_end


@pytest.fixture(scope="session")
def github_process() -> Iterator[Far]:
    with far_end(Path(__file__).with_name("github_api.py")) as far:
        yield far


@pytest.fixture
def far(github_process: Far) -> Far:
    github_process.order({"script": []})
    return github_process
