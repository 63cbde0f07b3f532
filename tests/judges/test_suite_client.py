"""The official suite's client scenarios: the gateway calls a server as the official client does."""

from pathlib import Path

import pytest
from outside.cells import CLIENT_CELLS, judge_client
from outside.suite import said

pytestmark = pytest.mark.suite


@pytest.mark.parametrize(("revision", "scenario"), CLIENT_CELLS, ids=lambda value: value)
def test_the_gateway_calls_as_the_official_client_does(
    revision: str, scenario: str, suite_part: None, tmp_path: Path
) -> None:
    verdict = judge_client(revision, scenario, tmp_path)

    assert verdict.good, f"{scenario} at {revision}\n{verdict}\n{said(tmp_path / 'gateway')}"
