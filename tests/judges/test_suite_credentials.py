"""The official suite's scenarios of machine clients, with the gateway as the OAuth client: every check succeeds."""

import shlex
import sys
from pathlib import Path

import pytest
from outside import places
from outside.suite import EXTENSION_SCENARIOS, client_checks

pytestmark = pytest.mark.suite

DRIVER = places.CONFORMANCE / "drive_credentials.py"
CHECKS_MIN = 5  # fewer would mean that the suite found nothing to judge


@pytest.mark.parametrize("scenario", EXTENSION_SCENARIOS)
def test_the_gateway_gets_its_own_token(suite_part: None, scenario: str, tmp_path: Path) -> None:
    command = shlex.join([sys.executable, str(DRIVER), str(tmp_path)])

    checks = client_checks(command, "2026-07-28", scenario, tmp_path)

    assert len(checks) > CHECKS_MIN
    assert {check.status for check in checks} == {"SUCCESS"}
