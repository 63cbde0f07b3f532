"""The database of one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from narthex.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    yield opened
    opened.close()
