"""The official suite's server scenarios: through the gateway, check for check as without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from outside.cells import SERVER_CELLS, Cell, direct_checks, judge_server
from outside.suite import Checks

pytestmark = pytest.mark.suite

Direct = Callable[[Cell], Checks]


@pytest.fixture(scope="session")
def direct(suite_part: None, tmp_path_factory: pytest.TempPathFactory) -> Direct:
    """What the suite says without a gateway; asked once for all cells that are measured against the same."""
    known: dict[tuple[str, str], Checks] = {}

    def ask(cell: Cell) -> Checks:
        key = cell.front, cell.measure
        if key not in known:
            known[key] = direct_checks(*key, tmp_path_factory.mktemp("direct"))
        return known[key]

    return ask


@pytest.mark.parametrize("cell", SERVER_CELLS, ids=str)
def test_the_suite_finds_the_same_through_the_gateway(cell: Cell, direct: Direct, tmp_path: Path) -> None:
    verdict = judge_server(cell, tmp_path, direct(cell))

    assert verdict.good, f"{cell}\n{verdict}"
