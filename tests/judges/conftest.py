"""The judges of `conformance/`, as tests: one test for each cell, each client, each server.

A part that is not installed yet is installed by the first test that needs it.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "conformance"))

from outside.install import ensure


@pytest.fixture(scope="session")
def suite_part() -> None:
    ensure("suite")


@pytest.fixture(scope="session")
def clients_part() -> None:
    ensure("clients")


@pytest.fixture(scope="session")
def fleet_part() -> None:
    ensure("fleet")


@pytest.fixture(scope="session")
def provider_part() -> None:
    ensure("provider")
