"""The far end of one file of tests."""

from collections.abc import Iterator

import pytest
from connect_kit import far

from process_kit import Far


@pytest.fixture(scope="module")
def place() -> Iterator[Far]:
    with far() as found:
        yield found
